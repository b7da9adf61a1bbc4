//! `--set key=value`.

use toml::{Table, Value};

use super::ConfigError;

/// Tables whose keys depend on their `kind` (or `name`): changing it makes the others meaningless.
const TAGGED: [(&str, &str); 4] = [("data", "kind"), ("schedule", "kind"), ("loss", "kind"), ("model", "name")];

/// The override that makes `path` the folder of the data, for [`RunConfig::read`](super::RunConfig::read).
pub fn data_path_setting(path: &std::path::Path) -> String {
    text_setting("data.path", &path.to_string_lossy())
}

/// The override that sets `key` to a text.
pub fn text_setting(key: &str, text: &str) -> String {
    format!("{key}={}", Value::String(text.to_owned()))
}

/// The override that sets `key` to a list of texts.
pub fn texts_setting(key: &str, texts: &[String]) -> String {
    format!("{key}={}", Value::Array(texts.iter().cloned().map(Value::String).collect()))
}

/// Sets one key of `table`. The value is TOML; what is not valid TOML counts as a string, so that
/// `--set model.name=resnet20` needs no quotes.
pub(super) fn apply(table: &mut Table, setting: &str) -> Result<(), ConfigError> {
    let malformed = || ConfigError::Override { setting: setting.to_owned() };
    let (key, text) = setting.split_once('=').ok_or_else(malformed)?;
    let (key, text) = (key.trim(), text.trim());
    let names: Vec<&str> = key.split('.').collect();
    if names.iter().any(|name| name.is_empty()) {
        return Err(malformed());
    }
    let value = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()));

    let (last, parents) = names.split_last().ok_or_else(malformed)?;
    let mut current = table;
    for (depth, name) in parents.iter().enumerate() {
        let entry = current.entry((*name).to_owned()).or_insert_with(|| Value::Table(Table::new()));
        current = entry.as_table_mut().ok_or_else(|| {
            ConfigError::Invalid(format!("--set {key}: `{}` is a value, not a table", names[..=depth].join(".")))
        })?;
    }
    let changes_kind = matches!(parents, [parent] if TAGGED.contains(&(*parent, *last)));
    if changes_kind && current.get(*last).is_some_and(|old| *old != value) {
        current.clear();
    }
    current.insert((*last).to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_else_strings() {
        let mut table = Table::new();
        for setting in ["a.b=1", "a.c = [1, 2]", "name=resnet20", "text=\"x=y\"", "flag=true", "rate=1e-3"] {
            apply(&mut table, setting).expect("well-formed");
        }
        let expected: Table =
            toml::from_str("name = \"resnet20\"\ntext = \"x=y\"\nflag = true\nrate = 1e-3\n[a]\nb = 1\nc = [1, 2]")
                .expect("TOML");
        assert_eq!(table, expected);
        assert!(apply(&mut table, "a.b.c=1").is_err());
        assert!(apply(&mut table, "a..b=1").is_err());
    }
}
