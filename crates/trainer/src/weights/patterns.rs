//! Names of parameters with `*` in them, as settings give them.

use crate::config::{ConfigError, nearest};

/// Whether `patterns` pick `name`. The last one that fits decides; those with `!` before them take back.
pub(crate) fn selects(patterns: &[String], name: &str) -> bool {
    let decisive = patterns.iter().rev().find(|pattern| matches(bare(pattern), name));
    decisive.is_some_and(|pattern| !pattern.starts_with('!'))
}

/// Fails unless each pattern fits one of `names`, which are those of `owner`.
pub(crate) fn require_matches(key: &str, owner: &str, patterns: &[String], names: &[&str]) -> Result<(), ConfigError> {
    for pattern in patterns.iter().map(|pattern| bare(pattern)) {
        if !names.iter().any(|name| matches(pattern, name)) {
            let near = nearest(pattern.trim_end_matches(['*', '.']), names.iter().flat_map(|name| modules(name)));
            let hint = near.map(|near| format!(" (did you mean `{near}.*`?)")).unwrap_or_default();
            let has_no = if owner.starts_with("neither") { "has a" } else { "has no" };
            return Err(ConfigError::Invalid(format!("{key}: {owner} {has_no} tensor that fits `{pattern}`{hint}")));
        }
    }
    Ok(())
}

fn bare(pattern: &str) -> &str {
    pattern.strip_prefix('!').unwrap_or(pattern)
}

/// The modules that a tensor lies in.
fn modules(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(end, _)| &name[..end])
}

/// Whether `name`, or a module that it lies in, is `pattern`, where `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    std::iter::once(name).chain(modules(name)).any(|name| matches_whole(pattern, name))
}

fn matches_whole(pattern: &str, name: &str) -> bool {
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
    fn a_module_stands_for_all_that_lies_in_it() {
        assert!(matches("layer1", "layer1.0.conv1.weight"));
        assert!(matches("layer1.0", "layer1.0.conv1.weight"));
        assert!(!matches("layer1", "layer10.0.conv1.weight"));
        assert!(!matches("conv1", "layer1.0.conv1.weight"));
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let patterns = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>();
        let all_but_the_head = patterns(&["*", "!fc"]);
        assert!(selects(&all_but_the_head, "layer1.0.conv1.weight"));
        assert!(!selects(&all_but_the_head, "fc.weight"));
        assert!(selects(&patterns(&["*", "!fc", "fc.bias"]), "fc.bias"));
        assert!(!selects(&[], "fc.bias"));
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
