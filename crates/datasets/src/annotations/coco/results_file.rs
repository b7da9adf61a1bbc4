//! What a detector found, in the format that COCO's servers take.

use std::path::{Path, PathBuf};

use super::Outline;
use super::annotation_file::{Parts, describe, required, scan_bbox, scan_keypoints};
use super::array;
use super::file_bytes::read_in_parallel;
use super::json::{Scanned, Scanner, line_and_column};
use crate::DatasetError;

/// The bytes of a results file, and what its entries look like.
#[derive(Debug, Clone)]
pub struct ResultsFile {
    path: PathBuf,
    bytes: Vec<u8>,
    layout: ResultLayout,
}

/// What the entries of a file hold, as COCO's tools tell from the first one (`loadRes`): they measure objects by the
/// box where it has one, by the mask where it has that alone, and otherwise by the extent of its keypoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultLayout {
    /// There is no entry.
    Empty,
    /// The first entry has a `bbox`.
    Boxes,
    /// It has a `segmentation` and no box.
    Masks,
    /// It has `keypoints` and nothing else.
    Keypoints,
}

/// One detected object.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultEntry {
    /// The image it is in.
    pub image_id: i64,
    /// What it is.
    pub category_id: i64,
    /// How sure the detector is.
    pub score: f64,
    /// Its box `[x, y, width, height]` in pixels.
    pub bbox: Option<[f64; 4]>,
    /// Its shape; `None` also where [`Parts`] leaves shapes out.
    pub segmentation: Option<Outline>,
    /// `x, y, confidence` of each keypoint in turn; empty also where [`Parts`] leaves keypoints out.
    pub keypoints: Vec<f64>,
}

impl ResultsFile {
    /// Opens the file at `path` and looks at its first entry.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not a list, or its first entry has neither box, shape nor keypoints.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let bytes = read_in_parallel(path).map_err(|source| DatasetError::from_io(path, source))?;
        Self::from_bytes(path, bytes)
    }

    /// The same for the content of a file, called `path` in messages.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, DatasetError> {
        let layout = layout(&bytes).map_err(|detail| DatasetError::Format { path: path.to_owned(), detail })?;
        Ok(Self { path: path.to_owned(), bytes, layout })
    }

    /// What its entries hold.
    pub fn layout(&self) -> ResultLayout {
        self.layout
    }

    /// All entries, in the order of the file.
    ///
    /// # Errors
    ///
    /// When an entry is not an object, lacks `image_id`, `category_id` or `score`, or holds a value of another kind;
    /// the message names the file, the entry and the key.
    pub fn entries(&self, parts: Parts) -> Result<Vec<ResultEntry>, DatasetError> {
        Ok(self.map_entries(parts, Ok)?.into_iter().flatten().collect())
    }

    /// What `map` makes of the entries, in order and in some number of parts; it runs on all cores. A file of 20 MB is
    /// never held as entries then.
    ///
    /// # Errors
    ///
    /// Those of [`entries`](Self::entries), and what `map` refuses.
    pub fn map_entries<T: Send>(
        &self,
        parts: Parts,
        map: impl Fn(ResultEntry) -> Result<T, String> + Sync,
    ) -> Result<Vec<Vec<T>>, DatasetError> {
        let scan = |scanner: &mut Scanner<'_>| {
            let place = *scanner;
            let entry = scan_entry(scanner, parts)?;
            map(entry).map_err(|message| super::json::ScanError::new(place.position(), message))
        };
        let mut scanner = Scanner::new(&self.bytes, 0);
        let wrong = |detail| DatasetError::Format { path: self.path.clone(), detail };
        let found = array::read(&self.bytes, &mut scanner, scan)
            .map_err(|error| wrong(describe(&self.bytes, "result", &error)))?;
        match scanner.next_token() {
            None => Ok(found),
            Some(_) => {
                let (line, column) = line_and_column(&self.bytes, scanner.position());
                Err(wrong(format!("line {line}, column {column}: expected the end of the file after the list")))
            }
        }
    }
}

/// What the first entry holds.
fn layout(bytes: &[u8]) -> Result<ResultLayout, String> {
    let at = |position| {
        let (line, column) = line_and_column(bytes, position);
        format!("line {line}, column {column}")
    };
    let mut scanner = Scanner::new(bytes, 0);
    if scanner.next_token() == Some(b'{') {
        return Err("found an object, which is how annotations are written; expected the results of a detector, a list \
                    of objects with the keys `image_id`, `category_id`, `score` and `bbox`, `segmentation` or `keypoints`"
            .to_owned());
    }
    scanner.expect(b'[', "a list of results").map_err(|error| format!("{}: {error}", at(error.position)))?;
    if scanner.accept(b']') {
        return Ok(ResultLayout::Empty);
    }
    scanner.next_token();
    let start = scanner.position();
    let (mut bbox, mut segmentation, mut keypoints) = (false, false, false);
    scanner
        .object(|scanner, key| {
            match key {
                b"bbox" => bbox = scan_bbox(scanner)?.is_some(),
                b"segmentation" => {
                    segmentation = true;
                    scanner.skip()?;
                }
                b"keypoints" => {
                    keypoints = true;
                    scanner.skip()?;
                }
                _ => scanner.skip()?,
            }
            Ok(())
        })
        .map_err(|error| format!("result (number 1 of the list; {}): {error}", at(error.position)))?;
    match (bbox, segmentation, keypoints) {
        (true, _, _) => Ok(ResultLayout::Boxes),
        (false, true, _) => Ok(ResultLayout::Masks),
        (false, false, true) => Ok(ResultLayout::Keypoints),
        (false, false, false) => Err(format!(
            "result (number 1 of the list; {}): found no `bbox`, `segmentation` or `keypoints`, expected one of them",
            at(start)
        )),
    }
}

#[inline]
fn scan_entry(scanner: &mut Scanner<'_>, parts: Parts) -> Scanned<ResultEntry> {
    let start = scanner.position();
    let (mut image_id, mut category_id, mut score) = (None, None, None);
    let (mut bbox, mut segmentation, mut keypoints) = (None, None, Vec::new());
    scanner.object(|scanner, key| {
        match key {
            b"image_id" => image_id = Some(scanner.integer()?),
            b"category_id" => category_id = Some(scanner.integer()?),
            b"score" => score = Some(scanner.number()?),
            b"bbox" => bbox = scan_bbox(scanner)?,
            b"segmentation" if parts.segmentation => segmentation = Outline::scan(scanner)?,
            b"keypoints" if parts.keypoints => keypoints = scan_keypoints(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let image_id = required(start, "image_id", image_id)?;
    let category_id = required(start, "category_id", category_id)?;
    let score = required(start, "score", score)?;
    Ok(ResultEntry { image_id, category_id, score, bbox, segmentation, keypoints })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> Result<ResultsFile, DatasetError> {
        ResultsFile::from_bytes(Path::new("results.json"), text.as_bytes().to_vec())
    }

    #[test]
    fn the_first_entry_decides_the_layout() {
        let entry = |rest: &str| format!("[{{\"image_id\": 1, \"category_id\": 2, \"score\": 0.5{rest}}}]");
        let layout = |rest: &str| open(&entry(rest)).unwrap().layout();
        assert_eq!(layout(", \"bbox\": [1, 2, 3, 4], \"segmentation\": []"), ResultLayout::Boxes);
        assert_eq!(layout(", \"bbox\": [], \"segmentation\": {}"), ResultLayout::Masks);
        assert_eq!(layout(", \"keypoints\": [1, 2, 3]"), ResultLayout::Keypoints);
        assert_eq!(open(" [ ] ").unwrap().layout(), ResultLayout::Empty);
        assert!(open(&entry("")).unwrap_err().to_string().contains("expected one of them"));
        assert!(open("{\"images\": []}").unwrap_err().to_string().contains("annotations"));
    }

    #[test]
    fn entries_keep_their_order_and_errors_name_file_entry_and_key() {
        let text: Vec<String> = (0..5000)
            .map(|index| {
                format!("{{\"image_id\":{index},\"category_id\":90,\"bbox\":[{index}.25,41.29,348.26,243.78],\"score\":0.236}}")
            })
            .collect();
        let entries = open(&format!("[{}]", text.join(","))).unwrap().entries(Parts::ALL).unwrap();
        assert_eq!(entries.len(), 5000);
        assert!(entries.iter().enumerate().all(|(index, entry)| entry.image_id == index as i64));
        assert_eq!(entries[1].bbox, Some([1.25, 41.29, 348.26, 243.78]));
        let mut broken = text.clone();
        broken[4321] = broken[4321].replace("0.236", "NaN");
        let error = open(&format!("[{}]", broken.join(","))).unwrap().entries(Parts::ALL).unwrap_err().to_string();
        assert!(error.starts_with("results.json: result (number 4322 of the list; line 1, column "), "{error}");
        assert!(error.ends_with("`score`: found `NaN`, expected a number"), "{error}");
        let error = open("[{\"bbox\": [1, 2, 3, 4], \"image_id\": 1, \"score\": 1}] x").unwrap();
        assert!(error.entries(Parts::ALL).unwrap_err().to_string().contains("no key `category_id`"));
    }
}
