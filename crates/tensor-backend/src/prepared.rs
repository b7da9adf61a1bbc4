//! What a layer keeps of its weights from one inference to the next.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A place beside a layer's weights where a backend keeps them in the order of its kernels: batch normalisation folded
/// in, transformed, packed.
///
/// It belongs to one layer. What it holds is made at the first inference and made anew when the weights are others; a
/// copy of the layer starts empty, because its weights may go their own way.
#[derive(Default)]
#[cfg_attr(not(any(feature = "cpu", feature = "ndarray")), allow(dead_code, reason = "for kernels of the processor"))]
pub struct Prepared(Mutex<Option<Arc<dyn Any + Send + Sync>>>);

#[cfg_attr(not(any(feature = "cpu", feature = "ndarray")), allow(dead_code, reason = "for kernels of the processor"))]
impl Prepared {
    /// An empty place.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was kept, if it is a `T`.
    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        kept.downcast().ok()
    }

    /// Keeps `value` in the place of what was kept.
    pub(crate) fn set<T: Any + Send + Sync>(&self, value: Arc<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Prepared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_starts_empty_and_another_kind_is_nothing() {
        let place = Prepared::new();
        place.set(Arc::new(7_u32));
        assert_eq!(place.get::<u32>().as_deref(), Some(&7));
        assert_eq!(place.get::<i64>(), None);
        assert_eq!(place.clone().get::<u32>(), None);
    }
}
