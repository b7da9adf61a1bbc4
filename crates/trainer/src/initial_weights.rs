//! Starting from weights that another run or another program has trained, and leaving some of them as they are.

mod mismatch;
mod names;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};
use tensor_backend::state_dict::{NamedTensor, TensorPath, load_state_dict, state_dict, tensor_infos};

use crate::config::{ConfigError, nearest};
use crate::error::TrainError;
use crate::weights_file::{self, WeightsFileError};

pub use mismatch::{Lone, Mismatch};

/// What a network starts from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitConfig {
    /// A PyTorch or safetensors file with the reference implementation's names, or a `model.safetensors` of a run; unset:
    /// random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Which set of tensors of a PyTorch file that has several, such as `ema`; unset: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Names of tensors that keep their random values, `*` standing for anything: those of a head for other classes.
    /// Tensors that only the file has are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Names of parameters that are not trained, `*` standing for anything. Batch normalisation of which neither scale
    /// nor shift is trained keeps its running statistics as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
}

impl InitConfig {
    /// Whether every setting is the default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of an [`InitConfig`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Initialised {
    /// Tensors taken from the file.
    pub loaded: usize,
    /// How many of them have another name there.
    pub renamed: usize,
    /// Tensors that kept their random values.
    pub ignored: Vec<String>,
    /// The key that the file has them under, where it has one.
    pub key: Option<String>,
}

impl Initialised {
    /// The same in a line, for weights from `path`.
    pub fn describe(&self, path: &Path) -> String {
        let mut text = format!("{} tensors from {}", self.loaded, path.display());
        if let Some(key) = &self.key {
            text.push_str(&format!(", key {key}"));
        }
        if self.renamed > 0 {
            text.push_str(&format!("; {} under other names there", self.renamed));
        }
        if !self.ignored.is_empty() {
            text.push_str(&format!("; at random values: {}", self.ignored.join(", ")));
        }
        text
    }
}

/// `network` with the weights that `config` names.
///
/// # Errors
///
/// When the file cannot be read, its tensors do not fit (all that do not are listed), or a pattern fits no tensor.
pub fn load<B: Backend, M: Module<B>>(network: M, config: &InitConfig) -> Result<(M, Initialised), TrainError> {
    let Some(path) = &config.from else { return Ok((network, Initialised::default())) };
    let weights = weights_io::read(path, config.key.as_deref()).map_err(WeightsFileError::from)?;
    let mut offered = weights.tensors;
    offered.retain(|tensor| !weights_file::is_batch_count(&tensor.name));
    let mut needed = tensor_infos(&network);
    let known: HashSet<&str> = needed.iter().map(|info| info.name.as_str()).collect();
    let renamed = names::rename(&mut offered, &known);

    let is_ignored = |name: &str| config.ignore.iter().any(|pattern| matches(pattern, name));
    // What the file alone has may be left out as well.
    let all: Vec<&str> = known.iter().copied().chain(offered.iter().map(|tensor| tensor.name.as_str())).collect();
    require_matches("init.ignore", "neither the network nor the file", &config.ignore, &all)?;
    let ignored: Vec<String> = needed.iter().map(|info| info.name.clone()).filter(|name| is_ignored(name)).collect();
    offered.retain(|tensor| !is_ignored(&tensor.name));
    needed.retain(|info| !is_ignored(&info.name));
    if let Some(mismatch) = Mismatch::find(&needed, &offered) {
        return Err(TrainError::InitialWeights { path: path.clone(), mismatch });
    }

    let loaded = offered.len();
    let mut tensors: Vec<NamedTensor> = offered.into_iter().map(weights_file::named).collect();
    if !ignored.is_empty() {
        tensors.extend(state_dict(&network).into_iter().filter(|tensor| is_ignored(&tensor.name)));
    }
    let network =
        load_state_dict(network, &tensors).map_err(|source| TrainError::StateDict { path: path.clone(), source })?;
    Ok((network, Initialised { loaded, renamed, ignored, key: weights.key }))
}

/// `network` with the parameters that fit one of `patterns` left out of training.
///
/// # Errors
///
/// When a pattern fits no parameter.
pub fn freeze<B: Backend, M: Module<B>>(network: M, patterns: &[String]) -> Result<M, TrainError> {
    if patterns.is_empty() {
        return Ok(network);
    }
    let infos = tensor_infos(&network);
    let names: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
    require_matches("init.freeze", "the network", patterns, &names)?;

    struct Freezer<'a> {
        path: TensorPath,
        patterns: &'a [String],
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
            match self.patterns.iter().any(|pattern| matches(pattern, &name)) {
                true => param.set_require_grad(false),
                false => param,
            }
        }
    }
    Ok(network.map(&mut Freezer { path: TensorPath::default(), patterns }))
}

/// Fails unless each pattern fits one of `names`, which are those of `owner`.
fn require_matches(key: &str, owner: &str, patterns: &[String], names: &[&str]) -> Result<(), ConfigError> {
    for pattern in patterns {
        if !names.iter().any(|name| matches(pattern, name)) {
            let near = nearest(pattern.trim_end_matches(['*', '.']), names.iter().flat_map(|name| prefixes(name)));
            let hint = near.map(|near| format!(" (did you mean `{near}.*`?)")).unwrap_or_default();
            let has_no = if owner.starts_with("neither") { "has a" } else { "has no" };
            return Err(ConfigError::Invalid(format!("{key}: {owner} {has_no} tensor that fits `{pattern}`{hint}")));
        }
    }
    Ok(())
}

/// The modules that a tensor lies in.
fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(end, _)| &name[..end])
}

/// Whether `name` fits `pattern`, where `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(start) => rest = &rest[start + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("fc.*", "fc.weight"));
        assert!(!matches("fc.*", "layer1.fc.weight"));
        assert!(matches("*.bias", "layer1.0.conv1.bias"));
        assert!(matches("head.*.1.weight", "head.cls_preds.1.weight"));
        assert!(matches("head.cls_preds.0.weight", "head.cls_preds.0.weight"));
        assert!(!matches("head.cls_preds.0.weight", "head.cls_preds.0.weights"));
        // A prefix and a suffix may not share characters.
        assert!(!matches("abc*cd", "abcd"));
        assert!(matches("*", "anything"));
    }

    #[test]
    fn patterns_that_fit_nothing_are_named_with_the_nearest_module() {
        let patterns = ["layr1.*".to_owned()];
        let error = require_matches("init.freeze", "the network", &patterns, &["layer1.0.weight", "fc.bias"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("`layr1.*`") && error.contains("`layer1.*`"), "{error}");
    }
}
