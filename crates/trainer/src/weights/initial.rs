//! Starting from weights that another run or another program has trained, and leaving some of them as they are.

mod freezing;
mod mismatch;
mod names;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::backend::Backend;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::state_dict::{NamedTensor, load_state_dict, state_dict, tensor_infos};

use super::file::{self, WeightsFileError};
use crate::error::TrainError;
use crate::weights::patterns::{require_matches, selects};

pub use freezing::{Freezing, Unfreeze};
pub use mismatch::{Lone, Mismatch};

/// What a network starts from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InitConfig {
    /// A PyTorch or safetensors file with the reference implementation's names, or a `model.safetensors` of a run; unset:
    /// random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Which set of tensors of a PyTorch file that has several, such as `ema`; unset: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tensors that keep their random values: those of a head for other classes. Tensors that only the file has are left
    /// out. Names as for `freeze`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Parameters that are not trained: names in which `*` stands for anything, or modules, with `!` before what is
    /// trained all the same. Batch normalisation of which neither scale
    /// nor shift is trained keeps its running statistics as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Frozen parameters that are trained after some epochs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfreeze: Vec<Unfreeze>,
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
    offered.retain(|tensor| !file::is_batch_count(&tensor.name));
    let mut needed = tensor_infos(&network);
    let known: HashSet<&str> = needed.iter().map(|info| info.name.as_str()).collect();
    let renamed = names::rename(&mut offered, &known);

    let is_ignored = |name: &str| selects(&config.ignore, name);
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
    let mut tensors: Vec<NamedTensor> = offered.into_iter().map(file::named).collect();
    if !ignored.is_empty() {
        tensors.extend(state_dict(&network).into_iter().filter(|tensor| is_ignored(&tensor.name)));
    }
    let network =
        load_state_dict(network, &tensors).map_err(|source| TrainError::StateDict { path: path.clone(), source })?;
    Ok((network, Initialised { loaded, renamed, ignored, key: weights.key }))
}
