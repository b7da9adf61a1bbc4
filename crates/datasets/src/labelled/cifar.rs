//! CIFAR-10 and CIFAR-100, binary version (<https://www.cs.toronto.edu/~kriz/cifar.html>, "Binary version").
//!
//! A record is the label (CIFAR-100: coarse label, fine label) and 32 × 32 pixels, first all red values row by row,
//! then green, then blue. Class names stand in a text file, one a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};
use vision_types::{ClassId, ClassNames, Sample};

use super::image_folder::FolderSpec;
use super::labelled_arrays::array_splits;
use crate::dataset::check_index;
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::{Listing, file_name};
use crate::split::{SplitFractions, Splits};
use crate::{Dataset, DatasetError};

/// Width and height of an image.
const SIDE: usize = 32;
/// Values of one colour channel.
const PLANE: usize = SIDE * SIDE;
/// Most bytes that one file may hold; the largest (`train.bin`) has 153,700,000.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// Which of the two labels of CIFAR-100 is the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Cifar100Labels {
    /// 100 classes ("maple tree").
    #[default]
    Fine,
    /// 20 superclasses ("trees").
    Coarse,
}

data_settings! {
    /// Settings of `cifar10`; the path is the folder with the `.bin` files, or the `.tar.gz`.
    pub struct Cifar10Spec from files {
    } with validation_split
}

data_settings! {
    /// Settings of `cifar100`; the path is the folder with the `.bin` files, or the `.tar.gz`.
    pub struct Cifar100Spec from files {
        /// The 100 fine or the 20 coarse classes.
        pub labels: Cifar100Labels = Cifar100Labels::Fine;
    } with validation_split
}

impl DataKind for Cifar10Spec {
    type Data = Splits;
    type Auto = FolderSpec;
    const LOOKS_LIKE: &'static str = "CIFAR binary files (data_batch_1.bin, train.bin) or their .tar.gz";

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        open(root, Cifar::Ten, self.fractions())
    }

    fn recognise(place: &Path, auto: &FolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok((recognise(place) == Some(Cifar::Ten)).then(|| Self::at(place, auto.fractions())))
    }
}

impl DataKind for Cifar100Spec {
    type Data = Splits;
    type Auto = FolderSpec;

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        open(root, Cifar::Hundred(self.labels), self.fractions())
    }

    fn recognise(place: &Path, auto: &FolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok(match recognise(place) {
            Some(Cifar::Hundred(labels)) => Some(Self { labels, ..Self::at(place, auto.fractions()) }),
            _ => None,
        })
    }
}

/// Which data set, and so which record layout and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar {
    /// CIFAR-10.
    Ten,
    /// CIFAR-100.
    Hundred(Cifar100Labels),
}

impl Cifar {
    const fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred(_) => 2,
        }
    }

    const fn label_offset(self) -> usize {
        match self {
            Self::Ten | Self::Hundred(Cifar100Labels::Coarse) => 0,
            Self::Hundred(Cifar100Labels::Fine) => 1,
        }
    }

    const fn names_file(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred(Cifar100Labels::Fine) => "fine_label_names.txt",
            Self::Hundred(Cifar100Labels::Coarse) => "coarse_label_names.txt",
        }
    }

    const fn classes(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::Hundred(Cifar100Labels::Fine) => 100,
            Self::Hundred(Cifar100Labels::Coarse) => 20,
        }
    }

    const fn train_files(self) -> &'static [&'static str] {
        match self {
            Self::Ten => {
                &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"]
            }
            Self::Hundred(_) => &["train.bin"],
        }
    }

    const fn test_file(self) -> &'static str {
        match self {
            Self::Ten => "test_batch.bin",
            Self::Hundred(_) => "test.bin",
        }
    }

    const fn looked_for(self) -> &'static str {
        match self {
            Self::Ten => "data_batch_1.bin to data_batch_5.bin, in a folder or a .tar.gz",
            Self::Hundred(_) => "train.bin, in a folder or a .tar.gz",
        }
    }
}

/// Checks that `bytes` are whole records with labels in range, and gives their number.
///
/// # Errors
///
/// What was found and what was expected.
pub fn check_records(bytes: &[u8], cifar: Cifar) -> Result<usize, String> {
    let record = cifar.label_bytes() + 3 * PLANE;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(format!("{} bytes, expected a multiple of the record size {record}", bytes.len()));
    }
    for (index, record) in bytes.chunks_exact(record).enumerate() {
        let label = record[cifar.label_offset()];
        if usize::from(label) >= cifar.classes() {
            return Err(format!("label {label} in record {index}, expected one below {}", cifar.classes()));
        }
    }
    Ok(bytes.len() / record)
}

/// Records of one or more files, held in memory.
#[derive(Debug, Clone)]
pub struct CifarImages {
    cifar: Cifar,
    /// Name (without `.bin`), bytes and number of the first record of each file.
    files: Vec<(String, Vec<u8>, usize)>,
    len: usize,
}

impl CifarImages {
    /// Takes the content of files, in order; `root` is for messages.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Format`] for a damaged file.
    pub fn new(cifar: Cifar, root: &Path, contents: Vec<(String, Vec<u8>)>) -> Result<Self, DatasetError> {
        let mut images = Self { cifar, files: Vec::with_capacity(contents.len()), len: 0 };
        for (name, bytes) in contents {
            let records = check_records(&bytes, cifar)
                .map_err(|detail| DatasetError::Format { path: root.join(&name), detail })?;
            let name = name.strip_suffix(".bin").unwrap_or(&name).to_owned();
            images.files.push((name, bytes, images.len));
            images.len += records;
        }
        Ok(images)
    }

    /// File name, number in the file and bytes of a record.
    fn record(&self, index: usize) -> (&str, usize, &[u8]) {
        let at = self.files.partition_point(|(_, _, first)| *first <= index) - 1;
        let (name, bytes, first) = &self.files[at];
        let size = self.cifar.label_bytes() + 3 * PLANE;
        (name, index - first, &bytes[(index - first) * size..][..size])
    }
}

impl Dataset for CifarImages {
    type Annotation = ClassId;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Sample<ClassId>, DatasetError> {
        let annotation = self.annotation(index)?;
        let pixels = &self.record(index).2[self.cifar.label_bytes()..];
        let image = RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
            let at = y as usize * SIDE + x as usize;
            Rgb([pixels[at], pixels[at + PLANE], pixels[at + 2 * PLANE]])
        });
        Ok(Sample { image, annotation, source: self.source(index) })
    }

    fn annotation(&self, index: usize) -> Result<ClassId, DatasetError> {
        check_index(index, self.len)?;
        Ok(usize::from(self.record(index).2[self.cifar.label_offset()]))
    }

    fn source(&self, index: usize) -> String {
        let (name, number, _) = self.record(index);
        format!("{name}#{number}")
    }
}

/// Opens the folder with the files, a folder that holds that folder, or the `.tar.gz` as published.
/// `fractions.validation` of the training images are set aside; `fractions.test` is not used, since test images have a
/// file of their own (where it is missing, there is no test split).
///
/// # Errors
///
/// A missing or unreadable file, [`DatasetError::NotRecognised`] without training files, [`DatasetError::Format`] for a
/// damaged file or a wrong number of class names.
pub fn open(root: &Path, cifar: Cifar, fractions: SplitFractions) -> Result<Splits, DatasetError> {
    let mut files = read_files(root, cifar)?;
    let mut train_files = Vec::new();
    for name in cifar.train_files() {
        if let Some(bytes) = files.remove(*name) {
            train_files.push(((*name).to_owned(), bytes));
        }
    }
    if train_files.is_empty() {
        let found = if root.is_dir() { Listing::of(root)?.describe() } else { "an archive without them".to_owned() };
        return Err(DatasetError::NotRecognised {
            path: root.to_owned(),
            found,
            looked_for: cifar.looked_for().to_owned(),
        });
    }
    if train_files.len() < cifar.train_files().len() {
        let missing = cifar.train_files().iter().find(|name| train_files.iter().all(|(found, _)| found != *name));
        return Err(DatasetError::Missing { path: root.join(missing.unwrap_or(&"")), nearest: None });
    }
    let classes = class_names(root, cifar, files.remove(cifar.names_file()))?;
    let test = match files.remove(cifar.test_file()) {
        Some(bytes) => Some(CifarImages::new(cifar, root, vec![(cifar.test_file().to_owned(), bytes)])?),
        None => None,
    };
    array_splits(CifarImages::new(cifar, root, train_files)?, test, classes, fractions)
}

/// Which CIFAR lies in the folder, if any. (Archives are not opened: a guess by name is enough.)
fn recognise(root: &Path) -> Option<Cifar> {
    if root.is_file() {
        let name = file_name(root);
        let archive = name.ends_with(".tar.gz") || name.ends_with(".tgz");
        return match name {
            _ if !archive => None,
            name if name.starts_with("cifar-100-binary") => Some(Cifar::Hundred(Cifar100Labels::Fine)),
            name if name.starts_with("cifar-10-binary") => Some(Cifar::Ten),
            _ => None,
        };
    }
    if root.join("data_batch_1.bin").is_file() {
        Some(Cifar::Ten)
    } else if root.join("train.bin").is_file() && root.join("fine_label_names.txt").is_file() {
        Some(Cifar::Hundred(Cifar100Labels::Fine))
    } else {
        None
    }
}

fn class_names(root: &Path, cifar: Cifar, file: Option<Vec<u8>>) -> Result<ClassNames, DatasetError> {
    let path = root.join(cifar.names_file());
    let Some(bytes) = file else {
        return Err(DatasetError::Missing { path, nearest: None });
    };
    let text = String::from_utf8_lossy(&bytes);
    let classes = ClassNames::new(text.lines().map(str::trim).filter(|line| !line.is_empty()));
    if classes.len() != cifar.classes() {
        let detail = format!("{} class names, expected {}", classes.len(), cifar.classes());
        return Err(DatasetError::Format { path, detail });
    }
    Ok(classes)
}

/// The known files below `root` by name, read whole.
fn read_files(root: &Path, cifar: Cifar) -> Result<BTreeMap<String, Vec<u8>>, DatasetError> {
    let metadata = std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let wanted =
        |name: &str| cifar.train_files().contains(&name) || name == cifar.test_file() || name == cifar.names_file();
    let mut files = BTreeMap::new();
    if metadata.is_dir() {
        let listing = Listing::of(root)?;
        let listing = match listing.folders.as_slice() {
            [inner] if recognise(root).is_none() => Listing::of(inner)?,
            _ => listing,
        };
        for path in listing.others {
            let name = file_name(&path);
            if wanted(&name) {
                let bytes = File::open(&path).and_then(read_limited);
                files.insert(name, bytes.map_err(|source| DatasetError::from_io(&path, source))?);
            }
        }
        return Ok(files);
    }
    let read_archive = || -> std::io::Result<_> {
        let mut archive = tar::Archive::new(GzDecoder::new(File::open(root)?));
        for entry in archive.entries()? {
            let entry = entry?;
            let name = file_name(&entry.path()?);
            if entry.header().entry_type().is_file() && wanted(&name) {
                files.insert(name, read_limited(entry)?);
            }
        }
        Ok(files)
    };
    read_archive().map_err(|error| DatasetError::Format {
        path: root.to_owned(),
        detail: format!("damaged or truncated .tar.gz: {error}"),
    })
}

fn read_limited(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A CIFAR-100 record of coarse label 3, fine label 42, red 1, green 2, blue 3, but 9 in the red of row 1, column
    /// 2.
    fn record() -> Vec<u8> {
        let mut record = vec![3, 42];
        record.extend([1; PLANE]);
        record.extend([2; PLANE]);
        record.extend([3; PLANE]);
        record[2 + SIDE + 2] = 9;
        record
    }

    #[test]
    fn planes_become_pixels_and_either_label_is_read() {
        for (labels, expected) in [(Cifar100Labels::Fine, 42), (Cifar100Labels::Coarse, 3)] {
            let bytes = [record(), record()].concat();
            let images =
                CifarImages::new(Cifar::Hundred(labels), Path::new(""), vec![("train.bin".to_owned(), bytes)]).unwrap();
            assert_eq!(images.len(), 2);
            let sample = images.get(1).unwrap();
            assert_eq!(sample.annotation, expected);
            assert_eq!(sample.source, "train#1");
            assert_eq!(sample.image.get_pixel(2, 1), &Rgb([9, 2, 3]));
            assert_eq!(sample.image.get_pixel(1, 2), &Rgb([1, 2, 3]));
        }
    }

    #[test]
    fn labels_out_of_range_and_cut_records_are_refused() {
        let coarse = Cifar::Hundred(Cifar100Labels::Coarse);
        let mut bytes = record();
        bytes[0] = 20;
        assert_eq!(check_records(&bytes, coarse).unwrap_err(), "label 20 in record 0, expected one below 20");
        bytes.pop();
        assert!(check_records(&bytes, coarse).unwrap_err().starts_with("3073 bytes"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..8), repeat in 0usize..3000) {
            let bytes = bytes.repeat(repeat);
            for cifar in [Cifar::Ten, Cifar::Hundred(Cifar100Labels::Fine)] {
                if let Ok(images) = CifarImages::new(cifar, Path::new(""), vec![("x".to_owned(), bytes.clone())]) {
                    for index in 0..images.len() {
                        prop_assert!(images.get(index).unwrap().annotation < cifar.classes());
                    }
                }
            }
        }
    }
}
