//! Everything about a file's tensors that does not fit a network, in one message.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use tensor_backend::state_dict::{ShapeMismatch, TensorInfo};
use weights_io::WeightTensor;

use crate::config::nearest;

/// A tensor that is on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lone {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The most similar name among those that are on the other side only.
    pub nearest: Option<String>,
}

/// Tensors of a file that do not fit a network: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Tensors of the network that the file does not have.
    pub missing: Vec<Lone>,
    /// Tensors of the file that the network does not have.
    pub unexpected: Vec<Lone>,
    /// Tensors of another shape.
    pub misshapen: Vec<ShapeMismatch>,
    /// Patterns for `init.ignore` that would leave out what does not fit, where that is probably meant.
    pub ignorable: Vec<String>,
}

impl Mismatch {
    /// Compares what `offered` has with what the network needs; `None` where it fits.
    pub(super) fn find(needed: &[TensorInfo], offered: &[WeightTensor]) -> Option<Self> {
        let by_name: HashMap<&str, &WeightTensor> =
            offered.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let known: HashSet<&str> = needed.iter().map(|info| info.name.as_str()).collect();
        let missing: Vec<&TensorInfo> =
            needed.iter().filter(|info| !by_name.contains_key(info.name.as_str())).collect();
        let unexpected: Vec<&WeightTensor> =
            offered.iter().filter(|tensor| !known.contains(tensor.name.as_str())).collect();
        let misshapen: Vec<ShapeMismatch> = needed
            .iter()
            .filter_map(|info| {
                let found = by_name.get(info.name.as_str()).filter(|tensor| tensor.shape != info.shape)?;
                let (name, expected, found) = (info.name.clone(), info.shape.clone(), found.shape.clone());
                Some(ShapeMismatch { name, expected, found })
            })
            .collect();
        if missing.is_empty() && unexpected.is_empty() && misshapen.is_empty() {
            return None;
        }
        let mut mismatch = Self {
            missing: missing
                .iter()
                .map(|info| Lone {
                    name: info.name.clone(),
                    shape: info.shape.clone(),
                    nearest: nearest_tensor(
                        (&info.name, &info.shape),
                        unexpected.iter().map(|tensor| (tensor.name.as_str(), &tensor.shape[..])),
                    ),
                })
                .collect(),
            unexpected: unexpected
                .iter()
                .map(|tensor| Lone {
                    name: tensor.name.clone(),
                    shape: tensor.shape.clone(),
                    nearest: nearest_tensor(
                        (&tensor.name, &tensor.shape),
                        missing.iter().map(|info| (info.name.as_str(), &info.shape[..])),
                    ),
                })
                .collect(),
            misshapen,
            ignorable: Vec::new(),
        };
        mismatch.ignorable = mismatch.ignorable(&known);
        Some(mismatch)
    }

    /// Where only whole layers have other sizes, those of other classes; where only whole branches are not in the
    /// network, those branches.
    fn ignorable(&self, known: &HashSet<&str>) -> Vec<String> {
        if !self.missing.is_empty() {
            return Vec::new();
        }
        let has_branch = |branch: &str| known.iter().any(|name| first_part(name) == branch);
        let branches: BTreeSet<&str> = self.unexpected.iter().map(|lone| first_part(&lone.name)).collect();
        if branches.iter().any(|branch| has_branch(branch)) {
            return Vec::new();
        }
        let layers: BTreeSet<&str> = self
            .misshapen
            .iter()
            .map(|tensor| tensor.name.rsplit_once('.').map_or(tensor.name.as_str(), |(layer, _)| layer))
            .collect();
        branches.into_iter().chain(layers).map(|layer| format!("{layer}.*")).collect()
    }
}

/// The most similar name among the tensors of the same shape, or else among all.
fn nearest_tensor<'a>(
    (name, shape): (&str, &[usize]),
    candidates: impl Iterator<Item = (&'a str, &'a [usize])> + Clone,
) -> Option<String> {
    let alike = candidates.clone().filter(|(_, other)| *other == shape).map(|(name, _)| name);
    nearest(name, alike).or_else(|| nearest(name, candidates.map(|(name, _)| name)))
}

fn first_part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the weights do not fit the model")?;
        let mut section = |title: &str, lone: &[Lone], side: &str| -> fmt::Result {
            if lone.is_empty() {
                return Ok(());
            }
            write!(f, "\n  {title} ({}):", lone.len())?;
            for Lone { name, shape, nearest } in lone {
                write!(f, "\n    {name} {shape:?}")?;
                if let Some(nearest) = nearest {
                    write!(f, ", nearest in the {side}: {nearest}")?;
                }
            }
            Ok(())
        };
        section("missing from the file", &self.missing, "file")?;
        section("not in the model", &self.unexpected, "model")?;
        if !self.misshapen.is_empty() {
            write!(f, "\n  of another shape ({}):", self.misshapen.len())?;
            for ShapeMismatch { name, expected, found } in &self.misshapen {
                write!(f, "\n    {name} has shape {found:?} where the model has {expected:?}")?;
            }
        }
        if !self.ignorable.is_empty() {
            let patterns: Vec<String> = self.ignorable.iter().map(|pattern| format!("\"{pattern}\"")).collect();
            write!(
                f,
                "\nIf these layers are for other classes, or not needed, leave them out: init.ignore = [{}]",
                patterns.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(tensors: &[(&str, &[usize])]) -> Vec<TensorInfo> {
        let info = |(name, shape): &(&str, &[usize])| TensorInfo {
            name: (*name).to_owned(),
            shape: shape.to_vec(),
            trained: true,
        };
        tensors.iter().map(info).collect()
    }

    fn offered(tensors: &[(&str, &[usize])]) -> Vec<WeightTensor> {
        let tensor =
            |(name, shape): &(&str, &[usize])| WeightTensor::from_f32(*name, shape, &vec![0.0; shape.iter().product()]);
        tensors.iter().map(tensor).collect()
    }

    #[test]
    fn one_message_lists_everything_with_the_nearest_names() {
        let needed =
            needed(&[("conv1.weight", &[4, 3]), ("bn.bias", &[4]), ("fc.weight", &[10, 4]), ("fc.bias", &[10])]);
        let offered = offered(&[("conv1.wieght", &[4, 3]), ("fc.weight", &[1000, 4]), ("fc.bias", &[10])]);
        let message = Mismatch::find(&needed, &offered).expect("three faults").to_string();
        let expected = "the weights do not fit the model\n  \
            missing from the file (2):\n    \
              conv1.weight [4, 3], nearest in the file: conv1.wieght\n    \
              bn.bias [4]\n  \
            not in the model (1):\n    \
              conv1.wieght [4, 3], nearest in the model: conv1.weight\n  \
            of another shape (1):\n    \
              fc.weight has shape [1000, 4] where the model has [10, 4]";
        assert_eq!(message, expected);
    }

    #[test]
    fn heads_and_branches_that_may_be_left_out_are_named() {
        let needed = needed(&[("conv1.weight", &[4, 3]), ("fc.weight", &[10, 4]), ("fc.bias", &[10])]);
        let other_classes =
            [("conv1.weight", &[4, 3][..]), ("fc.weight", &[1000, 4]), ("fc.bias", &[1000]), ("aux.fc.bias", &[1000])];
        let mismatch = Mismatch::find(&needed, &offered(&other_classes)).expect("other classes");
        assert_eq!(mismatch.ignorable, ["aux.*", "fc.*"]);
        let same = [("conv1.weight", &[4, 3][..]), ("fc.weight", &[10, 4]), ("fc.bias", &[10])];
        assert_eq!(Mismatch::find(&needed, &offered(&same)), None);
    }
}
