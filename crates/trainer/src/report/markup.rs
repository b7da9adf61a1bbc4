//! A writer of HTML and SVG elements that are balanced and escaped by construction.

use std::fmt::{Display, Write};

/// Names and values of an element's attributes. Values are escaped.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a dyn Display)];

/// Markup being written.
pub(super) struct Markup {
    text: String,
}

impl Markup {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { text: String::new() }
    }

    /// An element with content.
    pub(super) fn element(&mut self, tag: &str, attributes: Attributes<'_>, content: impl FnOnce(&mut Self)) {
        self.start(tag, attributes);
        self.text.push('>');
        content(self);
        self.text.push_str("</");
        self.text.push_str(tag);
        self.text.push('>');
    }

    /// An element that holds text.
    pub(super) fn leaf(&mut self, tag: &str, attributes: Attributes<'_>, text: impl Display) {
        self.element(tag, attributes, |markup| markup.text(text));
    }

    /// An element without content, such as `img` or `line`.
    pub(super) fn empty(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.text.push_str("/>");
    }

    /// Text, escaped.
    pub(super) fn text(&mut self, text: impl Display) {
        let mut escaped = Escaped(&mut self.text);
        write!(escaped, "{text}").expect("writing to a string succeeds");
    }

    /// Markup of our own that is taken as it is.
    pub(super) fn trusted(&mut self, markup: &'static str) {
        self.text.push_str(markup);
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn start(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(tag);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text(value);
            self.text.push('"');
        }
    }
}

/// Escapes what is written through it, for text and for quoted attribute values alike.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(character),
                '\r' => {}
                // Neither HTML nor XML allows other control characters.
                control if control.is_control() => self.0.push(char::REPLACEMENT_CHARACTER),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut markup = Markup::new();
        markup.leaf("b", &[("title", &"a \"b\" & 'c' <d>")], "<script>&\u{0}\r\n");
        assert_eq!(
            markup.finish(),
            "<b title=\"a &quot;b&quot; &amp; &#39;c&#39; &lt;d&gt;\">&lt;script&gt;&amp;\u{fffd}\n</b>"
        );
    }

    #[test]
    fn elements_nest_and_close() {
        let mut markup = Markup::new();
        markup.element("g", &[("x", &1.5)], |markup| {
            markup.empty("line", &[]);
            markup.leaf("text", &[], 3);
        });
        assert_eq!(markup.finish(), "<g x=\"1.5\"><line/><text>3</text></g>");
    }
}
