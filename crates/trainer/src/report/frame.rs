//! The axes, grid and labels that every plot stands in.

use super::format::Px;
use super::markup::Markup;
use super::scale::Scale;

/// Advance of one character of a tick label in units of the figure: 11 pixels of a sans-serif face with digits 0.6 em
/// wide.
const CHARACTER: f64 = 6.7;
/// Space below the plot for tick labels and the axis title.
const BOTTOM: f64 = 38.0;
/// Space above the plot, so that the uppermost tick label is whole.
const TOP: f64 = 10.0;
/// Space right of the plot, so that the last tick label is whole.
const RIGHT: f64 = 14.0;
/// Space left of the tick labels for the axis title.
const AXIS_TITLE: f64 = 24.0;

/// A rectangle in which values are plotted, and its axes.
pub(super) struct Frame {
    width: f64,
    height: f64,
    /// Left edge of the plot.
    pub(super) left: f64,
    /// Right edge of the plot.
    pub(super) right: f64,
    /// Upper edge of the plot.
    pub(super) top: f64,
    /// Lower edge of the plot.
    pub(super) bottom: f64,
    x: Scale,
    y: Scale,
}

impl Frame {
    /// A frame of the given outer size.
    pub(super) fn new(width: f64, height: f64, x: Scale, y: Scale) -> Self {
        let longest = y.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
        let left = AXIS_TITLE + longest as f64 * CHARACTER + 6.0;
        Self { width, height, left, right: width - RIGHT, top: TOP, bottom: height - BOTTOM, x, y }
    }

    /// Horizontal position of a value.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.left + self.x.position(value) * (self.right - self.left)
    }

    /// Vertical position of a value.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom - self.y.position(value) * (self.bottom - self.top)
    }

    /// Writes the figure: grid and labels, then what `content` draws. `description` is for those who cannot see it.
    pub(super) fn draw(
        &self,
        markup: &mut Markup,
        description: &str,
        [x_title, y_title]: [&str; 2],
        content: impl FnOnce(&mut Markup),
    ) {
        let view_box = format!("0 0 {} {}", self.width, self.height);
        let attributes: [(&str, &dyn std::fmt::Display); 4] =
            [("class", &"plot"), ("viewBox", &view_box), ("role", &"img"), ("aria-label", &description)];
        markup.element("svg", &attributes, |markup| {
            markup.element("g", &[("class", &"grid")], |markup| self.grid(markup));
            markup.element("g", &[("class", &"axis")], |markup| self.labels(markup, x_title, y_title));
            content(markup);
        });
    }

    fn grid(&self, markup: &mut Markup) {
        let (left, right, top, bottom) = (Px(self.left), Px(self.right), Px(self.top), Px(self.bottom));
        for (value, _) in &self.y.ticks {
            let y = Px(self.y(*value));
            markup.empty("line", &[("x1", &left), ("x2", &right), ("y1", &y), ("y2", &y)]);
        }
        for (value, _) in &self.x.ticks {
            let x = Px(self.x(*value));
            markup.empty("line", &[("x1", &x), ("x2", &x), ("y1", &top), ("y2", &bottom)]);
        }
        let base = [("class", &"base" as &dyn std::fmt::Display), ("x1", &left), ("x2", &right)];
        markup.empty("line", &[base[0], base[1], base[2], ("y1", &bottom), ("y2", &bottom)]);
    }

    fn labels(&self, markup: &mut Markup, x_title: &str, y_title: &str) {
        for (value, label) in &self.y.ticks {
            let y = Px(self.y(*value) + 4.0);
            markup.leaf("text", &[("x", &Px(self.left - 6.0)), ("y", &y), ("text-anchor", &"end")], label);
        }
        for (value, label) in &self.x.ticks {
            let x = Px(self.x(*value));
            markup.leaf("text", &[("x", &x), ("y", &Px(self.bottom + 16.0)), ("text-anchor", &"middle")], label);
        }
        let middle = Px((self.left + self.right) / 2.0);
        let below = Px(self.height - 5.0);
        let attributes: [(&str, &dyn std::fmt::Display); 4] =
            [("class", &"axis-title"), ("x", &middle), ("y", &below), ("text-anchor", &"middle")];
        markup.leaf("text", &attributes, x_title);
        let middle = (self.top + self.bottom) / 2.0;
        let turned = format!("rotate(-90 12 {})", Px(middle));
        let attributes: [(&str, &dyn std::fmt::Display); 5] = [
            ("class", &"axis-title"),
            ("x", &12),
            ("y", &Px(middle)),
            ("text-anchor", &"middle"),
            ("transform", &turned),
        ];
        markup.leaf("text", &attributes, y_title);
    }
}

/// The `points` of a polyline.
pub(super) fn polyline_points(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{},{}", Px(x), Px(y))).collect::<Vec<_>>().join(" ")
}
