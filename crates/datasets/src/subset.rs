//! Some samples of another data set.

use vision_types::Sample;

use crate::dataset::check_index;
use crate::{Dataset, DatasetError};

/// The samples of `inner` at given positions, in the given order; a position may occur more than once.
#[derive(Debug, Clone)]
pub struct Subset<D> {
    inner: D,
    positions: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// Selects `positions` from `inner`.
    ///
    /// # Errors
    ///
    /// [`DatasetError::IndexOutOfRange`] for the first position that `inner` does not have.
    pub fn new(inner: D, positions: Vec<usize>) -> Result<Self, DatasetError> {
        for &position in &positions {
            check_index(position, inner.len())?;
        }
        Ok(Self { inner, positions })
    }

    /// The selected positions of the inner data set.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Annotation = D::Annotation;

    fn len(&self) -> usize {
        self.positions.len()
    }

    fn get(&self, index: usize) -> Result<Sample<Self::Annotation>, DatasetError> {
        check_index(index, self.len())?;
        self.inner.get(self.positions[index])
    }

    fn annotation(&self, index: usize) -> Result<Self::Annotation, DatasetError> {
        check_index(index, self.len())?;
        self.inner.annotation(self.positions[index])
    }

    crate::dataset::forward_facts!(|self, index| self.inner, self.positions[index]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{Shapes, ShapesStyle};

    #[test]
    fn positions_select_and_repeat() {
        let shapes = Shapes::new(ShapesStyle::default(), 1, 5);
        let subset = Subset::new(shapes.clone(), vec![4, 0, 4]).unwrap();
        assert_eq!(subset.len(), 3);
        assert_eq!(subset.get(0).unwrap(), shapes.get(4).unwrap());
        assert_eq!(subset.get(2).unwrap(), shapes.get(4).unwrap());
        assert_eq!(subset.annotation(1).unwrap(), shapes.annotation(0).unwrap());
        assert!(matches!(subset.get(3), Err(DatasetError::IndexOutOfRange { index: 3, len: 3 })));
        assert!(matches!(Subset::new(shapes, vec![5]), Err(DatasetError::IndexOutOfRange { index: 5, len: 5 })));
    }
}
