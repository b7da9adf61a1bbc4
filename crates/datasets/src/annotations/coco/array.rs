//! A long array of objects, read by all cores at once.

use rayon::prelude::*;

use super::json::{ScanError, Scanned, Scanner};

/// Bytes of a part below which sharing it out costs more than reading it.
const SMALLEST_PART: usize = 1 << 16;
/// Parts a thread, so that a slow one does not hold up the others.
const PARTS_A_THREAD: usize = 4;
/// Elements read before their size is used to guess the number of elements to come.
const SAMPLE: usize = 16;

/// An element that could not be read.
#[derive(Debug)]
pub(super) struct ElementError {
    /// Its place in the array, counted from 0.
    pub(super) index: usize,
    /// Where it starts.
    pub(super) start: usize,
    /// What is wrong.
    pub(super) error: Box<ScanError>,
}

/// How a part came to its end.
enum End {
    /// The next element, which starts here, belongs to the next part.
    Next(usize),
    /// The array ended before this byte.
    Closed(usize),
    /// An element, which starts here, is wrong.
    Failed(usize, Box<ScanError>),
}

/// Reads the array whose opening bracket comes next and moves `scanner` behind it. `read` gets a scanner at an element.
/// The elements come in parts, in order.
///
/// The text is cut where it looks as if one object ended and the next began. Whether it really does is known once the
/// part before has been read: it must end exactly there. Where it does not, the rest is read again from there.
pub(super) fn read<'a, T: Send>(
    bytes: &'a [u8],
    scanner: &mut Scanner<'a>,
    read: impl Fn(&mut Scanner<'_>) -> Scanned<T> + Sync,
) -> Result<Vec<Vec<T>>, Box<ElementError>> {
    let whole = |error| Box::new(ElementError { index: 0, start: 0, error });
    scanner.expect(b'[', "an array in brackets").map_err(whole)?;
    if scanner.accept(b']') {
        return Ok(Vec::new());
    }
    let starts = cuts(bytes, scanner.position());
    let limit = |part: usize| starts.get(part + 1).copied().unwrap_or(usize::MAX);
    let mut parts: Vec<(Vec<T>, End)> = (0..starts.len())
        .into_par_iter()
        .with_max_len(1)
        .map(|part| read_part(bytes, starts[part], limit(part), &read))
        .collect();
    let mut elements: Vec<Vec<T>> = Vec::with_capacity(parts.len());
    let mut expected_start = starts[0];
    for (part, (items, end)) in parts.drain(..).enumerate() {
        let (items, end) = if starts[part] == expected_start {
            (items, end)
        } else {
            read_part(bytes, expected_start, limit(part), &read)
        };
        elements.push(items);
        match end {
            End::Next(start) => expected_start = start,
            End::Closed(end) => {
                *scanner = Scanner::new(bytes, end);
                return Ok(elements);
            }
            End::Failed(start, error) => {
                let index = elements.iter().map(Vec::len).sum();
                return Err(Box::new(ElementError { index, start, error }));
            }
        }
    }
    unreachable!("the last part has no limit, so it is closed or fails")
}

/// Where parts start: the first element, and what looks like one at even distances behind it.
fn cuts(bytes: &[u8], first: usize) -> Vec<usize> {
    let length = bytes.len().saturating_sub(first);
    let parts = (length / SMALLEST_PART).clamp(1, rayon::current_num_threads() * PARTS_A_THREAD);
    let mut starts = vec![first];
    for part in 1..parts {
        let from = first + length / parts * part;
        if let Some(start) = object_after(bytes, from)
            && starts.last().is_some_and(|&last| last < start)
        {
            starts.push(start);
        }
    }
    starts
}

/// The first `{` behind `from` that follows `}` and a comma.
fn object_after(bytes: &[u8], from: usize) -> Option<usize> {
    let mut position = from;
    loop {
        position += bytes.get(position..)?.iter().position(|&byte| byte == b'}')? + 1;
        let mut scanner = Scanner::new(bytes, position);
        if scanner.accept(b',') && scanner.next_token() == Some(b'{') {
            return Some(scanner.position());
        }
    }
}

/// The elements that start before `limit`.
fn read_part<T>(
    bytes: &[u8],
    start: usize,
    limit: usize,
    read: impl Fn(&mut Scanner<'_>) -> Scanned<T>,
) -> (Vec<T>, End) {
    let mut scanner = Scanner::new(bytes, start);
    let mut items = Vec::new();
    loop {
        scanner.next_token();
        let item_start = scanner.position();
        if item_start >= limit {
            return (items, End::Next(item_start));
        }
        match read(&mut scanner) {
            Ok(item) => items.push(item),
            Err(error) => return (items, End::Failed(item_start, error)),
        }
        if items.len() == SAMPLE {
            let size = (scanner.position() - start) / SAMPLE + 1;
            items.reserve((limit.min(bytes.len()) - scanner.position().min(limit)) / size + SAMPLE);
        }
        if scanner.accept(b',') {
            continue;
        }
        return match scanner.expect(b']', "`,` or `]` after an element") {
            Ok(()) => (items, End::Closed(scanner.position())),
            Err(error) => (items, End::Failed(item_start, error)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Result<Vec<i64>, Box<ElementError>> {
        let mut scanner = Scanner::new(text.as_bytes(), 0);
        let parts = read(text.as_bytes(), &mut scanner, |scanner| {
            let mut value = None;
            scanner.object(|scanner, key| match key {
                b"v" => {
                    value = Some(scanner.integer()?);
                    Ok(())
                }
                _ => scanner.skip(),
            })?;
            value.map_or_else(|| scanner.fail("a value"), Ok)
        })?;
        assert_eq!(scanner.next_token(), Some(b'!'), "the scanner stands behind the array");
        Ok(parts.concat())
    }

    #[test]
    fn many_parts_give_every_element_once_and_in_order() {
        // Objects within objects and within strings look like places to cut.
        let decoy = r#""inner": [{"a": 1}, {"a": 2}, {"v": 3}], "text": "}, {\"v\": -1}, {""#;
        let count = 20_000;
        let text: Vec<String> = (0..count).map(|v| format!("{{{decoy}, \"v\": {v}}}")).collect();
        let text = format!("[{}] !", text.join(" ,\n "));
        assert!(text.len() > 20 * SMALLEST_PART);
        assert_eq!(numbers(&text).unwrap(), (0..count).collect::<Vec<i64>>());
        assert_eq!(numbers("[ ] !").unwrap(), [0_i64; 0]);
    }

    #[test]
    fn an_array_may_end_long_before_the_text() {
        let text = format!("[{{\"v\": 1}}, {{\"v\": 2}}]!{}", "{\"w\": 3}, ".repeat(100_000));
        assert_eq!(numbers(&text).unwrap(), [1, 2]);
    }

    #[test]
    fn the_first_wrong_element_is_named_by_its_number() {
        let text: Vec<String> =
            (0..50_000).map(|v| if v == 40_001 { "{\"v\": []}".into() } else { format!("{{\"v\": {v}}}") }).collect();
        let error = numbers(&format!("[{}]!", text.join(","))).unwrap_err();
        assert_eq!(error.index, 40_001);
        assert_eq!(error.error.to_string(), "`v`: found `[`, expected a whole number");
        assert!(numbers("[{\"v\": 1} {\"v\": 2}]!").is_err());
        assert!(numbers("[{\"v\": 1},").is_err());
    }
}
