//! A network's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ModelError;
use crate::catalogue::{MODELS, ModelCard};

/// How alike (Jaro-Winkler, 1 is equal) a name must be to a valid one for that to be suggested.
const SUGGESTION_SIMILARITY: f64 = 0.75;
/// How many names are suggested at most.
const SUGGESTIONS: usize = 3;

/// The name of one of the networks in [`MODELS`]; in files a string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ModelName(&'static ModelCard);

impl ModelName {
    /// Every name, by family.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        MODELS.iter().map(Self)
    }

    /// What is known about the network.
    pub fn card(self) -> &'static ModelCard {
        self.0
    }

    /// The name itself.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }
}

/// The name in quotes.
impl fmt::Debug for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ModelName {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        Self::all()
            .find(|model| model.as_str() == name)
            .ok_or_else(|| ModelError::UnknownName { found: name.to_owned(), nearest: nearest(name) })
    }
}

/// Valid names like `name`, the nearest first.
fn nearest(name: &str) -> Vec<&'static str> {
    // `ResNet_18` and `resnet-18` are how others write `resnet18`.
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    let mut candidates: Vec<(f64, &'static str)> = MODELS
        .iter()
        .map(|card| (strsim::jaro_winkler(&wanted, &plain(card.name)), card.name))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_SIMILARITY)
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    candidates.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

impl Serialize for ModelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ModelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_parses_to_itself() {
        for (index, card) in MODELS.iter().enumerate() {
            assert_eq!(MODELS.iter().position(|other| other.name == card.name), Some(index), "{}", card.name);
            assert_eq!(card.name.parse::<ModelName>().expect("a valid name").card(), card);
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        let nearest = |name: &str| match name.parse::<ModelName>() {
            Err(ModelError::UnknownName { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("resnet_18")[0], "resnet18");
        assert_eq!(nearest("VGG16_bn")[0], "vgg16-bn");
        assert_eq!(nearest("resnet19").len(), SUGGESTIONS);
        assert_eq!(nearest("zzz"), [""; 0]);
        let message = "lennet".parse::<ModelName>().expect_err("no such name").to_string();
        assert_eq!(message, "there is no model called `lennet`; did you mean `lenet`?");
    }
}
