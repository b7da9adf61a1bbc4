//! Against the definition in `f64`.

use super::super::testing::{Numbers, at_every_level, cases, is_affordable, level_lock, relative_error};
use super::*;

const EPSILON: f64 = 1e-5;

fn close(name: &str, found: &[f32], expected: &[f64]) {
    let error = relative_error(found, expected);
    assert!(error <= 5e-6, "{name}: error {error:e}");
}

struct Case {
    channels: usize,
    input: Vec<f32>,
    residual: Vec<f32>,
    gradient: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(pixels: usize, channels: usize, offset: f32) -> Self {
        let mut numbers = Numbers::new((pixels * channels) as u64);
        let count = pixels * channels;
        Self {
            channels,
            input: numbers.values(count).iter().map(|value| value + offset).collect(),
            residual: numbers.values(count),
            gradient: numbers.values(count),
            weight: numbers.values(channels),
            bias: numbers.values(channels),
        }
    }

    fn per_channel(&self, term: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels];
        for index in 0..self.input.len() {
            sums[index % self.channels] += term(index, index % self.channels);
        }
        sums
    }

    fn check(&self, with_residual: bool, relu: bool) {
        let channels = self.channels;
        let pixels = (self.input.len() / channels) as f64;
        let x = |index: usize| f64::from(self.input[index]);
        let mean: Vec<f64> = self.per_channel(|index, _| x(index)).iter().map(|sum| sum / pixels).collect();
        let variance: Vec<f64> =
            self.per_channel(|index, c| (x(index) - mean[c]).powi(2)).iter().map(|sum| sum / pixels).collect();
        let inverse: Vec<f64> = variance.iter().map(|variance| 1.0 / (variance + EPSILON).sqrt()).collect();
        let normalised = |index: usize| (x(index) - mean[index % channels]) * inverse[index % channels];
        let sum = |index: usize| {
            let c = index % channels;
            let residual = if with_residual { f64::from(self.residual[index]) } else { 0.0 };
            normalised(index) * f64::from(self.weight[c]) + f64::from(self.bias[c]) + residual
        };
        let expected: Vec<f64> = (0..self.input.len()).map(|i| if relu { sum(i).max(0.0) } else { sum(i) }).collect();

        let (found_mean, found_variance) = statistics(&self.input, channels);
        for (found, expected) in found_mean.iter().zip(&mean) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "mean {found}, expected {expected}");
        }
        close("variance", &found_variance, &variance);
        let found_inverse: Vec<f32> =
            found_variance.iter().map(|&variance| (1.0 / (f64::from(variance) + EPSILON).sqrt()) as f32).collect();
        let scale: Vec<f32> = (0..channels).map(|c| self.weight[c] * found_inverse[c]).collect();
        let shift: Vec<f32> = (0..channels).map(|c| self.bias[c] - found_mean[c] * scale[c]).collect();
        let mut output = vec![f32::NAN; self.input.len()];
        let residual = with_residual.then_some(&self.residual[..]);
        apply(&self.input, &scale, &shift, residual, relu, &mut output);
        close("output", &output, &expected);

        // Gradients, with the gate of the f32 output: a value within rounding of zero may fall on either side.
        let g = |index: usize| if relu && output[index] <= 0.0 { 0.0 } else { f64::from(self.gradient[index]) };
        let bias_gradient = self.per_channel(|index, _| g(index));
        let weight_gradient = self.per_channel(|index, _| g(index) * normalised(index));
        let input_gradient: Vec<f64> = (0..self.input.len())
            .map(|index| {
                let c = index % channels;
                let centred = g(index) - bias_gradient[c] / pixels - normalised(index) * weight_gradient[c] / pixels;
                f64::from(self.weight[c]) * inverse[c] * centred
            })
            .collect();
        let residual_gradient: Vec<f64> = (0..self.input.len()).map(g).collect();
        let gates = match (relu, with_residual) {
            (false, _) => vec![Gate::Open],
            (true, true) => vec![Gate::Output(&output)],
            (true, false) => vec![Gate::Output(&output), Gate::Recomputed { scale: &scale, shift: &shift }],
        };
        for gate in gates {
            let forward = BatchNormGradients {
                input: &self.input,
                mean: &found_mean,
                inverse_deviation: &found_inverse,
                weight: &self.weight,
                gate,
                statistics: NormStatistics::Batch,
            };
            let mut found = vec![f32::NAN; self.input.len()];
            let mut found_residual = vec![f32::NAN; self.input.len()];
            let target = with_residual.then_some(&mut found_residual[..]);
            let (found_weight, found_bias) = backward(forward, &self.gradient, &mut found, target);
            close("input gradient", &found, &input_gradient);
            close("weight gradient", &found_weight, &weight_gradient);
            close("bias gradient", &found_bias, &bias_gradient);
            if with_residual {
                close("residual gradient", &found_residual, &residual_gradient);
            }
            let mut in_place = self.gradient.clone();
            backward_in_place(forward, &mut in_place, None);
            assert_eq!(in_place, found);

            // By given statistics nothing goes through them, and the parameters' sums stay what they are.
            let given = BatchNormGradients { statistics: NormStatistics::Given, ..forward };
            let sums = backward(given, &self.gradient, &mut found, None);
            assert_eq!(sums, (found_weight, found_bias));
            let straight = (0..self.input.len()).map(|index| {
                let c = index % channels;
                f64::from(self.weight[c]) * inverse[c] * g(index)
            });
            close("input gradient by given statistics", &found, &straight.collect::<Vec<f64>>());
        }
    }
}

/// SiLU behind the normalisation, against both by themselves.
fn check_silu(case: &Case) {
    let channels = case.channels;
    let (mean, variance) = statistics(&case.input, channels);
    let inverse: Vec<f32> =
        variance.iter().map(|&variance| (1.0 / (f64::from(variance) + EPSILON).sqrt()) as f32).collect();
    let scale: Vec<f32> = (0..channels).map(|c| case.weight[c] * inverse[c]).collect();
    let shift: Vec<f32> = (0..channels).map(|c| case.bias[c] - mean[c] * scale[c]).collect();
    let mut normalised = vec![f32::NAN; case.input.len()];
    apply(&case.input, &scale, &shift, None, false, &mut normalised);
    let sigmoid = |z: f32| 1.0 / (1.0 + (-f64::from(z)).exp());
    let expected: Vec<f64> = normalised.iter().map(|&z| f64::from(z) * sigmoid(z)).collect();
    let mut output = vec![f32::NAN; case.input.len()];
    apply_silu(&case.input, &scale, &shift, &mut output);
    close("silu", &output, &expected);

    let slope = |z: f32| sigmoid(z) * (1.0 + f64::from(z) * (1.0 - sigmoid(z)));
    let gated: Vec<f32> =
        case.gradient.iter().zip(&normalised).map(|(&g, &z)| (f64::from(g) * slope(z)) as f32).collect();
    let forward = |gate| BatchNormGradients {
        input: &case.input,
        mean: &mean,
        inverse_deviation: &inverse,
        weight: &case.weight,
        gate,
        statistics: NormStatistics::Batch,
    };
    let (mut expected, mut found) = (vec![f32::NAN; gated.len()], vec![f32::NAN; gated.len()]);
    let (expected_weight, expected_bias) = backward(forward(Gate::Open), &gated, &mut expected, None);
    let silu = Gate::Silu { scale: &scale, shift: &shift };
    let (found_weight, found_bias) = backward(forward(silu), &case.gradient, &mut found, None);
    let double = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>();
    close("input gradient", &found, &double(&expected));
    close("weight gradient", &found_weight, &double(&expected_weight));
    close("bias gradient", &found_bias, &double(&expected_bias));
    let mut in_place = case.gradient.clone();
    let sums = backward_in_place(forward(silu), &mut in_place, None);
    assert_eq!((in_place, sums), (found, (found_weight, found_bias)));
}

#[test]
fn all_passes_equal_their_definition_at_every_level() {
    at_every_level(|_| {
        for (pixels, channels, offset) in [
            (5, 3, 0.0),
            (50, 1, 0.0),
            (4096, 16, 0.0),
            (300, 64, 3.0),
            (77, 130, 0.5),
            (2500, 24, 0.0),
            (9, 67, 0.0),
            (40, 2500, 0.0),
        ] {
            if !is_affordable(pixels * channels * 200) {
                continue;
            }
            let case = Case::new(pixels, channels, offset);
            for (residual, relu) in [(false, false), (false, true), (true, false), (true, true)] {
                case.check(residual, relu);
            }
            check_silu(&case);
        }
    });
}

#[test]
fn a_large_mean_does_not_spoil_the_variance() {
    let _unforced = level_lock();
    // 1000 ± 1, half and half: variance 1.
    let input: Vec<f32> = (0..cases(20_000)).map(|index| if index % 2 == 0 { 999.0 } else { 1001.0 }).collect();
    let (mean, variance) = statistics(&input, 1);
    assert_eq!((mean[0], variance[0]), (1000.0, 1.0));
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let _unforced = level_lock();
    let case = Case::new(cases(3000), 40, 1.0);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| statistics(&case.input, 40))
    };
    assert_eq!(run(1), run(3));
}
