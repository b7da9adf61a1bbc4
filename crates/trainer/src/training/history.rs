//! The figures of each epoch.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::atomic_file;

/// The figures of one epoch, in the order of the results table's columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Column and figure; `None` where a figure is not defined.
    pub figures: Vec<(String, Option<f64>)>,
}

impl HistoryRow {
    /// The figure in `column`, if there is one and it is defined.
    pub fn get(&self, column: &str) -> Option<f64> {
        self.figures.iter().find(|(name, _)| name == column).and_then(|(_, value)| *value)
    }
}

/// The columns of all rows. One that is missing in the first row stands where its own row has it.
fn columns(history: &[HistoryRow]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    for row in history {
        let mut place = 0;
        for (name, _) in &row.figures {
            match columns.iter().position(|known| known == name) {
                Some(known) => place = known + 1,
                None => {
                    columns.insert(place, name);
                    place += 1;
                }
            }
        }
    }
    columns
}

/// Writes `results.csv`: a row an epoch.
///
/// # Errors
///
/// When the file cannot be written; an earlier version of it then stays as it was.
pub fn write_csv(path: &Path, history: &[HistoryRow]) -> std::io::Result<()> {
    let columns = columns(history);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(std::iter::once("epoch").chain(columns.iter().copied()))?;
    for row in history {
        let cells = columns.iter().map(|column| row.get(column).map(|value| value.to_string()).unwrap_or_default());
        writer.write_record(std::iter::once(row.epoch.to_string()).chain(cells))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    atomic_file::write(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_union_of_all_rows() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("results.csv");
        let row = |epoch, figures: &[(&str, Option<f64>)]| HistoryRow {
            epoch,
            figures: figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        };
        let history = [
            row(1, &[("train.loss", Some(0.5)), ("lr", Some(0.001))]),
            row(2, &[("train.loss", None), ("x,y", Some(2.0))]),
        ];
        write_csv(&path, &history).expect("written");
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(text, "epoch,train.loss,\"x,y\",lr\n1,0.5,,0.001\n2,,2,\n");
    }
}
