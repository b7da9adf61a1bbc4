//! Any detector, chosen by name.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::catalogue::DETECTORS;
use crate::yolox::{self, Yolox, YoloxConfig, YoloxOutput, YoloxSize};
use crate::{InputShape, ModelCard, ModelError, ModelName, Network};

/// The name of one of the detectors.
pub type DetectorName = ModelName<YoloxSize>;

/// The `[model]` table of a detector's config.
///
/// # Examples
///
/// ```
/// use models::{DetectorConfig, InputShape};
/// # use tensor_backend::SelectedBackend;
///
/// let config: DetectorConfig = serde_json::from_str(r#"{"name": "yolox-nano"}"#)?;
/// let network = config.init::<SelectedBackend>(3, InputShape::rgb(416), &Default::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorConfig {
    /// Which network.
    pub name: DetectorName,
}

impl From<DetectorName> for DetectorConfig {
    fn from(name: DetectorName) -> Self {
        Self { name }
    }
}

impl DetectorConfig {
    /// The network called `name`.
    ///
    /// # Errors
    ///
    /// [`ModelError::UnknownName`] with the nearest valid names.
    pub fn named(name: &str) -> Result<Self, ModelError> {
        name.parse::<DetectorName>().map(Self::from)
    }

    /// Every detector: name, description, parameter count, default input, paper.
    pub fn names() -> Vec<&'static ModelCard> {
        DETECTORS.iter().map(|entry| &entry.card).collect()
    }

    /// Checks the class count and image size without building anything.
    ///
    /// # Errors
    ///
    /// As for [`init`](Self::init).
    pub fn check(&self, classes: usize, input: InputShape) -> Result<(), ModelError> {
        self.resolve(classes, input).map(drop)
    }

    /// The network, its weights drawn from the calling thread's generator (see [`tensor_backend::random::seed`]).
    ///
    /// # Errors
    ///
    /// No classes, no channels, or images whose height or width is no multiple of [`yolox::SIZE_STEP`] pixels.
    pub fn init<B: Backend>(
        &self,
        classes: usize,
        input: InputShape,
        device: &B::Device,
    ) -> Result<Detector<B>, ModelError> {
        Ok(Detector::Yolox(self.resolve(classes, input)?.init(device)))
    }

    fn resolve(&self, classes: usize, input: InputShape) -> Result<YoloxConfig, ModelError> {
        let model = self.name.as_str();
        if classes == 0 {
            return Err(ModelError::TooFewClasses { model, found: classes });
        }
        if input.channels == 0 {
            return Err(ModelError::NoChannels { model });
        }
        let step = yolox::SIZE_STEP;
        if [input.height, input.width].iter().any(|side| *side == 0 || !side.is_multiple_of(step)) {
            return Err(ModelError::InputNotMultiple { model, found: input, step });
        }
        Ok(YoloxConfig::new(self.name.architecture(), classes).with_channels(input.channels))
    }
}

/// Any detector. Names of its tensors are those of the network inside, without the variant's name.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program holds one or two of them")]
pub enum Detector<B: Backend> {
    /// YOLOX.
    Yolox(Yolox<B>),
}

impl<B: Backend> Detector<B> {
    /// Channels of the images that it sees.
    pub fn input_channels(&self) -> usize {
        match self {
            Self::Yolox(network) => network.input_channels(),
        }
    }
}

impl<B: VisionBackend> Network<B> for Detector<B> {
    type Output = YoloxOutput<B>;

    /// Raw outputs for `images` `[batch, channels, height, width]`.
    fn forward(&self, images: Tensor<B, 4>) -> YoloxOutput<B> {
        match self {
            Self::Yolox(network) => network.forward(images),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_multiples_of_the_largest_stride() {
        let config = DetectorConfig::named("yolox-tiny").expect("a valid name");
        assert_eq!(config.check(3, InputShape::new(3, 320, 416)), Ok(()));
        let message = config.check(3, InputShape::new(3, 320, 400)).expect_err("400 = 12.5 · 32").to_string();
        let expected = "images of 320×400 pixels do not suit the model `yolox-tiny`: height and width must be multiples \
                        of 32 pixels, such as 320×416";
        assert_eq!(message, expected);
        assert!(config.check(3, InputShape::rgb(0)).is_err());
        assert!(config.check(0, InputShape::rgb(416)).is_err());
        assert!(config.check(1, InputShape::new(0, 416, 416)).is_err());
    }

    #[test]
    fn a_classifier_is_no_detector() {
        let error = serde_json::from_str::<DetectorConfig>(r#"{"name": "resnet18"}"#).expect_err("a classifier");
        assert!(error.to_string().contains("`resnet18` is a model for classification, expected one for detection"));
        assert!(serde_json::from_str::<DetectorConfig>(r#"{"name": "yolox-s", "dropout": 0.5}"#).is_err());
    }
}
