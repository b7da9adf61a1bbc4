//! Which parameters are trained, epoch by epoch.

use std::collections::HashSet;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::state_dict::{TensorPath, tensor_infos};

use super::InitConfig;
use crate::config::ConfigError;
use crate::weights::patterns::{require_matches, selects};

/// A step of gradual unfreezing (Howard and Ruder 2018, section 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unfreeze {
    /// Epochs that end before.
    pub after: usize,
    /// Parameters that are trained from then on, named as in `init.freeze`.
    pub parameters: Vec<String>,
}

/// Which parameters of a network are trained in each epoch: a pure function of the settings and the epoch, so that a
/// resumed run needs to keep nothing.
#[derive(Debug, Clone, Default)]
pub struct Freezing {
    freeze: Vec<String>,
    unfreeze: Vec<Unfreeze>,
    /// Parameters that a network trains when nothing is frozen; running statistics are not among them.
    trainable: HashSet<String>,
}

impl Freezing {
    /// The freezing of `network`, in which nothing is frozen yet.
    ///
    /// # Errors
    ///
    /// When a pattern fits no tensor of the network, an unfreezing names nothing that was frozen, or nothing would be
    /// trained in the first epoch.
    pub fn new<B: Backend, M: Module<B>>(network: &M, config: &InitConfig) -> Result<Self, ConfigError> {
        let (freeze, unfreeze) = (config.freeze.clone(), config.unfreeze.clone());
        if freeze.is_empty() && unfreeze.is_empty() {
            return Ok(Self::default());
        }
        let infos = tensor_infos(network);
        let names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
        require_matches("init.freeze", "the network", &freeze, &names)?;
        let trainable = infos.iter().filter(|info| info.trained).map(|info| info.name.clone()).collect();
        let freezing = Self { freeze, unfreeze, trainable };
        for step in &freezing.unfreeze {
            require_matches("init.unfreeze", "the network", &step.parameters, &names)?;
            if !freezing.trainable.iter().any(|name| selects(&freezing.freeze, name) && selects(&step.parameters, name))
            {
                return Err(ConfigError::Invalid(format!(
                    "init.unfreeze: {:?} are not frozen, expected parameters that init.freeze names",
                    step.parameters
                )));
            }
        }
        if freezing.trainable.iter().all(|name| freezing.is_frozen(name, 0)) {
            return Err(ConfigError::Invalid(format!(
                "init.freeze: {:?} leaves nothing to train; `!` before a name takes it out, such as `!fc`",
                freezing.freeze
            )));
        }
        Ok(freezing)
    }

    /// Whether every parameter is trained from the first epoch on.
    pub fn is_empty(&self) -> bool {
        self.freeze.is_empty()
    }

    /// Whether the parameter `name` is left as it is in `epoch`, counted from 0.
    pub fn is_frozen(&self, name: &str, epoch: usize) -> bool {
        let thawed = || self.unfreeze.iter().any(|step| step.after <= epoch && selects(&step.parameters, name));
        selects(&self.freeze, name) && !thawed()
    }

    /// Whether other parameters are trained in `epoch` than in the one before.
    pub fn changes_at(&self, epoch: usize) -> bool {
        self.unfreeze.iter().any(|step| step.after == epoch)
    }

    /// Names of the parameters that are trained in some epoch before `epochs`.
    pub fn trained_before(&self, epochs: usize) -> impl Iterator<Item = &str> {
        let last = epochs.saturating_sub(1);
        self.trainable.iter().map(String::as_str).filter(move |name| !self.is_frozen(name, last))
    }

    /// `network` with the parameters of `epoch` trained, and no others.
    pub fn apply<B: Backend, M: Module<B>>(&self, network: M, epoch: usize) -> M {
        if self.freeze.is_empty() {
            return network;
        }
        struct Freezer<'a> {
            path: TensorPath,
            freezing: &'a Freezing,
            epoch: usize,
        }
        impl<B: Backend> ModuleMapper<B> for Freezer<'_> {
            fn enter_module(&mut self, name: &str, container_type: &str) {
                self.path.enter(name, container_type);
            }
            fn exit_module(&mut self, _name: &str, container_type: &str) {
                self.path.exit(container_type);
            }
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
                let name = self.path.name();
                match self.freezing.trainable.contains(&name) {
                    true => param.set_require_grad(!self.freezing.is_frozen(&name, self.epoch)),
                    false => param,
                }
            }
        }
        network.map(&mut Freezer { path: TensorPath::default(), freezing: self, epoch })
    }
}

#[cfg(test)]
mod tests {
    use models::{ClassifierConfig, InputShape};
    use tensor_backend::TrainingBackend;

    use super::*;

    fn patterns(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&pattern| pattern.to_owned()).collect()
    }

    fn network() -> models::ClassifierNetwork<TrainingBackend> {
        let config = ClassifierConfig::named("resnet20").expect("a name of the catalogue");
        config.init(10, InputShape::rgb(32), &Default::default()).expect("valid")
    }

    fn trained(network: &models::ClassifierNetwork<TrainingBackend>) -> HashSet<String> {
        tensor_infos(network).into_iter().filter(|info| info.trained).map(|info| info.name).collect()
    }

    #[test]
    fn stages_are_unfrozen_one_after_the_other() {
        let all = trained(&network());
        let init = InitConfig {
            freeze: patterns(&["*", "!linear"]),
            unfreeze: vec![
                Unfreeze { after: 1, parameters: patterns(&["layer3"]) },
                Unfreeze { after: 3, parameters: patterns(&["layer2", "layer1"]) },
            ],
            ..InitConfig::default()
        };
        let freezing = Freezing::new(&network(), &init).expect("fits");
        let starts = |names: &HashSet<String>| {
            let mut starts: Vec<String> =
                names.iter().map(|name| name.split('.').next().unwrap_or_default().to_owned()).collect();
            starts.sort();
            starts.dedup();
            starts
        };
        let mut network = network();
        for (epoch, expected) in [
            (0, vec!["linear"]),
            (1, vec!["layer3", "linear"]),
            (2, vec!["layer3", "linear"]),
            (3, vec!["layer1", "layer2", "layer3", "linear"]),
        ] {
            network = freezing.apply(network, epoch);
            assert_eq!(starts(&trained(&network)), expected, "epoch {epoch}");
        }
        // Everything but the stem; running statistics are still no parameters.
        let stem = |name: &String| name.starts_with("conv1") || name.starts_with("bn1");
        let expected: HashSet<String> = all.into_iter().filter(|name| !stem(name)).collect();
        assert_eq!(trained(&network), expected);
        assert_eq!([0, 1, 2, 3].map(|epoch| freezing.changes_at(epoch)), [false, true, false, true]);
    }

    #[test]
    fn settings_that_do_nothing_are_refused() {
        let problem = |freeze: &[&str], unfreeze: Vec<Unfreeze>| {
            let init = InitConfig { freeze: patterns(freeze), unfreeze, ..InitConfig::default() };
            Freezing::new(&network(), &init).expect_err("refused").to_string()
        };
        assert!(problem(&["*"], Vec::new()).contains("leaves nothing to train"));
        let step = Unfreeze { after: 1, parameters: patterns(&["linear"]) };
        assert!(problem(&["layer1"], vec![step]).contains("are not frozen"));
        let step = Unfreeze { after: 1, parameters: patterns(&["layer4"]) };
        assert!(problem(&["layer1"], vec![step]).contains("did you mean `layer"));
    }
}
