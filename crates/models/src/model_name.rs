//! A network's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ModelError;
use crate::catalogue::{Catalogue, Entry, ModelCard, task_of};

/// How alike (Jaro-Winkler, 1 is equal) a name must be to a valid one for that to be suggested.
const SUGGESTION_SIMILARITY: f64 = 0.75;
/// How many names are suggested at most.
const SUGGESTIONS: usize = 3;

/// The name of one of the networks of a catalogue; in files a string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ModelName<A: Catalogue>(&'static Entry<A>);

impl<A: Catalogue> ModelName<A> {
    /// Every name, by family.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        A::entries().iter().map(Self)
    }

    /// What is known about the network.
    pub fn card(self) -> &'static ModelCard {
        &self.0.card
    }

    /// What the network is.
    pub fn architecture(self) -> A {
        self.0.architecture
    }

    /// The name itself.
    pub fn as_str(self) -> &'static str {
        self.0.card.name
    }
}

/// The name in quotes.
impl<A: Catalogue> fmt::Debug for ModelName<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<A: Catalogue> fmt::Display for ModelName<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<A: Catalogue> FromStr for ModelName<A> {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        Self::all().find(|model| model.as_str() == name).ok_or_else(|| match task_of(name) {
            Some(found) => ModelError::OtherTask { name: name.to_owned(), found, expected: A::TASK },
            None => ModelError::UnknownName { found: name.to_owned(), nearest: nearest::<A>(name) },
        })
    }
}

/// Valid names like `name`, the nearest first.
fn nearest<A: Catalogue>(name: &str) -> Vec<&'static str> {
    // `ResNet_18` and `resnet-18` are how others write `resnet18`.
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    let mut candidates: Vec<(f64, &'static str)> = ModelName::<A>::all()
        .map(|model| (strsim::jaro_winkler(&wanted, &plain(model.as_str())), model.as_str()))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_SIMILARITY)
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    candidates.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

impl<A: Catalogue> Serialize for ModelName<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, A: Catalogue> Deserialize<'de> for ModelName<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;
    use crate::segmenter::SegmenterKind;
    use crate::yolox::YoloxSize;

    #[test]
    fn every_name_is_there_once_and_parses_to_itself() {
        fn check<A: Catalogue>() {
            for (index, model) in ModelName::<A>::all().enumerate() {
                let name = model.as_str();
                assert_eq!(ModelName::<A>::all().position(|other| other.as_str() == name), Some(index), "{name}");
                assert!(name.parse::<ModelName<A>>().expect("a valid name") == model, "{name}");
                assert_eq!(task_of(name), Some(A::TASK), "{name}");
            }
        }
        check::<Architecture>();
        check::<YoloxSize>();
        check::<SegmenterKind>();
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        let nearest = |name: &str| match name.parse::<ModelName<Architecture>>() {
            Err(ModelError::UnknownName { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("resnet_18")[0], "resnet18");
        assert_eq!(nearest("VGG16_bn")[0], "vgg16-bn");
        assert_eq!(nearest("resnet19").len(), SUGGESTIONS);
        assert_eq!(nearest("zzz"), [""; 0]);
        let message = "lennet".parse::<ModelName<Architecture>>().expect_err("no such name").to_string();
        assert_eq!(message, "there is no model called `lennet`; did you mean `lenet`?");
        let message = "yolox_n".parse::<ModelName<YoloxSize>>().expect_err("no such name").to_string();
        assert!(message.contains("`yolox-nano`"), "{message}");
    }

    #[test]
    fn a_name_of_another_task_is_told_so() {
        let message = "yolox-nano".parse::<ModelName<Architecture>>().expect_err("a detector").to_string();
        assert_eq!(message, "`yolox-nano` is a model for detection, expected one for classification");
    }
}
