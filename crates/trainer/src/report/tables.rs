//! Tables: of text, of scores a split, and the whole history.

use std::collections::BTreeSet;

use super::data::{HistoryRow, SplitScores, Table};
use super::format::{number, score, title};
use super::markup::Markup;

/// Writes a table inside a box that scrolls sideways when it is too wide. With `sortable`, a click on a column title
/// sorts by it.
pub(super) fn table(markup: &mut Markup, sortable: bool, columns: &[String], rows: &[Vec<String>]) {
    let class = if sortable { "sortable" } else { "plain" };
    markup.element("div", &[("class", &"scroll")], |markup| {
        markup.element("table", &[("class", &class)], |markup| {
            markup.element("thead", &[], |markup| {
                markup.element("tr", &[], |markup| {
                    for (index, column) in columns.iter().enumerate() {
                        markup.leaf("th", &[("class", &alignment(rows, index)), ("scope", &"col")], column);
                    }
                });
            });
            markup.element("tbody", &[], |markup| {
                for row in rows {
                    markup.element("tr", &[], |markup| {
                        for (index, cell) in row.iter().enumerate() {
                            markup.leaf("td", &[("class", &alignment(rows, index))], cell);
                        }
                    });
                }
            });
        });
    });
}

/// Writes a [`Table`] of text.
pub(super) fn text_table(markup: &mut Markup, content: &Table) {
    table(markup, false, &content.columns, &content.rows);
}

/// Writes every score of every split.
pub(super) fn score_table(markup: &mut Markup, splits: &[SplitScores]) {
    let mut names: Vec<&str> = Vec::new();
    for name in splits.iter().flat_map(|split| &split.scores).map(|score| score.name.as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut columns = vec!["score".to_owned(), "name".to_owned()];
    columns.extend(splits.iter().map(|split| split.split.clone()));
    let value = |split: &SplitScores, name: &str| split.scores.iter().find(|score| score.name == name)?.value;
    let row = |name: &&str| {
        let values = splits.iter().map(|split| score(value(split, name)));
        [title(name), (*name).to_owned()].into_iter().chain(values).collect()
    };
    let rows: Vec<Vec<String>> = names.iter().map(row).collect();
    table(markup, false, &columns, &rows);
}

/// Writes every value of every epoch.
pub(super) fn history_table(markup: &mut Markup, history: &[HistoryRow]) {
    let names: BTreeSet<&String> = history.iter().flat_map(|row| row.columns.keys()).collect();
    let columns: Vec<String> =
        ["epoch"].into_iter().chain(names.iter().map(|name| name.as_str())).map(str::to_owned).collect();
    let row = |row: &HistoryRow| {
        let value = |name: &&String| row.columns.get(*name).map_or_else(|| "–".to_owned(), |value| number(*value));
        [row.epoch.to_string()].into_iter().chain(names.iter().map(value)).collect()
    };
    let rows: Vec<Vec<String>> = history.iter().map(row).collect();
    table(markup, true, &columns, &rows);
}

/// `number` for a column of numbers, which is aligned to the right, otherwise `text`.
fn alignment(rows: &[Vec<String>], column: usize) -> &'static str {
    let mut cells = rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
    let begins_as_number = |cell: &String| {
        cell == "NaN" || cell.starts_with(|first: char| first.is_ascii_digit() || "−-–∞.".contains(first))
    };
    if cells.peek().is_some() && cells.all(begins_as_number) { "number" } else { "text" }
}
