//! Learning curves: one chart a quantity, a line a split.

use std::collections::BTreeMap;

use super::data::{HistoryRow, RunReport};
use super::format::title;
use super::line_chart::{LineChart, Series};
use super::markup::Markup;
use super::tables::history_table;

/// Quantities whose charts are open from the start, in their order, after the monitored one.
const FOREMOST: [&str; 9] =
    ["loss", "accuracy", "f1_macro", "ap", "ap50", "mean_iou", "dice", "lr", "images_per_second"];
/// Splits with a colour of their own; others follow.
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Writes all charts and the table of their values; nothing without an epoch.
pub(super) fn draw(markup: &mut Markup, report: &RunReport) {
    if report.history.is_empty() {
        return;
    }
    let mut history: Vec<&HistoryRow> = report.history.iter().collect();
    history.sort_by_key(|row| row.epoch);
    let epochs: Vec<usize> = history.iter().map(|row| row.epoch).collect();
    let quantities = quantities(&history);
    let monitored = report.headline.monitor.as_deref().map(|monitor| split_of(monitor).1);
    let rank = |quantity: &str| {
        let place = FOREMOST.iter().position(|name| *name == quantity);
        match place {
            Some(0) => Some(0),
            _ if Some(quantity) == monitored => Some(1),
            place => place.map(|place| place + 2),
        }
    };
    let mut foremost: Vec<&String> = quantities.keys().filter(|quantity| rank(quantity).is_some()).collect();
    foremost.sort_by_key(|quantity| rank(quantity));
    let others: Vec<&String> = quantities.keys().filter(|quantity| rank(quantity).is_none()).collect();
    let chart = |markup: &mut Markup, quantity: &String| {
        let colour = |split: &str| match SPLITS.iter().position(|name| *name == split) {
            Some(place) => place,
            None if split.is_empty() => 0,
            None => SPLITS.len(),
        };
        let series = quantities[quantity].iter().map(|(split, column)| Series {
            label: split.clone(),
            colour: colour(split),
            values: history.iter().map(|row| row.columns.get(column).copied()).collect(),
        });
        LineChart {
            title: title(quantity),
            epochs: &epochs,
            series: series.collect(),
            best_epoch: report.headline.best_epoch,
            is_rate: quantity == "lr",
        }
        .draw(markup);
    };

    markup.element("section", &[("id", &"curves")], |markup| {
        markup.leaf("h2", &[], "Learning curves");
        markup.element("div", &[("class", &"charts")], |markup| {
            for quantity in foremost {
                chart(markup, quantity);
            }
        });
        if !others.is_empty() {
            markup.element("details", &[], |markup| {
                markup.leaf("summary", &[], format_args!("{} more curves", others.len()));
                markup.element("div", &[("class", &"charts")], |markup| {
                    for quantity in others {
                        chart(markup, quantity);
                    }
                });
            });
        }
        markup.element("details", &[], |markup| {
            markup.leaf("summary", &[], "All values");
            history_table(markup, &report.history);
        });
    });
}

/// Each quantity with its splits (empty for columns without one) and their columns.
fn quantities(history: &[&HistoryRow]) -> BTreeMap<String, Vec<(String, String)>> {
    let mut quantities: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for column in history.iter().flat_map(|row| row.columns.keys()) {
        let (split, quantity) = split_of(column);
        let lines = quantities.entry(quantity.to_owned()).or_default();
        if !lines.iter().any(|(_, known)| known == column) {
            lines.push((split.to_owned(), column.clone()));
        }
    }
    let place = |split: &str| SPLITS.iter().position(|name| *name == split).unwrap_or(SPLITS.len());
    for lines in quantities.values_mut() {
        lines.sort_by(|(a, _), (b, _)| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
    }
    quantities
}

/// `val.loss` → (`val`, `loss`); `lr` → (``, `lr`).
pub(super) fn split_of(column: &str) -> (&str, &str) {
    column.split_once('.').unwrap_or(("", column))
}
