//! Masks in little memory.

use vision_types::Mask;

/// A mask as runs of equal classes, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedMask {
    width: u32,
    height: u32,
    runs: Vec<(u32, u8)>,
}

impl PackedMask {
    /// The runs of `mask`.
    pub fn new(mask: &Mask) -> Self {
        let runs = mask.pixels().chunk_by(|a, b| a == b).map(|run| (run.len() as u32, run[0])).collect();
        Self { width: mask.width(), height: mask.height(), runs }
    }

    /// The mask.
    pub fn unpack(&self) -> Mask {
        let pixels = self.runs.iter().flat_map(|&(length, class)| std::iter::repeat_n(class, length as usize));
        Mask::from_pixels(self.width, self.height, pixels.collect()).expect("runs of a mask")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_loses_nothing() {
        for pixels in [vec![0, 0, 0, 1, 1, 255], vec![7; 6], vec![1, 2, 3, 4, 5, 6]] {
            let mask = Mask::from_pixels(3, 2, pixels).expect("six");
            assert_eq!(PackedMask::new(&mask).unpack(), mask);
        }
        let empty = Mask::filled(0, 5, 0);
        assert_eq!(PackedMask::new(&empty).unpack(), empty);
    }
}
