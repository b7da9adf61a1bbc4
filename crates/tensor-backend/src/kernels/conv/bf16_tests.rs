//! The passes in bf16 against their definition in `f64` on rounded operands: only the sums may differ.

use super::super::simd::Level;
use super::super::testing::{Numbers, at_every_level, cases, for_each_product, level_lock, relative_error};
use super::bf16::{self, Algorithm, algorithm};
use super::bf16_operands::round;
use super::tests::{empty_shapes, random_shape, special_shapes};
use super::*;

/// Relative to the largest output, as for the direct algorithm in `f32`: products of bf16 numbers are exact in `f32`.
const DIRECT_TOLERANCE: f64 = 4e-6;
/// Winograd's F(4×4, 3×3) in `f32` on the same scale.
const SINGLE_TOLERANCE: f64 = 2e-5;

struct Case {
    shape: ConvShape,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<f32>,
}

/// Output, gradients of input and weight, and the input's gradient added to the input.
type Results<T> = [Vec<T>; 4];

impl Case {
    fn new(shape: ConvShape, numbers: &mut Numbers) -> Self {
        Self {
            shape,
            input: numbers.values(shape.input_len()),
            weight: numbers.values(shape.weight_len()),
            bias: numbers.values(shape.channels_out),
            gradient: numbers.values(shape.output_len()),
        }
    }

    /// All passes, into outputs that hold rubbish before.
    fn compute(&self) -> Results<f32> {
        let Self { shape, input, weight, bias, gradient } = self;
        let rubbish = |len: usize| vec![f32::NAN; len];
        let mut results = [rubbish(gradient.len()), rubbish(input.len()), rubbish(weight.len()), self.input.clone()];
        bf16::forward(shape, input, weight, Some(bias), &mut results[0]);
        bf16::input_gradient(shape, gradient, weight, &mut results[1], false);
        bf16::weight_gradient(shape, input, gradient, &mut results[2]);
        bf16::input_gradient(shape, gradient, weight, &mut results[3], true);
        results
    }

    /// The definition, with operands rounded where the algorithm rounds them.
    fn expected(&self) -> Results<f64> {
        let operand = |values: &[f32]| -> Vec<f64> {
            let rounds = algorithm(&self.shape) == Algorithm::Direct;
            values.iter().map(|&value| f64::from(if rounds { round(value) } else { value })).collect()
        };
        let [input, weight, gradient] = [&self.input, &self.weight, &self.gradient].map(|values| operand(values));
        let channels = self.shape.channels_out;
        let mut output: Vec<f64> = (0..gradient.len()).map(|index| f64::from(self.bias[index % channels])).collect();
        let (mut input_gradient, mut weight_gradient) = (vec![0.0; input.len()], vec![0.0; weight.len()]);
        for_each_product(&self.shape, |x, w, y| {
            output[y] += input[x] * weight[w];
            input_gradient[x] += gradient[y] * weight[w];
            weight_gradient[w] += gradient[y] * input[x];
        });
        let added = input_gradient.iter().zip(&self.input).map(|(sum, &start)| sum + f64::from(start)).collect();
        [output, input_gradient, weight_gradient, added]
    }

    fn check(&self, level: Level) {
        let tolerance = match algorithm(&self.shape) {
            Algorithm::Single => SINGLE_TOLERANCE,
            Algorithm::Direct => DIRECT_TOLERANCE,
        };
        let names = ["output", "input gradient", "weight gradient", "accumulated gradient"];
        for ((found, expected), name) in self.compute().iter().zip(&self.expected()).zip(names) {
            let error = relative_error(found, expected);
            assert!(error <= tolerance, "{name} of {:?} with {level:?}: error {error:e}", self.shape);
        }
    }
}

#[test]
fn rounding_is_to_the_nearest_and_ties_go_to_even() {
    // 1 + 2⁻⁷ is the next bf16 after 1, so 1 + 2⁻⁸ is a tie: to 1, whose last place is even; 1 + 3 · 2⁻⁸ goes up.
    let step = 2f32.powi(-8);
    for (value, expected) in [
        (1.0, 1.0),
        (1.0 + step, 1.0),
        (1.0 + step * 1.01, 1.0 + 2.0 * step),
        (1.0 + 3.0 * step, 1.0 + 4.0 * step),
        (-1.0 - 3.0 * step, -1.0 - 4.0 * step),
        (f32::MAX, f32::INFINITY),
        (f32::NEG_INFINITY, f32::NEG_INFINITY),
        (0.0, 0.0),
    ] {
        assert_eq!(round(value), expected, "{value}");
    }
    assert!(round(f32::NAN).is_nan());
    assert!(round(f32::from_bits(0x7F80_0001)).is_nan());
}

#[test]
fn all_passes_equal_their_definition_on_rounded_operands_at_every_level() {
    at_every_level(|level| {
        let mut numbers = Numbers::new(23);
        for shape in special_shapes().into_iter().chain(empty_shapes()) {
            Case::new(shape, &mut numbers).check(level);
        }
        for _ in 0..cases(60) {
            let shape = random_shape(&mut numbers);
            Case::new(shape, &mut numbers).check(level);
        }
    });
}

#[test]
fn transposed_convolution_is_the_input_gradient_with_a_bias() {
    at_every_level(|level| {
        let mut numbers = Numbers::new(31);
        for _ in 0..cases(20) {
            let case = Case::new(random_shape(&mut numbers), &mut numbers);
            let bias = numbers.values(case.shape.channels_in);
            let mut found = vec![f32::NAN; case.input.len()];
            bf16::transposed(&case.shape, &case.gradient, &case.weight, Some(&bias), &mut found);
            if algorithm(&case.shape) == Algorithm::Direct {
                let [_, gradient, ..] = case.expected();
                let biases = bias.iter().cycle();
                let expected: Vec<f64> =
                    gradient.iter().zip(biases).map(|(sum, &bias)| sum + f64::from(bias)).collect();
                let error = relative_error(&found, &expected);
                assert!(error <= DIRECT_TOLERANCE, "{:?} with {level:?}: error {error:e}", case.shape);
            }
        }
    });
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let _unforced = level_lock();
    let mut numbers = Numbers::new(5);
    let in_pool = |threads: usize, case: &Case| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| case.compute().map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>()))
    };
    for shape in special_shapes() {
        let case = Case::new(shape, &mut numbers);
        let [one, two, three] = [1, 2, 3].map(|threads| in_pool(threads, &case));
        assert_eq!(one, two, "{shape:?}");
        assert_eq!(one, three, "{shape:?}");
    }
}
