//! One XML file of Pascal VOC.

use std::path::Path;

use quick_xml::events::Event;
use quick_xml::{Reader, escape};

use crate::DatasetError;

/// What an annotation file says about an image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VocAnnotation {
    /// The name of the image file; `None` where it is missing or empty.
    pub filename: Option<String>,
    /// Width and height in pixels; `None` where they are missing or 0.
    pub size: Option<(u32, u32)>,
    /// The objects, in order. Parts of objects are left out.
    pub objects: Vec<VocObject>,
}

/// One object of an annotation file.
#[derive(Debug, Clone, PartialEq)]
pub struct VocObject {
    /// The name of its class.
    pub name: String,
    /// Whether it is marked as difficult.
    pub difficult: bool,
    /// `xmin`, `ymin`, `xmax` and `ymax` as written.
    pub corners: [f64; 4],
    /// The line on which it begins, counted from 1.
    pub line: usize,
}

/// An object whose end has not been met.
#[derive(Debug, Default)]
struct Draft {
    name: Option<String>,
    difficult: bool,
    corners: [Option<f64>; 4],
    line: usize,
}

/// The corners' elements, in the order of [`VocObject::corners`].
const CORNERS: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];

/// Reads the text of an annotation file; `path` is for messages.
///
/// # Errors
///
/// [`DatasetError::Annotation`] with the line, what was found and what was expected.
pub fn parse(text: &str, path: &Path) -> Result<VocAnnotation, DatasetError> {
    let mut reader = Reader::from_str(text);
    let mut position = Position { text, path, offset: 0, line: 1 };
    let mut annotation = VocAnnotation::default();
    let (mut width, mut height) = (None, None);
    // The names of the open elements, and the text of the innermost one.
    let mut open: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut object: Option<Draft> = None;
    let mut complete = false;
    loop {
        let event = reader.read_event();
        position.move_to(if event.is_err() { reader.error_position() } else { reader.buffer_position() });
        match event.map_err(|error| position.error(error.to_string(), "well-formed XML"))? {
            Event::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                if open.is_empty() && name != "annotation" {
                    return Err(position.error(format!("<{}>", shorten(&name)), "<annotation>"));
                }
                if open == ["annotation"] && name == "object" {
                    object = Some(Draft { line: position.line, ..Draft::default() });
                }
                open.push(name);
                content.clear();
            }
            Event::Text(text) => content.push_str(&text),
            Event::CData(text) => content.push_str(&text),
            Event::GeneralRef(entity) => {
                let text = escape::unescape(&format!("&{};", &*entity))
                    .map_err(|error| position.error(error.to_string(), "a character entity of XML"))?
                    .into_owned();
                content.push_str(&text);
            }
            Event::End(_) => {
                let value = content.trim();
                let path: Vec<&str> = open.iter().map(String::as_str).collect();
                match (path.as_slice(), &mut object) {
                    (["annotation", "filename"], _) if !value.is_empty() => {
                        annotation.filename = Some(value.to_owned());
                    }
                    (["annotation", "size", "width"], _) => width = Some(position.pixels("width", value)?),
                    (["annotation", "size", "height"], _) => height = Some(position.pixels("height", value)?),
                    (["annotation", "object", "name"], Some(object)) => object.name = Some(value.to_owned()),
                    (["annotation", "object", "difficult"], Some(object)) => {
                        object.difficult = position.flag("difficult", value)?;
                    }
                    (["annotation", "object", "bndbox", corner], Some(object)) => {
                        if let Some(number) = CORNERS.iter().position(|known| known == corner) {
                            object.corners[number] = Some(position.number(corner, value)?);
                        }
                    }
                    (["annotation", "object"], _) => {
                        annotation.objects.extend(object.take().map(|draft| position.finish(draft)).transpose()?);
                    }
                    (["annotation"], _) => complete = true,
                    _ => {}
                }
                open.pop();
                content.clear();
            }
            Event::Empty(tag) => {
                if open.is_empty() {
                    let name = tag.name().as_ref().to_owned();
                    return Err(position.error(format!("<{}/>", shorten(&name)), "<annotation>"));
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !complete {
        return Err(position.error("the end of the file".to_owned(), "</annotation>"));
    }
    annotation.size = width.zip(height).filter(|(width, height)| *width > 0 && *height > 0);
    Ok(annotation)
}

/// Where the reader is, for messages.
struct Position<'a> {
    text: &'a str,
    path: &'a Path,
    offset: usize,
    line: usize,
}

impl Position<'_> {
    /// Counts the lines up to byte `offset`, which never goes back.
    fn move_to(&mut self, offset: u64) {
        let offset = usize::try_from(offset).map_or(self.text.len(), |offset| offset.min(self.text.len()));
        if let Some(passed) = self.text.as_bytes().get(self.offset..offset) {
            self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
            self.offset = offset;
        }
    }

    fn error(&self, found: String, expected: &str) -> DatasetError {
        error_at(self.path, self.line, found, expected)
    }

    fn number(&self, element: &str, value: &str) -> Result<f64, DatasetError> {
        value
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.error(format!("`{}` in <{element}>", shorten(value)), "a number"))
    }

    /// A length in pixels; some tools write 640.0.
    fn pixels(&self, element: &str, value: &str) -> Result<u32, DatasetError> {
        let number = self.number(element, value)?;
        if (0.0..=f64::from(u32::MAX)).contains(&number) && number.fract() == 0.0 {
            Ok(number as u32)
        } else {
            Err(self.error(format!("`{}` in <{element}>", shorten(value)), "a whole number of pixels"))
        }
    }

    fn flag(&self, element: &str, value: &str) -> Result<bool, DatasetError> {
        match value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" => Ok(true),
            "0" | "false" | "no" | "" | "unspecified" => Ok(false),
            _ => Err(self.error(format!("`{}` in <{element}>", shorten(value)), "0 or 1")),
        }
    }

    fn finish(&self, draft: Draft) -> Result<VocObject, DatasetError> {
        let missing = |element: &str| {
            error_at(self.path, draft.line, "an <object> without it".to_owned(), &format!("<{element}>"))
        };
        let mut corners = [0.0; 4];
        for ((corner, value), element) in corners.iter_mut().zip(draft.corners).zip(CORNERS) {
            *corner = value.ok_or_else(|| missing(&format!("bndbox><{element}")))?;
        }
        let name = draft.name.filter(|name| !name.is_empty()).ok_or_else(|| missing("name"))?;
        Ok(VocObject { name, difficult: draft.difficult, corners, line: draft.line })
    }
}

fn error_at(path: &Path, line: usize, found: String, expected: &str) -> DatasetError {
    DatasetError::Annotation { path: path.to_owned(), place: format!(":{line}"), found, expected: expected.to_owned() }
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

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<annotation>\n <filename>a&amp;b.jpg</filename>\n \
        <size><width>640</width><height>480.0</height><depth>3</depth></size>\n <object>\n  <name>cat</name>\n  \
        <difficult>1</difficult>\n  <bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>\n  \
        <part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>\n \
        </object>\n <object><bndbox><ymin>1</ymin><xmin>2</xmin><ymax>3</ymax><xmax>4</xmax></bndbox><name><![CDATA[a \
        dog]]></name></object>\n</annotation>\n";

    fn read(text: &str) -> Result<VocAnnotation, String> {
        parse(text, Path::new("a.xml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_file_is_read() {
        let object =
            |name: &str, difficult, corners, line| VocObject { name: name.to_owned(), difficult, corners, line };
        let expected = VocAnnotation {
            filename: Some("a&b.jpg".to_owned()),
            size: Some((640, 480)),
            objects: vec![
                object("cat", true, [1.0, 2.5, 30.0, 40.0], 5),
                object("a dog", false, [2.0, 1.0, 4.0, 3.0], 11),
            ],
        };
        assert_eq!(read(WHOLE), Ok(expected));
        assert_eq!(read("<annotation></annotation>"), Ok(VocAnnotation::default()));
    }

    #[test]
    fn errors_name_line_found_and_expected() {
        let object = |inner: &str| format!("<annotation>\n<object>\n{inner}\n</object>\n</annotation>");
        let corners = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>";
        for (text, message) in [
            ("<html></html>".to_owned(), "a.xml:1: found <html>, expected <annotation>"),
            (String::new(), "a.xml:1: found the end of the file, expected </annotation>"),
            ("<annotation>\n<object>".to_owned(), "a.xml:2: found the end of the file, expected </annotation>"),
            (object(corners), "a.xml:2: found an <object> without it, expected <name>"),
            (
                object("<name>cat</name><bndbox><xmin>1</xmin></bndbox>"),
                "a.xml:2: found an <object> without it, expected <bndbox><ymin>",
            ),
            (
                object(&format!("<name>cat</name>\n{}", corners.replace('3', "three"))),
                "a.xml:4: found `three` in <xmax>, expected a number",
            ),
            (object(&corners.replace('3', "NaN")), "a.xml:3: found `NaN` in <xmax>, expected a number"),
            (object("<difficult>maybe</difficult>"), "a.xml:3: found `maybe` in <difficult>, expected 0 or 1"),
            (
                "<annotation><size><width>-5</width></size></annotation>".to_owned(),
                "a.xml:1: found `-5` in <width>, expected a whole number of pixels",
            ),
        ] {
            assert_eq!(read(&text).unwrap_err(), message);
        }
        let error = read("<annotation>\n<size></filename>\n</annotation>").unwrap_err();
        assert!(error.starts_with("a.xml:2: found ") && error.ends_with("expected well-formed XML"), "{error}");
        let error = read("<annotation>\n<filename>&nonsense;</filename></annotation>").unwrap_err();
        assert!(error.contains("a.xml:2: found ") && error.contains("nonsense"), "{error}");
    }

    proptest! {
        /// A file cut off anywhere is an error, except behind the last element.
        #[test]
        fn a_file_that_ends_early_is_an_error(cut in 0..WHOLE.len() - 2) {
            prop_assert!(read(&WHOLE[..cut]).is_err());
        }

        /// Any bytes in any place give a result or an error that names the file, never a panic.
        #[test]
        fn damage_is_an_error_or_harmless(at in 0..WHOLE.len(), junk in "[<>/&;a-z0-9\\\"\\n]{0,12}") {
            let damaged = format!("{}{junk}{}", &WHOLE[..at], &WHOLE[at..]);
            if let Err(message) = read(&damaged) {
                prop_assert!(message.starts_with("a.xml:"), "{message}");
            }
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,200}") {
            let _: Result<VocAnnotation, String> = read(&text);
        }
    }
}
