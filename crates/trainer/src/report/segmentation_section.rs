//! A closer look at the masks of one split: figures a class, and what is taken for what.

use metrics::SegmentationClassRow;

use super::confusion_figure;
use super::data::SegmentationEvaluation;
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
pub(super) fn draw(markup: &mut Markup, evaluation: &SegmentationEvaluation) {
    markup.element("section", &[("id", &"evaluation")], |markup| {
        markup.leaf("h2", &[], format_args!("Masks on {}", evaluation.split));
        if let Some(matrix) = &evaluation.confusion_matrix {
            markup.element("div", &[("class", &"charts wide")], |markup| {
                confusion_figure::draw(markup, matrix, &evaluation.class_names);
            });
            markup.leaf("p", &[("class", &"note")], "Confusions count pixels; those to ignore are left out.");
        }
        classes(markup, &evaluation.per_class);
    });
}

fn classes(markup: &mut Markup, rows: &[SegmentationClassRow]) {
    if rows.is_empty() {
        return;
    }
    markup.leaf("h3", &[], "Classes");
    if rows.len() <= MAX_OPEN_CLASSES {
        class_table(markup, rows.iter());
        return;
    }
    let mut worst: Vec<&SegmentationClassRow> = rows.iter().filter(|row| row.iou.is_some()).collect();
    worst.sort_by(|a, b| a.iou.unwrap_or_default().total_cmp(&b.iou.unwrap_or_default()));
    markup.leaf("p", &[("class", &"note")], format_args!("The {WORST_CLASSES} with the lowest IoU:"));
    class_table(markup, worst.into_iter().take(WORST_CLASSES));
    markup.element("details", &[], |markup| {
        markup.leaf("summary", &[], format_args!("All {} classes", rows.len()));
        class_table(markup, rows.iter());
    });
}

fn class_table<'a>(markup: &mut Markup, rows: impl Iterator<Item = &'a SegmentationClassRow>) {
    let columns = ["class", "pixels", "IoU", "Dice", "precision", "recall", "boundary F1", "HD95 (pixels)"];
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let mut cells = vec![shortened(&row.class, NAME_LIMIT), count(row.pixels)];
            cells.extend([row.iou, row.dice, row.precision, row.recall, row.boundary_f1].map(score));
            cells.push(row.hd95.map_or_else(|| "–".to_owned(), |distance| format!("{distance:.2}")));
            cells
        })
        .collect();
    table(markup, true, &columns.map(str::to_owned), &rows);
}
