//! A closer look at the detections on one split: figures a class and a size, curves, confusions, kinds of errors.

use super::confusion_figure;
use super::curve_chart::{Curve, CurveChart};
use super::data::{DetectionClassRow, DetectionEvaluation, ErrorShare, RatioCurve};
use super::format::{count, score, shortened};
use super::markup::Markup;
use super::tables::table;

/// Longest class name in a table.
const NAME_LIMIT: usize = 48;
/// Up to this many classes the table of classes is open from the start.
const MAX_OPEN_CLASSES: usize = 24;
/// How many classes are listed openly when the whole table is too long.
const WORST_CLASSES: usize = 12;

/// Writes what there is about the split.
pub(super) fn draw(markup: &mut Markup, evaluation: &DetectionEvaluation) {
    markup.element("section", &[("id", &"evaluation")], |markup| {
        markup.leaf("h2", &[], format_args!("Detections on {}", evaluation.split));
        markup.element("div", &[("class", &"charts wide")], |markup| {
            if let Some(matrix) = &evaluation.confusion_matrix {
                let mut names = evaluation.class_names.clone();
                names.push("background".to_owned());
                confusion_figure::draw(markup, matrix, &names);
            }
            markup.element("div", &[], |markup| {
                errors(markup, &evaluation.errors);
                sizes(markup, evaluation);
            });
        });
        if evaluation.confusion_matrix.is_some() {
            let (confidence, iou) = evaluation.confusion_thresholds;
            let text = format!(
                "Confusions count detections of confidence {confidence:.2} and above that overlap an object by an IoU \
                 of {iou:.2}; the last row holds detections of nothing, the last column objects that were missed."
            );
            markup.leaf("p", &[("class", &"note")], text);
        }
        classes(markup, &evaluation.per_class);
        curves(markup, evaluation);
    });
}

/// A bar for each kind of error.
fn errors(markup: &mut Markup, errors: &[ErrorShare]) {
    if errors.is_empty() {
        return;
    }
    let largest = errors.iter().map(|error| error.delta).fold(f64::MIN_POSITIVE, f64::max);
    markup.element("div", &[("class", &"card")], |markup| {
        markup.leaf("h3", &[], "What errors cost");
        markup.leaf("p", &[("class", &"note")], "How much AP50 would rise if one kind of error were gone.");
        markup.element("table", &[("class", &"classes")], |markup| {
            markup.element("tbody", &[], |markup| {
                for error in errors {
                    markup.element("tr", &[], |markup| {
                        markup.leaf("td", &[("class", &"text"), ("title", &error.meaning)], &error.kind);
                        markup.leaf("td", &[("class", &"number")], score(Some(error.delta)));
                        markup.element("td", &[("class", &"bar")], |markup| {
                            let style = format!("width:{:.1}%", (error.delta / largest).clamp(0.0, 1.0) * 100.0);
                            markup.leaf("i", &[("style", &style)], "");
                        });
                    });
                }
            });
        });
    });
}

fn sizes(markup: &mut Markup, evaluation: &DetectionEvaluation) {
    if evaluation.sizes.is_empty() {
        return;
    }
    markup.element("div", &[("class", &"card")], |markup| {
        markup.leaf("h3", &[], "Sizes of objects");
        let rows: Vec<Vec<String>> =
            evaluation.sizes.iter().map(|row| vec![row.size.clone(), score(row.ap), score(row.ar)]).collect();
        table(markup, false, &["size", "AP", "AR"].map(str::to_owned), &rows);
    });
}

fn classes(markup: &mut Markup, rows: &[DetectionClassRow]) {
    if rows.is_empty() {
        return;
    }
    markup.leaf("h3", &[], "Classes");
    if rows.len() <= MAX_OPEN_CLASSES {
        class_table(markup, rows.iter());
        return;
    }
    let mut worst: Vec<&DetectionClassRow> = rows.iter().filter(|row| row.ap.is_some()).collect();
    worst.sort_by(|a, b| a.ap.unwrap_or_default().total_cmp(&b.ap.unwrap_or_default()));
    markup.leaf("p", &[("class", &"note")], format_args!("The {WORST_CLASSES} with the lowest AP:"));
    class_table(markup, worst.into_iter().take(WORST_CLASSES));
    markup.element("details", &[], |markup| {
        markup.leaf("summary", &[], format_args!("All {} classes", rows.len()));
        class_table(markup, rows.iter());
    });
}

fn class_table<'a>(markup: &mut Markup, rows: impl Iterator<Item = &'a DetectionClassRow>) {
    let columns = ["class", "objects", "AP", "AP50", "AP75", "AR100", "best F1", "at confidence"].map(str::to_owned);
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let mut cells = vec![shortened(&row.class, NAME_LIMIT), count(row.objects)];
            let figures = [row.ap, row.ap50, row.ap75, row.ar100, row.best_f1, row.best_threshold];
            cells.extend(figures.map(score));
            cells
        })
        .collect();
    table(markup, true, &columns, &rows);
}

fn curves(markup: &mut Markup, evaluation: &DetectionEvaluation) {
    if evaluation.precision_recall.is_empty() && evaluation.f1.is_empty() {
        return;
    }
    markup.leaf("h3", &[], "Thresholds and confidence");
    markup.leaf("p", &[("class", &"note")], "At an IoU of 0.5; the classes with the lowest AP50 are in colour.");
    markup.element("div", &[("class", &"charts")], |markup| {
        chart(markup, "Precision and recall", ["recall", "precision"], "AP50", &evaluation.precision_recall);
        chart(markup, "F1 and confidence", ["confidence", "F1"], "highest F1", &evaluation.f1);
    });
}

fn chart(markup: &mut Markup, title: &str, axes: [&str; 2], area_name: &str, curves: &[RatioCurve]) {
    if curves.is_empty() {
        return;
    }
    let curves = curves
        .iter()
        .map(|curve| Curve { class: &curve.class, area: curve.figure, points: curve.points.clone() })
        .collect();
    CurveChart { title, axes, area_name, diagonal: false, curves }.draw(markup);
}
