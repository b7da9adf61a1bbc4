//! Values over epochs.

use super::format::{Px, number};
use super::frame::{Frame, polyline_points};
use super::markup::Markup;
use super::scale::Scale;

/// Size of the figure; small enough that its 11-pixel labels stay legible on a phone.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 220.0;
/// About how many ticks an axis has.
const TICKS: usize = 5;
/// Up to this many epochs every value is marked with a dot.
const MAX_DOTTED: usize = 40;
/// Radius of a dot on a line, and of one that is all there is.
const DOT: f64 = 2.4;
const LONE_DOT: f64 = 4.0;
/// At most this many places answer to the pointer; past it, an answer covers several epochs.
const MAX_HOVER_BANDS: usize = 400;
/// On a linear axis values below this part of the largest cannot be told from zero. When they are at least a third of
/// all, the axis is logarithmic: for a learning rate that falls in steps, and …
const INVISIBLE_RATE: f64 = 1.0 / 50.0;
/// … for any other quantity, whose first values may rightly dwarf the last, when one value diverged.
const INVISIBLE: f64 = 1.0 / 1000.0;
/// Width of the word beside the line of the best epoch.
const BEST_LABEL: f64 = 26.0;

/// One line of a chart.
pub(super) struct Series {
    /// Its name in the legend; empty when the chart has one line only.
    pub(super) label: String,
    /// Number of its colour.
    pub(super) colour: usize,
    /// One value an epoch; `None` where nothing was recorded.
    pub(super) values: Vec<Option<f64>>,
}

/// A chart of one quantity.
pub(super) struct LineChart<'a> {
    /// What is shown.
    pub(super) title: String,
    /// Numbers of the epochs.
    pub(super) epochs: &'a [usize],
    /// The lines.
    pub(super) series: Vec<Series>,
    /// The epoch of the best checkpoint.
    pub(super) best_epoch: Option<usize>,
    /// Whether the quantity is a learning rate.
    pub(super) is_rate: bool,
}

impl LineChart<'_> {
    /// Writes the chart with its title and legend.
    pub(super) fn draw(&self, markup: &mut Markup) {
        markup.element("figure", &[("class", &"card chart")], |markup| {
            markup.element("figcaption", &[], |markup| {
                markup.leaf("span", &[("class", &"chart-title")], &self.title);
                markup.element("span", &[("class", &"legend")], |markup| self.legend(markup));
            });
            let (Some(&first), Some(&last)) = (self.epochs.iter().min(), self.epochs.iter().max()) else { return };
            let frame = Frame::new(WIDTH, HEIGHT, Scale::whole(first, last, TICKS + 1), self.value_axis());
            let description = format!("{} over epochs {first} to {last}", self.title);
            frame.draw(markup, &description, ["epoch", &self.title], |markup| {
                self.best_line(markup, &frame);
                for series in &self.series {
                    self.line(markup, &frame, series);
                }
                self.hover_bands(markup, &frame);
            });
        });
    }

    /// Name and last value of every line.
    fn legend(&self, markup: &mut Markup) {
        for series in &self.series {
            markup.element("span", &[("class", &format!("key c{}", series.colour))], |markup| {
                markup.leaf("i", &[], "");
                if !series.label.is_empty() {
                    markup.text(format_args!("{} ", series.label));
                }
                let last = series.values.iter().rev().flatten().next();
                markup.leaf("b", &[("title", &"last value")], last.map_or_else(|| "–".to_owned(), |v| number(*v)));
            });
        }
    }

    fn finite_values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| &series.values).flatten().copied().filter(|value| value.is_finite())
    }

    fn value_axis(&self) -> Scale {
        let low = self.finite_values().fold(f64::INFINITY, f64::min);
        let high = self.finite_values().fold(f64::NEG_INFINITY, f64::max);
        let visible_from = high * if self.is_rate { INVISIBLE_RATE } else { INVISIBLE };
        let invisible = self.finite_values().filter(|value| *value < visible_from).count();
        if low > 0.0 && invisible * 3 >= self.finite_values().count() {
            Scale::logarithmic(self.finite_values())
        } else {
            Scale::around(self.finite_values(), TICKS)
        }
    }

    fn best_line(&self, markup: &mut Markup, frame: &Frame) {
        let Some(best) = self.best_epoch.filter(|best| self.epochs.contains(best)) else { return };
        let x = frame.x(best as f64);
        markup.element("g", &[("class", &"best axis")], |markup| {
            markup.empty("line", &[("x1", &Px(x)), ("x2", &Px(x)), ("y1", &Px(frame.top)), ("y2", &Px(frame.bottom))]);
            let (place, anchor) =
                if x + BEST_LABEL < frame.right { (Px(x + 4.0), "start") } else { (Px(x - 4.0), "end") };
            let height = self.best_label_height(best, frame);
            markup.leaf("text", &[("x", &place), ("y", &Px(height)), ("text-anchor", &anchor)], "best");
        });
    }

    /// Where the word beside the best epoch stands: at the end of its line that is farther from the values there.
    fn best_label_height(&self, best: usize, frame: &Frame) -> f64 {
        let index = self.epochs.iter().position(|epoch| *epoch == best);
        let there = self.series.iter().filter_map(|series| series.values[index?].filter(|value| value.is_finite()));
        let heights: Vec<f64> = there.map(|value| frame.y(value)).collect();
        let mean = heights.iter().sum::<f64>() / heights.len().max(1) as f64;
        if mean > (frame.top + frame.bottom) / 2.0 { frame.top + 10.0 } else { frame.bottom - 5.0 }
    }

    /// One line, broken where a value is missing or not finite; a value that is not finite is marked at the upper edge.
    fn line(&self, markup: &mut Markup, frame: &Frame, series: &Series) {
        let place = |(&epoch, &value): (&usize, &Option<f64>)| (epoch, value);
        let values: Vec<(usize, Option<f64>)> = self.epochs.iter().zip(&series.values).map(place).collect();
        let dotted = self.epochs.len() <= MAX_DOTTED;
        let radius = if self.epochs.len() == 1 { LONE_DOT } else { DOT };
        markup.element("g", &[("class", &format!("series c{}", series.colour))], |markup| {
            for run in values.split(|(_, value)| !value.is_some_and(f64::is_finite)) {
                let points = || run.iter().map(|(epoch, v)| (frame.x(*epoch as f64), frame.y(v.unwrap_or_default())));
                if run.len() > 1 {
                    markup.empty("polyline", &[("points", &polyline_points(points()))]);
                }
                if dotted || run.len() == 1 {
                    for (x, y) in points() {
                        markup.empty("circle", &[("cx", &Px(x)), ("cy", &Px(y)), ("r", &radius)]);
                    }
                }
            }
            for (epoch, value) in &values {
                let Some(value) = value.filter(|value| !value.is_finite()) else { continue };
                let (x, y) = (Px(frame.x(*epoch as f64)), Px(frame.top + 4.0));
                markup.element("text", &[("class", &"broken"), ("x", &x), ("y", &y)], |markup| {
                    markup.text("×");
                    markup.leaf("title", &[], format_args!("epoch {epoch}: {}", number(value)));
                });
            }
        });
    }

    /// Invisible columns, one an epoch, that show its values and a line when the pointer is over them.
    fn hover_bands(&self, markup: &mut Markup, frame: &Frame) {
        let stride = self.epochs.len().div_ceil(MAX_HOVER_BANDS).max(1);
        let width = (frame.right - frame.left) / self.epochs.len().saturating_sub(1).max(1) as f64 * stride as f64;
        for index in (0..self.epochs.len()).step_by(stride) {
            let epoch = self.epochs[index];
            let x = frame.x(epoch as f64);
            let start = (x - width / 2.0).max(frame.left);
            let end = (x + width / 2.0).min(frame.right);
            markup.element("g", &[("class", &"hover")], |markup| {
                let (top, height) = (Px(frame.top), Px(frame.bottom - frame.top));
                let span = Px((end - start).max(1.0));
                markup.empty("rect", &[("x", &Px(start)), ("y", &top), ("width", &span), ("height", &height)]);
                markup.empty("line", &[("x1", &Px(x)), ("x2", &Px(x)), ("y1", &top), ("y2", &Px(frame.bottom))]);
                let mut lines = format!("epoch {epoch}");
                for series in &self.series {
                    if let Some(value) = series.values[index] {
                        let label = if series.label.is_empty() { &self.title } else { &series.label };
                        lines.push_str(&format!("\n{label}: {}", number(value)));
                    }
                }
                markup.leaf("title", &[], lines);
            });
        }
    }
}
