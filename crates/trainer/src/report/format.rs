//! Numbers and names as people read them.

use std::fmt::{Display, Formatter};

/// A length or position in an SVG figure, written with a tenth of a unit.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round();
        write!(formatter, "{}", if tenths == 0.0 { 0.0 } else { tenths / 10.0 })
    }
}

/// A number with four significant digits, in scientific form when very small or large.
pub(super) fn number(value: f64) -> String {
    /// Number of significant digits less one.
    const DIGITS: i32 = 3;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let text = if (-4..6).contains(&magnitude) {
        without_trailing_zeros(&format!("{value:.*}", (DIGITS - magnitude).max(0) as usize))
    } else {
        let scientific = format!("{value:.3e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        format!("{}e{exponent}", without_trailing_zeros(mantissa))
    };
    text.replace('-', "−")
}

/// A score with four decimals; a dash when there is none.
pub(super) fn score(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.is_finite() && value.abs() < 1000.0 => format!("{value:.4}").replace('-', "−"),
        Some(value) => number(value),
    }
}

/// A count with commas between thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure of a table in plain text; `-` where it is not defined.
pub fn figure_text(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

/// A large number with at most three digits before a letter for thousands (`k`), millions (`M`) or billions (`G`).
pub(super) fn compact(value: f64) -> String {
    let (divisor, suffix) = match value.abs() {
        magnitude if magnitude >= 1e12 || !magnitude.is_finite() => return number(value),
        magnitude if magnitude >= 1e9 => (1e9, "G"),
        magnitude if magnitude >= 1e6 => (1e6, "M"),
        magnitude if magnitude >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled = value / divisor;
    let decimals = if scaled.abs() < 10.0 { 2 } else { 1 };
    format!("{}{suffix}", without_trailing_zeros(&format!("{scaled:.decimals$}"))).replace('-', "−")
}

/// A time span given in seconds.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 60.0 {
        return format!("{} s", number((seconds * 100.0).round() / 100.0));
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours} h {minutes:02} min") } else { format!("{minutes} min {seconds:02} s") }
}

/// A size given in bytes, in powers of 1024.
pub(super) fn bytes(size: u64) -> String {
    let (unit, suffix) = match size {
        0..0x400 => return format!("{size} B"),
        0x400..0x10_0000 => (1u64 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    format!("{:.1} {suffix}", size as f64 / unit as f64)
}

/// `name` cut to `limit` characters, the last of them an ellipsis when something is missing.
pub(super) fn shortened(name: &str, limit: usize) -> String {
    if name.chars().count() <= limit {
        return name.to_owned();
    }
    name.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// What a score or column is called in prose: `f1_macro` becomes `F1 (macro)`.
pub(super) fn title(name: &str) -> String {
    match name {
        "lr" => return "Learning rate".to_owned(),
        "seconds" => return "Seconds an epoch".to_owned(),
        "roc_auc" => return "ROC AUC".to_owned(),
        "pr_auc" => return "PR AUC".to_owned(),
        "ece" => return "Calibration error".to_owned(),
        "brier" => return "Brier score".to_owned(),
        "cohen_kappa" => return "Cohen’s kappa".to_owned(),
        "mean_iou" => return "Mean IoU".to_owned(),
        "foreground_iou" => return "Foreground IoU".to_owned(),
        "fw_iou" => return "IoU weighted by frequency".to_owned(),
        "boundary_f1" => return "Boundary F1".to_owned(),
        "hd95" => return "Hausdorff distance (95 %, pixels)".to_owned(),
        "matthews" => return "Matthews correlation".to_owned(),
        _ => {}
    }
    if let Some(k) = name.strip_prefix("top").filter(|k| k.parse::<u32>().is_ok()) {
        return format!("Top-{k} accuracy");
    }
    for figure in ["ap", "ar"] {
        // COCO's averages: AP, AP50, AR100, AP of small objects.
        match name.strip_prefix(figure) {
            Some(rest) if rest.chars().all(|digit| digit.is_ascii_digit()) => return name.to_uppercase(),
            Some(rest) if rest.starts_with('_') => return format!("{} ({})", figure.to_uppercase(), &rest[1..]),
            _ => {}
        }
    }
    if let Some(part) = name.strip_prefix("loss_") {
        return format!("Loss ({})", if part == "iou" { "IoU" } else { part });
    }
    for average in ["macro", "micro", "weighted"] {
        if let Some(figure) = name.strip_suffix(average).and_then(|figure| figure.strip_suffix('_')) {
            return format!("{} ({average})", title(figure));
        }
    }
    let mut words = name.replace('_', " ");
    if let Some(first) = words.chars().next() {
        words.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    words
}

/// `12.50` → `12.5`, `3.00` → `3`; text without a decimal point is left alone.
fn without_trailing_zeros(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits() {
        for (value, expected) in [
            (0.973_149, "0.9731"),
            (0.1, "0.1"),
            (0.000_123_46, "0.0001235"),
            (0.000_012_346, "1.235e−5"),
            (123.456, "123.5"),
            (12_345.6, "12346"),
            (1.0e6, "1e6"),
            (-2.5, "−2.5"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn counts_times_and_sizes() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(compact(272_474.0), "272.5k");
        assert_eq!(compact(138_357_544.0), "138.4M");
        assert_eq!(compact(1_500.0), "1.5k");
        assert_eq!(compact(42.0), "42");
        assert_eq!(duration(0.414), "0.41 s");
        assert_eq!(duration(59.99), "59.99 s");
        // 200 s = 3 · 60 + 20; 3725 s = 3600 + 2 · 60 + 5.
        assert_eq!(duration(200.4), "3 min 20 s");
        assert_eq!(duration(3725.0), "1 h 02 min");
        assert_eq!(duration(f64::NAN), "–");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 << 19), "1.5 MiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }

    #[test]
    fn names_are_cut_by_characters() {
        assert_eq!(shortened("Füße", 4), "Füße");
        assert_eq!(shortened("Füßchen", 4), "Füß…");
    }

    #[test]
    fn titles_of_scores() {
        assert_eq!(title("f1_macro"), "F1 (macro)");
        assert_eq!(title("top5"), "Top-5 accuracy");
        assert_eq!(title("ap"), "AP");
        assert_eq!(title("ar100"), "AR100");
        assert_eq!(title("ap_small"), "AP (small)");
        assert_eq!(title("area"), "Area");
        assert_eq!(title("mean_iou"), "Mean IoU");
        assert_eq!(title("loss_iou"), "Loss (IoU)");
        assert_eq!(title("balanced_accuracy"), "Balanced accuracy");
        assert_eq!(title("images_per_second"), "Images per second");
    }

    #[test]
    fn positions_never_say_minus_zero() {
        assert_eq!(Px(-0.01).to_string(), "0");
        assert_eq!(Px(12.345).to_string(), "12.3");
    }
}
