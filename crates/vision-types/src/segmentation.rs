//! The shape of one object, as data sets write it.

use crate::Rle;

/// The outline or the pixels of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Segmentation {
    /// One or more outlines of `[x, y]` points in pixels; the object is what lies in any of them.
    Polygons(Vec<Vec<[f64; 2]>>),
    /// The pixels of a mask of the image's size.
    Rle(Rle),
}
