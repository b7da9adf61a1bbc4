//! Every pass against its definition in `f64`, on random shapes and on those that take the special ways.

use super::super::simd::Level;
use super::super::testing::{Numbers, at_every_level, for_each_product, level_lock, relative_error};
use super::*;

/// Relative to the largest output, sums of some thousand products of numbers below one.
const DIRECT_TOLERANCE: f64 = 4e-6;
/// Winograd's F(4×4, 3×3) on the same scale.
const WINOGRAD_TOLERANCE: f64 = 2e-5;

fn shape(
    batch: usize,
    channels: [usize; 2],
    size: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
) -> ConvShape {
    ConvShape {
        batch,
        channels_in: channels[0],
        input: size,
        channels_out: channels[1],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1, 1],
        groups: 1,
        output: size.map(|size| ConvShape::output_of(size, kernel, stride, padding, 1)),
    }
}

pub(super) fn special_shapes() -> Vec<ConvShape> {
    vec![
        shape(2, [16, 16], [8, 8], 3, 1, 1),
        shape(1, [8, 9], [5, 7], 3, 1, 0),
        shape(3, [37, 70], [7, 9], 3, 1, 1),
        shape(2, [24, 40], [6, 6], 3, 1, 2),
        shape(5, [64, 96], [4, 4], 3, 1, 1),
        shape(3, [256, 150], [7, 5], 3, 1, 1),
        shape(33, [20, 33], [2, 2], 3, 1, 1),
        shape(2, [3, 16], [17, 15], 3, 1, 1),
        shape(2, [3, 64], [30, 31], 7, 2, 3),
        shape(2, [1, 6], [28, 28], 5, 1, 0),
        shape(4, [16, 32], [9, 9], 3, 2, 1),
        shape(4, [16, 32], [8, 8], 1, 2, 0),
        shape(6, [130, 65], [5, 5], 1, 1, 0),
        shape(1, [5, 3], [9, 11], 2, 3, 0),
        shape(2, [600, 64], [4, 4], 3, 2, 1),
        ConvShape { groups: 3, ..shape(2, [12, 30], [6, 7], 3, 1, 1) },
        ConvShape { groups: 20, ..shape(2, [20, 20], [9, 8], 3, 1, 1) },
        ConvShape { groups: 37, ..shape(9, [37, 37], [9, 8], 5, 2, 2) },
        ConvShape { groups: 20, ..shape(2, [20, 40], [9, 8], 5, 2, 2) },
        ConvShape { dilation: [2, 3], output: [6, 4], padding: [2, 1], ..shape(2, [10, 17], [6, 8], 3, 1, 0) },
        ConvShape { kernel: [1, 7], padding: [0, 3], output: [6, 8], ..shape(2, [10, 17], [6, 8], 1, 1, 0) },
        ConvShape { kernel: [5, 1], padding: [2, 0], output: [6, 8], ..shape(2, [3, 17], [6, 8], 1, 1, 0) },
    ]
}

pub(super) fn random_shape(numbers: &mut Numbers) -> ConvShape {
    loop {
        let groups = [1, 1, 1, 2, 4][numbers.whole(0, 4)];
        let mut pair = |low, high| [numbers.whole(low, high), numbers.whole(low, high)];
        let (input, kernel, stride, padding, dilation) = (pair(1, 12), pair(1, 4), pair(1, 5), pair(0, 3), pair(1, 2));
        let axis =
            |axis: usize| ConvShape::output_of(input[axis], kernel[axis], stride[axis], padding[axis], dilation[axis]);
        let output = [axis(0), axis(1)];
        let channels = pair(1, 24);
        let shape = ConvShape {
            batch: numbers.whole(1, 6),
            channels_in: channels[0] * groups,
            input,
            channels_out: channels[1] * groups,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            output,
        };
        if output[0] > 0 && output[1] > 0 {
            return shape;
        }
    }
}

struct Case {
    shape: ConvShape,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    gradient: Vec<f32>,
}

struct Results {
    output: Vec<f32>,
    input_gradient: Vec<f32>,
    weight_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
}

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

    /// Everything, into outputs that hold rubbish before.
    fn compute(&self) -> Results {
        let rubbish = |len: usize| vec![f32::NAN; len];
        let mut results = Results {
            output: rubbish(self.gradient.len()),
            input_gradient: rubbish(self.input.len()),
            weight_gradient: rubbish(self.weight.len()),
            bias_gradient: rubbish(self.bias.len()),
        };
        forward(&self.shape, &self.input, &self.weight, Some(&self.bias), &mut results.output);
        input_gradient(&self.shape, &self.gradient, &self.weight, &mut results.input_gradient, false);
        weight_gradient(&self.shape, &self.input, &self.gradient, &mut results.weight_gradient);
        bias_gradient(&self.gradient, &mut results.bias_gradient);
        results
    }

    fn check(&self, level: Level) {
        let tolerance = if direct::uses_winograd(&self.shape) { WINOGRAD_TOLERANCE } else { DIRECT_TOLERANCE };
        let results = self.compute();
        let mut output: Vec<f64> =
            (0..self.gradient.len()).map(|index| f64::from(self.bias[index % self.shape.channels_out])).collect();
        let mut input_gradient_expected = vec![0.0f64; self.input.len()];
        let mut weight_gradient_expected = vec![0.0f64; self.weight.len()];
        for_each_product(&self.shape, |x, w, y| {
            let [input, weight, gradient] = [self.input[x], self.weight[w], self.gradient[y]].map(f64::from);
            output[y] += input * weight;
            input_gradient_expected[x] += gradient * weight;
            weight_gradient_expected[w] += gradient * input;
        });
        let mut bias_gradient_expected = vec![0.0f64; self.bias.len()];
        for (index, &value) in self.gradient.iter().enumerate() {
            bias_gradient_expected[index % self.shape.channels_out] += f64::from(value);
        }
        for (name, found, expected) in [
            ("output", &results.output, &output),
            ("input gradient", &results.input_gradient, &input_gradient_expected),
            ("weight gradient", &results.weight_gradient, &weight_gradient_expected),
            ("bias gradient", &results.bias_gradient, &bias_gradient_expected),
        ] {
            let error = relative_error(found, expected);
            assert!(error <= tolerance, "{name} of {:?} with {level:?}: error {error:e}", self.shape);
        }
        // Accumulation adds to what is there.
        let mut sum = self.input.clone();
        input_gradient(&self.shape, &self.gradient, &self.weight, &mut sum, true);
        let expected: Vec<f64> =
            input_gradient_expected.iter().zip(&self.input).map(|(sum, &start)| sum + f64::from(start)).collect();
        assert!(relative_error(&sum, &expected) <= tolerance, "accumulated gradient of {:?}", self.shape);
    }
}

#[test]
fn all_passes_equal_their_definition_at_every_level() {
    at_every_level(|level| {
        let mut numbers = Numbers::new(11);
        for shape in special_shapes() {
            Case::new(shape, &mut numbers).check(level);
        }
        for _ in 0..60 {
            let shape = random_shape(&mut numbers);
            Case::new(shape, &mut numbers).check(level);
        }
    });
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let _unforced = level_lock();
    let mut numbers = Numbers::new(5);
    let in_pool = |threads: usize, case: &Case| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| case.compute())
    };
    for shape in special_shapes() {
        let case = Case::new(shape, &mut numbers);
        let [one, two, three] = [1, 2, 3].map(|threads| in_pool(threads, &case));
        for other in [two, three] {
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one.output), bits(&other.output), "output of {shape:?}");
            assert_eq!(bits(&one.input_gradient), bits(&other.input_gradient), "input gradient of {shape:?}");
            assert_eq!(bits(&one.weight_gradient), bits(&other.weight_gradient), "weight gradient of {shape:?}");
            assert_eq!(bits(&one.bias_gradient), bits(&other.bias_gradient), "bias gradient of {shape:?}");
        }
    }
}
