//! A mask of one object as lengths of runs.

/// A run-length encoded mask in COCO's order: column by column, starting with a run of background (which may be empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rle {
    /// Width of the image in pixels.
    pub width: u32,
    /// Height of the image in pixels.
    pub height: u32,
    /// Lengths of the runs, background and object in turn; together `width · height`.
    pub counts: Vec<u32>,
}
