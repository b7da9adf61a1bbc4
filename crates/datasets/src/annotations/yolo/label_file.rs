//! One text file of labels.

use std::path::Path;

use crate::DatasetError;

/// One object, in fractions of the image's width and height.
#[derive(Debug, Clone, PartialEq)]
pub struct YoloObject {
    /// Its class, counted from 0.
    pub class: usize,
    /// Its box `(x1, y1, x2, y2)`.
    pub corners: [f64; 4],
    /// Its outline of `[x, y]` points, where the line is one.
    pub outline: Option<Vec<[f64; 2]>>,
    /// The line, counted from 1.
    pub line: usize,
}

/// Fractions beyond this distance from the image are taken for pixels. Boxes may reach out of their image, by no more
/// than their own size.
const FARTHEST: f64 = 1.0;

/// Reads the text of a label file; `path` is for messages.
///
/// # Errors
///
/// [`DatasetError::Annotation`] with the line for anything but a class number followed by four fractions, or by an even
/// number of at least six (an outline).
pub fn parse(text: &str, path: &Path) -> Result<Vec<YoloObject>, DatasetError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| parse_line(line, number + 1, path)).collect()
}

fn parse_line(text: &str, line: usize, path: &Path) -> Result<YoloObject, DatasetError> {
    let wrong = |found: String, expected: &str| DatasetError::Annotation {
        path: path.to_owned(),
        place: format!(":{line}"),
        found,
        expected: expected.to_owned(),
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    let Some((class, fields)) = fields.split_first() else {
        return Err(wrong("an empty line".to_owned(), "an object"));
    };
    // Some programs write every number with a point.
    let class = class
        .parse()
        .ok()
        .or_else(|| class.strip_suffix(".0").and_then(|whole| whole.parse().ok()))
        .ok_or_else(|| wrong(format!("`{}`", shorten(class)), "a class number from 0"))?;
    let numbers = fields
        .iter()
        .map(|field| {
            let number: f64 = field.parse().ok().filter(|number: &f64| number.is_finite())?;
            Some(number)
        })
        .zip(fields)
        .map(|(number, field)| number.ok_or_else(|| wrong(format!("`{}`", shorten(field)), "a number")))
        .collect::<Result<Vec<f64>, _>>()?;
    if let Some(far) = numbers.iter().find(|&&number| !(-FARTHEST..=1.0 + FARTHEST).contains(&number)) {
        return Err(wrong(far.to_string(), "fractions of the image's width and height, not pixels"));
    }
    match numbers.as_slice() {
        &[x, y, width, height] => {
            let corners = [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0];
            Ok(YoloObject { class, corners, outline: None, line })
        }
        outline if outline.len() >= 6 && outline.len() % 2 == 0 => {
            let points: Vec<[f64; 2]> = outline.chunks_exact(2).map(|point| [point[0], point[1]]).collect();
            let edge = |axis: usize, pick: fn(f64, f64) -> f64| {
                points.iter().map(|point| point[axis]).reduce(pick).unwrap_or_default()
            };
            let corners = [edge(0, f64::min), edge(1, f64::min), edge(0, f64::max), edge(1, f64::max)];
            Ok(YoloObject { class, corners, outline: Some(points), line })
        }
        other => Err(wrong(
            format!("{} numbers after the class", other.len()),
            "4 (x, y, width, height of a box) or an even number from 6 (an outline)",
        )),
    }
}

/// At most the first characters of what a damaged file holds.
fn shorten(text: &str) -> String {
    /// Characters shown.
    const SHOWN: usize = 40;
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN).chain("…".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<YoloObject>, String> {
        parse(text, Path::new("a.txt")).map_err(|error| error.to_string())
    }

    #[test]
    fn boxes_and_outlines_are_read() {
        let objects = read("3 0.5 0.25 0.5 0.125\r\n\n 0.0\t0.25 0.5 0.75 0.5 0.5 1 \n").unwrap();
        // 0.5 ∓ 0.25 and 0.25 ∓ 0.0625.
        let first = YoloObject { class: 3, corners: [0.25, 0.1875, 0.75, 0.3125], outline: None, line: 1 };
        let outline = Some(vec![[0.25, 0.5], [0.75, 0.5], [0.5, 1.0]]);
        assert_eq!(objects, [first, YoloObject { class: 0, corners: [0.25, 0.5, 0.75, 1.0], outline, line: 3 }]);
        assert_eq!(read("\n \n"), Ok(vec![]));
    }

    #[test]
    fn errors_name_line_found_and_expected() {
        for (text, message) in [
            ("0 0.5 0.5 0.1 0.1\n-1 0.5 0.5 0.1 0.1", "a.txt:2: found `-1`, expected a class number from 0"),
            ("1.5 0.5 0.5 0.1 0.1", "a.txt:1: found `1.5`, expected a class number from 0"),
            ("cat 0.5 0.5 0.1 0.1", "a.txt:1: found `cat`, expected a class number from 0"),
            ("0 0.5 0,5 0.1 0.1", "a.txt:1: found `0,5`, expected a number"),
            ("0 nan 0.5 0.1 0.1", "a.txt:1: found `nan`, expected a number"),
            ("0 0.5 1e999 0.1 0.1", "a.txt:1: found `1e999`, expected a number"),
            ("0 320 240 50 60", "a.txt:1: found 320, expected fractions of the image's width and height, not pixels"),
            (
                "0 0.5 0.5 0.1 0.1 0.9",
                "a.txt:1: found 5 numbers after the class, expected 4 (x, y, width, height of a box) or an even number \
                 from 6 (an outline)",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), message);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_its_line(text in "[0-9a-z. \\n\\-]{0,80}") {
            match read(&text) {
                Ok(objects) => for object in objects {
                    prop_assert!(object.corners.iter().all(|corner| corner.is_finite()));
                },
                Err(message) => prop_assert!(message.starts_with("a.txt:"), "{message}"),
            }
        }
    }
}
