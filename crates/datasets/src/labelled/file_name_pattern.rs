//! Class labels in the names of files: `cat_0001.png`.

use std::path::Path;

use super::image_folder::FolderSpec;
use super::labelled_files::{Found, open_tree};
use crate::DatasetError;
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::{Listing, file_name};
use crate::split::{SplitFractions, Splits};

data_settings! {
    /// Settings of `file-name-pattern`.
    pub struct FileNamePatternSpec from files {
        /// The pattern of the names, see [`FileNamePattern`].
        pub pattern: String = "{label}_{id}.*".to_owned();
    } with validation_split, test_split
}

impl DataKind for FileNamePatternSpec {
    type Data = Splits;
    type Auto = FolderSpec;

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        open(root, &FileNamePattern::parse(&self.pattern)?, self.fractions())
    }
}

/// A pattern that file names fit, such as `{label}_{id}.png`.
///
/// `{label}` stands for the class, `{id}` and `*` for anything; all else stands for itself. `{label}` takes as much of
/// the name as it can: `{label}_{id}.jpg` reads `american_bulldog_12.jpg` as `american_bulldog`. Each stands for at
/// least one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNamePattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Label,
    Anything,
}

impl FileNamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// [`DatasetError::InvalidSetting`] for an unknown or unclosed placeholder, or unless `{label}` occurs once.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let invalid = |expected: &str| DatasetError::InvalidSetting {
            key: "pattern",
            found: format!("`{text}`"),
            expected: expected.to_owned(),
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(['{', '*']) {
            if start > 0 {
                parts.push(Part::Literal(rest[..start].to_owned()));
            }
            rest = &rest[start..];
            if let Some(after) = rest.strip_prefix('*') {
                parts.push(Part::Anything);
                rest = after;
                continue;
            }
            let end = rest.find('}').ok_or_else(|| invalid("a `}` for every `{`"))?;
            parts.push(match &rest[1..end] {
                "label" => Part::Label,
                "id" => Part::Anything,
                _ => return Err(invalid("only the placeholders {label}, {id} and *")),
            });
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        if parts.iter().filter(|part| **part == Part::Label).count() != 1 {
            return Err(invalid("{label} exactly once, as in `{label}_{id}.png`"));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The label in `name`, or `None` if the name does not fit.
    pub fn label<'n>(&self, name: &'n str) -> Option<&'n str> {
        match_parts(&self.parts, name)?
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// `None` if `name` does not fit `parts`, otherwise the label if it is among them.
fn match_parts<'n>(parts: &[Part], name: &'n str) -> Option<Option<&'n str>> {
    let Some((first, rest)) = parts.split_first() else {
        return name.is_empty().then_some(None);
    };
    /// Ends of the non-empty prefixes of `name`, shortest first.
    fn prefix_ends(name: &str) -> impl DoubleEndedIterator<Item = usize> {
        name.char_indices().map(|(start, character)| start + character.len_utf8())
    }
    match first {
        Part::Literal(literal) => match_parts(rest, name.strip_prefix(literal.as_str())?),
        Part::Label => {
            prefix_ends(name).rev().find_map(|end| match_parts(rest, &name[end..]).map(|_| Some(&name[..end])))
        }
        Part::Anything => prefix_ends(name).find_map(|end| match_parts(rest, &name[end..])),
    }
}

/// Opens the images that lie directly in `root` (or in its folders `train`, `val` and `test`) and reads their classes
/// from their names.
///
/// # Errors
///
/// Those of [`crate::image_folder::open`], and [`DatasetError::NameMismatch`] for an image whose name does not fit.
pub fn open(root: &Path, pattern: &FileNamePattern, fractions: SplitFractions) -> Result<Splits, DatasetError> {
    open_tree(root, fractions, |folder| scan(folder, pattern))
}

fn scan(folder: &Path, pattern: &FileNamePattern) -> Result<Found, DatasetError> {
    let listing = Listing::of(folder)?;
    let mut found = Found { files: Vec::new(), ignored: listing.ignored() };
    let mut unfit = Vec::new();
    for path in listing.images {
        match pattern.label(&file_name(&path)) {
            Some(label) => found.files.push((path.clone(), label.to_owned())),
            None => unfit.push(path),
        }
    }
    if let Some(path) = unfit.first() {
        return Err(DatasetError::NameMismatch {
            path: path.clone(),
            pattern: pattern.as_str().to_owned(),
            others: unfit.len() - 1,
        });
    }
    if found.files.is_empty() {
        return Err(DatasetError::NoImages {
            path: folder.to_owned(),
            ignored: found.ignored,
            expected: "images directly in the folder, with their class in their name",
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_from_names() {
        // Pattern, name, label.
        let table = [
            ("{label}_{id}.png", "cat_1.png", Some("cat")),
            ("{label}_{id}.png", "american_bulldog_12.png", Some("american_bulldog")),
            ("{label}_{id}.png", "cat_1.jpg", None),
            ("{label}_{id}.png", "cat.png", None),
            ("{label}_{id}.png", "_1.png", None),
            ("{id}-{label}.*", "0042-übergröße.jpeg", Some("übergröße")),
            ("*.{label}.{id}.jpg", "set.dog.12500.jpg", Some("dog")),
            ("{label}.{id}.jpg", "dog.12500.jpg", Some("dog")),
            ("img{label}", "img7", Some("7")),
            ("img{label}", "img", None),
        ];
        for (pattern, name, label) in table {
            assert_eq!(FileNamePattern::parse(pattern).unwrap().label(name), label, "{pattern} on {name}");
        }
    }

    #[test]
    fn patterns_without_exactly_one_label_are_refused() {
        for pattern in ["", "{id}.png", "{label}{label}", "{lable}_{id}.png", "{label", "*"] {
            let error = FileNamePattern::parse(pattern).unwrap_err();
            assert!(matches!(error, DatasetError::InvalidSetting { key: "pattern", .. }), "{pattern}: {error}");
        }
    }
}
