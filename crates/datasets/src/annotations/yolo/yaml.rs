//! The part of YAML that data files are written in: keys at the left margin, whose values are a plain or quoted text, a
//! list, or pairs of a key and a text. Values of other keys may be anything; they are passed over.

/// A text with the line on which it stands, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, or `null`.
    Nothing,
    /// A text; numbers are texts as well.
    Scalar(Text),
    /// `[a, b]`, or lines that begin with a dash.
    List(Vec<Text>),
    /// `{0: a, 1: b}`, or further lines of that kind.
    Pairs(Vec<(Text, Text)>),
}

/// What cannot be read, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) found: String,
    pub(super) expected: &'static str,
}

fn error<T>(line: usize, found: impl Into<String>, expected: &'static str) -> Result<T, YamlError> {
    Err(YamlError { line, found: found.into(), expected })
}

/// A line without its comment.
struct Line<'a> {
    number: usize,
    /// Spaces before the text.
    indent: usize,
    text: &'a str,
}

/// Reads the values of `wanted` keys, in the order of the text.
///
/// # Errors
///
/// A line at the margin without a key, a key that occurs twice, or a wanted key with a value of another kind than those
/// of [`Value`].
pub(super) fn parse(text: &str, wanted: &[&str]) -> Result<Vec<(String, Value, usize)>, YamlError> {
    let lines: Vec<Line<'_>> = text
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let text = without_comment(line);
            Line { number: number + 1, indent: text.len() - text.trim_start().len(), text: text.trim() }
        })
        .filter(|line| !line.text.is_empty() && line.text != "---" && line.text != "...")
        .collect();
    let mut values: Vec<(String, Value, usize)> = Vec::new();
    let mut next = 0;
    while let Some(line) = lines.get(next) {
        let Some((key, rest)) = split_pair(line.text).filter(|_| line.indent == 0) else {
            return error(line.number, format!("`{}`", shorten(line.text)), "`key: value` at the left margin");
        };
        let start = next + 1;
        // What belongs to the key: lines further to the right, and items of a list, which may stand at the margin.
        let belongs = |line: &Line<'_>| line.indent > 0 || is_item(line.text) || line.text.starts_with([']', '}']);
        next = start + lines[start..].iter().take_while(|line| belongs(line)).count();
        let key = unquote(key, line.number)?;
        if !wanted.contains(&key.as_str()) {
            continue;
        }
        if values.iter().any(|(known, ..)| *known == key) {
            return error(line.number, format!("the key `{key}` a second time"), "each key once");
        }
        let value = read_value(rest, line.number, &lines[start..next])?;
        values.push((key, value, line.number));
    }
    Ok(values)
}

fn read_value(rest: &str, line: usize, body: &[Line<'_>]) -> Result<Value, YamlError> {
    if rest.starts_with(['[', '{']) {
        let mut text: Vec<(char, usize)> = rest.chars().map(|character| (character, line)).collect();
        for more in body {
            text.push((' ', more.number));
            text.extend(more.text.chars().map(|character| (character, more.number)));
        }
        return Flow { text, at: 0 }.read();
    }
    if !rest.is_empty() {
        if let Some(more) = body.first() {
            return error(more.number, format!("`{}`", shorten(more.text)), "the next key at the left margin");
        }
        return scalar(rest, line).map(|text| if is_null(rest) { Value::Nothing } else { Value::Scalar(text) });
    }
    let Some(first) = body.first() else { return Ok(Value::Nothing) };
    if let Some(odd) = body.iter().find(|line| line.indent != first.indent) {
        return error(odd.number, format!("`{}`", shorten(odd.text)), "a text, in line with those above");
    }
    if is_item(first.text) {
        let item = |line: &Line<'_>| match line.text.strip_prefix('-').filter(|_| is_item(line.text)) {
            Some(text) => scalar(text.trim(), line.number),
            None => error(line.number, format!("`{}`", shorten(line.text)), "`- text`"),
        };
        return body.iter().map(item).collect::<Result<_, _>>().map(Value::List);
    }
    let pair = |line: &Line<'_>| match split_pair(line.text) {
        Some((key, value)) => Ok((scalar(key, line.number)?, scalar(value, line.number)?)),
        None => error(line.number, format!("`{}`", shorten(line.text)), "`key: text`"),
    };
    body.iter().map(pair).collect::<Result<_, _>>().map(Value::Pairs)
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn is_null(text: &str) -> bool {
    matches!(text, "~" | "null" | "Null" | "NULL")
}

/// A plain or quoted text.
fn scalar(text: &str, line: usize) -> Result<Text, YamlError> {
    if text.is_empty() || text.starts_with(['[', '{', '&', '*', '!', '|', '>', '%', '@', '`']) {
        return error(line, format!("`{}`", shorten(text)), "a plain or quoted text");
    }
    Ok(Text { text: unquote(text, line)?, line })
}

/// Cuts `key: value` at the first colon that ends a key.
fn split_pair(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (position, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') if position == 0 => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            (None, ':') => {
                let rest = &text[position + 1..];
                if rest.is_empty() || rest.starts_with([' ', '\t']) {
                    return Some((text[..position].trim(), rest.trim()));
                }
            }
            _ => {}
        }
    }
    None
}

/// The line up to a `#` that begins a comment.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut before) = (None, ' ');
    for (position, character) in line.char_indices() {
        match (quote, character) {
            // A quote inside of a word is an apostrophe.
            (None, '"' | '\'') if before.is_whitespace() || "[{,:".contains(before) => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            (None, '#') if before.is_whitespace() => return &line[..position],
            _ => {}
        }
        before = character;
    }
    line
}

/// The text inside of quotes, or the text itself.
fn unquote(text: &str, line: usize) -> Result<String, YamlError> {
    let Some(open) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        return Ok(text.to_owned());
    };
    let Some(inner) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(open)) else {
        return error(line, format!("`{}`", shorten(text)), "a quote at the end of the text");
    };
    Ok(if open == '\'' { inner.replace("''", "'") } else { inner.replace("\\\"", "\"").replace("\\\\", "\\") })
}

/// At most the first characters of a text.
fn shorten(text: &str) -> String {
    /// Characters shown.
    const SHOWN: usize = 40;
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN).chain("…".chars()).collect()
    }
}

/// A list or pairs in brackets.
struct Flow {
    text: Vec<(char, usize)>,
    at: usize,
}

impl Flow {
    fn read(mut self) -> Result<Value, YamlError> {
        let (open, line) = self.text[0];
        self.at = 1;
        let close = if open == '[' { ']' } else { '}' };
        let (mut list, mut pairs) = (Vec::new(), Vec::new());
        loop {
            self.skip_spaces();
            match self.peek() {
                None => return error(line, format!("`{open}` without an end"), "a closing bracket"),
                Some((character, _)) if character == close => {
                    self.at += 1;
                    break;
                }
                Some(_) => {}
            }
            let item = self.item(&[',', close], open == '{')?;
            if open == '{' {
                match self.peek() {
                    Some((':', _)) => self.at += 1,
                    _ => return error(item.line, format!("`{}`", shorten(&item.text)), "`key: text`"),
                }
                self.skip_spaces();
                pairs.push((item, self.item(&[',', close], false)?));
            } else {
                list.push(item);
            }
            self.skip_spaces();
            match self.peek() {
                Some((',', _)) => self.at += 1,
                Some((character, _)) if character == close => {}
                Some((character, line)) => return error(line, format!("`{character}`"), "a comma or closing bracket"),
                None => {}
            }
        }
        self.skip_spaces();
        if let Some((character, line)) = self.peek() {
            return error(line, format!("`{character}` behind a closing bracket"), "the next key");
        }
        Ok(if open == '[' { Value::List(list) } else { Value::Pairs(pairs) })
    }

    fn peek(&self) -> Option<(char, usize)> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|(character, _)| character.is_whitespace()) {
            self.at += 1;
        }
    }

    /// A text up to one of `ends`, or to a colon that ends a key.
    fn item(&mut self, ends: &[char], is_key: bool) -> Result<Text, YamlError> {
        let line = self.peek().map_or(0, |(_, line)| line);
        let mut text = String::new();
        let quote = self.peek().map(|(character, _)| character).filter(|first| matches!(first, '"' | '\''));
        while let Some((character, _)) = self.peek() {
            let ends_key = is_key && character == ':';
            if quote.is_none() && (ends.contains(&character) || ends_key) {
                break;
            }
            text.push(character);
            self.at += 1;
            if text.len() > 1 && quote == Some(character) {
                break;
            }
        }
        scalar(text.trim(), line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: [&str; 4] = ["path", "train", "names", "nc"];

    fn read(text: &str) -> Result<Vec<(String, Value)>, String> {
        parse(text, &WANTED)
            .map(|values| values.into_iter().map(|(key, value, _)| (key, value)).collect())
            .map_err(|error| format!("{}: found {}, expected {}", error.line, error.found, error.expected))
    }

    fn texts(value: &Value) -> Vec<String> {
        match value {
            Value::Nothing => vec![],
            Value::Scalar(text) => vec![text.text.clone()],
            Value::List(list) => list.iter().map(|text| text.text.clone()).collect(),
            Value::Pairs(pairs) => pairs.iter().map(|(key, text)| format!("{}={}", key.text, text.text)).collect(),
        }
    }

    #[test]
    fn every_way_to_write_names_is_read() {
        for text in [
            "names: [a, 'b c', \"d, #1\"]",
            "names:\n  - a\n  - b c   # the second\n  - \"d, #1\"",
            "names:\n- a\n- b c\n- 'd, #1'\n",
            "names: [a,\n  b c,\n  'd, #1',\n]\nnc: 3",
            "\u{23} comment\n---\nnames: ['a', b c, 'd, #1'] # all",
        ] {
            let values = read(text).unwrap();
            assert_eq!(texts(&values[0].1), ["a", "b c", "d, #1"], "{text}");
        }
        for text in ["names: {0: a, 1: b's}", "names:\n  0: a\n  1: \"b's\"\n", "names:\n    0: a\n    1: b's"] {
            assert_eq!(texts(&read(text).unwrap()[0].1), ["0=a", "1=b's"], "{text}");
        }
    }

    #[test]
    fn other_keys_are_passed_over() {
        let text = "path: ../data # root\ntrain:\ndownload: |\n  import os\n  print('x: y')\nnested:\n  a:\n    - b: [c\n\
                    names:\n  0: person\nnc: 1\n";
        let values = read(text).unwrap();
        let keys: Vec<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["path", "train", "names", "nc"]);
        assert_eq!(texts(&values[0].1), ["../data"]);
        assert_eq!(values[1].1, Value::Nothing);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, message) in [
            ("nc: 3\nnonsense\n", "2: found `nonsense`, expected `key: value` at the left margin"),
            ("nc: 3\nnc: 4", "2: found the key `nc` a second time, expected each key once"),
            ("names: [a, b", "1: found `[` without an end, expected a closing bracket"),
            ("names: [a, [b]]", "1: found `[b`, expected a plain or quoted text"),
            ("names:\n  - a\n  b: c", "3: found `b: c`, expected `- text`"),
            ("names:\n  0: a\n    1: b", "3: found `1: b`, expected a text, in line with those above"),
            ("names: \"a", "1: found `\"a`, expected a quote at the end of the text"),
            ("names: *other", "1: found `*other`, expected a plain or quoted text"),
            ("names: {a, b}", "1: found `a`, expected `key: text`"),
        ] {
            assert_eq!(read(text).unwrap_err(), message, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[a-z:\\[\\]{}'\"#, \\n\\-0]{0,60}") {
            let _: Result<_, String> = read(&format!("names: {text}"));
            let _: Result<_, String> = read(&text);
        }
    }
}
