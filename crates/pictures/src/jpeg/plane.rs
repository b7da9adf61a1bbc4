//! The samples of a component, before they become pixels.

/// Samples of one component, row by row.
#[derive(Debug)]
pub(super) struct Plane {
    /// Columns that are part of the image.
    pub(super) width: usize,
    /// Rows that are part of the image.
    pub(super) height: usize,
    /// Samples from one row to the next.
    pub(super) stride: usize,
    pub(super) samples: Vec<u8>,
}

impl Plane {
    /// Row `y`, perhaps with more columns than [`width`](Self::width).
    #[inline(always)]
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.stride..(y + 1) * self.stride]
    }
}

/// How many pixels a sample of colour stands for, across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subsampling {
    pub(super) across: usize,
    pub(super) down: usize,
}
