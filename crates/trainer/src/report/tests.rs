//! Facts about whole pages.

use image::RgbImage;
use metrics::{ClassificationMetrics, Metric, Score};
use vision_types::{ClassNames, ClassScores};

use super::format::number;
use super::*;

const HOSTILE: &str = "<b>&\"'\u{0}</script><script>alert(1)</script>";

/// Predictions on `classes` classes, three samples each; every fifth sample is taken for the class before its own.
fn evaluation(classes: usize, name: impl Fn(usize) -> String) -> Evaluation {
    let mut metrics = ClassificationMetrics::new(ClassNames::new((0..classes).map(name)));
    for sample in 0..classes * 3 {
        let target = sample % classes;
        let best = if sample % 5 == 0 { (target + classes - 1) % classes } else { target };
        let rest = 0.25 / (classes - 1) as f32;
        let scores = (0..classes).map(|class| if class == best { 0.75 } else { rest }).collect();
        metrics.update(&[ClassScores(scores)], &[target]).unwrap();
    }
    Evaluation::from_metrics("test", &metrics)
}

fn row(epoch: usize, columns: &[(&str, f64)]) -> HistoryRow {
    HistoryRow { epoch, columns: columns.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
}

/// A report with something in every part, everything from outside being hostile.
fn full(classes: usize) -> RunReport {
    let epoch = |epoch: usize| {
        let value = epoch as f64;
        row(
            epoch,
            &[("train.loss", 2.3 / value), ("val.loss", 2.5 / value), ("val.f1_macro", 0.071 * value), ("lr", 0.1)],
        )
    };
    RunReport {
        name: HOSTILE.to_owned(),
        task: HOSTILE.to_owned(),
        subtitle: HOSTILE.to_owned(),
        headline: Headline {
            epochs_run: 9,
            epochs_planned: Some(10),
            best_epoch: Some(8),
            monitor: Some(format!("val.{HOSTILE}")),
            train_seconds: Some(75.0),
            parameters: Some(272_474),
            images_per_second: Some(828.4),
            peak_memory_bytes: Some(1 << 29),
        },
        splits: vec![SplitScores {
            split: HOSTILE.to_owned(),
            scores: vec![Score::new("accuracy", Some(0.9125)), Score::new(HOSTILE, None)],
        }],
        history: (1..=9).map(epoch).collect(),
        closer_look: Some(CloserLook::Classification(evaluation(classes, |class| format!("{class} {HOSTILE}")))),
        galleries: vec![Gallery {
            title: HOSTILE.to_owned(),
            note: HOSTILE.to_owned(),
            wide: classes == 3,
            items: [(8, 8), (300, 200), (0, 0)]
                .map(|(width, height)| GalleryItem {
                    image: RgbImage::new(width, height),
                    caption: HOSTILE.to_owned(),
                    true_label: Some(HOSTILE.to_owned()),
                    predicted_label: Some("cat".to_owned()),
                    score: Some(f32::NAN),
                })
                .to_vec(),
        }],
        model_summary: Some(Table { columns: vec![HOSTILE.to_owned()], rows: vec![vec![HOSTILE.to_owned()]] }),
        config: format!("# {HOSTILE}\n[optim]\nlr = 0.1 # {HOSTILE}\n{HOSTILE}\n"),
        environment: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        notes: vec![Note { level: NoteLevel::Warning, text: HOSTILE.to_owned() }],
    }
}

/// Checks that tags are balanced and properly nested, attributes quoted, and no stray `<` or `&` is left; returns the
/// names of the elements.
fn elements(page: &str) -> Vec<String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("begins with the document type");
    let (mut open, mut all): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        for (at, _) in rest[..start].match_indices('&') {
            let in_code = open.last().is_some_and(|tag| tag == "script" || tag == "style");
            let known =
                ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].iter().any(|entity| rest[at..].starts_with(entity));
            assert!(in_code || known, "stray & in {:?}", &rest[at..start]);
        }
        let mut quoted = false;
        let length = rest[start..]
            .find(|character| {
                quoted ^= character == '"';
                character == '>' && !quoted
            })
            .unwrap_or_else(|| panic!("an open tag at {:?}", rest[start..].chars().take(60).collect::<String>()));
        let tag = &rest[start + 1..start + length];
        assert!(!tag.contains('<'), "a tag within a tag: {tag:?}");
        let name = |tag: &str| tag.split([' ', '/']).next().unwrap_or_default().to_owned();
        if let Some(closing) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closing), "closes what is open");
        } else {
            all.push(name(tag));
            if !tag.ends_with('/') {
                open.push(name(tag));
            }
        }
        rest = &rest[start + length + 1..];
    }
    assert!(open.is_empty(), "left open: {open:?}");
    assert!(rest.is_empty());
    all
}

#[test]
fn pages_are_well_formed_and_what_comes_from_outside_stays_text() {
    for classes in [2, 3, 25, 31, 201] {
        let page = render(&full(classes));
        let elements = elements(&page);
        let count = |name: &str| elements.iter().filter(|element| *element == name).count();
        assert_eq!(count("script"), 1, "the one of our own");
        assert!(!page.contains("<script>alert"));
        assert!(!page.contains('\u{0}'));
        assert_eq!(count("h1"), 1);
        assert_eq!(count("html"), 1);
        // Loss, F1, learning rate; two kinds of curves; calibration; the matrix while its cells can be drawn.
        assert_eq!(count("svg"), 6 + usize::from(classes <= 30), "{classes} classes");
        // Two pictures have pixels.
        assert_eq!(count("img"), 2 + usize::from(classes > 30), "{classes} classes");
    }
}

#[test]
fn an_empty_report_is_a_page() {
    let page = render(&RunReport::default());
    let elements = elements(&page);
    assert!(!elements.iter().any(|element| element == "svg" || element == "section"), "{elements:?}");
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let mut report = full(3);
    report.environment = vec![("backend".to_owned(), "flex".to_owned())];
    let page = render(&report);
    for reference in ["http:", "https:", "//", "url(", "@import", "<link", "srcset", "<iframe", "fetch("] {
        let found = page.match_indices(reference).map(|(at, _)| at);
        // Base 64 has slashes of its own.
        let outside: Vec<&str> = found
            .filter(|at| !page[..*at].rsplit('"').next().is_some_and(|value| value.starts_with("data:image/")))
            .map(|at| &page[at..(at + 40).min(page.len())])
            .collect();
        assert!(outside.is_empty(), "{reference}: {outside:?}");
    }
    for source in page.split("src=\"").skip(1) {
        assert!(source.starts_with("data:image/"), "{}", &source[..30]);
    }
    for target in page.split("href=\"").skip(1) {
        assert!(target.starts_with('#'), "{}", &target[..30]);
    }
}

#[test]
fn every_value_of_the_history_is_told() {
    let mut report = full(3);
    report.history.push(row(10, &[("train.loss", f64::NAN), ("val.loss", f64::INFINITY), ("lr", 1.25e-7)]));
    let page = render(&report);
    let (charts, table) = page.split_once("All values").expect("a table of all values");
    for row in &report.history {
        for value in row.columns.values() {
            assert!(table.contains(&format!(">{}</td>", number(*value))), "{value} in the table");
            assert!(charts.contains(&format!(": {}", number(*value))), "{value} in a chart");
        }
    }
    // A value that is not finite breaks the line and is marked.
    assert_eq!(charts.matches("class=\"broken\"").count(), 2);
    assert!(charts.contains("epoch 10: NaN") && charts.contains("epoch 10: ∞"));
    // Lines: two of loss, one of F1, one of the learning rate; none has a coordinate that is not a number.
    assert_eq!(charts.matches("<polyline").count(), 4);
    for points in page.split("points=\"").skip(1) {
        let points = points.split('"').next().unwrap();
        for number in points.split([' ', ',']) {
            let number: f64 = number.parse().unwrap_or_else(|_| panic!("{number} in {points}"));
            assert!((0.0..=500.0).contains(&number), "{number} is outside its figure");
        }
    }
}

#[test]
fn one_epoch_is_a_dot_and_validation_may_be_missing() {
    let report = RunReport { history: vec![row(1, &[("train.loss", 2.0)])], ..RunReport::default() };
    let page = render(&report);
    elements(&page);
    assert!(!page.contains("<polyline"));
    assert_eq!(page.matches("<circle").count(), 1);
    assert!(page.contains("epoch 1\nLoss: 2") || page.contains("epoch 1\ntrain: 2"), "the value can be read");
}

#[test]
fn long_runs_stay_small() {
    let history = (1..=2000).map(|epoch| row(epoch, &[("train.loss", 1.0 / epoch as f64)])).collect();
    let page = render(&RunReport { history, ..RunReport::default() });
    elements(&page);
    assert_eq!(page.matches("class=\"hover\"").count(), 400);
    assert_eq!(page.matches("<circle").count(), 0);
    assert!(page.len() < 400_000, "{} bytes", page.len());
}

#[test]
fn a_thousand_classes_are_a_picture_and_a_list_of_mistakes() {
    let report = RunReport {
        closer_look: Some(CloserLook::Classification(evaluation(1000, |class| format!("class {class}")))),
        ..RunReport::default()
    };
    let page = render(&report);
    elements(&page);
    assert!(page.contains("Each pixel gathers 8 × 8 classes."));
    assert!(page.contains("Most frequent mistakes") && page.contains("All 1000 classes"));
    // Figures of all classes, the worst of them a second time.
    assert_eq!(page.matches("<td class=\"bar\">").count(), 1012);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn headline_shows_the_monitored_score_of_each_split_test_first() {
    let scores = |split: &str, accuracy: f64| SplitScores {
        split: split.to_owned(),
        scores: vec![Score::new("accuracy", Some(accuracy)), Score::new("loss", Some(0.25))],
    };
    let report = RunReport {
        headline: Headline { monitor: Some("val.accuracy".to_owned()), ..Headline::default() },
        splits: vec![scores("train", 0.99), scores("val", 0.9625), scores("test", 0.9525)],
        ..RunReport::default()
    };
    let page = render(&report);
    let cards: Vec<&str> = page.split("class=\"label\">").skip(1).map(|card| card.split('<').next().unwrap()).collect();
    assert_eq!(cards, ["Test accuracy", "Val accuracy", "Train accuracy"]);
    let values: Vec<&str> =
        page.split("class=\"value\">").skip(1).map(|card| card.split('<').next().unwrap()).collect();
    assert_eq!(values, ["0.9525", "0.9625", "0.9900"]);
}
