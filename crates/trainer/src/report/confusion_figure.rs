//! The confusion matrix as a picture: right answers blue, mistakes red, both by their share of the true class.

use std::collections::BTreeSet;

use image::{Rgba, RgbaImage};
use metrics::ConfusionMatrix;

use super::data_uri::rgba_data_uri;
use super::format::{Px, compact, count, shortened};
use super::markup::Markup;

/// Up to this many classes each cell is drawn with its names; past it the matrix is a picture of pixels.
const MAX_NAMED: usize = 30;
/// Up to this many classes the counts are written into the cells.
const MAX_COUNTED: usize = 16;
/// Largest picture of pixels: a larger matrix is gathered into blocks.
const MAX_PIXELS: usize = 128;
/// Side of the drawn matrix.
const SIDE: f64 = 460.0;
/// Largest side of one cell.
const MAX_CELL: f64 = 72.0;
/// Longest class name at the axes.
const NAME_LIMIT: usize = 16;
/// Advance of a character of a class name.
const CHARACTER: f64 = 6.3;
/// Shares are raised to this power to become opacities, so that mistakes of a few per cent can be seen.
const GAMMA: f64 = 0.6;
/// The same for a picture of pixels, which are too small for a faint colour to be seen.
const PIXEL_GAMMA: f64 = 0.4;
/// Opacity from which on light text is easier to read on a cell.
const LIGHT_TEXT: f64 = 0.6;
/// Blue and vermilion of Okabe and Ito's palette ("Color Universal Design", 2008), told apart by colour-blind people.
const RIGHT: [u8; 3] = [0, 114, 178];
const WRONG: [u8; 3] = [213, 94, 0];

/// Writes the matrix over classes of the given names.
pub(super) fn draw(markup: &mut Markup, matrix: &ConfusionMatrix, names: &[String]) {
    markup.element("figure", &[("class", &"card chart matrix")], |markup| {
        markup.element("figcaption", &[], |markup| {
            markup.leaf("span", &[("class", &"chart-title")], "Confusion matrix");
            markup.element("span", &[("class", &"legend")], |markup| {
                for (class, label) in [("key right", "right"), ("key wrong", "mistaken")] {
                    markup.element("span", &[("class", &class)], |markup| {
                        markup.leaf("i", &[], "");
                        markup.text(label);
                    });
                }
            });
        });
        if matrix.classes() <= MAX_NAMED {
            draw_cells(markup, matrix, names);
        } else {
            draw_pixels(markup, matrix);
        }
    });
}

fn draw_cells(markup: &mut Markup, matrix: &ConfusionMatrix, names: &[String]) {
    let classes = matrix.classes();
    let cell = (SIDE / classes as f64).min(MAX_CELL);
    let labels = labels(names, classes);
    let label = |class: usize| labels[class].as_str();
    let longest = (0..classes).map(|class| label(class).chars().count()).max().unwrap_or(0) as f64 * CHARACTER;
    let left = longest + 30.0;
    let side = cell * classes as f64;
    // Column names fit level when they are narrower than a cell; otherwise they hang at 45 degrees.
    let level = longest + 4.0 <= cell;
    let (drop, overhang) = if level { (16.0, 0.0) } else { (longest * 0.72 + 14.0, 10.0) };
    let (width, height) = (left + side + 6.0 + overhang, side + drop + 24.0);
    let view_box = format!("0 0 {} {}", Px(width), Px(height));
    let description = format!("Confusion matrix of {classes} classes");
    let style = format!("max-width:{}px", Px(width * 1.25));
    let attributes: [(&str, &dyn std::fmt::Display); 5] =
        [("class", &"plot"), ("viewBox", &view_box), ("style", &style), ("role", &"img"), ("aria-label", &description)];
    let (supports, shares) = (matrix.supports(), matrix.normalized());
    markup.element("svg", &attributes, |markup| {
        let outline: [(&str, &dyn std::fmt::Display); 5] =
            [("class", &"outline"), ("x", &Px(left)), ("y", &0), ("width", &Px(side)), ("height", &Px(side))];
        markup.empty("rect", &outline);
        for target in 0..classes {
            for (predicted, &number) in matrix.row(target).iter().enumerate() {
                if number > 0 {
                    let (x, y) = (left + predicted as f64 * cell, target as f64 * cell);
                    let full = |class: usize| names.get(class).map_or("", String::as_str);
                    let title = format!(
                        "true {}, predicted {}: {} of {}",
                        full(target),
                        full(predicted),
                        count(number),
                        count(supports[target])
                    );
                    let share = shares[target * classes + predicted];
                    let written = (classes <= MAX_COUNTED).then(|| compact(number as f64));
                    draw_cell(markup, [x, y, cell], target == predicted, share, written, title);
                }
            }
        }
        markup.element("g", &[("class", &"axis")], |markup| {
            for class in 0..classes {
                let middle = (class as f64 + 0.5) * cell;
                let (x, y) = (Px(left - 6.0), Px(middle + 4.0));
                markup.leaf("text", &[("x", &x), ("y", &y), ("text-anchor", &"end")], label(class));
                let (x, y) = (left + middle, side + 15.0);
                if level {
                    markup.leaf("text", &[("x", &Px(x)), ("y", &Px(y)), ("text-anchor", &"middle")], label(class));
                } else {
                    let turned = format!("rotate(-45 {} {})", Px(x + 4.0), Px(y - 2.0));
                    let attributes: [(&str, &dyn std::fmt::Display); 4] =
                        [("x", &Px(x + 4.0)), ("y", &Px(y - 2.0)), ("text-anchor", &"end"), ("transform", &turned)];
                    markup.leaf("text", &attributes, label(class));
                }
            }
            let (x, y) = (Px(left + side / 2.0), Px(height - 4.0));
            let attributes: [(&str, &dyn std::fmt::Display); 4] =
                [("class", &"axis-title"), ("x", &x), ("y", &y), ("text-anchor", &"middle")];
            markup.leaf("text", &attributes, "predicted class");
            let turned = format!("rotate(-90 12 {})", Px(side / 2.0));
            let attributes: [(&str, &dyn std::fmt::Display); 5] = [
                ("class", &"axis-title"),
                ("x", &12),
                ("y", &Px(side / 2.0)),
                ("text-anchor", &"middle"),
                ("transform", &turned),
            ];
            markup.leaf("text", &attributes, "true class");
        });
    });
}

/// Names short enough for the axes; when two of them become the same, the numbers of the classes come first.
fn labels(names: &[String], classes: usize) -> Vec<String> {
    let name = |class: usize| names.get(class).map_or("", String::as_str);
    let short: Vec<String> = (0..classes).map(|class| shortened(name(class), NAME_LIMIT)).collect();
    if short.iter().collect::<BTreeSet<_>>().len() == classes {
        return short;
    }
    (0..classes).map(|class| shortened(&format!("{class} {}", name(class)), NAME_LIMIT)).collect()
}

fn draw_cell(
    markup: &mut Markup,
    [x, y, side]: [f64; 3],
    right: bool,
    share: f64,
    written: Option<String>,
    title: String,
) {
    let opacity = share.powf(GAMMA);
    markup.element("g", &[("class", &if right { "cell right" } else { "cell wrong" })], |markup| {
        let attributes: [(&str, &dyn std::fmt::Display); 5] = [
            ("x", &Px(x)),
            ("y", &Px(y)),
            ("width", &Px(side)),
            ("height", &Px(side)),
            ("fill-opacity", &format!("{opacity:.3}")),
        ];
        markup.empty("rect", &attributes);
        if let Some(written) = written {
            // Four characters fill a cell; 12 pixels are enough in a large one.
            let size = Px((side * 0.36).min(12.0));
            let class = if opacity > LIGHT_TEXT { "light" } else { "dark" };
            let attributes: [(&str, &dyn std::fmt::Display); 5] = [
                ("class", &class),
                ("x", &Px(x + side / 2.0)),
                ("y", &Px(y + side / 2.0 + size.0 * 0.36)),
                ("font-size", &size),
                ("text-anchor", &"middle"),
            ];
            markup.leaf("text", &attributes, written);
        }
        markup.leaf("title", &[], title);
    });
}

fn draw_pixels(markup: &mut Markup, matrix: &ConfusionMatrix) {
    let classes = matrix.classes();
    let block = classes.div_ceil(MAX_PIXELS);
    let Some(uri) = rgba_data_uri(&pixels(matrix, block)) else { return };
    markup.element("div", &[("class", &"pixels")], |markup| {
        markup.leaf("span", &[("class", &"down")], "true class");
        let alt = format!("Confusion matrix of {classes} classes");
        markup.empty("img", &[("src", &uri), ("alt", &alt)]);
        markup.leaf("span", &[("class", &"across")], "predicted class");
    });
    let gathered = match block {
        1 => String::new(),
        _ => format!(" Each pixel gathers {block} × {block} classes."),
    };
    let text = format!("{classes} × {classes} classes in their order, the first in the upper left corner.{gathered}");
    markup.leaf("div", &[("class", &"legend below")], text);
}

/// One pixel a block of `block` × `block` classes: right answers on the diagonal, mistakes elsewhere, as transparent as
/// their share of the samples of the row is small.
fn pixels(matrix: &ConfusionMatrix, block: usize) -> RgbaImage {
    let classes = matrix.classes();
    let side = classes.div_ceil(block);
    let mut counts = vec![0_u64; side * side];
    let mut supports = vec![0_u64; side];
    for target in 0..classes {
        for (predicted, &number) in matrix.row(target).iter().enumerate() {
            supports[target / block] += number;
            // Mistakes inside a block of the diagonal would look like right answers.
            if target == predicted || target / block != predicted / block {
                counts[target / block * side + predicted / block] += number;
            }
        }
    }
    RgbaImage::from_fn(side as u32, side as u32, |column, row| {
        let (row, column) = (row as usize, column as usize);
        let share = counts[row * side + column] as f64 / supports[row].max(1) as f64;
        let [red, green, blue] = if row == column { RIGHT } else { WRONG };
        Rgba([red, green, blue, (share.powf(PIXEL_GAMMA) * 255.0).round() as u8])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_gather_right_answers_and_mistakes() {
        // Classes 0 and 1 form the first block, 2 and 3 the second.
        let mut matrix = ConfusionMatrix::new(4);
        matrix.count(&[0, 0, 1, 3, 2, 2], &[0, 1, 1, 1, 2, 3]).unwrap();
        let picture = pixels(&matrix, 2);
        assert_eq!(picture.dimensions(), (2, 2));
        // Of 4 samples in the first block 2 are right, 1 is mistaken inside it, 1 for the second block.
        let alpha = |share: f64| (share.powf(PIXEL_GAMMA) * 255.0).round() as u8;
        assert_eq!(picture.get_pixel(0, 0).0, [0, 114, 178, alpha(0.5)]);
        assert_eq!(picture.get_pixel(1, 0).0, [213, 94, 0, alpha(0.25)]);
        assert_eq!(picture.get_pixel(0, 1).0, [213, 94, 0, 0]);
        assert_eq!(picture.get_pixel(1, 1).0, [0, 114, 178, alpha(0.5)]);
    }

    #[test]
    fn names_that_would_look_alike_are_numbered() {
        let names = ["genus of cats, lion", "genus of cats, lynx", "dog"].map(str::to_owned);
        assert_eq!(labels(&names, 3), ["0 genus of cats…", "1 genus of cats…", "2 dog"]);
        assert_eq!(labels(&names[1..], 2), ["genus of cats, …", "dog"]);
    }
}
