//! The top of the page: notes, headline figures and all scores.

use super::curves_section::split_of;
use super::data::{Headline, NoteLevel, RunReport};
use super::format::{bytes, compact, count, duration, score, title};
use super::markup::Markup;
use super::tables::score_table;

/// The splits in the order of how much their scores mean.
const SPLITS: [&str; 3] = ["test", "val", "train"];

/// Most cards that stand in one row.
const MAX_ROW: usize = 6;

/// One headline figure.
struct Card {
    label: String,
    value: String,
    detail: String,
}

/// Writes notes and cards.
pub(super) fn draw(markup: &mut Markup, report: &RunReport) {
    for note in &report.notes {
        let (class, word) = match note.level {
            NoteLevel::Info => ("callout info", "Note"),
            NoteLevel::Warning => ("callout warning", "Warning"),
        };
        markup.element("p", &[("class", &class)], |markup| {
            markup.leaf("b", &[], word);
            markup.text(format_args!(" {}", note.text));
        });
    }
    let cards = cards(report);
    if !cards.is_empty() {
        // Seven or eight cards look better in two rows of four than in a full row and a lonely rest.
        let columns = if cards.len() <= MAX_ROW { cards.len() } else { cards.len().div_ceil(2) };
        markup.element("div", &[("class", &"cards"), ("style", &format!("--columns:{columns}"))], |markup| {
            for card in cards {
                markup.element("div", &[("class", &"card figure")], |markup| {
                    markup.leaf("span", &[("class", &"label")], card.label);
                    markup.leaf("span", &[("class", &"value")], card.value);
                    markup.leaf("span", &[("class", &"detail")], card.detail);
                });
            }
        });
    }
}

/// Writes every score of every split.
pub(super) fn draw_scores(markup: &mut Markup, report: &RunReport) {
    if report.splits.iter().any(|split| !split.scores.is_empty()) {
        markup.element("section", &[("id", &"scores")], |markup| {
            markup.leaf("h2", &[], "Scores");
            score_table(markup, &report.splits);
        });
    }
}

fn cards(report: &RunReport) -> Vec<Card> {
    let headline = &report.headline;
    let mut cards = score_cards(report);
    if headline.epochs_run > 0 || headline.best_epoch.is_some() {
        cards.push(epoch_card(headline));
    }
    if let Some(seconds) = headline.train_seconds {
        let each = (headline.epochs_run > 1).then(|| duration(seconds / headline.epochs_run as f64));
        let detail = each.map_or_else(String::new, |each| format!("{each} an epoch"));
        cards.push(Card { label: "Training time".to_owned(), value: duration(seconds), detail });
    }
    if let Some(speed) = headline.images_per_second {
        let value = if speed.is_finite() { compact(speed) } else { "–".to_owned() };
        cards.push(Card { label: "Speed".to_owned(), value, detail: "images a second".to_owned() });
    }
    if let Some(parameters) = headline.parameters {
        let (value, detail) = (compact(parameters as f64), count(parameters));
        cards.push(Card {
            label: "Parameters".to_owned(),
            value,
            detail: if parameters >= 1000 { detail } else { String::new() },
        });
    }
    if let Some(size) = headline.peak_memory_bytes {
        cards.push(Card { label: "Peak memory".to_owned(), value: bytes(size), detail: String::new() });
    }
    cards
}

/// The main score of each split: what is monitored, or the accuracy while a loss is monitored.
fn score_cards(report: &RunReport) -> Vec<Card> {
    let known = |name: &str| report.splits.iter().flat_map(|split| &split.scores).any(|score| score.name == name);
    let monitored = report.headline.monitor.as_deref().map(|monitor| split_of(monitor).1);
    let Some(main) = monitored
        .filter(|name| *name != "loss" && known(name))
        .or_else(|| ["accuracy", "mean_iou", "loss"].into_iter().find(|name| known(name)))
    else {
        return Vec::new();
    };
    let mut splits: Vec<_> = report.splits.iter().collect();
    splits.sort_by_key(|split| SPLITS.iter().position(|name| *name == split.split).unwrap_or(SPLITS.len()));
    splits
        .into_iter()
        .filter_map(|split| {
            let value = |name: &str| split.scores.iter().find(|score| score.name == name).and_then(|score| score.value);
            let loss = value("loss").filter(|_| main != "loss").map(|loss| format!("loss {}", score(Some(loss))));
            split.scores.iter().any(|score| score.name == main).then(|| Card {
                label: format!("{} {}", title(&split.split), lower_first(&title(main))),
                value: score(value(main)),
                detail: loss.unwrap_or_default(),
            })
        })
        .collect()
}

fn epoch_card(headline: &Headline) -> Card {
    let run = match headline.epochs_planned {
        Some(planned) if planned != headline.epochs_run => format!("{} of {planned} epochs run", headline.epochs_run),
        _ => format!("{} {} run", headline.epochs_run, if headline.epochs_run == 1 { "epoch" } else { "epochs" }),
    };
    let value = headline.best_epoch.map_or_else(|| "–".to_owned(), |best| best.to_string());
    let by = headline.monitor.as_ref().map_or_else(String::new, |monitor| format!(", by {monitor}"));
    Card { label: "Best epoch".to_owned(), value, detail: format!("{run}{by}") }
}

/// `Accuracy` → `accuracy`, but `ROC AUC` and `F1` stay.
fn lower_first(title: &str) -> String {
    let mut characters = title.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(characters).collect()
        }
        _ => title.to_owned(),
    }
}
