//! The shape of one object, as data sets write it.

use crate::{Rle, RleError};

/// The outline or the pixels of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Segmentation {
    /// One or more outlines of `[x, y]` points in pixels; the object is what lies in any of them.
    Polygons(Vec<Vec<[f64; 2]>>),
    /// The pixels of a mask of the image's size.
    Rle(Rle),
}

impl Segmentation {
    /// The object's pixels in an image of `height` × `width` pixels, exactly those of COCO's tools (`annToRLE`).
    ///
    /// # Errors
    ///
    /// When this is a mask of another size.
    pub fn to_rle(&self, height: u32, width: u32) -> Result<Rle, RleError> {
        match self {
            Self::Polygons(outlines) => {
                let parts: Vec<Rle> = outlines.iter().map(|points| Rle::from_polygon(points, height, width)).collect();
                Ok(Rle::union(&parts)?.unwrap_or_else(|| Rle::empty(height, width)))
            }
            Self::Rle(rle) if (rle.width, rle.height) == (width, height) => Ok(rle.clone()),
            Self::Rle(rle) => Err(RleError::SizeMismatch { first: (rle.width, rle.height), second: (width, height) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_are_joined_and_masks_must_fit() {
        let square = |x: f64| vec![[x, 0.0], [x + 2.0, 0.0], [x + 2.0, 2.0], [x, 2.0]];
        let rle = Segmentation::Polygons(vec![square(0.0), square(1.0)]).to_rle(2, 4).expect("outlines fit");
        assert_eq!(rle.counts, [0, 6, 2]);
        assert!(Segmentation::Rle(rle.clone()).to_rle(4, 2).is_err());
        assert_eq!(Segmentation::Rle(rle.clone()).to_rle(2, 4), Ok(rle));
        assert_eq!(Segmentation::Polygons(vec![]).to_rle(2, 4), Ok(Rle::empty(2, 4)));
    }
}
