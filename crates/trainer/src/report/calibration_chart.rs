//! The reliability diagram: how often the model is right at each confidence.

use metrics::ReliabilityBin;

use super::format::{Px, count, score};
use super::frame::{Frame, polyline_points};
use super::markup::Markup;
use super::scale::Scale;

/// Size of the figure, that of the curves beside it.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 330.0;
/// About how many ticks an axis has.
const TICKS: usize = 5;
/// Width of the bar for confidence 1, whose bin has none.
const POINT_BAR: f64 = 4.0;

/// Writes the diagram; bars reach to the accuracy of their bin, a stronger bar holds more samples.
pub(super) fn draw(markup: &mut Markup, bins: &[ReliabilityBin]) {
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let largest = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    if total == 0 {
        return;
    }
    let gap = |bin: &ReliabilityBin| match (bin.accuracy, bin.confidence) {
        (Some(accuracy), Some(confidence)) => (accuracy - confidence).abs() * bin.count as f64,
        _ => 0.0,
    };
    let error = bins.iter().map(gap).sum::<f64>() / total as f64;
    markup.element("figure", &[("class", &"card chart")], |markup| {
        markup.element("figcaption", &[], |markup| {
            markup.leaf("span", &[("class", &"chart-title")], "Calibration");
            markup.element("span", &[("class", &"legend")], |markup| {
                markup.text("expected error ");
                markup.leaf("b", &[], score(Some(error)));
            });
        });
        let frame = Frame::new(WIDTH, HEIGHT, Scale::exact(0.0, 1.0, TICKS), Scale::exact(0.0, 1.0, TICKS));
        let description = format!("Reliability diagram, expected calibration error {}", score(Some(error)));
        frame.draw(markup, &description, ["confidence", "accuracy"], |markup| {
            for bin in bins {
                bar(markup, &frame, bin, largest);
            }
            let ends = [(frame.left, frame.bottom), (frame.right, frame.top)];
            markup.empty("polyline", &[("class", &"diagonal"), ("points", &polyline_points(ends.into_iter()))]);
        });
        markup.element("div", &[("class", &"legend below")], |markup| {
            markup.text(
                "Bars on the dashed line are honest; below it the model is too sure. Stronger bars hold more samples.",
            );
        });
    });
}

fn bar(markup: &mut Markup, frame: &Frame, bin: &ReliabilityBin, largest: u64) {
    let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.confidence) else { return };
    let (mut start, mut end) = (frame.x(bin.lower) + 1.0, frame.x(bin.upper) - 1.0);
    if end - start < POINT_BAR {
        (start, end) = (end - POINT_BAR / 2.0 + 1.0, end + POINT_BAR / 2.0 + 1.0);
    }
    let top = frame.y(accuracy);
    // Square root, so that bins with a hundredth of the samples can still be seen.
    let strength = 0.25 + 0.65 * (bin.count as f64 / largest as f64).sqrt();
    markup.element("g", &[("class", &"bar c0")], |markup| {
        // A bar of accuracy 0 would have no height; a thin line says that it is there.
        let height = (frame.bottom - top).max(1.5);
        let attributes: [(&str, &dyn std::fmt::Display); 5] = [
            ("x", &Px(start)),
            ("y", &Px(frame.bottom - height)),
            ("width", &Px(end - start)),
            ("height", &Px(height)),
            ("fill-opacity", &format!("{strength:.2}")),
        ];
        markup.empty("rect", &attributes);
        let (low, high) = (score(Some(bin.lower)), score(Some(bin.upper)));
        let range = if bin.lower == bin.upper { low } else { format!("{low} to {high}") };
        let samples = count(bin.count);
        let (accuracy, confidence) = (score(Some(accuracy)), score(Some(confidence)));
        let title = format!("confidence {range}\n{samples} samples\naccuracy {accuracy}\nmean confidence {confidence}");
        markup.leaf("title", &[], title);
    });
}
