//! The file that says where images lie and what classes are called: `data.yaml`, or a list of names alone.

use std::path::{Path, PathBuf};

use super::yaml::{self, Text, Value};
use crate::DatasetError;
use crate::annotations::annotated_files::read_text;
use crate::listing::{Listing, file_name};

/// What a data file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DataFile {
    /// The file.
    pub(super) file: PathBuf,
    /// The folder that other paths start from, where it is given.
    root: Option<Text>,
    /// Folders or lists of images of each split.
    pub(super) train: Vec<Text>,
    pub(super) validation: Vec<Text>,
    pub(super) test: Vec<Text>,
    /// Names of the classes.
    pub(super) names: Option<Vec<String>>,
}

/// The keys that are looked at.
const KEYS: [&str; 7] = ["path", "train", "val", "valid", "test", "names", "nc"];

impl DataFile {
    /// Reads the data file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, DatasetError> {
        Self::parse(&read_text(path)?, path)
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, DatasetError> {
        let wrong = |line: usize, found: String, expected: String| DatasetError::Annotation {
            path: path.to_owned(),
            place: format!(":{line}"),
            found,
            expected,
        };
        let values =
            yaml::parse(text, &KEYS).map_err(|error| wrong(error.line, error.found, error.expected.to_owned()))?;
        let mut file = Self { file: path.to_owned(), ..Self::default() };
        let mut count = None;
        for (key, value, line) in values {
            let paths = |value: Value| match value {
                Value::Nothing => Ok(Vec::new()),
                Value::Scalar(text) => Ok(vec![text]),
                Value::List(list) => Ok(list),
                Value::Pairs(_) => {
                    Err(wrong(line, "pairs".to_owned(), format!("a path or a list of paths in `{key}`")))
                }
            };
            match key.as_str() {
                "path" => file.root = paths(value)?.into_iter().next(),
                "train" => file.train = paths(value)?,
                "val" | "valid" => file.validation = paths(value)?,
                "test" => file.test = paths(value)?,
                "names" => {
                    file.names = names(value, line).map_err(|(line, found, expected)| wrong(line, found, expected))?
                }
                _ => {
                    let Value::Scalar(text) = value else {
                        return Err(wrong(line, "no number".to_owned(), "the number of classes in `nc`".to_owned()));
                    };
                    let number: usize = text.text.parse().map_err(|_| {
                        wrong(text.line, format!("`{}`", text.text), "the number of classes in `nc`".to_owned())
                    })?;
                    count = Some((number, line));
                }
            }
        }
        if let (Some((count, line)), Some(names)) = (count, &file.names)
            && count != names.len()
        {
            let expected = format!("{}, the number of `names`", names.len());
            return Err(wrong(line, format!("nc = {count}"), expected));
        }
        Ok(file)
    }

    /// Where a path of the file leads: from the folder that it names, or else from where the file lies. Exports often
    /// write `../train/images` for a folder beside the file.
    ///
    /// # Errors
    ///
    /// When nothing exists there.
    pub(super) fn resolve(&self, written: &Text) -> Result<PathBuf, DatasetError> {
        let here = self.file.parent().unwrap_or(Path::new("."));
        let path = Path::new(&written.text);
        let mut folders = Vec::new();
        folders.extend(self.root.as_ref().map(|root| here.join(&root.text)).filter(|folder| folder.is_dir()));
        folders.push(here.to_owned());
        let inside = path.strip_prefix("..").unwrap_or(path);
        let candidates = folders.iter().flat_map(|folder| [folder.join(path), folder.join(inside)]);
        candidates.into_iter().find(|path| path.exists()).ok_or_else(|| DatasetError::Annotation {
            path: self.file.clone(),
            place: format!(":{}", written.line),
            found: format!("`{}`", written.text),
            expected: format!("a folder or list of images that exists, seen from {}", folders[0].display()),
        })
    }
}

type Wrong = (usize, String, String);

/// Class names, given as a list or by their numbers.
fn names(value: Value, line: usize) -> Result<Option<Vec<String>>, Wrong> {
    match value {
        Value::Nothing => Ok(None),
        Value::Scalar(text) => Ok(Some(vec![text.text])),
        Value::List(list) => Ok(Some(list.into_iter().map(|text| text.text).collect())),
        Value::Pairs(pairs) => {
            let count = pairs.len();
            let mut names: Vec<Option<String>> = vec![None; count];
            for (key, name) in pairs {
                let expected = || format!("each number from 0 to {} once", count - 1);
                let number: Option<usize> = key.text.parse().ok();
                match number.and_then(|number| names.get_mut(number)) {
                    Some(slot @ None) => *slot = Some(name.text),
                    _ => return Err((key.line, format!("class number `{}`", key.text), expected())),
                }
            }
            let complete: Option<Vec<String>> = names.into_iter().collect();
            complete.map(Some).ok_or_else(|| (line, "missing numbers".to_owned(), "one name a class".to_owned()))
        }
    }
}

/// Names of files that hold class names, one a line.
fn holds_names(path: &Path) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    matches!(name.as_str(), "classes.txt" | "labels.txt") || name.ends_with(".names")
}

/// Whether a text file among labels is no label file.
pub(super) fn is_no_label_file(path: &Path) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    holds_names(path)
        || matches!(name.as_str(), "readme.txt" | "license.txt" | "notes.txt")
        || name.starts_with("readme.")
}

/// The data file of a folder: `data.yaml`, `dataset.yaml`, or the only other YAML file with one of the keys `names` and
/// `train`.
pub(super) fn find(root: &Path) -> Result<Option<PathBuf>, DatasetError> {
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let files: Vec<PathBuf> = Listing::of(root)?.others.into_iter().filter(is_yaml).collect();
    let known = ["data.yaml", "data.yml", "dataset.yaml", "dataset.yml"];
    if let Some(file) = known.iter().find_map(|name| files.iter().find(|file| file_name(file) == *name)) {
        return Ok(Some(file.clone()));
    }
    let has_keys = |file: &PathBuf| {
        read_text(file)
            .is_ok_and(|text| text.lines().any(|line| line.starts_with("names:") || line.starts_with("train:")))
    };
    let mut fitting = files.into_iter().filter(has_keys);
    Ok(fitting.next().filter(|_| fitting.next().is_none()))
}

/// The first file with class names in one of `folders`.
pub(super) fn find_names(folders: &[&Path]) -> Result<Option<PathBuf>, DatasetError> {
    for folder in folders {
        if folder.is_dir()
            && let Some(file) = Listing::of(folder)?.others.into_iter().find(|path| holds_names(path))
        {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Class names, one a line.
///
/// # Errors
///
/// An unreadable file, or an empty line between names.
pub(super) fn read_names(path: &Path) -> Result<Vec<String>, DatasetError> {
    let text = read_text(path)?;
    let names: Vec<&str> = text.trim_end().lines().map(str::trim).collect();
    if let Some(empty) = names.iter().position(|name| name.is_empty()) {
        return Err(DatasetError::Annotation {
            path: path.to_owned(),
            place: format!(":{}", empty + 1),
            found: "an empty line".to_owned(),
            expected: "the name of a class".to_owned(),
        });
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn parse(text: &str) -> Result<DataFile, String> {
        DataFile::parse(text, Path::new("data.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_put_in_the_order_of_their_numbers() {
        let file = parse("train: images/train\nval: [a, b]\ntest:\nnames:\n  1: dog\n  0: cat\nnc: 2").unwrap();
        assert_eq!(file.names, Some(vec!["cat".to_owned(), "dog".to_owned()]));
        assert_eq!((file.train.len(), file.validation.len(), file.test.len()), (1, 2, 0));
    }

    #[test]
    fn contradictions_are_named_with_their_line() {
        for (text, message) in [
            ("names: [a, b]\nnc: 3", "data.yaml:2: found nc = 3, expected 2, the number of `names`"),
            ("nc: many", "data.yaml:1: found `many`, expected the number of classes in `nc`"),
            ("names:\n  0: a\n  2: b", "data.yaml:3: found class number `2`, expected each number from 0 to 1 once"),
            ("names:\n  0: a\n  0: b", "data.yaml:3: found class number `0`, expected each number from 0 to 1 once"),
            ("train: {a: b}", "data.yaml:1: found pairs, expected a path or a list of paths in `train`"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message);
        }
    }

    #[test]
    fn paths_are_looked_for_where_exports_mean_them() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("train/images")).unwrap();
        let file = folder.path().join("data.yaml");
        let resolve = |text: &str| {
            let file = DataFile::parse(text, &file).unwrap();
            file.resolve(&file.train[0])
        };
        let expected = folder.path().join("train/images");
        assert_eq!(resolve("train: train/images").unwrap(), expected);
        assert_eq!(resolve("train: ../train/images").unwrap(), expected);
        assert_eq!(resolve("path: train\ntrain: images").unwrap(), expected);
        assert_eq!(resolve("path: ../elsewhere\ntrain: train/images").unwrap(), expected);
        let error = resolve("nc: 1\ntrain: trian/images").unwrap_err().to_string();
        assert!(error.contains("data.yaml:2: found `trian/images`, expected a folder or list of images"), "{error}");
    }
}
