//! Every key of a configuration with its default and meaning, for `--help-config` and `docs/configuration.md`.
//!
//! All of it is read off the types: names, kinds and defaults from their serialised form, meanings from their
//! documentation. A key that the types have cannot be missing here, nor one be here that they do not have.

use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ConfigTable, InputConfig, RunConfig, TaskTables, TrainConfig};
use crate::tasks::classification::{Classification, DistillConfig};
use crate::tasks::detection::{Detection, DetectionLoss};
use crate::tasks::segmentation::Segmentation;
use crate::training::early_stopping::EarlyStopping;
use crate::training::optim::OptimizerConfig;
use crate::training::schedule::ScheduleConfig;
use crate::weights::InitConfig;

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// Its name within its table.
    pub key: String,
    /// Its default as TOML; `unset` where there is none, `required` where it must be given.
    pub default: String,
    /// What it does.
    pub meaning: String,
}

/// A table of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableReference {
    /// What it is for.
    pub meaning: String,
    /// Keys that it always has.
    pub keys: Vec<KeyReference>,
    /// The key that says what the table is about (`kind`), where others depend on it.
    pub tag: Option<String>,
    /// The values of that key, with the keys that each brings.
    pub kinds: Vec<(String, Self)>,
}

impl TableReference {
    /// The keys of the type `T`, with the defaults that `T::default()` has.
    pub fn of<T: JsonSchema>() -> Self {
        Self::of_schema(&schema_for!(T))
    }

    /// The keys that `schema` describes.
    pub fn of_schema(schema: &Schema) -> Self {
        let root = schema.as_value();
        Self::read(root, &Definitions(root.get("$defs").and_then(Value::as_object)))
    }

    fn read(schema: &Value, definitions: &Definitions<'_>) -> Self {
        let schema = definitions.resolved(schema);
        let mut table = Self { meaning: text_of(&schema), ..Self::default() };
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // A constant is the value of the key that tells kinds apart.
            if definitions.resolved(property).get("const").is_none() {
                table.keys.push(key_reference(key, property, required.iter().any(|name| name == key), definitions));
                // A table within the table: its keys follow.
                let within = Self::read(&definitions.present(property), definitions);
                table.keys.extend(
                    within.keys.into_iter().map(|inner| KeyReference { key: format!("{key}.{}", inner.key), ..inner }),
                );
            }
        }
        for kind in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            let kind = definitions.resolved(kind);
            let constant = kind
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .find_map(|(key, property)| Some((key.clone(), property.get("const")?.as_str()?.to_owned())));
            if let Some((tag, value)) = constant {
                table.tag = Some(tag);
                table.kinds.push((value, Self::read(&kind, definitions)));
            }
        }
        table
    }

    /// The same with the defaults that `values` has, where it has any.
    fn with_defaults(mut self, values: &Map<String, Value>) -> Self {
        for key in &mut self.keys {
            if let Some(value) = values.get(&key.key) {
                key.default = toml_text(value);
            }
        }
        self
    }
}

/// The definitions that a schema refers to by name.
struct Definitions<'a>(Option<&'a Map<String, Value>>);

impl Definitions<'_> {
    /// `schema` with what it refers to put in its place; its own entries come first.
    fn resolved(&self, schema: &Value) -> Value {
        let Some(own) = schema.as_object() else { return schema.clone() };
        let name = own.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let Some(meant) = name.and_then(|name| self.0?.get(name)) else { return schema.clone() };
        let mut merged = self.resolved(meant).as_object().cloned().unwrap_or_default();
        for (key, value) in own.iter().filter(|(key, _)| *key != "$ref") {
            match (merged.get_mut(key), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
                _ => drop(merged.insert(key.clone(), value.clone())),
            }
        }
        Value::Object(merged)
    }
}

impl Definitions<'_> {
    /// What `property` is where it is set: the one alternative that is not null.
    fn present(&self, property: &Value) -> Value {
        let property = self.resolved(property);
        let alternatives = property.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default();
        let set: Vec<Value> = alternatives.into_iter().filter(|value| value["type"] != "null").collect();
        match &set[..] {
            [one] => self.resolved(one),
            _ => property,
        }
    }
}

fn key_reference(key: &str, property: &Value, required: bool, definitions: &Definitions<'_>) -> KeyReference {
    let default = match property.get("default") {
        Some(Value::Null) | None if required => "required".to_owned(),
        // A list that is left out is empty.
        None if property.get("type").and_then(Value::as_str) == Some("array") => "[]".to_owned(),
        Some(Value::Null) | None => "unset".to_owned(),
        Some(value) => toml_text(value),
    };
    let mut meaning = text_of(property);
    let mut values = values_of(property, definitions);
    let within = TableReference::read(&definitions.present(property), definitions);
    if let Some(tag) = &within.tag {
        values.extend(within.kinds.iter().map(|(kind, table)| {
            let keys: Vec<String> = table.keys.iter().map(|key| format!(", {}", key.key)).collect();
            format!("`{{ {tag} = \"{kind}\"{} }}`", keys.concat())
        }));
    }
    if !values.is_empty() {
        let _ = write!(meaning, " One of {}.", values.join(", "));
    }
    KeyReference { key: key.to_owned(), default, meaning }
}

/// The words that a key may be set to, where it takes words.
fn values_of(property: &Value, definitions: &Definitions<'_>) -> Vec<String> {
    let property = definitions.resolved(property);
    let word = |value: &Value| value.as_str().map(|word| format!("`{word}`"));
    let mut words: Vec<String> = property.get("const").and_then(word).into_iter().collect();
    words.extend(property.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(word));
    for alternatives in ["oneOf", "anyOf"] {
        let alternatives = property.get(alternatives).and_then(Value::as_array);
        words.extend(alternatives.into_iter().flatten().flat_map(|value| values_of(value, definitions)));
    }
    words
}

/// The documentation of a type or key in one line.
fn text_of(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    // The first paragraph; the page does not know the code that links go to.
    let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    unlinked(&paragraph)
}

/// `text` without the targets of links to code: `[word](target)` and `[word]` become `word`.
fn unlinked(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("[`") {
        let Some(end) = rest[start..].find("`]") else { break };
        plain.push_str(&rest[..start]);
        plain.push_str(&rest[start + 1..start + end + 1]);
        rest = &rest[start + end + 2..];
        if let Some(target) = rest.strip_prefix('(')
            && let Some(end) = target.find(')')
        {
            rest = &target[end + 1..];
        }
    }
    plain + rest
}

/// A value as TOML, with the digits that a person would write.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::Number(number) if number.is_f64() => number_text(number.as_f64().unwrap_or_default()),
        Value::Array(values) => format!("[{}]", values.iter().map(toml_text).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", toml_text(value))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        _ => value.to_string(),
    }
}

/// The shortest digits that give the number back, as the single precision that it may have been stored in.
fn number_text(number: f64) -> String {
    let single = number as f32;
    if f64::from(single) == number { format!("{single:?}") } else { format!("{number:?}") }
}

/// A part of the page: what a configuration of one task, or of any, can have.
struct Part {
    heading: &'static str,
    note: String,
    tables: Vec<(String, TableReference)>,
}

/// The tables that every task has.
fn common() -> Part {
    let defaults = defaults_of::<Classification>();
    let table = |name: &str, table: TableReference| {
        let values = defaults.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        (name.to_owned(), table.with_defaults(&values))
    };
    Part {
        heading: "Every task",
        note:
            "`task` is one of `classification` (the default), `detection` and `segmentation`. `seed` (default 0) names \
               the run: weights, order, augmentation and dropout follow from it."
                .to_owned(),
        tables: vec![
            table("init", TableReference::of::<InitConfig>()),
            table("optim", TableReference::of::<OptimizerConfig>()),
            table("schedule", TableReference::of::<ScheduleConfig>()),
            table("train", TableReference::of::<TrainConfig>()),
            table("early_stopping", TableReference::of::<EarlyStopping>()),
        ],
    }
}

/// The tables of the task `K`.
fn of_task<K: TaskTables>(heading: &'static str, loss: Vec<(String, TableReference)>) -> Part {
    let defaults = defaults_of::<K>();
    let table = |name: &str, table: TableReference| {
        let values = defaults.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        (name.to_owned(), table.with_defaults(&values))
    };
    let mut tables = vec![
        table("data", TableReference::of::<K::Data>()),
        table("input", TableReference::of::<InputConfig>()),
        table("augment", TableReference::of::<K::Augment>()),
    ];
    tables.push(("model".to_owned(), model_table::<K>()));
    tables.extend(loss);
    if !K::Decode::default().is_absent() {
        tables.push(table("decode", TableReference::of::<K::Decode>()));
    }
    let model = K::model_name(&K::default_model()).to_owned();
    Part { heading, note: format!("The default of `model.name` is `{model}`."), tables }
}

/// `[model]`: the name, and for each family its options.
fn model_table<K: TaskTables>() -> TableReference {
    let families = K::model_options().into_iter().map(|(names, schema)| {
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        (quoted.join(", "), TableReference::of_schema(&schema))
    });
    TableReference {
        meaning: "The network; `cargo xtask train --list-models` lists them.".to_owned(),
        keys: Vec::new(),
        tag: Some("name".to_owned()),
        kinds: families.collect(),
    }
}

/// What a configuration of `K` holds that says nothing.
fn defaults_of<K: TaskTables>() -> Map<String, Value> {
    fn plain(value: impl Serialize) -> Map<String, Value> {
        serde_json::to_value(value).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default()
    }
    plain(RunConfig::<K>::default())
}

/// Everything that the page has, in its order.
fn parts() -> Vec<Part> {
    let classification = vec![
        ("loss".to_owned(), TableReference::of::<<Classification as TaskTables>::Loss>()),
        ("distill".to_owned(), TableReference::of::<DistillConfig<<Classification as TaskTables>::Model>>()),
    ];
    let families = DetectionLoss::schemas().into_iter();
    let detection =
        families.map(|(family, schema)| (format!("loss ({family})"), TableReference::of_schema(&schema))).collect();
    let segmentation = vec![("loss".to_owned(), TableReference::of::<<Segmentation as TaskTables>::Loss>())];
    vec![
        common(),
        of_task::<Classification>("Classification", classification),
        of_task::<Detection>("Detection", detection),
        of_task::<Segmentation>("Segmentation", segmentation),
        Part {
            heading: "Steps of augmentation",
            note: "What `augment.train` and `augment.eval` are lists of, in order: `{ kind = \"…\", … }`.".to_owned(),
            tables: vec![("step".to_owned(), TableReference::of::<augment::Augmentation>())],
        },
    ]
}

/// The reference as the page `docs/configuration.md`.
pub fn key_reference_markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         A run is one TOML file; every key has a default, and `--set key=value` overrides any of them. Unknown keys are\n\
         refused with the nearest known one. This page is written by `cargo xtask train --help-config` from the types of\n\
         the program.\n",
    );
    for Part { heading, note, tables } in parts() {
        let _ = write!(page, "\n## {heading}\n\n{}\n", wrapped(&note));
        for (name, table) in tables {
            write_table(&mut page, &name, &table);
        }
    }
    page
}

/// Writes a table with what depends on its kind.
fn write_table(page: &mut String, name: &str, table: &TableReference) {
    let _ = write!(page, "\n### `[{name}]`\n\n");
    if !table.meaning.is_empty() {
        let _ = writeln!(page, "{}", wrapped(&table.meaning));
    }
    if !table.keys.is_empty() {
        page.push('\n');
        write_keys(page, name, &table.keys);
    }
    let Some(tag) = &table.tag else { return };
    // Kinds that have no keys of their own share a line.
    let (bare, others): (Vec<_>, Vec<_>) = table.kinds.iter().partition(|(_, kind)| kind.keys.is_empty());
    for (value, kind) in others {
        let value = if value.starts_with('"') { value.clone() } else { format!("\"{value}\"") };
        let text = wrapped(&format!("`{tag} = {value}`: {}", kind.meaning));
        let _ = write!(page, "\n{text}\n\n");
        write_keys(page, name, &kind.keys);
    }
    if !bare.is_empty() {
        let _ = write!(page, "\nWithout keys of their own:\n\n");
    }
    for (value, kind) in bare {
        let value = if value.starts_with('"') { value.clone() } else { format!("\"{value}\"") };
        let _ = writeln!(page, "- `{tag} = {value}`: {}", kind.meaning);
    }
}

fn write_keys(page: &mut String, table: &str, keys: &[KeyReference]) {
    page.push_str("| key | default | meaning |\n|---|---|---|\n");
    let table = table.split(' ').next().unwrap_or(table);
    for KeyReference { key, default, meaning } in keys {
        let meaning = meaning.replace('|', "\\|");
        let _ = writeln!(page, "| `{table}.{key}` | `{default}` | {meaning} |");
    }
}

/// `text` in lines of at most 120 characters.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 120;
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AnyRunConfig;

    /// Paths of all keys below the tables of `config`.
    fn keys(config: &toml::Table) -> Vec<String> {
        let mut keys = Vec::new();
        for (name, value) in config {
            match value {
                toml::Value::Table(table) => keys.extend(table.keys().map(|key| format!("{name}.{key}"))),
                _ => keys.push(name.clone()),
            }
        }
        keys
    }

    #[test]
    fn every_key_of_every_recipe_has_a_line() {
        let page = key_reference_markdown();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("the folder of the recipes") {
            let path = entry.expect("readable").path();
            let config = AnyRunConfig::read(&path, &[]).expect("a valid recipe").to_toml().expect("TOML");
            for key in keys(&toml::from_str(&config).expect("TOML")) {
                // What kinds and names there are stands beside the keys.
                let tag = key.ends_with(".kind") || key == "model.name";
                let stated = match key.split_once('.') {
                    Some(_) if tag => page.contains(&format!("`{} = \"", key.rsplit('.').next().unwrap_or_default())),
                    Some(_) => page.contains(&format!("| `{key}` |")),
                    None => page.contains(&format!("`{key}`")),
                };
                assert!(stated, "{}: no line for {key}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 500, "{seen} keys");
    }

    #[test]
    fn every_key_and_kind_has_a_meaning() {
        fn check(name: &str, table: &TableReference) {
            for key in &table.keys {
                assert!(!key.meaning.is_empty(), "{name}.{} has no meaning", key.key);
            }
            for (value, kind) in &table.kinds {
                check(&format!("{name} {value}"), kind);
            }
        }
        for part in parts() {
            for (name, table) in &part.tables {
                assert!(!table.keys.is_empty() || !table.kinds.is_empty(), "{}: [{name}] has no keys", part.heading);
                check(&format!("{} {name}", part.heading), table);
            }
        }
    }

    #[test]
    fn defaults_are_those_of_the_types_in_a_persons_digits() {
        let optim = TableReference::of::<OptimizerConfig>();
        let default = |key: &str| optim.keys.iter().find(|entry| entry.key == key).expect("a key").default.clone();
        assert_eq!((default("momentum").as_str(), default("kind").as_str()), ("0.9", "\"adamw\""));
        let decode = TableReference::of::<<Detection as TaskTables>::Decode>();
        let threshold = decode.keys.iter().find(|entry| entry.key == "score_threshold").expect("a key");
        assert_eq!(threshold.default, "0.001");
        assert_eq!(number_text(f64::from(0.65f32)), "0.65");
        assert_eq!(number_text(0.1), "0.1");
    }

    #[test]
    fn links_to_code_become_words() {
        assert_eq!(
            unlinked("the keys of [`CrossEntropy`], see [`one_hot`](crate::one_hot)."),
            "the keys of `CrossEntropy`, see `one_hot`."
        );
    }
}
