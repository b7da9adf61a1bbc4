//! The check that the settings of every loss have to pass.

use crate::LossError;

/// Settings of a loss, read from a configuration or written in code.
pub trait LossSettings {
    /// Checks the settings for a network with `classes` outputs a sample or a pixel. A loss without numbers to check
    /// takes the default, which accepts everything.
    ///
    /// # Errors
    ///
    /// [`LossError`] naming the key: a list that does not have one value for each class, a weight that is negative or
    /// not finite, or a number outside its range.
    fn validate(&self, _classes: usize) -> Result<(), LossError> {
        Ok(())
    }
}
