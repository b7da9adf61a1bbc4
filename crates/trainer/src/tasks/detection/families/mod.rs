//! The families of detectors: what each brings beside its network. A family is chosen by the model, never by a key of its
//! own, so model and loss cannot mismatch.

mod yolox;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use models::{DetectorConfig, DetectorNetwork};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::DetectedObject;

pub use yolox::{L1Phase, YoloxLossSettings};

use super::settings::DecodeConfig;
use super::task::DetectionTargets;
use crate::config::{ConfigError, ConfigTable};
use crate::task::Loss;

/// What a family of detectors brings beside its network.
pub(super) trait DetectorFamily {
    /// Its name.
    const NAME: &'static str;
    /// Whether it answers with masks, and learns from them.
    const MASKS: bool;
    /// The keys of `[loss]`.
    type Loss: ConfigTable + Default;
    /// Its network.
    type Network<B: Backend>: Module<B>;

    /// The loss about `images`, `[batch, channels, height, width]`, whose objects `targets` knows.
    fn learn<B: AutodiffVisionBackend>(
        network: &Self::Network<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
        settings: Settings<'_, Self::Loss>,
    ) -> Loss<B>;

    /// The loss, and the objects found in each image as [`answer`](Self::answer) gives them, of one forward pass.
    fn judge<B: VisionBackend>(
        network: &Self::Network<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
        settings: Settings<'_, Self::Loss>,
    ) -> (Loss<B>, Vec<Vec<DetectedObject>>);

    /// The objects found in each image, in pixels of the network's input, the most confident first, each object once.
    fn answer<B: VisionBackend>(
        network: &Self::Network<B>,
        images: Tensor<B, 4>,
        settings: Settings<'_, Self::Loss>,
    ) -> Vec<Vec<DetectedObject>>;
}

/// What a family works with.
#[derive(Debug)]
pub(super) struct Settings<'a, L> {
    /// Number of classes.
    pub(super) classes: usize,
    /// Its loss.
    pub(super) loss: &'a L,
    /// What becomes of raw outputs.
    pub(super) decode: &'a DecodeConfig,
}

/// Makes the loss of every family one type, and calls the family of a network. Each line is a variant of
/// [`models::DetectorNetwork`], the settings of its loss, and its family.
macro_rules! detector_families {
    ($($variant:ident($settings:ty): $family:ty),* $(,)?) => {
        /// What a detector minimises: the settings of its family.
        #[derive(Debug, Clone, PartialEq)]
        pub enum DetectionLoss {
            $(
                #[doc = concat!("Of ", stringify!($variant), ".")]
                $variant($settings),
            )*
        }

        impl DetectionLoss {
            /// The name of the family of `model`.
            fn family_of(model: &DetectorConfig) -> &'static str {
                match model {
                    $(DetectorConfig::$variant(_) => <$family>::NAME,)*
                }
            }

            /// The settings that `table` has for the family of `model`.
            fn read(model: &DetectorConfig, table: toml::Table) -> Result<Self, toml::de::Error> {
                match model {
                    $(DetectorConfig::$variant(_) => toml::Value::Table(table).try_into().map(Self::$variant),)*
                }
            }

            /// What describes the settings of each family, by the family's name.
            pub(crate) fn schemas() -> Vec<(&'static str, Schema)> {
                vec![$((<$family>::NAME, schema_for!($settings)),)*]
            }

            /// The settings as a table.
            fn table(&self) -> Result<toml::Table, toml::ser::Error> {
                match self {
                    $(Self::$variant(settings) => toml::Table::try_from(settings),)*
                }
            }

            /// What types cannot rule out.
            fn problem(&self) -> Option<String> {
                match self {
                    $(Self::$variant(settings) => settings.problem(),)*
                }
            }

            /// Whether the family answers with masks, and learns from them.
            pub(super) fn masks(&self) -> bool {
                match self {
                    $(Self::$variant(_) => <$family>::MASKS,)*
                }
            }

            pub(super) fn learn<B: AutodiffVisionBackend>(
                &self,
                network: &DetectorNetwork<B>,
                images: Tensor<B, 4>,
                targets: &DetectionTargets,
                (classes, decode): (usize, &DecodeConfig),
            ) -> Loss<B> {
                match (network, self) {
                    $((DetectorNetwork::$variant(network), Self::$variant(loss)) => {
                        <$family>::learn(network, images, targets, Settings { classes, loss, decode })
                    })*
                    #[allow(unreachable_patterns, reason = "reachable only once there are two families")]
                    _ => unreachable!("the loss is of the network's family"),
                }
            }

            pub(super) fn judge<B: VisionBackend>(
                &self,
                network: &DetectorNetwork<B>,
                images: Tensor<B, 4>,
                targets: &DetectionTargets,
                (classes, decode): (usize, &DecodeConfig),
            ) -> (Loss<B>, Vec<Vec<DetectedObject>>) {
                match (network, self) {
                    $((DetectorNetwork::$variant(network), Self::$variant(loss)) => {
                        <$family>::judge(network, images, targets, Settings { classes, loss, decode })
                    })*
                    #[allow(unreachable_patterns, reason = "reachable only once there are two families")]
                    _ => unreachable!("the loss is of the network's family"),
                }
            }

            pub(super) fn answer<B: VisionBackend>(
                &self,
                network: &DetectorNetwork<B>,
                images: Tensor<B, 4>,
                (classes, decode): (usize, &DecodeConfig),
            ) -> Vec<Vec<DetectedObject>> {
                match (network, self) {
                    $((DetectorNetwork::$variant(network), Self::$variant(loss)) => {
                        <$family>::answer(network, images, Settings { classes, loss, decode })
                    })*
                    #[allow(unreachable_patterns, reason = "reachable only once there are two families")]
                    _ => unreachable!("the loss is of the network's family"),
                }
            }
        }
    };
}
detector_families! {
    Yolox(YoloxLossSettings): yolox::YoloxFamily,
}

/// The table `[loss]` of a detector: keys of the family that its model belongs to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DetectionLossTable(#[schemars(with = "serde_json::Map<String, serde_json::Value>")] toml::Table);

/// The key that named the family in configurations of earlier versions.
const OLD_FAMILY_KEY: &str = "kind";

impl DetectionLossTable {
    /// The settings for `model`.
    ///
    /// # Errors
    ///
    /// A key or value that the family does not have.
    pub fn of_model(&self, model: &DetectorConfig) -> Result<DetectionLoss, ConfigError> {
        let family = DetectionLoss::family_of(model);
        let mut table = self.0.clone();
        if let Some(named) = table.remove(OLD_FAMILY_KEY)
            && named.as_str() != Some(family)
        {
            return Err(ConfigError::Invalid(format!(
                "loss.kind is {named}, but the loss follows from the model, which is of the family \"{family}\": leave \
                 the key out"
            )));
        }
        let settings = DetectionLoss::read(model, table)
            .map_err(|error| ConfigError::content(&format!("[loss] of {family}"), error.message()))?;
        match settings.problem() {
            Some(problem) => Err(ConfigError::Invalid(problem)),
            None => Ok(settings),
        }
    }

    /// The table with every key of the family of `model`.
    pub(super) fn resolved(&self, model: &DetectorConfig) -> Result<Self, ConfigError> {
        self.of_model(model)?.try_into()
    }
}

impl TryFrom<DetectionLoss> for DetectionLossTable {
    type Error = ConfigError;

    fn try_from(settings: DetectionLoss) -> Result<Self, ConfigError> {
        settings.table().map(Self).map_err(|error| ConfigError::Invalid(format!("loss: {error}")))
    }
}

impl ConfigTable for DetectionLossTable {}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> DetectionLossTable {
        toml::from_str(text).expect("TOML")
    }

    #[test]
    fn the_loss_follows_from_the_model() {
        let model = DetectorConfig::named("yolox-nano").expect("a name of the list");
        let settings = |text: &str| table(text).of_model(&model).map_err(|error| error.to_string());
        let always = DetectionLoss::Yolox(YoloxLossSettings { l1: L1Phase::Always });
        assert_eq!(settings("l1 = \"always\"\n"), Ok(always.clone()));
        assert_eq!(settings("kind = \"yolox\"\nl1 = \"always\"\n"), Ok(always));
        let resolved = table("").resolved(&model).expect("defaults");
        assert_eq!(resolved, table("l1 = \"plain-epochs\"\n"));
        let message = settings("kind = \"ssd\"\n").expect_err("another family");
        assert!(message.contains("loss.kind is \"ssd\"") && message.contains("\"yolox\""), "{message}");
        let message = settings("l2 = \"always\"\n").expect_err("no such key");
        assert!(message.contains("[loss] of yolox") && message.contains("`l2`"), "{message}");
        let message = settings("l1 = \"alwys\"\n").expect_err("no such value");
        assert!(message.contains("did you mean `always`?"), "{message}");
    }
}
