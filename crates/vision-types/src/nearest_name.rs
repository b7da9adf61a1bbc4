//! What a misspelt name was probably meant to be.

/// Jaro-Winkler similarity below which two names are unrelated; clap uses 0.7 of the plain Jaro similarity, which does
/// not add anything for equal beginnings.
const SIMILAR: f64 = 0.75;

/// The candidate most similar to `name`, upper and lower case alike, if one is similar enough to be a slip of the
/// keyboard.
pub fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

/// The end of a message about an unknown name: "; did you mean `horse`?", or nothing where nothing is near.
pub fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unrelated_names_are_not_suggested() {
        assert_eq!(nearest_name("horse", ["cat", "ship"]), None);
        assert_eq!(nearest_name("Hores", ["cat", "horse"]).as_deref(), Some("horse"));
        assert_eq!(did_you_mean(nearest_name("Hores", ["cat", "horse"]).as_deref()), "; did you mean `horse`?");
        assert_eq!(did_you_mean(None), "");
    }
}
