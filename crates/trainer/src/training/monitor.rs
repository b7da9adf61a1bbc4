//! The figure that epochs are judged by.

use metrics::{Direction, Shown};

use super::early_stopping::Monitor;
use super::history::HistoryRow;
use crate::config::nearest;
use crate::error::TrainError;

/// The figure that epochs are judged by.
///
/// # Errors
///
/// [`TrainError::UnknownMonitor`] when the configuration names a figure that the epoch does not have.
pub(super) fn choose_monitor(row: &HistoryRow, name: Option<&str>) -> Result<Monitor, TrainError> {
    let columns: Vec<&str> = row.figures.iter().map(|(column, _)| column.as_str()).collect();
    let name = match name {
        None => default_monitor(&columns),
        Some(name) => name,
    };
    let direction = metrics::direction(name);
    match direction {
        Some(direction) if columns.contains(&name) => Ok(Monitor { name: name.to_owned(), direction }),
        _ => {
            let judged: Vec<&str> = columns.into_iter().filter(|column| metrics::direction(column).is_some()).collect();
            Err(TrainError::UnknownMonitor {
                name: name.to_owned(),
                nearest: nearest(name, judged.iter().copied()),
                available: judged.join(", "),
            })
        }
    }
}

/// Which way the figure `name` of `history` improves, and its name where none was chosen.
pub fn monitor_of(history: &[HistoryRow], name: Option<&str>) -> Option<(String, Direction)> {
    // Not every epoch need be evaluated.
    let evaluated = |row: &&HistoryRow| row.figures.iter().any(|(column, _)| column.starts_with("val."));
    let row = history.iter().rev().find(evaluated).or(history.last())?;
    choose_monitor(row, name).ok().map(|monitor| (monitor.name, monitor.direction))
}

/// The first figure that epochs are judged by unless a configuration says otherwise: of the validation split, or the loss
/// of training.
fn default_monitor<'a>(columns: &[&'a str]) -> &'a str {
    let validation: Vec<&str> = columns.iter().copied().filter(|column| column.starts_with("val.")).collect();
    metrics::shown(&validation, Shown::Monitored).first().copied().unwrap_or("train.loss")
}
