//! From what a mask file holds to class numbers.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use pictures::{StoredMask, StoredPixels};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vision_types::{ClassNames, Mask};

use super::MOST_CLASSES;
use crate::DatasetError;

/// How mask files name classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MaskEncoding {
    /// `colors` if these are given; `index` if `values`, `ignore_index` or other than two `classes` are given, or the
    /// files have palettes; `binary` if the levels 0 and 255 alone are met in up to 32 files, evenly spaced, or the
    /// files are JPEG; `index` otherwise.
    #[default]
    Auto,
    /// Grey levels or palette positions are class numbers, or the `values` given for them.
    Index,
    /// 0 is the background and everything else the one class; in JPEG files, whose levels waver, everything from 128
    /// on.
    Binary,
    /// Colours stand for classes.
    Colors,
}

/// The colour of a class in mask files: `[red, green, blue]`, or a table with the name as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ClassColor {
    /// The colour alone; its class is named in `classes`, or by the colour.
    Unnamed([u8; 3]),
    /// The colour and the name of its class.
    Named {
        /// The name.
        name: String,
        /// Red, green and blue.
        color: [u8; 3],
    },
}

impl ClassColor {
    fn color(&self) -> [u8; 3] {
        match self {
            Self::Unnamed(color) | Self::Named { color, .. } => *color,
        }
    }
}

/// What a configuration says about the encoding.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EncodingSettings<'a> {
    pub(crate) encoding: MaskEncoding,
    pub(crate) classes: Option<&'a [String]>,
    pub(crate) values: Option<&'a [u16]>,
    pub(crate) colors: Option<&'a [ClassColor]>,
    pub(crate) ignore_index: Option<u16>,
    pub(crate) ignore_color: Option<[u8; 3]>,
}

/// The level that stands for pixels to ignore where nothing else is said.
const USUAL_IGNORE: u16 = Mask::IGNORE as u16;

/// How the files of one data set are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MaskCode {
    /// Levels or palette positions, in the order of the classes.
    Values { values: Vec<u16>, ignore: Option<u16> },
    /// Background or not.
    Binary { ignore: Option<u16> },
    /// Colours in the order of the classes.
    Colors { colors: Vec<[u8; 3]>, ignore: Option<[u8; 3]> },
}

impl MaskCode {
    /// Class numbers 0 to `classes - 1`, and 255 to ignore.
    pub(crate) fn plain(classes: usize) -> Self {
        Self::Values { values: (0..classes as u16).collect(), ignore: Some(USUAL_IGNORE) }
    }

    /// Reads the mask file at `path`.
    ///
    /// # Errors
    ///
    /// Those of reading an image file, and [`DatasetError::MaskValue`] for a pixel of no class.
    pub(crate) fn read(&self, path: &Path) -> Result<Mask, DatasetError> {
        self.classes_of(&StoredMask::read(path)?, path)
    }

    fn classes_of(&self, stored: &StoredMask, path: &Path) -> Result<Mask, DatasetError> {
        let pixels = match self {
            Self::Values { values, ignore } => {
                let Some(found) = stored.values() else { return Err(colours_instead(path)) };
                let classes = Lookup::new(values, *ignore);
                decode(found.iter().map(|&value| classes.get(value)), stored, path, |place| {
                    nearest_value(found[place], values, *ignore)
                })?
            }
            Self::Binary { ignore } => binary(stored, *ignore),
            Self::Colors { colors, ignore } => {
                let classes: HashMap<[u8; 3], u8> = ignore
                    .map(|color| (color, Mask::IGNORE))
                    .into_iter()
                    .chain(colors.iter().copied().zip(0..Mask::IGNORE))
                    .collect();
                let found = stored.colours();
                // Neighbours mostly have one colour.
                let mut last = None;
                let pixels = found.iter().map(|color| match last {
                    Some((known, class)) if known == color => class,
                    _ => {
                        let class = classes.get(color).copied();
                        last = Some((color, class));
                        class
                    }
                });
                decode(pixels, stored, path, |place| nearest_color(found[place], colors, *ignore))?
            }
        };
        Ok(Mask::from_pixels(stored.width, stored.height, pixels).expect("one class for each pixel of the file"))
    }
}

/// The class of each value.
struct Lookup(Vec<Option<u8>>);

impl Lookup {
    fn new(values: &[u16], ignore: Option<u16>) -> Self {
        let last = values.iter().chain(&ignore).max().copied().unwrap_or(0);
        let mut classes = vec![None; usize::from(last) + 1];
        if let Some(ignore) = ignore {
            classes[usize::from(ignore)] = Some(Mask::IGNORE);
        }
        for (&value, class) in values.iter().zip(0..Mask::IGNORE) {
            classes[usize::from(value)] = Some(class);
        }
        Self(classes)
    }

    fn get(&self, value: u16) -> Option<u8> {
        self.0.get(usize::from(value)).copied().flatten()
    }
}

/// The classes, or an error that names the first pixel without one; `name` gives what it is and what was expected.
fn decode(
    classes: impl Iterator<Item = Option<u8>>,
    stored: &StoredMask,
    path: &Path,
    name: impl Fn(usize) -> (String, String),
) -> Result<Vec<u8>, DatasetError> {
    let mut pixels = Vec::with_capacity(stored.width as usize * stored.height as usize);
    let (mut first, mut others) = (None, 0);
    for (place, class) in classes.enumerate() {
        match (class, first) {
            (Some(class), None) => pixels.push(class),
            (Some(_), Some(_)) => {}
            (None, None) => first = Some(place),
            (None, Some(_)) => others += 1,
        }
    }
    let Some(place) = first else { return Ok(pixels) };
    let (found, expected) = name(place);
    let (x, y) = (place as u64 % u64::from(stored.width), place as u64 / u64::from(stored.width));
    Err(DatasetError::MaskValue { path: path.to_owned(), x: x as u32, y: y as u32, others, found, expected })
}

fn binary(stored: &StoredMask, ignore: Option<u16>) -> Vec<u8> {
    /// Levels of JPEG files are rounded to black or white.
    const LOSSY_THRESHOLD: u16 = 128;
    let class = |value: u16| match ignore {
        Some(ignore) if value == ignore => Mask::IGNORE,
        _ if stored.lossy => u8::from(value >= LOSSY_THRESHOLD),
        _ => u8::from(value > 0),
    };
    match stored.values() {
        Some(values) => values.iter().map(|&value| class(value)).collect(),
        None => stored.colours().iter().map(|color| class(u16::from(*color.iter().max().unwrap_or(&0)))).collect(),
    }
}

fn nearest_value(value: u16, values: &[u16], ignore: Option<u16>) -> (String, String) {
    let contiguous = values.iter().copied().eq(0..values.len() as u16);
    let mut expected = match values {
        [only] => only.to_string(),
        [first, .., last] if contiguous => format!("{first} to {last}"),
        _ => format!("one of {}", values.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    };
    if let Some(ignore) = ignore {
        expected.push_str(&format!(", or {ignore} to ignore"));
    }
    if let Some(nearest) = values.iter().chain(&ignore).min_by_key(|known| known.abs_diff(value)) {
        expected.push_str(&format!("; the nearest is {nearest}"));
    }
    (format!("value {value}"), expected)
}

fn nearest_color(color: [u8; 3], colors: &[[u8; 3]], ignore: Option<[u8; 3]>) -> (String, String) {
    let distance =
        |known: &&[u8; 3]| -> u32 { known.iter().zip(color).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    let nearest = colors.iter().chain(&ignore).min_by_key(distance).copied().unwrap_or_default();
    let expected = format!("one of the {} `colors`; the nearest is {}", colors.len(), name_of_color(nearest));
    (format!("colour {}", name_of_color(color)), expected)
}

fn name_of_color([red, green, blue]: [u8; 3]) -> String {
    format!("[{red}, {green}, {blue}]")
}

fn colours_instead(path: &Path) -> DatasetError {
    DatasetError::Format {
        path: path.to_owned(),
        detail: "a mask in colours without a palette, expected class numbers; say which colour is which class with \
                 `colors = [[0, 0, 0], …]`"
            .to_owned(),
    }
}

/// Settles how the files `masks` are read and what their classes are called.
///
/// # Errors
///
/// [`DatasetError::InvalidSetting`] for settings that contradict one another, and [`DatasetError::Format`] where files
/// hold numbers that cannot be class numbers.
pub(crate) fn settle(
    settings: EncodingSettings<'_>,
    masks: &[PathBuf],
) -> Result<(MaskCode, ClassNames), DatasetError> {
    match settings.encoding {
        MaskEncoding::Colors => settle_colors(settings),
        MaskEncoding::Index => settle_index(settings, masks),
        MaskEncoding::Binary => settle_binary(settings),
        MaskEncoding::Auto => {
            if settings.colors.is_some() {
                return settle_colors(settings);
            }
            let several = settings.classes.is_some_and(|classes| classes.len() != 2);
            let indexed = several || settings.values.is_some() || settings.ignore_index.is_some();
            if !indexed && is_binary(masks)? { settle_binary(settings) } else { settle_index(settings, masks) }
        }
    }
}

/// Whether the levels 0 and 255 alone occur in some of the files. Files that cannot be read say nothing.
fn is_binary(masks: &[PathBuf]) -> Result<bool, DatasetError> {
    /// Files that are looked at.
    const LOOKED_AT: usize = 32;
    let count = masks.len().min(LOOKED_AT);
    let looks: Vec<Option<bool>> = (0..count)
        .into_par_iter()
        .map(|number| {
            let path = &masks[number * masks.len() / count];
            let Ok(stored) = StoredMask::read(path) else { return Ok(None) };
            match &stored.content {
                StoredPixels::Colours(_) => Err(colours_instead(path)),
                StoredPixels::Indexed { .. } => Ok(Some(false)),
                StoredPixels::Grey { values, .. } => {
                    // Black alone fits either reading.
                    let levels: BTreeSet<u16> = values.iter().copied().collect();
                    let black_and_white = levels.iter().all(|&level| level == 0 || level == USUAL_IGNORE);
                    let black = levels.iter().all(|&level| level == 0);
                    Ok((!black || stored.lossy).then_some(stored.lossy || black_and_white))
                }
            }
        })
        .collect::<Result<_, DatasetError>>()?;
    let told: Vec<bool> = looks.into_iter().flatten().collect();
    Ok(!told.is_empty() && told.into_iter().all(|binary| binary))
}

fn invalid(key: &'static str, found: String, expected: impl Into<String>) -> DatasetError {
    DatasetError::InvalidSetting { key, found, expected: expected.into() }
}

fn refuse(given: bool, key: &'static str, encoding: &str) -> Result<(), DatasetError> {
    match given {
        true => Err(invalid(key, format!("it beside the encoding `{encoding}`"), "only one of the two")),
        false => Ok(()),
    }
}

fn check_class_count(key: &'static str, count: usize) -> Result<(), DatasetError> {
    match count {
        1..=MOST_CLASSES => Ok(()),
        _ => Err(invalid(key, format!("{count} of them"), format!("1 to {MOST_CLASSES}"))),
    }
}

/// Fails where one of `items` occurs twice.
fn check_distinct<T: Ord + std::fmt::Debug>(key: &'static str, items: &[T]) -> Result<(), DatasetError> {
    let mut seen = BTreeSet::new();
    match items.iter().find(|item| !seen.insert(*item)) {
        Some(twice) => Err(invalid(key, format!("{twice:?} twice"), "each once")),
        None => Ok(()),
    }
}

fn settle_colors(settings: EncodingSettings<'_>) -> Result<(MaskCode, ClassNames), DatasetError> {
    refuse(settings.values.is_some(), "values", "colors")?;
    refuse(settings.ignore_index.is_some(), "ignore_index", "colors")?;
    let Some(entries) = settings.colors else {
        return Err(invalid("colors", "none".to_owned(), "the colour of each class for the encoding `colors`"));
    };
    check_class_count("colors", entries.len())?;
    let colors: Vec<[u8; 3]> = entries.iter().map(ClassColor::color).collect();
    check_distinct("colors", &colors)?;
    if let Some(ignored) = settings.ignore_color.filter(|ignored| colors.contains(ignored)) {
        return Err(invalid("ignore_color", name_of_color(ignored), "a colour of no class"));
    }
    let names = match settings.classes {
        Some(names) if names.len() != entries.len() => {
            return Err(invalid("classes", format!("{} names", names.len()), format!("{} as `colors`", entries.len())));
        }
        Some(names) => ClassNames::new(names.iter().cloned()),
        None => ClassNames::new(entries.iter().map(|entry| match entry {
            ClassColor::Named { name, .. } => name.clone(),
            ClassColor::Unnamed([red, green, blue]) => format!("#{red:02x}{green:02x}{blue:02x}"),
        })),
    };
    Ok((MaskCode::Colors { colors, ignore: settings.ignore_color }, names))
}

fn settle_binary(settings: EncodingSettings<'_>) -> Result<(MaskCode, ClassNames), DatasetError> {
    refuse(settings.values.is_some(), "values", "binary")?;
    refuse(settings.colors.is_some(), "colors", "binary")?;
    refuse(settings.ignore_color.is_some(), "ignore_color", "binary")?;
    if settings.ignore_index == Some(0) {
        return Err(invalid("ignore_index", "0, the background".to_owned(), "another value for the encoding `binary`"));
    }
    let names = match settings.classes {
        Some(names) if names.len() != 2 => {
            let expected = "2 for the encoding `binary`: of the background and of the rest";
            return Err(invalid("classes", format!("{} names", names.len()), expected));
        }
        Some(names) => ClassNames::new(names.iter().cloned()),
        None => ClassNames::new(["background", "foreground"]),
    };
    Ok((MaskCode::Binary { ignore: settings.ignore_index }, names))
}

fn settle_index(settings: EncodingSettings<'_>, masks: &[PathBuf]) -> Result<(MaskCode, ClassNames), DatasetError> {
    refuse(settings.colors.is_some(), "colors", "index")?;
    refuse(settings.ignore_color.is_some(), "ignore_color", "index")?;
    if let (Some(names), Some(values)) = (settings.classes, settings.values)
        && names.len() != values.len()
    {
        return Err(invalid("values", format!("{} of them", values.len()), format!("{} as `classes`", names.len())));
    }
    let values: Vec<u16> = match (settings.values, settings.classes) {
        (Some(values), _) => values.to_vec(),
        (None, Some(names)) => (0..names.len().min(MOST_CLASSES + 1) as u16).collect(),
        (None, None) => {
            let largest = largest_value(masks, settings.ignore_index.unwrap_or(USUAL_IGNORE))?;
            (0..=largest).collect()
        }
    };
    check_class_count(if settings.values.is_some() { "values" } else { "classes" }, values.len())?;
    check_distinct("values", &values)?;
    if let Some(ignored) = settings.ignore_index.filter(|ignored| values.contains(ignored)) {
        return Err(invalid("ignore_index", ignored.to_string(), "a value of no class"));
    }
    let ignore = settings.ignore_index.or(Some(USUAL_IGNORE)).filter(|ignored| !values.contains(ignored));
    let names = match settings.classes {
        Some(names) => ClassNames::new(names.iter().cloned()),
        None => ClassNames::new(values.iter().map(u16::to_string)),
    };
    Ok((MaskCode::Values { values, ignore }, names))
}

/// The largest value in any of the files other than `ignore`. Files that cannot be read say nothing.
fn largest_value(masks: &[PathBuf], ignore: u16) -> Result<u16, DatasetError> {
    let largest = masks
        .par_iter()
        .map(|path| {
            let Ok(stored) = StoredMask::read(path) else { return Ok(0) };
            let Some(values) = stored.values() else { return Err(colours_instead(path)) };
            let largest = values.iter().copied().filter(|&value| value != ignore).max().unwrap_or(0);
            if usize::from(largest) >= MOST_CLASSES {
                return Err(DatasetError::Format {
                    path: path.clone(),
                    detail: format!(
                        "value {largest} in a mask, expected class numbers below {MOST_CLASSES}; list the `values` of \
                         the classes, or give `ignore_index`"
                    ),
                });
            }
            Ok(largest)
        })
        .collect::<Result<Vec<u16>, DatasetError>>()?;
    Ok(largest.into_iter().max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, values: &[u16]) -> StoredMask {
        let content = StoredPixels::Grey { values: values.to_vec(), white: 255 };
        StoredMask { width, height: values.len() as u32 / width, content, lossy: false }
    }

    fn colours(width: u32, pixels: &[[u8; 3]]) -> StoredMask {
        let content = StoredPixels::Colours(pixels.to_vec());
        StoredMask { width, height: pixels.len() as u32 / width, content, lossy: false }
    }

    fn classes(code: &MaskCode, stored: &StoredMask) -> Result<Vec<u8>, String> {
        code.classes_of(stored, Path::new("m.png"))
            .map(|mask| mask.pixels().to_vec())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_classes_in_their_order_and_one_is_ignored() {
        let code = MaskCode::Values { values: vec![50, 0, 1000], ignore: Some(7) };
        assert_eq!(classes(&code, &grey(2, &[0, 1000, 50, 7])).unwrap(), [1, 2, 0, 255]);
        assert_eq!(classes(&MaskCode::plain(3), &grey(2, &[0, 2, 1, 255])).unwrap(), [0, 2, 1, 255]);
    }

    #[test]
    fn a_value_of_no_class_is_named_with_its_place_and_the_nearest() {
        let error = classes(&MaskCode::plain(3), &grey(2, &[0, 1, 9, 8, 2, 255])).unwrap_err();
        assert_eq!(
            error,
            "m.png: pixel (0, 1) and 1 others: found value 9, expected 0 to 2, or 255 to ignore; the nearest is 2"
        );
        let code = MaskCode::Values { values: vec![0, 100, 200], ignore: None };
        let error = classes(&code, &grey(3, &[0, 100, 160])).unwrap_err();
        assert_eq!(error, "m.png: pixel (2, 0): found value 160, expected one of 0, 100, 200; the nearest is 200");
        let error = classes(&code, &colours(1, &[[1, 2, 3]])).unwrap_err();
        assert!(error.contains("m.png: a mask in colours") && error.contains("`colors"), "{error}");
    }

    #[test]
    fn a_colour_of_no_class_is_named_with_its_place_and_the_nearest() {
        let code = MaskCode::Colors { colors: vec![[0; 3], [128, 64, 128]], ignore: Some([255; 3]) };
        let pixels = [[128, 64, 128], [255; 3], [0; 3], [128, 64, 128]];
        assert_eq!(classes(&code, &colours(2, &pixels)).unwrap(), [1, 255, 0, 1]);
        let error = classes(&code, &colours(2, &[[0; 3], [0; 3], [0; 3], [120, 60, 130]])).unwrap_err();
        assert_eq!(
            error,
            "m.png: pixel (1, 1): found colour [120, 60, 130], expected one of the 2 `colors`; the nearest is [128, 64, 128]"
        );
    }

    #[test]
    fn everything_but_zero_is_foreground_and_jpeg_is_rounded() {
        let code = MaskCode::Binary { ignore: None };
        assert_eq!(classes(&code, &grey(2, &[0, 1, 128, 255])).unwrap(), [0, 1, 1, 1]);
        let lossy = StoredMask { lossy: true, ..grey(2, &[3, 127, 128, 250]) };
        assert_eq!(classes(&code, &lossy).unwrap(), [0, 0, 1, 1]);
        assert_eq!(classes(&code, &colours(2, &[[0; 3], [0, 0, 9]])).unwrap(), [0, 1]);
        assert_eq!(
            classes(&MaskCode::Binary { ignore: Some(128) }, &grey(2, &[0, 1, 128, 255])).unwrap(),
            [0, 1, 255, 1]
        );
    }

    #[test]
    fn settings_that_contradict_one_another_are_refused() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let message = |settings: EncodingSettings<'_>| settle(settings, &[]).unwrap_err().to_string();
        let (two, three) = (names(&["a", "b"]), names(&["a", "b", "c"]));
        let settings = EncodingSettings::default();
        let binary = EncodingSettings { encoding: MaskEncoding::Binary, ..settings };
        assert!(message(EncodingSettings { classes: Some(&three), ..binary }).contains("expected 2 for"));
        assert!(message(EncodingSettings { values: Some(&[0, 1]), ..binary }).contains("`values`"));
        assert!(
            message(EncodingSettings { classes: Some(&two), values: Some(&[0, 1, 2]), ..settings })
                .contains("2 as `classes`")
        );
        assert!(message(EncodingSettings { values: Some(&[0, 1, 0]), ..settings }).contains("found 0 twice"));
        assert!(
            message(EncodingSettings { classes: Some(&three), ignore_index: Some(2), ..settings }).contains("no class")
        );
        let index = EncodingSettings { encoding: MaskEncoding::Index, ..settings };
        assert!(message(EncodingSettings { ignore_color: Some([0; 3]), ..index }).contains("`ignore_color`"));
        assert!(
            message(EncodingSettings { encoding: MaskEncoding::Colors, ..settings })
                .contains("the colour of each class")
        );
        let table = [ClassColor::Unnamed([0; 3]), ClassColor::Unnamed([0; 3])];
        assert!(message(EncodingSettings { colors: Some(&table), ..settings }).contains("twice"));
        let many: Vec<String> = (0..256).map(|number| number.to_string()).collect();
        assert!(
            message(EncodingSettings { classes: Some(&many), ..settings }).contains("256 of them, expected 1 to 255")
        );
    }

    #[test]
    fn names_come_from_classes_or_colours() {
        let table = [ClassColor::Unnamed([0, 0, 10]), ClassColor::Named { name: "road".to_owned(), color: [1, 2, 3] }];
        let settings = EncodingSettings { colors: Some(&table), ..EncodingSettings::default() };
        let (code, names) = settle(settings, &[]).unwrap();
        assert_eq!(names.as_slice(), ["#00000a", "road"]);
        assert_eq!(code, MaskCode::Colors { colors: vec![[0, 0, 10], [1, 2, 3]], ignore: None });
        // 255 classes leave the value 255 to those that are ignored.
        let many: Vec<String> = (0..255).map(|number| number.to_string()).collect();
        let settings = EncodingSettings { classes: Some(&many), ..EncodingSettings::default() };
        let (code, names) = settle(settings, &[]).unwrap();
        assert_eq!((names.len(), code), (255, MaskCode::plain(255)));
    }
}
