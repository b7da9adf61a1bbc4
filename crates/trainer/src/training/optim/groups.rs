//! Learning rates and weight decay that differ from parameter to parameter: "discriminative fine-tuning" (Howard and Ruder
//! 2018, section 3.1) and layer-wise decay.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::state_dict::TensorInfo;

use super::OptimizerConfig;
use crate::config::ConfigError;
use crate::weights::patterns::{require_matches, selects};

/// Parameters with a learning rate of their own. Where several groups have a parameter, the last one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Which parameters, named as in `init.freeze`.
    pub parameters: Vec<String>,
    /// What the learning rate is multiplied with, in place of what `optim.layer_decay` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_factor: Option<f64>,
    /// Weight decay in place of `optim.weight_decay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl ParameterGroup {
    /// What is wrong with the settings, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        if self.parameters.is_empty() {
            return Some("optim.groups: a group has no parameters, expected names such as [\"fc\"]".to_owned());
        }
        for (key, value) in [("lr_factor", self.lr_factor), ("weight_decay", self.weight_decay)] {
            if let Some(value) = value.filter(|value| !(*value >= 0.0 && value.is_finite())) {
                return Some(format!("optim.groups: {key} must not be negative, found {value}"));
            }
        }
        None
    }

    /// Fails unless each pattern fits a tensor.
    pub(super) fn check(&self, infos: &[TensorInfo]) -> Result<(), ConfigError> {
        let names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
        require_matches("optim.groups", "the network", &self.parameters, &names)
    }
}

/// How one parameter is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    /// What the learning rate is multiplied with.
    pub(super) factor: f64,
    pub(super) weight_decay: f64,
}

/// What differs from parameter to parameter of a network.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    /// By name, where layers or groups say something.
    by_name: HashMap<String, (f64, Option<f64>)>,
}

impl Rates {
    /// The rates of a network's tensors, in the order of its layers.
    pub(super) fn new(config: &OptimizerConfig, infos: &[TensorInfo]) -> Self {
        let mut by_name = HashMap::new();
        if config.layer_decay.is_none() && config.groups.is_empty() {
            return Self { by_name };
        }
        let layers = layers(infos);
        let last = layers.iter().max().copied().unwrap_or_default();
        for (info, layer) in infos.iter().zip(layers) {
            let decayed = config.layer_decay.map_or(1.0, |decay| decay.powi((last - layer) as i32));
            let (mut factor, mut weight_decay) = (decayed, None);
            for group in config.groups.iter().filter(|group| selects(&group.parameters, &info.name)) {
                factor = group.lr_factor.unwrap_or(factor);
                weight_decay = group.weight_decay.or(weight_decay);
            }
            by_name.insert(info.name.clone(), (factor, weight_decay));
        }
        Self { by_name }
    }

    /// The rate of the parameter `name` of `dimensions` dimensions.
    pub(super) fn of(&self, name: &str, dimensions: usize, config: &OptimizerConfig) -> Rate {
        let (factor, weight_decay) = self.by_name.get(name).copied().unwrap_or((1.0, None));
        let weight_decay = match weight_decay {
            Some(weight_decay) => weight_decay,
            None if dimensions > 1 || config.decay_norm_and_bias => config.weight_decay,
            None => 0.0,
        };
        Rate { factor, weight_decay }
    }
}

/// The number of the layer that each tensor belongs to, from 0.
///
/// A layer is a numbered module, such as the block `layer1.0` or the convolution `features.3`, or one that lies in none,
/// such as `fc`. Modules of vectors alone, such as a batch normalisation, belong to the layer before them.
fn layers(infos: &[TensorInfo]) -> Vec<usize> {
    let mut layers = Vec::with_capacity(infos.len());
    let mut current: Option<(usize, &str)> = None;
    for info in infos {
        let module = layer_module(&info.name);
        current = Some(match current {
            Some((number, known)) if known == module => (number, known),
            Some((number, known)) if info.shape.len() < 2 => (number, known),
            Some((number, _)) => (number + 1, module),
            None => (0, module),
        });
        layers.push(current.map_or(0, |(number, _)| number));
    }
    layers
}

/// The part of a name up to its first number, or else the module that the tensor lies in directly.
fn layer_module(name: &str) -> &str {
    let mut end = 0;
    for part in name.split('.') {
        end += part.len();
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            return &name[..end];
        }
        end += 1;
    }
    name.rsplit_once('.').map_or(name, |(module, _)| module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infos(tensors: &[(&str, usize)]) -> Vec<TensorInfo> {
        let info = |&(name, dimensions): &(&str, usize)| TensorInfo {
            name: name.to_owned(),
            shape: vec![2; dimensions],
            trained: true,
        };
        tensors.iter().map(info).collect()
    }

    fn resnet() -> Vec<TensorInfo> {
        infos(&[
            ("conv1.weight", 4),
            ("bn1.weight", 1),
            ("layer1.0.conv1.weight", 4),
            ("layer1.0.bn1.weight", 1),
            ("layer1.0.conv2.weight", 4),
            ("layer1.1.conv1.weight", 4),
            ("layer2.0.downsample.0.weight", 4),
            ("fc.weight", 2),
            ("fc.bias", 1),
        ])
    }

    #[test]
    fn layers_are_blocks_with_their_normalisation() {
        assert_eq!(layers(&resnet()), [0, 0, 1, 1, 1, 2, 3, 4, 4]);
        let vgg = infos(&[
            ("features.0.weight", 4),
            ("features.0.bias", 1),
            ("features.1.weight", 1),
            ("features.3.weight", 4),
            ("classifier.0.weight", 2),
            ("classifier.3.weight", 2),
        ]);
        assert_eq!(layers(&vgg), [0, 0, 0, 1, 2, 3]);
    }

    #[test]
    fn rates_fall_from_the_last_layer_to_the_first_and_groups_have_the_last_word() {
        let group = |name: &str, lr_factor, weight_decay| ParameterGroup {
            parameters: vec![name.to_owned()],
            lr_factor,
            weight_decay,
        };
        let config = OptimizerConfig {
            layer_decay: Some(0.5),
            weight_decay: 1e-4,
            decay_norm_and_bias: false,
            groups: vec![group("fc", Some(10.0), None), group("*.bias", None, Some(0.25))],
            ..OptimizerConfig::default()
        };
        let rates = Rates::new(&config, &resnet());
        let rate = |name: &str, dimensions| {
            let Rate { factor, weight_decay } = rates.of(name, dimensions, &config);
            (factor, weight_decay)
        };
        assert_eq!(rate("conv1.weight", 4), (0.0625, 1e-4));
        assert_eq!(rate("bn1.weight", 1), (0.0625, 0.0));
        assert_eq!(rate("layer2.0.downsample.0.weight", 4), (0.5, 1e-4));
        assert_eq!(rate("fc.weight", 2), (10.0, 1e-4));
        assert_eq!(rate("fc.bias", 1), (10.0, 0.25));
    }

    #[test]
    fn groups_that_cannot_be_meant_are_refused() {
        let group = ParameterGroup { parameters: vec!["head".to_owned()], lr_factor: Some(-1.0), weight_decay: None };
        assert!(group.problem().is_some_and(|problem| problem.contains("lr_factor") && problem.contains("-1")));
        let error = group.check(&resnet()).expect_err("no such parameter").to_string();
        assert!(error.contains("optim.groups") && error.contains("`head`"), "{error}");
    }
}
