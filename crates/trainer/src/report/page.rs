//! The page as a whole.

use super::data::{CloserLook, RunReport};
use super::markup::Markup;
use super::tables::{table, text_table};
use super::{
    curves_section, detection_section, evaluation_section, gallery_section, overview_section, segmentation_section,
};

/// The look of the page.
const STYLE: &str = include_str!("style.css");
/// Sorts tables by a click on a column title; the page is complete without it.
const SCRIPT: &str = include_str!("script.js");

/// The report as one HTML page that needs nothing else.
pub fn render(report: &RunReport) -> String {
    let mut markup = Markup::new();
    markup.trusted("<!DOCTYPE html>\n");
    markup.element("html", &[("lang", &"en")], |markup| {
        markup.element("head", &[], |markup| {
            markup.empty("meta", &[("charset", &"utf-8")]);
            markup.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
            markup.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
            markup.leaf("title", &[], format_args!("{} · Okulo", report.name));
            markup.element("style", &[], |markup| markup.trusted(STYLE));
        });
        markup.element("body", &[], |markup| {
            markup.element("main", &[], |markup| body(markup, report));
            markup.element("script", &[], |markup| markup.trusted(SCRIPT));
        });
    });
    markup.finish()
}

fn body(markup: &mut Markup, report: &RunReport) {
    markup.element("header", &[], |markup| {
        markup.element("h1", &[], |markup| {
            markup.text(&report.name);
            if !report.task.is_empty() {
                markup.text(" ");
                markup.leaf("span", &[("class", &"pill")], &report.task);
            }
        });
        if !report.subtitle.is_empty() {
            markup.leaf("p", &[("class", &"subtitle")], &report.subtitle);
        }
        navigation(markup, report);
    });
    overview_section::draw(markup, report);
    curves_section::draw(markup, report);
    overview_section::draw_scores(markup, report);
    match &report.closer_look {
        Some(CloserLook::Classification(evaluation)) => evaluation_section::draw(markup, evaluation),
        Some(CloserLook::Detection(detection)) => detection_section::draw(markup, detection),
        Some(CloserLook::Segmentation(segmentation)) => segmentation_section::draw(markup, segmentation),
        None => {}
    }
    if has_pictures(report) {
        markup.element("section", &[("id", &"pictures")], |markup| {
            markup.leaf("h2", &[], "Pictures");
            for gallery in report.galleries.iter().filter(|gallery| !gallery.items.is_empty()) {
                gallery_section::draw(markup, gallery);
            }
        });
    }
    if has_setup(report) {
        markup.element("section", &[("id", &"setup")], |markup| setup(markup, report));
    }
    markup.element("footer", &[], |markup| markup.text("Made by Okulo"));
}

fn navigation(markup: &mut Markup, report: &RunReport) {
    let has_scores = report.splits.iter().any(|split| !split.scores.is_empty());
    let parts = [
        (!report.history.is_empty(), "#curves", "Learning curves"),
        (has_scores, "#scores", "Scores"),
        (report.closer_look.is_some(), "#evaluation", "Predictions"),
        (has_pictures(report), "#pictures", "Pictures"),
        (has_setup(report), "#setup", "Model and setup"),
    ];
    markup.element("nav", &[], |markup| {
        for (_, target, title) in parts.iter().filter(|(there, _, _)| *there) {
            markup.leaf("a", &[("href", target)], title);
        }
    });
}

fn has_pictures(report: &RunReport) -> bool {
    report.galleries.iter().any(|gallery| !gallery.items.is_empty())
}

fn has_setup(report: &RunReport) -> bool {
    report.model_summary.is_some() || !report.config.is_empty() || !report.environment.is_empty()
}

fn setup(markup: &mut Markup, report: &RunReport) {
    markup.leaf("h2", &[], "Model and setup");
    if let Some(summary) = &report.model_summary {
        markup.element("details", &[], |markup| {
            markup.leaf("summary", &[], format_args!("Model, {} layers", summary.rows.len()));
            text_table(markup, summary);
        });
    }
    if !report.config.is_empty() {
        markup.element("details", &[], |markup| {
            markup.leaf("summary", &[], "Config");
            markup.element("pre", &[], |markup| config(markup, &report.config));
        });
    }
    if !report.environment.is_empty() {
        markup.element("details", &[("open", &"open")], |markup| {
            markup.leaf("summary", &[], "Environment");
            let rows: Vec<Vec<String>> =
                report.environment.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
            table(markup, false, &["name".to_owned(), "value".to_owned()], &rows);
        });
    }
}

/// TOML with section titles, keys and comments set apart.
fn config(markup: &mut Markup, toml: &str) {
    for line in toml.lines() {
        let trimmed = line.trim_start();
        match line.split_once('=') {
            _ if trimmed.starts_with('#') => markup.leaf("span", &[("class", &"comment")], line),
            _ if trimmed.starts_with('[') => markup.leaf("span", &[("class", &"table")], line),
            Some((key, value)) => {
                markup.leaf("span", &[("class", &"key-name")], key);
                markup.text(format_args!("={value}"));
            }
            None => markup.text(line),
        }
        markup.text("\n");
    }
}
