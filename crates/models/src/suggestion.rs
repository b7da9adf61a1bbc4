//! What somebody may have meant.

/// How alike (Jaro-Winkler, 1 is equal) a name must be to a valid one for that to be suggested.
const SUGGESTION_SIMILARITY: f64 = 0.75;
/// How many names are suggested at most.
pub(crate) const SUGGESTIONS: usize = 3;

/// Those of `names` that are like `name`, the nearest first.
pub(crate) fn nearest(name: &str, names: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    // `ResNet_18` and `resnet-18` are how others write `resnet18`.
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    let mut candidates: Vec<(f64, &'static str)> = names
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &plain(candidate)), candidate))
        .filter(|(similarity, _)| *similarity >= SUGGESTION_SIMILARITY)
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    candidates.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

/// `did you mean `a` or `b`?`; `None` where nothing is near.
pub(crate) fn did_you_mean(nearest: &[&'static str]) -> Option<String> {
    let quoted: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
    (!quoted.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}
