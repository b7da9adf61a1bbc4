//! A scanner of JSON text that keeps only what is asked for.
//!
//! COCO files are large and most of their bytes are numbers; reading them straight into what a caller wants, without a
//! tree in between, makes reading as fast as the evaluation that follows.

use std::borrow::Cow;
use std::fmt;

/// Where and why text could not be read.
#[derive(Debug)]
pub(super) struct ScanError {
    /// Bytes before the place.
    pub(super) position: usize,
    /// Key of the innermost object whose value is wrong.
    pub(super) key: Option<String>,
    /// What was found and what was expected.
    pub(super) message: String,
}

/// The result of reading a part; the error is boxed because it is rare and large.
pub(super) type Scanned<T> = Result<T, Box<ScanError>>;

impl ScanError {
    pub(super) fn new(position: usize, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { position, key: None, message: message.into() })
    }

    /// The same, about the value of `key` unless a key inside it is known already.
    pub(super) fn of_key(mut self: Box<Self>, key: &[u8]) -> Box<Self> {
        self.key.get_or_insert_with(|| String::from_utf8_lossy(key).into_owned());
        self
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(formatter, "`{key}`: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

/// Line and column of a byte, both counted from 1.
pub(super) fn line_and_column(bytes: &[u8], position: usize) -> (usize, usize) {
    let before = &bytes[..position.min(bytes.len())];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    (line, column)
}

/// Powers of ten that an `f64` holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Whole numbers below this are exact in an `f64`.
const EXACT_INTEGERS: u64 = 1 << 53;
/// Longest number whose digits fit into a `u64` whatever they are.
const SAFE_DIGITS: usize = 19;

/// Reads JSON from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The byte to come; `None` at the end.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// Goes to the next byte that is not white space and gives it.
    #[inline]
    pub(super) fn next_token(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.position)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.position += 1;
        }
    }

    /// An error at the present place.
    #[cold]
    pub(super) fn fail<T>(&self, expected: &str) -> Scanned<T> {
        let found = match self.peek() {
            None => "the end of the file".to_owned(),
            Some(byte) if byte.is_ascii_graphic() => {
                let rest = &self.bytes[self.position..];
                let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b'\n')).unwrap_or(rest.len());
                format!("`{}`", String::from_utf8_lossy(&rest[..end.clamp(1, 24)]))
            }
            Some(byte) => format!("byte {byte:#04x}"),
        };
        Err(ScanError::new(self.position, format!("found {found}, expected {expected}")))
    }

    /// Passes `byte`, after white space.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, expected: &str) -> Scanned<()> {
        if self.next_token() == Some(byte) {
            self.position += 1;
            Ok(())
        } else {
            self.fail(expected)
        }
    }

    /// Passes `byte`, after white space, if it comes.
    #[inline]
    pub(super) fn accept(&mut self, byte: u8) -> bool {
        let comes = self.next_token() == Some(byte);
        self.position += usize::from(comes);
        comes
    }

    /// Passes `null` if it comes.
    #[inline]
    pub(super) fn accept_null(&mut self) -> bool {
        let comes = self.next_token() == Some(b'n') && self.bytes[self.position..].starts_with(b"null");
        self.position += if comes { 4 } else { 0 };
        comes
    }

    /// Calls `read(scanner, key)` for every entry of an object; it must read the value.
    #[inline]
    pub(super) fn object(&mut self, mut read: impl FnMut(&mut Self, &[u8]) -> Scanned<()>) -> Scanned<()> {
        self.expect(b'{', "an object in braces")?;
        if self.accept(b'}') {
            return Ok(());
        }
        loop {
            self.next_token();
            let key = self.string_bytes("a key in quotes")?;
            self.expect(b':', "`:` after the key")?;
            read(self, &key).map_err(|error| error.of_key(&key))?;
            if self.accept(b',') {
                continue;
            }
            return self.expect(b'}', "`,` or `}` after a value");
        }
    }

    /// Calls `read` for every element of an array; it must read the element.
    #[inline]
    pub(super) fn array(&mut self, expected: &str, mut read: impl FnMut(&mut Self) -> Scanned<()>) -> Scanned<()> {
        self.expect(b'[', expected)?;
        if self.accept(b']') {
            return Ok(());
        }
        loop {
            read(self)?;
            if self.accept(b',') {
                continue;
            }
            return self.expect(b']', "`,` or `]` after an element");
        }
    }

    /// A string with its escapes resolved.
    pub(super) fn string(&mut self, expected: &str) -> Scanned<Cow<'a, str>> {
        self.next_token();
        let start = self.position;
        let invalid = |_| ScanError::new(start, "found a string that is not UTF-8");
        Ok(match self.string_bytes(expected)? {
            Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).map_err(invalid)?),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).map_err(|error| invalid(error.utf8_error()))?),
        })
    }

    /// The bytes of a string with its escapes resolved; the quote must come now.
    #[inline]
    fn string_bytes(&mut self, expected: &str) -> Scanned<Cow<'a, [u8]>> {
        if self.peek() != Some(b'"') {
            return self.fail(expected);
        }
        let start = self.position + 1;
        let mut end = start;
        loop {
            match self.bytes.get(end) {
                Some(b'"') => {
                    self.position = end + 1;
                    return Ok(Cow::Borrowed(&self.bytes[start..end]));
                }
                Some(b'\\') => return self.escaped_string(start).map(Cow::Owned),
                Some(_) => end += 1,
                None => return Err(ScanError::new(self.position, "found a string without its closing quote")),
            }
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Scanned<Vec<u8>> {
        let opening = self.position;
        let unclosed = || ScanError::new(opening, "found a string without its closing quote");
        let mut text = Vec::new();
        let mut position = start;
        loop {
            let byte = *self.bytes.get(position).ok_or_else(unclosed)?;
            position += 1;
            match byte {
                b'"' => {
                    self.position = position;
                    return Ok(text);
                }
                b'\\' => {
                    let escape = *self.bytes.get(position).ok_or_else(unclosed)?;
                    position += 1;
                    text.push(match escape {
                        b'"' | b'\\' | b'/' => escape,
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'u' => {
                            let character = self.unicode_escape(&mut position);
                            text.extend(character.encode_utf8(&mut [0; 4]).bytes());
                            continue;
                        }
                        _ => return Err(ScanError::new(position - 1, "found an unknown escape in a string")),
                    });
                }
                _ => text.push(byte),
            }
        }
    }

    /// The character of `\uXXXX`, also of two that form one; what is not one becomes the replacement character.
    fn unicode_escape(&self, position: &mut usize) -> char {
        let digits = |at: usize| {
            let digits = self.bytes.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        };
        let Some(first) = digits(*position) else { return char::REPLACEMENT_CHARACTER };
        *position += 4;
        if (0xd800..0xdc00).contains(&first)
            && self.bytes[*position..].starts_with(b"\\u")
            && let Some(second) = digits(*position + 2).filter(|second| (0xdc00..0xe000).contains(second))
        {
            *position += 6;
            return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                .unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// A number, the nearest `f64` to what is written.
    #[inline]
    pub(super) fn number(&mut self) -> Scanned<f64> {
        self.next_token();
        let start = self.position;
        let mut position = start;
        let negative = self.bytes.get(position) == Some(&b'-');
        position += usize::from(negative);
        let mut mantissa = 0_u64;
        let first = position;
        let mut take_digits = |position: &mut usize| {
            while let Some(digit) = self.bytes.get(*position).map(|byte| byte.wrapping_sub(b'0')).filter(|&d| d < 10) {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
                *position += 1;
            }
        };
        take_digits(&mut position);
        let mut digits = position - first;
        if digits == 0 || (digits > 1 && self.bytes[first] == b'0') {
            return self.fail("a number");
        }
        let mut decimals = 0;
        if self.bytes.get(position) == Some(&b'.') {
            position += 1;
            let point = position;
            take_digits(&mut position);
            decimals = position - point;
            digits += decimals;
            if decimals == 0 {
                return self.fail("a number");
            }
        }
        let has_exponent = matches!(self.bytes.get(position), Some(b'e' | b'E'));
        if !has_exponent && digits <= SAFE_DIGITS && mantissa <= EXACT_INTEGERS && decimals < POWERS_OF_TEN.len() {
            self.position = position;
            // Both operands are exact, so the quotient is rounded once (Clinger 1990, "How to read floating point
            // numbers accurately").
            let value = mantissa as f64 / POWERS_OF_TEN[decimals];
            return Ok(if negative { -value } else { value });
        }
        self.long_number(start)
    }

    #[cold]
    fn long_number(&mut self, start: usize) -> Scanned<f64> {
        let rest = &self.bytes[start..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let value = std::str::from_utf8(&rest[..length]).ok().and_then(|text| text.parse::<f64>().ok());
        match value.filter(|value| value.is_finite()) {
            Some(value) => {
                self.position = start + length;
                Ok(value)
            }
            None => self.fail("a finite number"),
        }
    }

    /// A whole number; also one written with zeros behind the point, or in quotes.
    #[inline]
    pub(super) fn integer(&mut self) -> Scanned<i64> {
        let first = self.next_token();
        let start = self.position;
        let mut position = start + usize::from(first == Some(b'-'));
        let digits_start = position;
        let mut value = 0_i64;
        while let Some(digit) = self.bytes.get(position).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10)
        {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            position += 1;
        }
        let digits = position - digits_start;
        let ends = !matches!(self.bytes.get(position), Some(b'.' | b'e' | b'E'));
        if ends && (digits == 1 || (1..SAFE_DIGITS).contains(&digits) && self.bytes[digits_start] != b'0') {
            self.position = position;
            return Ok(if first == Some(b'-') { -value } else { value });
        }
        self.unusual_integer(first)
    }

    #[cold]
    fn unusual_integer(&mut self, first: Option<u8>) -> Scanned<i64> {
        const EXPECTED: &str = "a whole number";
        let mut after = *self;
        let value = match first {
            Some(b'"') => after.string(EXPECTED)?.trim().parse().ok(),
            Some(b'-' | b'0'..=b'9') => {
                let value = after.number()?;
                (value.fract() == 0.0 && value.abs() <= EXACT_INTEGERS as f64).then_some(value as i64)
            }
            _ => None,
        };
        match value {
            Some(value) => {
                *self = after;
                Ok(value)
            }
            None => self.fail(EXPECTED),
        }
    }

    /// A flag: `0`, `1`, `true` or `false`.
    pub(super) fn flag(&mut self) -> Scanned<bool> {
        let first = self.next_token();
        let rest = &self.bytes[self.position..];
        let (value, length) = match first {
            Some(b't') if rest.starts_with(b"true") => (true, 4),
            Some(b'f') if rest.starts_with(b"false") => (false, 5),
            Some(b'n') if rest.starts_with(b"null") => (false, 4),
            Some(b'-' | b'0'..=b'9' | b'"') => return Ok(self.integer()? != 0),
            _ => return self.fail("0 or 1"),
        };
        self.position += length;
        Ok(value)
    }

    /// Every number of an array of numbers.
    pub(super) fn numbers(&mut self, expected: &str, into: &mut Vec<f64>) -> Scanned<()> {
        self.array(expected, |scanner| {
            into.push(scanner.number()?);
            Ok(())
        })
    }

    /// Exactly `N` numbers of an array.
    #[inline]
    pub(super) fn fixed_numbers<const N: usize>(&mut self, expected: &str) -> Scanned<[f64; N]> {
        self.next_token();
        let start = self.position;
        let mut numbers = [0.0; N];
        let mut found = 0;
        self.array(expected, |scanner| {
            let number = scanner.number()?;
            if let Some(place) = numbers.get_mut(found) {
                *place = number;
            }
            found += 1;
            Ok(())
        })?;
        if found == N {
            Ok(numbers)
        } else {
            Err(ScanError::new(start, format!("found {found} numbers, expected {expected}")))
        }
    }

    /// Passes a value of any kind. Its brackets and strings must close; what is between them is not looked at.
    pub(super) fn skip(&mut self) -> Scanned<()> {
        let first = self.next_token();
        match first {
            Some(b'{' | b'[') => {}
            Some(b'"') => return self.string_bytes("a value").map(|_| ()),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I') => {
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                self.position += self.bytes[self.position..].iter().take_while(is_part).count();
                return Ok(());
            }
            _ => return self.fail("a value"),
        }
        let opening = self.position;
        let mut depth = 0_usize;
        while let Some(&byte) = self.bytes.get(self.position) {
            // Digits, points and commas are most of what is skipped; quotes are the only smaller byte that matters.
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        self.position += 1;
                        return Ok(());
                    }
                }
                b'"' => {
                    self.string_bytes("a string")?;
                    continue;
                }
                _ => {}
            }
            self.position += 1;
        }
        Err(ScanError::new(opening, "found an opening bracket that is never closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Scanned<f64> {
        Scanner::new(text.as_bytes(), 0).number()
    }

    #[test]
    fn numbers_are_the_nearest_ones() {
        let texts = [
            "0",
            "-0",
            "0.1",
            "-12.5",
            "258.15",
            "9007199254740993",
            "0.30000000000000004",
            "1e3",
            "1.5E-7",
            "2e22",
            "5e-324",
            "123456789012345678901234567890",
            "0.000000000000000000000000012345",
            "179769313486231570000",
            "1.7976931348623157e308",
        ];
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(number(text).unwrap().to_bits(), expected.to_bits(), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "NaN", "Infinity", "1e999", "x", "\"1\""] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_may_stand_in_quotes_or_end_in_zeros() {
        let integer = |text: &str| Scanner::new(text.as_bytes(), 0).integer();
        for (text, value) in [("17", 17), ("-3", -3), ("0", 0), ("17.0", 17), ("\"2299\"", 2299), ("1e2", 100)] {
            assert_eq!(integer(text).unwrap(), value, "{text}");
        }
        assert_eq!(integer("900100581904000001").unwrap(), 900_100_581_904_000_001);
        for text in ["1.5", "\"a\"", "null", "[1]", "007", "99999999999999999999"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn strings_resolve_their_escapes() {
        let string = |text: &str| Scanner::new(text.as_bytes(), 0).string("a string").map(Cow::into_owned);
        assert_eq!(string(r#""plain""#).unwrap(), "plain");
        assert_eq!(string(r#""a\"\\\/\n\u00e9\ud83d\ude00""#).unwrap(), "a\"\\/\né😀");
        assert_eq!(string(r#""\ud83d""#).unwrap(), "\u{fffd}");
        assert!(string("\"open").is_err() && string(r#""\q""#).is_err() && string("5").is_err());
    }

    #[test]
    fn skipping_ends_where_the_value_ends() {
        for value in ["[1, [2, {\"a\": \"]}\"}], \"\\\"\"]", "{}", "\"text\"", "-1.5e3", "true", "null"] {
            let text = format!("  {value} , 7");
            let mut scanner = Scanner::new(text.as_bytes(), 0);
            scanner.skip().unwrap();
            assert!(scanner.accept(b','), "{value}");
            assert_eq!(scanner.integer().unwrap(), 7);
        }
        assert!(Scanner::new(b"[1, 2", 0).skip().is_err());
        assert!(Scanner::new(b"]", 0).skip().is_err());
    }
}
