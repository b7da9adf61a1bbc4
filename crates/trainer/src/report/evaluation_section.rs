//! A closer look at one split: confusions, figures a class, curves and calibration.

use metrics::ClassRow;

use super::calibration_chart;
use super::confusion_figure;
use super::curve_chart::{Curve, CurveChart};
use super::data::{ClassCurves, Evaluation};
use super::format::{count, score, shortened};
use super::markup::Markup;
use super::tables::table;

/// How many of the most frequent mistakes are listed.
const MOST_CONFUSED: usize = 12;
/// Up to this many classes the table of classes is open from the start.
const MAX_OPEN_CLASSES: usize = 24;
/// How many classes are listed openly when the whole table is too long.
const WORST_CLASSES: usize = 12;
/// Longest class name in a table.
const NAME_LIMIT: usize = 48;

/// Writes what there is about the split.
pub(super) fn draw(markup: &mut Markup, evaluation: &Evaluation) {
    markup.element("section", &[("id", &"evaluation")], |markup| {
        markup.leaf("h2", &[], format_args!("Predictions on {}", evaluation.split));
        if let Some(matrix) = &evaluation.confusion_matrix {
            markup.element("div", &[("class", &"charts wide")], |markup| {
                confusion_figure::draw(markup, matrix, &evaluation.class_names);
                most_confused(markup, evaluation);
            });
        }
        if !evaluation.per_class.is_empty() {
            per_class(markup, &evaluation.per_class);
        }
        curves(markup, evaluation);
    });
}

fn most_confused(markup: &mut Markup, evaluation: &Evaluation) {
    let Some(matrix) = &evaluation.confusion_matrix else { return };
    let name = |class: usize| {
        let name = evaluation.class_names.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
        shortened(&name, NAME_LIMIT)
    };
    let confusions = matrix.most_confused(MOST_CONFUSED);
    markup.element("div", &[("class", &"card")], |markup| {
        markup.leaf("h3", &[], "Most frequent mistakes");
        if confusions.is_empty() {
            let text = if matrix.total() == 0 { "There were no samples." } else { "There were none." };
            markup.leaf("p", &[("class", &"note")], text);
            return;
        }
        let row = |confusion: &metrics::Confusion| {
            vec![
                name(confusion.target),
                name(confusion.predicted),
                count(confusion.count),
                score(Some(confusion.fraction)),
            ]
        };
        let rows: Vec<Vec<String>> = confusions.iter().map(row).collect();
        let columns = ["true class", "taken for", "samples", "share"].map(str::to_owned);
        table(markup, false, &columns, &rows);
    });
}

fn per_class(markup: &mut Markup, rows: &[ClassRow]) {
    markup.leaf("h3", &[], "Classes");
    if rows.len() <= MAX_OPEN_CLASSES {
        class_table(markup, rows.iter());
        return;
    }
    let mut worst: Vec<&ClassRow> = rows.iter().filter(|row| row.support > 0).collect();
    worst.sort_by(|a, b| a.f1.total_cmp(&b.f1));
    markup.leaf("p", &[("class", &"note")], format_args!("The {WORST_CLASSES} with the lowest F1:"));
    class_table(markup, worst.into_iter().take(WORST_CLASSES));
    markup.element("details", &[], |markup| {
        markup.leaf("summary", &[], format_args!("All {} classes", rows.len()));
        class_table(markup, rows.iter());
    });
}

/// A table that is sorted by a click on a column title, with a bar for the F1 of each class.
fn class_table<'a>(markup: &mut Markup, rows: impl Iterator<Item = &'a ClassRow>) {
    const COLUMNS: [&str; 6] = ["support", "precision", "recall", "F1", "ROC AUC", "PR AUC"];
    markup.element("div", &[("class", &"scroll")], |markup| {
        markup.element("table", &[("class", &"sortable classes")], |markup| {
            markup.element("thead", &[], |markup| {
                markup.element("tr", &[], |markup| {
                    markup.leaf("th", &[("class", &"text"), ("scope", &"col")], "class");
                    for column in COLUMNS {
                        markup.leaf("th", &[("class", &"number"), ("scope", &"col")], column);
                    }
                    markup.leaf("th", &[("class", &"bar"), ("aria-hidden", &"true")], "");
                });
            });
            markup.element("tbody", &[], |markup| {
                for row in rows {
                    class_row(markup, row);
                }
            });
        });
    });
}

fn class_row(markup: &mut Markup, row: &ClassRow) {
    markup.element("tr", &[], |markup| {
        let name = shortened(&row.class, NAME_LIMIT);
        markup.leaf("td", &[("class", &"text"), ("title", &row.class)], name);
        markup.leaf("td", &[("class", &"number")], count(row.support));
        for value in [Some(row.precision), Some(row.recall), Some(row.f1), row.roc_auc, row.pr_auc] {
            markup.leaf("td", &[("class", &"number")], score(value));
        }
        markup.element("td", &[("class", &"bar")], |markup| {
            let style = format!("width:{:.1}%", row.f1.clamp(0.0, 1.0) * 100.0);
            markup.leaf("i", &[("style", &style)], "");
        });
    });
}

fn curves(markup: &mut Markup, evaluation: &Evaluation) {
    let has_samples = evaluation.calibration.iter().any(|bin| bin.count > 0);
    if evaluation.curves.is_empty() && !has_samples {
        return;
    }
    let two_classes = evaluation.class_names.len() == 2;
    markup.leaf("h3", &[], "Thresholds and confidence");
    if !evaluation.curves.is_empty() {
        let text = if two_classes {
            "Each class against the other."
        } else {
            "Each class against the rest; the classes ranked worst are in colour."
        };
        markup.leaf("p", &[("class", &"note")], text);
    }
    let roc: Vec<Curve<'_>> = evaluation.curves.iter().filter_map(roc).collect();
    let precision_recall: Vec<Curve<'_>> = evaluation.curves.iter().filter_map(precision_recall).collect();
    markup.element("div", &[("class", &"charts")], |markup| {
        let (title, axes) = ("ROC curves", ["false positive rate", "true positive rate"]);
        if !roc.is_empty() {
            CurveChart { title, axes, area_name: "area", diagonal: true, curves: roc }.draw(markup);
        }
        let (title, axes) = ("Precision and recall", ["recall", "precision"]);
        if !precision_recall.is_empty() {
            let area_name = "average precision";
            CurveChart { title, axes, area_name, diagonal: false, curves: precision_recall }.draw(markup);
        }
        calibration_chart::draw(markup, &evaluation.calibration);
    });
}

/// The ROC curve of a class, if it has one.
fn roc(curves: &ClassCurves) -> Option<Curve<'_>> {
    let points =
        curves.roc.as_ref()?.iter().map(|point| (point.false_positive_rate, point.true_positive_rate)).collect();
    Some(Curve { class: &curves.class, area: curves.roc_auc, points })
}

/// The precision-recall curve of a class, if it has one.
fn precision_recall(curves: &ClassCurves) -> Option<Curve<'_>> {
    let points = curves.precision_recall.as_ref()?.iter().map(|point| (point.recall, point.precision)).collect();
    Some(Curve { class: &curves.class, area: curves.pr_auc, points })
}
