//! The shape of one object as COCO files write it.

use std::borrow::Cow;

use serde::Serialize;
use vision_types::{Rle, Segmentation};

use super::json::{ScanError, Scanned, Scanner};

/// The value of `segmentation`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outline {
    /// One or more outlines, each `x, y` in turn, in pixels.
    Polygons(Vec<Vec<f64>>),
    /// Lengths of runs, column by column.
    Runs {
        /// Height and width of the image in pixels.
        size: [u32; 2],
        /// Lengths of runs, background and object in turn.
        counts: Vec<u32>,
    },
    /// The same, compressed to a string.
    Compressed {
        /// Height and width of the image in pixels.
        size: [u32; 2],
        /// What COCO's tools make of the runs.
        counts: String,
    },
}

impl Outline {
    /// The shape in our own terms.
    ///
    /// # Errors
    ///
    /// What is wrong, when runs do not fill their image, a string is not one of COCO's, or an outline has an odd number
    /// of coordinates.
    pub fn to_segmentation(&self) -> Result<Segmentation, String> {
        match self {
            Self::Polygons(outlines) => outlines
                .iter()
                .map(|numbers| match numbers.as_chunks::<2>() {
                    (points, []) => Ok(points.to_vec()),
                    _ => Err(format!(
                        "found an outline of {} numbers, expected an even count (x and y in turn)",
                        numbers.len()
                    )),
                })
                .collect::<Result<_, String>>()
                .map(Segmentation::Polygons),
            Self::Runs { size: [height, width], counts } => Rle::from_counts(counts.clone(), *height, *width)
                .map(Segmentation::Rle)
                .map_err(|error| error.to_string()),
            Self::Compressed { size: [height, width], counts } => {
                Rle::from_compressed(counts, *height, *width).map(Segmentation::Rle).map_err(|error| error.to_string())
            }
        }
    }

    /// The object's pixels in an image of `height` × `width` pixels, as COCO's tools see them (`annToRLE`): runs bring
    /// their own size with them.
    ///
    /// # Errors
    ///
    /// Those of [`to_segmentation`](Self::to_segmentation).
    pub fn to_rle(&self, height: u32, width: u32) -> Result<Rle, String> {
        match self.to_segmentation()? {
            Segmentation::Rle(rle) => Ok(rle),
            outlines => outlines.to_rle(height, width).map_err(|error| error.to_string()),
        }
    }

    /// Reads the value of `segmentation`; `None` for `null` and an empty list.
    pub(super) fn scan(scanner: &mut Scanner<'_>) -> Scanned<Option<Self>> {
        const EXPECTED: &str = "outlines (`[[x, y, …], …]`) or runs (`{\"size\": [height, width], \"counts\": …}`)";
        match scanner.next_token() {
            Some(b'[') => {
                let mut outlines = Vec::new();
                scanner.array(EXPECTED, |scanner| {
                    let mut outline = Vec::new();
                    scanner.numbers("an outline (`[x, y, …]`)", &mut outline)?;
                    outlines.push(outline);
                    Ok(())
                })?;
                Ok((!outlines.is_empty()).then_some(Self::Polygons(outlines)))
            }
            Some(b'{') => Self::scan_runs(scanner).map(Some),
            Some(b'n') if scanner.accept_null() => Ok(None),
            _ => scanner.fail(EXPECTED),
        }
    }

    fn scan_runs(scanner: &mut Scanner<'_>) -> Scanned<Self> {
        let start = scanner.position();
        let mut size = None;
        let mut compressed: Option<Cow<'_, str>> = None;
        let mut runs = None;
        scanner.object(|scanner, key| match key {
            b"size" => {
                let place = scanner.position();
                let numbers = scanner.fixed_numbers::<2>("[height, width]")?;
                let fits = |number: f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
                if !numbers.into_iter().all(fits) {
                    return Err(ScanError::new(
                        place,
                        format!("found {numbers:?}, expected [height, width] in pixels"),
                    ));
                }
                size = Some(numbers.map(|number| number as u32));
                Ok(())
            }
            b"counts" if scanner.next_token() == Some(b'"') => {
                compressed = Some(scanner.string("runs")?);
                Ok(())
            }
            b"counts" => {
                let mut counts: Vec<u32> = Vec::new();
                scanner.array("a compressed string or an array of runs", |scanner| {
                    let place = scanner.position();
                    let count = scanner.integer()?;
                    let invalid = || ScanError::new(place, format!("found a run of {count} pixels"));
                    counts.push(u32::try_from(count).map_err(|_| invalid())?);
                    Ok(())
                })?;
                runs = Some(counts);
                Ok(())
            }
            _ => scanner.skip(),
        })?;
        match (size, runs, compressed) {
            (Some(size), Some(counts), _) => Ok(Self::Runs { size, counts }),
            (Some(size), None, Some(counts)) => Ok(Self::Compressed { size, counts: counts.into_owned() }),
            _ => Err(ScanError::new(start, "found runs without `size` or `counts`, expected both")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<Option<Outline>, String> {
        Outline::scan(&mut Scanner::new(text.as_bytes(), 0)).map_err(|error| error.to_string())
    }

    #[test]
    fn all_three_forms_cover_the_same_pixels() {
        // The left half of a 2 × 2 image.
        let forms = [
            "[[0, 0, 1, 0, 1, 2, 0, 2]]",
            r#"{"size": [2, 2], "counts": [0, 2, 2]}"#,
            r#"{"counts": "022", "size": [2, 2]}"#,
        ];
        for form in forms {
            let rle = scan(form).unwrap().unwrap().to_rle(2, 2).unwrap();
            assert_eq!(rle.counts, [0, 2, 2], "{form}");
        }
        assert_eq!(scan("[]").unwrap(), None);
        assert_eq!(scan(" null").unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(scan("\"text\"").unwrap_err().contains("expected outlines"));
        assert!(scan(r#"{"size": [2]}"#).unwrap_err().contains("`size`: found 1 numbers"));
        assert!(scan(r#"{"size": [2, 2]}"#).unwrap_err().contains("expected both"));
        assert!(scan(r#"{"size": [2, 2], "counts": [-1]}"#).unwrap_err().contains("a run of -1"));
        let odd = scan("[[0, 0, 1]]").unwrap().unwrap();
        assert!(odd.to_segmentation().unwrap_err().contains("3 numbers"));
        let short = scan(r#"{"size": [2, 2], "counts": [1, 2]}"#).unwrap().unwrap();
        assert!(short.to_rle(2, 2).unwrap_err().contains("cover 3 pixels"));
    }
}
