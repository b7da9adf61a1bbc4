//! Axes: from values to positions, with ticks at round numbers.

use super::format::{compact, number};

/// Values beyond this are drawn at it: their differences would overflow.
const LARGEST: f64 = 1e300;
/// A decade is split at these digits when the axis spans few of them.
const LOG_DIGITS: [f64; 3] = [1.0, 2.0, 5.0];

/// One axis of a figure.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    /// Values with a tick and how they are written.
    pub(super) ticks: Vec<(f64, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Linear,
    Logarithmic,
}

impl Scale {
    /// An axis from the largest round number not above the values to the smallest not below, with about `target` ticks.
    pub(super) fn around(values: impl Iterator<Item = f64>, target: usize) -> Self {
        let (low, high) = widened(extent(values));
        let step = nice_step((high - low) / target as f64);
        Self::linear((low / step).floor() * step, (high / step).ceil() * step, step)
    }

    /// An axis from `low` to `high` exactly, with about `target` ticks at round numbers in between.
    pub(super) fn exact(low: f64, high: f64, target: usize) -> Self {
        Self::linear(low, high, nice_step((high - low) / target as f64))
    }

    /// An axis of whole numbers from `low` to `high`, with at most about `target` ticks.
    pub(super) fn whole(low: usize, high: usize, target: usize) -> Self {
        let (low, high) = (low as f64, high as f64);
        if low == high {
            let ticks = vec![(low, low.to_string())];
            return Self { kind: Kind::Linear, low: low - 0.5, high: high + 0.5, ticks };
        }
        let step = nice_step((high - low) / target as f64).max(1.0);
        let mut scale = Self::linear(low, high, step);
        // With a first epoch 1 and a step of 5 the ticks are 5, 10 …: the first says where the axis begins.
        if scale.ticks.first().is_some_and(|(first, _)| (first - low) / (high - low) > 0.06) {
            scale.ticks.insert(0, (low, low.to_string()));
        }
        scale
    }

    /// A logarithmic axis around positive values.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = extent(values.filter(|value| *value > 0.0));
        let (low, high) = match (low, high) {
            _ if low <= 0.0 => (0.1, 1.0), // No value is positive.
            _ if low == high => (low / 2.0, high * 2.0),
            ends => ends,
        };
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let digits: &[f64] = if last - first <= 2 { &LOG_DIGITS } else { &LOG_DIGITS[..1] };
        // At most about eight labels.
        let stride = ((last - first) / 8 + 1) as usize;
        let mut ticks: Vec<f64> = (first..=last)
            .step_by(stride)
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10_f64.powi(decade)))
            .collect();
        // The axis ends at the ticks next to the values.
        while ticks.get(1).is_some_and(|second| *second <= low * (1.0 + 1e-9)) {
            ticks.remove(0);
        }
        while ticks.len() > 1 && ticks[ticks.len() - 2] >= high * (1.0 - 1e-9) {
            ticks.pop();
        }
        let (start, end) = (ticks[0].min(low), ticks[ticks.len() - 1].max(high));
        let labelled = ticks.into_iter().map(|tick| (tick, number(tick))).collect();
        Self { kind: Kind::Logarithmic, low: start, high: end, ticks: labelled }
    }

    /// Where `value` lies between the ends of the axis, from 0 to 1.
    pub(super) fn position(&self, value: f64) -> f64 {
        let place = |value: f64| if self.kind == Kind::Logarithmic { value.log10() } else { value };
        ((place(value.clamp(self.low, self.high)) - place(self.low)) / (place(self.high) - place(self.low)))
            .clamp(0.0, 1.0)
    }

    fn linear(low: f64, high: f64, step: f64) -> Self {
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        let ticks = (first..=last).map(|index| (index as f64 * step, tick_label(index, step))).collect();
        Self { kind: Kind::Linear, low, high, ticks }
    }
}

/// The smallest of 1, 2, 5, 10 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = step.abs().max(f64::MIN_POSITIVE * 1e10).log10().floor();
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * 10_f64.powf(power) >= step * (1.0 - 1e-9));
    // Dividing by a whole power rounds once, where multiplying by 0.1 or 0.01 would round twice.
    let factor = factor.unwrap_or(10.0);
    if power < 0.0 { factor / 10_f64.powf(-power) } else { factor * 10_f64.powf(power) }
}

/// How the tick at `index` steps of `step` is written: no more decimals than the step has.
fn tick_label(index: i64, step: f64) -> String {
    let value = index as f64 * step;
    if index == 0 {
        return "0".to_owned();
    }
    if step >= 500.0 {
        return compact(value);
    }
    if step < 1e-5 {
        return number(value);
    }
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}").replace('-', "−")
}

/// The least and the greatest finite value; 0 and 1 when there is none.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite()).map(|value| value.clamp(-LARGEST, LARGEST));
    let bounds = finite.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    });
    bounds.unwrap_or((0.0, 1.0))
}

/// The interval itself, or one around its only value.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    if high - low > low.abs().max(high.abs()) * 1e-9 {
        (low, high)
    } else if low == 0.0 {
        (0.0, 1.0)
    } else {
        (low - low.abs() * 0.1, low + low.abs() * 0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn steps_are_1_2_5_times_a_power_of_ten() {
        for (step, nice) in
            [(0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (2.1, 5.0), (7.0, 10.0), (0.03, 0.05), (1234.0, 2000.0)]
        {
            assert_eq!(nice_step(step), nice);
        }
    }

    #[test]
    fn ticks_by_hand() {
        // 0.13 to 2.31: span 2.18, a fifth of it 0.436, so steps of 0.5 from 0 to 2.5.
        assert_eq!(labels(&Scale::around([0.13, 2.31].into_iter(), 5)), ["0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        // 0.91 to 0.987: a fifth is 0.0154, so steps of 0.02 from 0.90 to 1.00.
        assert_eq!(
            labels(&Scale::around([0.91, 0.987].into_iter(), 5)),
            ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]
        );
        // −3 to 4: a fifth is 1.4, so steps of 2 from −4 to 4.
        assert_eq!(labels(&Scale::around([-3.0, 4.0].into_iter(), 5)), ["−4", "−2", "0", "2", "4"]);
        // 8200 to 12 400: a fifth is 840, so steps of 1000.
        assert_eq!(labels(&Scale::around([8200.0, 12_400.0].into_iter(), 5)), ["8k", "9k", "10k", "11k", "12k", "13k"]);
    }

    #[test]
    fn whole_axes_have_whole_ticks() {
        assert_eq!(labels(&Scale::whole(1, 3, 6)), ["1", "2", "3"]);
        assert_eq!(labels(&Scale::whole(1, 30, 6)), ["1", "5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(&Scale::whole(7, 7, 6)), ["7"]);
        assert_eq!(Scale::whole(7, 7, 6).position(7.0), 0.5);
    }

    #[test]
    fn logarithmic_axes_have_decades() {
        assert_eq!(labels(&Scale::logarithmic([1e-5, 0.1].into_iter())), ["1e−5", "0.0001", "0.001", "0.01", "0.1"]);
        // 0.03 to 0.4 lies between 0.02 and 0.5.
        assert_eq!(labels(&Scale::logarithmic([0.03, 0.4].into_iter())), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        let scale = Scale::logarithmic([0.01, 1.0].into_iter());
        assert!((scale.position(0.1) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn degenerate_values_still_give_an_axis() {
        for values in [vec![], vec![0.0], vec![f64::NAN], vec![5.0, 5.0], vec![f64::MAX, f64::MIN], vec![1e-320]] {
            let scale = Scale::around(values.clone().into_iter(), 5);
            assert!((2..=12).contains(&scale.ticks.len()), "{values:?}: {:?}", scale.ticks);
            for value in &values {
                assert!(value.is_nan() || (0.0..=1.0).contains(&scale.position(*value)), "{values:?}");
            }
        }
        for values in [vec![], vec![0.0], vec![3.0], vec![1e-300, 1e300]] {
            let scale = Scale::logarithmic(values.clone().into_iter());
            assert!((2..=90).contains(&scale.ticks.len()), "{values:?}: {:?}", scale.ticks);
        }
    }
}
