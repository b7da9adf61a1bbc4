//! Every pass against its definition in `f64`, on random shapes and on those that take the special ways.

use super::super::simd::Level;
use super::super::testing::{
    Numbers, at_every_level, cases, for_each_product, is_affordable, level_lock, relative_error,
};
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
    let mut shapes = vec![
        shape(2, [16, 16], [8, 8], 3, 1, 1),
        shape(1, [8, 9], [5, 7], 3, 1, 0),
        shape(1, [8, 8], [5, 4], 3, 1, 1),
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
    ];
    shapes.retain(|shape| is_affordable(shape.operations() as usize));
    shapes
}

/// Shapes without images, input channels, output channels, or pixels but for the border's.
pub(super) fn empty_shapes() -> Vec<ConvShape> {
    let plain = shape(2, [16, 24], [6, 5], 3, 1, 1);
    let mut shapes = vec![
        ConvShape { input: [0, 0], output: [1, 1], padding: [2, 2], kernel: [4, 4], ..plain },
        ConvShape { input: [6, 0], output: [6, 1], kernel: [1, 1], padding: [0, 1], ..plain },
        ConvShape { output: [0, 0], ..plain },
        ConvShape { output: [6, 0], ..plain },
    ];
    // Each way of computing: Winograd's, merged columns, direct, depthwise, groups.
    for like in [
        plain,
        shape(2, [3, 4], [6, 5], 3, 1, 1),
        shape(2, [5, 7], [6, 5], 1, 2, 0),
        ConvShape { groups: 4, ..shape(2, [4, 4], [6, 5], 3, 1, 1) },
        ConvShape { groups: 2, ..shape(2, [4, 6], [6, 5], 3, 1, 1) },
    ] {
        shapes.extend([
            ConvShape { batch: 0, ..like },
            ConvShape { channels_in: 0, ..like },
            ConvShape { channels_out: 0, ..like },
            ConvShape { channels_in: 0, channels_out: 0, ..like },
        ]);
    }
    shapes
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
        if output[0] > 0 && output[1] > 0 && is_affordable(shape.operations() as usize) {
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
        for _ in 0..cases(60) {
            let shape = random_shape(&mut numbers);
            Case::new(shape, &mut numbers).check(level);
        }
    });
}

#[test]
fn sums_of_nothing_equal_their_definition_at_every_level() {
    at_every_level(|level| {
        let mut numbers = Numbers::new(12);
        for shape in empty_shapes() {
            let case = Case::new(shape, &mut numbers);
            case.check(level);
            let (input, weight) = (&case.gradient, &case.weight);
            let bias = numbers.values(shape.channels_in);
            let mut found = vec![f32::NAN; case.input.len()];
            transposed(&shape, input, weight, Some(&bias), &mut found);
            let is_bias = found.iter().enumerate().all(|(at, &value)| value == bias[at % shape.channels_in]);
            assert!(is_bias, "transposed {shape:?} at {level:?}");
        }
    });
}

/// A pass over input, weight and output.
type Pass<'a> = dyn FnMut(&mut [f32], &mut [f32], &mut [f32]) + 'a;

#[test]
fn shapes_that_contradict_themselves_are_refused() {
    let _unforced = level_lock();
    let plain = shape(1, [4, 6], [5, 5], 3, 1, 1);
    let huge = usize::MAX / 2 + 1;
    for (what, wrong) in [
        ("no groups", ConvShape { groups: 0, ..plain }),
        ("groups that do not divide the input's channels", ConvShape { groups: 3, ..plain }),
        ("groups that do not divide the output's channels", ConvShape { groups: 4, ..plain }),
        ("no taps", ConvShape { kernel: [0, 3], ..plain }),
        ("no step", ConvShape { stride: [1, 0], ..plain }),
        ("no step between taps", ConvShape { dilation: [0, 1], ..plain }),
        // A window would end behind the image, where a merged row of taps is read without another look.
        ("more output than windows fit", ConvShape { output: [5, 6], channels_in: 3, channels_out: 3, ..plain }),
        // Lengths that are zero only because the product overflows.
        ("an overflow", ConvShape { batch: huge, input: [2, 2], output: [2, 2], channels_in: 2, ..plain }),
        ("an overflow of the border", ConvShape { padding: [huge, huge], ..plain }),
    ] {
        let length = |sizes: [usize; 4]| sizes.iter().fold(1usize, |product, &size| product.wrapping_mul(size));
        let of = |[height, width]: [usize; 2], channels| vec![0.0f32; length([wrong.batch, height, width, channels])];
        let (mut input, mut output) = (of(wrong.input, wrong.channels_in), of(wrong.output, wrong.channels_out));
        let group_in = wrong.channels_in.checked_div(wrong.groups).unwrap_or(0);
        let mut weight = vec![0.0; length([wrong.channels_out, group_in, wrong.kernel[0], wrong.kernel[1]])];
        let mut refused = |pass: &mut Pass<'_>| {
            let pass = std::panic::AssertUnwindSafe(|| pass(&mut input, &mut weight, &mut output));
            assert!(std::panic::catch_unwind(pass).is_err(), "{what}");
        };
        refused(&mut |x, w, y| forward(&wrong, x, w, None, y));
        refused(&mut |x, w, y| input_gradient(&wrong, y, w, x, false));
        refused(&mut |x, w, y| weight_gradient(&wrong, x, y, w));
        refused(&mut |x, w, y| transposed(&wrong, y, w, None, x));
        refused(&mut |x, w, y| bf16::forward(&wrong, x, w, None, y));
        refused(&mut |x, w, y| {
            forward_prepared(&wrong, x, &PreparedWeights::new(&wrong, w), Epilogue::default(), y);
        });
    }
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
