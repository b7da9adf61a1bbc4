//! MNIST and Fashion-MNIST in the IDX format (<http://yann.lecun.com/exdb/mnist/>, "the IDX file format").
//!
//! A magic number (two zero bytes, the type of the values, the number of dimensions), the dimensions as big-endian
//! 32-bit numbers, then the values row by row. Only unsigned bytes occur here.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use image::{Rgb, RgbImage};
use vision_types::{ClassId, ClassNames, Sample};

use super::image_folder::FolderSpec;
use super::labelled_arrays::array_splits;
use crate::dataset::check_index;
use crate::kind::{DataKind, FileSettings, data_settings};
use crate::listing::file_name;
use crate::split::{SplitFractions, Splits};
use crate::{Dataset, DatasetError};

/// Names of the Fashion-MNIST classes (<https://github.com/zalandoresearch/fashion-mnist>, "Labels").
pub const FASHION_MNIST_CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

data_settings! {
    /// Settings of `mnist`; the path is the folder with the four files.
    pub struct MnistSpec from files {
    } with validation_split then {
        /// Names of the classes; by default those of the published data set.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
    }
}

data_settings! {
    /// Settings of `fashion-mnist`; the path is the folder with the four files.
    pub struct FashionMnistSpec from files {
    } with validation_split then {
        /// Names of the classes; by default those of the published data set.
        pub classes: Option<Vec<String>> = None, omit "Option::is_none";
    }
}

impl DataKind for MnistSpec {
    type Data = Splits;
    type Auto = FolderSpec;
    const LOOKS_LIKE: &'static str = "IDX files (train-images-idx3-ubyte)";

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        let digits = (0..10).map(|digit| digit.to_string());
        open(root, self.classes.clone().map_or_else(|| ClassNames::new(digits), ClassNames::new), self.fractions())
    }

    fn recognise(place: &Path, auto: &FolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok((recognise(place)? && !is_fashion(place)).then(|| Self::at(place, auto.fractions())))
    }
}

impl DataKind for FashionMnistSpec {
    type Data = Splits;
    type Auto = FolderSpec;

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        let classes = self.classes.clone();
        open(root, classes.map_or_else(|| ClassNames::new(FASHION_MNIST_CLASSES), ClassNames::new), self.fractions())
    }

    fn recognise(place: &Path, auto: &FolderSpec) -> Result<Option<Self>, DatasetError> {
        Ok((recognise(place)? && is_fashion(place)).then(|| Self::at(place, auto.fractions())))
    }
}

/// The files of the two have the same names and sizes; only the folder can tell them apart.
fn is_fashion(root: &Path) -> bool {
    file_name(root).to_ascii_lowercase().contains("fashion")
}

/// Most bytes that an IDX file may unpack to; all of EMNIST is 640 MB.
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Values of an IDX file of unsigned bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdxArray<'a, const DIMENSIONS: usize> {
    /// Sizes, outermost first.
    pub sizes: [usize; DIMENSIONS],
    /// Values, row by row.
    pub values: &'a [u8],
}

/// Reads the header of an IDX file and checks that the values are complete.
///
/// # Errors
///
/// What was found and what was expected.
pub fn parse_idx<const DIMENSIONS: usize>(bytes: &[u8]) -> Result<IdxArray<'_, DIMENSIONS>, String> {
    /// Code of unsigned bytes in the magic number.
    const UNSIGNED_BYTE: u8 = 0x08;
    let header_len = 4 + 4 * DIMENSIONS;
    let expected = [0, 0, UNSIGNED_BYTE, DIMENSIONS as u8];
    let Some(header) = bytes.get(..header_len) else {
        return Err(format!("{} bytes, expected an IDX header of {header_len} bytes", bytes.len()));
    };
    if header[..4] != expected {
        return Err(format!("starts with bytes {:02x?}, expected the IDX magic number {expected:02x?}", &header[..4]));
    }
    let mut sizes = [0; DIMENSIONS];
    for (size, bytes) in sizes.iter_mut().zip(header[4..].chunks_exact(4)) {
        *size = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    }
    let values = &bytes[header_len..];
    let count = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    if count != Some(values.len()) {
        return Err(format!("{} values after the header, expected {sizes:?} of them", values.len()));
    }
    Ok(IdxArray { sizes, values })
}

/// Grey images with labels, held in memory as bytes.
#[derive(Debug, Clone)]
pub struct IdxImages {
    name: String,
    width: u32,
    height: u32,
    /// `[images, height, width]`.
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl IdxImages {
    /// Reads an image file and its label file, plain or gzip (told by content).
    ///
    /// # Errors
    ///
    /// A missing or unreadable file, or [`DatasetError::Format`] for a damaged one, numbers that do not fit each other,
    /// images without pixels, or a label of `classes` or above.
    pub fn read(images: &Path, labels: &Path, classes: usize) -> Result<Self, DatasetError> {
        let wrong = |path: &Path, detail| DatasetError::Format { path: path.to_owned(), detail };
        let image_bytes = read_maybe_gzip(images)?;
        let array = parse_idx::<3>(&image_bytes).map_err(|detail| wrong(images, detail))?;
        let [count, height, width] = array.sizes;
        if height == 0 || width == 0 || count == 0 {
            return Err(wrong(
                images,
                format!("{count} images of {width}×{height} pixels, expected at least 1 of each"),
            ));
        }
        let label_bytes = read_maybe_gzip(labels)?;
        let label_array = parse_idx::<1>(&label_bytes).map_err(|detail| wrong(labels, detail))?;
        if label_array.sizes[0] != count {
            let found = label_array.sizes[0];
            return Err(wrong(labels, format!("{found} labels, expected one for each of the {count} images")));
        }
        if let Some(at) = label_array.values.iter().position(|&label| usize::from(label) >= classes) {
            let label = label_array.values[at];
            return Err(wrong(labels, format!("label {label} at position {at}, expected one below {classes}")));
        }
        let name = crate::listing::file_name(images);
        let name = name.split(['-', '.']).next().unwrap_or_default();
        Ok(Self {
            name: format!("{name}-images"),
            width: width as u32,
            height: height as u32,
            pixels: array.values.to_vec(),
            labels: label_array.values.to_vec(),
        })
    }
}

impl Dataset for IdxImages {
    type Annotation = ClassId;

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn get(&self, index: usize) -> Result<Sample<ClassId>, DatasetError> {
        let annotation = self.annotation(index)?;
        let area = self.width as usize * self.height as usize;
        let grey = &self.pixels[index * area..][..area];
        let image = RgbImage::from_fn(self.width, self.height, |x, y| {
            let value = grey[y as usize * self.width as usize + x as usize];
            Rgb([value; 3])
        });
        Ok(Sample { image, annotation, source: self.source(index) })
    }

    fn annotation(&self, index: usize) -> Result<ClassId, DatasetError> {
        check_index(index, self.len())?;
        Ok(usize::from(self.labels[index]))
    }

    fn source(&self, index: usize) -> String {
        format!("{}#{index}", self.name)
    }
}

/// Opens the four files of MNIST or Fashion-MNIST in `root`. `fractions.validation` of the training images are set
/// aside; `fractions.test` is not used, since test images have files of their own (where these are missing, there is no
/// test split).
///
/// # Errors
///
/// Those of [`IdxImages::read`], [`DatasetError::NotRecognised`] without training files.
pub fn open(root: &Path, classes: ClassNames, fractions: SplitFractions) -> Result<Splits, DatasetError> {
    let Some((images, labels)) = find_pair(root, "train")? else {
        return Err(DatasetError::NotRecognised {
            path: root.to_owned(),
            found: crate::listing::Listing::of(root)?.describe(),
            looked_for: "train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz".to_owned(),
        });
    };
    let train = IdxImages::read(&images, &labels, classes.len())?;
    let test = match find_pair(root, "t10k")? {
        Some((images, labels)) => Some(IdxImages::read(&images, &labels, classes.len())?),
        None => None,
    };
    array_splits(train, test, classes, fractions)
}

/// Whether the training files lie in `root`.
fn recognise(root: &Path) -> Result<bool, DatasetError> {
    Ok(find_pair(root, "train")?.is_some())
}

/// Image and label file of a part ("train" or "t10k").
///
/// Both spellings in circulation are accepted: `train-images-idx3-ubyte` and `train-images.idx3-ubyte`, plain or `.gz`.
fn find_pair(root: &Path, part: &str) -> Result<Option<(PathBuf, PathBuf)>, DatasetError> {
    std::fs::metadata(root).map_err(|source| DatasetError::from_io(root, source))?;
    let find = |kind: &str, dimensions: u8| {
        ["-", "."].iter().flat_map(|joint| ["", ".gz"].map(|end| (joint, end))).find_map(|(joint, end)| {
            let path = root.join(format!("{part}-{kind}{joint}idx{dimensions}-ubyte{end}"));
            path.is_file().then_some(path)
        })
    };
    match (find("images", 3), find("labels", 1)) {
        (Some(images), Some(labels)) => Ok(Some((images, labels))),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(DatasetError::Missing { path: root.join(format!("{part}-labels-idx1-ubyte")), nearest: None })
        }
        (None, Some(_)) => {
            Err(DatasetError::Missing { path: root.join(format!("{part}-images-idx3-ubyte")), nearest: None })
        }
    }
}

fn read_maybe_gzip(path: &Path) -> Result<Vec<u8>, DatasetError> {
    /// The first two bytes of a gzip file (RFC 1952, section 2.3.1).
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    let mut stored = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut stored))
        .map_err(|source| DatasetError::from_io(path, source))?;
    if !stored.starts_with(&GZIP_MAGIC) {
        return Ok(stored);
    }
    let mut bytes = Vec::new();
    MultiGzDecoder::new(stored.as_slice()).take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| {
        DatasetError::Format { path: path.to_owned(), detail: format!("damaged or truncated gzip: {error}") }
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn header_and_values_are_read() {
        let bytes = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 13, 14, 15];
        let array = parse_idx::<3>(&bytes).unwrap();
        assert_eq!(array.sizes, [1, 2, 3]);
        assert_eq!(array.values, [10, 11, 12, 13, 14, 15]);
        assert_eq!(parse_idx::<3>(&bytes[..21]).unwrap_err(), "5 values after the header, expected [1, 2, 3] of them");
        assert!(parse_idx::<1>(&bytes).unwrap_err().contains("magic number"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..64), magic in any::<bool>()) {
            let mut bytes = if magic { vec![0, 0, 8, 3] } else { Vec::new() };
            bytes.extend(tail);
            if let Ok(array) = parse_idx::<3>(&bytes) {
                prop_assert_eq!(array.sizes.iter().product::<usize>(), array.values.len());
            }
        }
    }
}
