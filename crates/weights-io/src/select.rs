//! Which of the dictionaries in a checkpoint has the weights.

use std::collections::{HashMap, HashSet};

use crate::error::ContentError;
use crate::pickle::{Id, TensorRef, Unpickled, Value};

/// How deep dictionaries may lie in one another.
const DEEPEST: usize = 8;
/// Dictionaries that are looked into.
const MOST_DICTIONARIES: usize = 10_000;

/// The set of tensors that was chosen.
pub(crate) struct StateDict<'p> {
    /// Names and tensors, each name once.
    pub(crate) tensors: Vec<(&'p str, &'p TensorRef)>,
    /// Where it was found; `None` at the top.
    pub(crate) key: Option<String>,
}

/// The tensors under `key` (parts of a path joined by dots), or where no key is given those of the only dictionary that
/// has any. What optimisers keep is not looked at.
pub(crate) fn state_dict<'p>(pickle: &'p Unpickled<'_>, key: Option<&str>) -> Result<StateDict<'p>, ContentError> {
    let mut candidates = Vec::new();
    find(pickle, pickle.root(), String::new(), DEEPEST, &mut HashSet::new(), &mut candidates);
    let described = |candidates: &[(String, &Entries)]| -> Vec<String> {
        candidates.iter().map(|(key, _)| key.clone()).filter(|key| !key.is_empty()).collect()
    };
    let (found, entries) = match key {
        Some(key) => {
            let inside: Vec<(String, &Entries)> = candidates
                .iter()
                .filter(|(found, _)| found == key || found.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
                .cloned()
                .collect();
            match &inside[..] {
                [] => {
                    return Err(ContentError::NoSuchKey { key: key.to_owned(), available: described(&candidates) });
                }
                [only] => only.clone(),
                several => match several.iter().find(|(found, _)| found == key) {
                    Some(exact) => exact.clone(),
                    None => return Err(ContentError::Ambiguous { keys: described(several) }),
                },
            }
        }
        None => match &candidates[..] {
            [] => return Err(ContentError::NoTensors { keys: keys(pickle, pickle.root()) }),
            [only] => only.clone(),
            several => {
                return Err(ContentError::Ambiguous { keys: described(several) });
            }
        },
    };
    Ok(StateDict { tensors: tensors(pickle, entries), key: (!found.is_empty()).then_some(found) })
}

type Entries = Vec<(Id, Id)>;

fn keys(pickle: &Unpickled<'_>, value: &Value<'_>) -> Vec<String> {
    match value {
        Value::Dict(entries) => entries.iter().filter_map(|(key, _)| text(pickle, *key)).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn text<'p>(pickle: &'p Unpickled<'_>, id: Id) -> Option<&'p str> {
    match pickle.get(id) {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

/// Collects every dictionary below `value` that has named tensors, single values aside.
fn find<'p>(
    pickle: &'p Unpickled<'_>,
    value: &'p Value<'_>,
    path: String,
    depth: usize,
    seen: &mut HashSet<*const Entries>,
    candidates: &mut Vec<(String, &'p Entries)>,
) {
    let Value::Dict(entries) = value else { return };
    // The same dictionary under two keys is one set of tensors; and a dictionary may hold itself.
    if seen.len() >= MOST_DICTIONARIES || !seen.insert(entries) {
        return;
    }
    let is_weight = |(key, value): &(Id, Id)| match pickle.get(*value) {
        Value::Tensor(tensor) => {
            text(pickle, *key).is_some() && pickle.counts(tensor.shape).is_some_and(|s| !s.is_empty())
        }
        _ => false,
    };
    if entries.iter().any(is_weight) {
        candidates.push((path.clone(), entries));
    }
    if depth == 0 {
        return;
    }
    for (key, inner) in entries {
        let Some(name) = text(pickle, *key).filter(|name| !name.starts_with("optim")) else { continue };
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        find(pickle, pickle.get(*inner), path, depth - 1, seen, candidates);
    }
}

/// The tensors of a dictionary in order; of two with one name, the later, as in Python.
fn tensors<'p>(pickle: &'p Unpickled<'_>, entries: &'p Entries) -> Vec<(&'p str, &'p TensorRef)> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut tensors: Vec<(&str, &TensorRef)> = Vec::new();
    for (key, value) in entries {
        let (Some(name), Value::Tensor(tensor)) = (text(pickle, *key), pickle.get(*value)) else { continue };
        match positions.get(name) {
            Some(position) => tensors[*position].1 = tensor,
            None => {
                positions.insert(name, tensors.len());
                tensors.push((name, tensor));
            }
        }
    }
    tensors
}
