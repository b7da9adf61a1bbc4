//! What is written to standard output and standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

/// Writes `text` and a line end to standard output. A closed pipe (`… | head`) ends the program quietly.
pub(crate) fn line(text: impl AsRef<str>) {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_ref().as_bytes()).and_then(|()| stdout.write_all(b"\n"));
    if let Err(error) = written.and_then(|()| stdout.flush())
        && error.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(0);
    }
}

/// Writes one JSON document to standard output.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes an error with its causes to standard error.
pub(crate) fn error(error: &anyhow::Error) {
    let label = styled("error:", Style::Error);
    let mut text = format!("{label} {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors repeat their cause in their own words.
        if !last.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        last = cause;
    }
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}

/// Writes a line to standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// How a piece of text is set off from others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    /// Something went wrong.
    Error,
    /// Something to look out for.
    Warning,
    /// Something good.
    Good,
    /// A heading.
    Heading,
}

/// `text` in colour, where standard error is a terminal and `NO_COLOR` is not set.
pub(crate) fn styled(text: &str, style: Style) -> String {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if !colour {
        return text.to_owned();
    }
    let code = match style {
        Style::Error => "1;31",
        Style::Warning => "1;33",
        Style::Good => "1;32",
        Style::Heading => "1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Columns of text, each as wide as its longest cell; the first row is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| {
                let padding = " ".repeat(width - cell.chars().count());
                let is_number = cell.parse::<f64>().is_ok();
                if is_number { format!("{padding}{cell}") } else { format!("{cell}{padding}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_right() {
        let rows = [["class", "f1"], ["cat", "0.5"], ["elephant", "12.25"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(table(&rows), "class     f1\ncat         0.5\nelephant  12.25");
    }
}
