//! The loss over the learning rate, as one SVG file.

use super::format::{Px, number};
use super::frame::{Frame, polyline_points};
use super::markup::Markup;
use super::scale::Scale;
use crate::run::LrFind;

/// Size of the figure.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
/// About how many ticks the vertical axis has.
const TICKS: usize = 6;
/// Losses above this many times the first are cut off: the explosion would press everything else flat.
const SHOWN: f64 = 1.5;

const STYLE: &str = "svg{background:#fff;font:11px system-ui,sans-serif;fill:none}text{fill:#444}\
    .grid line{stroke:#e4e4e4}.grid .base{stroke:#888}.axis-title{font-weight:600}\
    .loss{stroke:#b8c4d6}.smoothed{stroke:#1f5fbf;stroke-width:2}.mark line{stroke:#c2410c;stroke-dasharray:4 3}\
    .mark text{fill:#c2410c}";

/// The chart of a learning-rate range test: every loss, the smoothed ones, and the rates that it suggests.
pub fn render_lr_find(found: &LrFind) -> String {
    let first = found.points.first().map_or(1.0, |point| point.smoothed);
    let most = first * SHOWN;
    let shown = |loss: f64| loss.min(most);
    let losses = found.points.iter().flat_map(|point| [shown(point.loss), shown(point.smoothed)]);
    let rates = found.points.iter().map(|point| point.lr);
    let frame = Frame::new(WIDTH, HEIGHT, Scale::logarithmic(rates), Scale::around(losses, TICKS));
    let mut markup = Markup::new();
    let view_box = format!("0 0 {WIDTH} {HEIGHT}");
    let attributes: [(&str, &dyn std::fmt::Display); 4] =
        [("xmlns", &"http://www.w3.org/2000/svg"), ("viewBox", &view_box), ("width", &WIDTH), ("height", &HEIGHT)];
    markup.element("svg", &attributes, |markup| {
        markup.leaf("style", &[], STYLE);
        frame.draw(markup, "loss over the learning rate", ["learning rate", "loss"], |markup| {
            let line = |value: fn(&crate::run::LrPoint) -> f64| {
                polyline_points(found.points.iter().map(|point| (frame.x(point.lr), frame.y(shown(value(point))))))
            };
            markup.empty("polyline", &[("class", &"loss"), ("points", &line(|point| point.loss))]);
            markup.empty("polyline", &[("class", &"smoothed"), ("points", &line(|point| point.smoothed))]);
            let marks = [("steepest", found.steepest), ("a tenth of the minimum's", found.tenth_of_minimum)];
            for (index, (name, lr)) in marks.into_iter().enumerate() {
                let Some(lr) = lr else { continue };
                let (x, y) = (frame.x(lr), frame.top + 12.0 + 14.0 * index as f64);
                let anchor = if x > (frame.left + frame.right) / 2.0 { "end" } else { "start" };
                let place = Px(if anchor == "end" { x - 4.0 } else { x + 4.0 });
                markup.element("g", &[("class", &"mark")], |markup| {
                    let (top, bottom) = (Px(frame.top), Px(frame.bottom));
                    markup.empty("line", &[("x1", &Px(x)), ("x2", &Px(x)), ("y1", &top), ("y2", &bottom)]);
                    let text = format!("{name} {}", number(lr));
                    markup.leaf("text", &[("x", &place), ("y", &Px(y)), ("text-anchor", &anchor)], text);
                });
            }
        });
    });
    markup.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::LrPoint;

    #[test]
    fn the_chart_shows_both_lines_and_both_rates() {
        let points = [(1e-4, 2.0), (1e-3, 1.5), (1e-2, 1.0), (1e-1, 90.0)]
            .map(|(lr, loss)| LrPoint { lr, loss, smoothed: loss })
            .to_vec();
        let found = LrFind { points, steepest: Some(1e-3), tenth_of_minimum: Some(1e-3), exploded: true };
        let svg = render_lr_find(&found);
        assert!(svg.starts_with("<svg xmlns") && svg.ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("steepest 0.001") && svg.contains("a tenth of the minimum&#39;s 0.001"), "{svg}");
        // The explosion is cut off at one and a half times the first loss, so that the axis ends at 3.
        assert!(svg.contains(">3.0<") && !svg.contains(">90"), "{svg}");
    }
}
