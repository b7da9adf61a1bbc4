//! ROC and precision-recall curves: fractions against fractions.

use super::data::HIGHLIGHTED_CURVES;
use super::format::{score, shortened};
use super::frame::{Frame, polyline_points};
use super::markup::Markup;
use super::scale::Scale;

/// Size of the figure: the plot is about square.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 330.0;
/// About how many ticks an axis has.
const TICKS: usize = 5;
/// Longest class name in the legend.
const NAME_LIMIT: usize = 24;

/// One curve.
pub(super) struct Curve<'a> {
    /// Whose it is.
    pub(super) class: &'a str,
    /// The area under it.
    pub(super) area: Option<f64>,
    /// Its points, both coordinates from 0 to 1.
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart of curves; the first few are coloured, the others grey.
pub(super) struct CurveChart<'a> {
    /// What is shown.
    pub(super) title: &'a str,
    /// Titles of the horizontal and the vertical axis.
    pub(super) axes: [&'a str; 2],
    /// What the area is called.
    pub(super) area_name: &'a str,
    /// Whether the diagonal (chance) is drawn.
    pub(super) diagonal: bool,
    /// The curves, the most interesting first.
    pub(super) curves: Vec<Curve<'a>>,
}

impl CurveChart<'_> {
    /// Writes the chart with its title and legend.
    pub(super) fn draw(&self, markup: &mut Markup) {
        markup.element("figure", &[("class", &"card chart")], |markup| {
            markup.element("figcaption", &[], |markup| {
                markup.leaf("span", &[("class", &"chart-title")], self.title);
            });
            let frame = Frame::new(WIDTH, HEIGHT, Scale::exact(0.0, 1.0, TICKS), Scale::exact(0.0, 1.0, TICKS));
            let description = format!("{} of {} classes", self.title, self.curves.len());
            frame.draw(markup, &description, self.axes, |markup| {
                if self.diagonal {
                    let ends = [(frame.left, frame.bottom), (frame.right, frame.top)];
                    markup.empty("polyline", &[("class", &"diagonal"), ("points", &polyline_points(ends.into_iter()))]);
                }
                // Grey ones first, so that coloured ones lie above them.
                for (index, curve) in self.curves.iter().enumerate().rev() {
                    let class = colour_of(index).map_or("series muted".to_owned(), |c| format!("series c{c}"));
                    markup.element("g", &[("class", &class)], |markup| {
                        let points = curve.points.iter().map(|&(x, y)| (frame.x(x), frame.y(y)));
                        markup.empty("polyline", &[("points", &polyline_points(points))]);
                        let title = format!("{}: {} {}", curve.class, self.area_name, score(curve.area));
                        markup.leaf("title", &[], title);
                    });
                }
            });
            markup.element("div", &[("class", &"legend below")], |markup| self.legend(markup));
        });
    }

    fn legend(&self, markup: &mut Markup) {
        for (index, curve) in self.curves.iter().enumerate().take(HIGHLIGHTED_CURVES) {
            let class = format!("key c{index}");
            markup.element("span", &[("class", &class), ("title", &curve.class)], |markup| {
                markup.leaf("i", &[], "");
                markup.text(format_args!("{} ", shortened(curve.class, NAME_LIMIT)));
                markup.leaf("b", &[("title", &self.area_name)], score(curve.area));
            });
        }
        let others = self.curves.len().saturating_sub(HIGHLIGHTED_CURVES);
        if others > 0 {
            markup.element("span", &[("class", &"key muted")], |markup| {
                markup.leaf("i", &[], "");
                markup.text(format_args!("{others} more classes"));
            });
        }
    }
}

/// The number of the colour of a curve, `None` for grey.
fn colour_of(index: usize) -> Option<usize> {
    (index < HIGHLIGHTED_CURVES).then_some(index)
}
