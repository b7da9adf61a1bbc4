//! Names of classes, in the order of their numbers.

use serde::{Deserialize, Serialize};

/// The number of a class, counted from 0.
pub type ClassId = usize;

/// Class names in the order of their [`ClassId`]s.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ClassNames(Vec<String>);

impl ClassNames {
    /// Names in the order of their numbers.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no class at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of class `id`, if there is such a class.
    pub fn get(&self, id: ClassId) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// The number of the class called `name`, if there is one.
    pub fn id_of(&self, name: &str) -> Option<ClassId> {
        self.0.iter().position(|candidate| candidate == name)
    }

    /// The names, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The names as a slice.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_find_each_other() {
        let names = ClassNames::new(["cat", "dog"]);
        assert_eq!(names.id_of("dog"), Some(1));
        assert_eq!(names.get(1), Some("dog"));
        assert_eq!(names.get(2), None);
        assert_eq!(names.id_of("bird"), None);
    }
}
