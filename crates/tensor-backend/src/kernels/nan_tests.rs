//! What is not a number stays one, whatever is computed from it, as in PyTorch: a broken weight must reach the loss.

use super::activation::{Function, apply, apply_in_place, gradient_in_place};
use super::batch_norm::{self, BatchNormGradients, Gate, NormStatistics};
use super::conv::{self, ConvShape, Epilogue, PreparedWeights, forward_prepared};
use super::pool::{PoolShape, maximum, maximum_gradient, sliding_windows};
use super::testing::{Numbers, at_every_level, cases, for_each_product};

/// Which of `values` are not numbers.
fn broken(values: &[f32]) -> Vec<bool> {
    values.iter().map(|value| value.is_nan()).collect()
}

/// Values in -1..1 of which every seventh, from `first` on, is not a number.
fn with_nans(count: usize, first: usize, numbers: &mut Numbers) -> Vec<f32> {
    let mut values = numbers.values(count);
    values.iter_mut().skip(first).step_by(7).for_each(|value| *value = f32::NAN);
    values
}

#[test]
fn activations_keep_nan_and_so_do_their_gradients() {
    at_every_level(|level| {
        for function in [Function::Relu, Function::LeakyRelu { slope: 0.1 }, Function::Silu, Function::Sigmoid] {
            // Whole vectors of every level and what is left beside them.
            for length in [1, 7, 16, 61] {
                let input = with_nans(length, length / 2, &mut Numbers::new(1));
                let mut output = vec![0.0; length];
                apply(function, &input, &mut output);
                assert_eq!(broken(&output), broken(&input), "{function:?} at {level:?}");
                let mut in_place = input.clone();
                apply_in_place(function, &mut in_place);
                assert_eq!(broken(&in_place), broken(&input), "{function:?} at {level:?}");
                // PyTorch's `threshold_backward` lets the gradient of a NaN through; the others multiply by NaN, or by
                // the slope for what is not positive.
                let mut gradient = vec![2.0; length];
                gradient_in_place(function, &input, &mut gradient);
                for (&gradient, &input) in gradient.iter().zip(&input).filter(|(_, input)| input.is_nan()) {
                    match function {
                        Function::Relu => assert_eq!(gradient, 2.0, "{input} at {level:?}"),
                        Function::LeakyRelu { slope } => assert_eq!(gradient, 2.0 * slope, "{input} at {level:?}"),
                        Function::Silu | Function::Sigmoid => assert!(gradient.is_nan(), "{function:?} at {level:?}"),
                    }
                }
            }
        }
    });
}

#[test]
fn a_rectifier_gives_positive_zero_for_what_is_not_positive() {
    at_every_level(|level| {
        let mut values = [-1.0f32, -0.0, 0.0, f32::NEG_INFINITY, -1e-40, 2.0, f32::INFINITY];
        apply_in_place(Function::Relu, &mut values);
        let expected = [0.0f32, 0.0, 0.0, 0.0, 0.0, 2.0, f32::INFINITY];
        assert_eq!(values.map(f32::to_bits), expected.map(f32::to_bits), "{level:?}");
        let mut normalised = [f32::NAN; 3];
        batch_norm::apply(&[-1.0, -0.0, 3.0], &[1.0; 3], &[-0.0; 3], None, true, &mut normalised);
        assert_eq!(normalised.map(f32::to_bits), [0.0f32, 0.0, 3.0].map(f32::to_bits), "{level:?}");
    });
}

#[test]
fn normalisation_keeps_nan_of_input_and_residual_and_its_gradient() {
    at_every_level(|level| {
        for channels in [1, 5, 16, 37, 64] {
            let mut numbers = Numbers::new(channels as u64);
            let count = 9 * channels;
            let (input, clean) = (with_nans(count, 3, &mut numbers), numbers.values(count));
            let residual = with_nans(count, 5, &mut numbers);
            let (scale, shift) = (vec![1.0; channels], vec![0.0; channels]);
            for relu in [false, true] {
                for (input, residual) in [(&input, None), (&clean, Some(&residual)), (&input, Some(&residual))] {
                    let expected: Vec<bool> =
                        (0..count).map(|at| input[at].is_nan() || residual.is_some_and(|r| r[at].is_nan())).collect();
                    let residual = residual.map(|residual| &residual[..]);
                    let mut output = vec![0.0; count];
                    batch_norm::apply(input, &scale, &shift, residual, relu, &mut output);
                    assert_eq!(broken(&output), expected, "{channels} channels, rectified: {relu}, {level:?}");
                    let mut in_place = input.to_vec();
                    batch_norm::apply_in_place(&mut in_place, &scale, &shift, residual, relu);
                    assert_eq!(broken(&in_place), expected, "{channels} channels, rectified: {relu}, {level:?}");
                }
            }
            let mut output = vec![0.0; count];
            batch_norm::apply_silu(&input, &scale, &shift, &mut output);
            assert_eq!(broken(&output), broken(&input), "SiLU of {channels} channels, {level:?}");
            // The gate of an output that is not a number is open; with given statistics the gradient is scaled alone.
            let forward = |gate| BatchNormGradients {
                input: &clean,
                mean: &shift,
                inverse_deviation: &scale,
                weight: &scale,
                gate,
                statistics: NormStatistics::Given,
            };
            let mut gradient = vec![0.5; count];
            batch_norm::backward_in_place(forward(Gate::Output(&residual)), &mut gradient, None);
            let expected: Vec<f32> = residual.iter().map(|&output| if output <= 0.0 { 0.0 } else { 0.5 }).collect();
            assert_eq!(gradient, expected, "{channels} channels, {level:?}");
            let broken_shift = vec![f32::NAN; channels];
            let gate = Gate::Recomputed { scale: &scale, shift: &broken_shift };
            let mut gradient = vec![0.5; count];
            batch_norm::backward_in_place(forward(gate), &mut gradient, None);
            assert_eq!(gradient, vec![0.5; count], "{channels} channels, {level:?}");
        }
    });
}

/// A shape for each of the ways that a forward pass may take: depthwise, Winograd's, merged columns, direct, and direct
/// position by position across the batch.
fn shapes() -> [ConvShape; 5] {
    let shape = |batch, channels: [usize; 2], size: usize, kernel: usize, stride: usize, groups: usize| {
        let padding = kernel / 2;
        ConvShape {
            batch,
            channels_in: channels[0],
            input: [size; 2],
            channels_out: channels[1],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1, 1],
            groups,
            output: [ConvShape::output_of(size, kernel, stride, padding, 1); 2],
        }
    };
    [
        shape(2, [19, 19], 7, 3, 1, 19),
        shape(2, [9, 21], 9, 3, 1, 1),
        shape(2, [3, 17], 9, 3, 1, 1),
        shape(1, [12, 37], 9, 3, 2, 1),
        shape(5, [10, 20], 4, 1, 1, 2),
    ]
}

#[test]
fn convolutions_keep_nan_behind_every_activation() {
    at_every_level(|level| {
        for shape in shapes() {
            let mut numbers = Numbers::new(4);
            let mut input = numbers.values(shape.input_len());
            let weight = numbers.values(shape.weight_len());
            let clean = input.clone();
            input[shape.channels_in * 10] = f32::NAN;
            // What the definition says is reached; Winograd's algorithm spreads it over a tile.
            let mut reached = vec![false; shape.output_len()];
            for_each_product(&shape, |x, _, y| reached[y] |= input[x].is_nan());
            let mut plain = vec![0.0; shape.output_len()];
            conv::forward(&shape, &input, &weight, None, &mut plain);
            let is_reached = |output: &[f32]| output.iter().zip(&reached).all(|(y, reached)| y.is_nan() || !reached);
            assert!(reached.contains(&true) && is_reached(&plain), "{shape:?} at {level:?}");
            let mut rounded = vec![0.0; shape.output_len()];
            conv::bf16::forward(&shape, &input, &weight, None, &mut rounded);
            assert!(is_reached(&rounded), "{shape:?} in bf16 at {level:?}");
            let prepared = PreparedWeights::new(&shape, &weight);
            let residual = with_nans(shape.output_len(), 2, &mut numbers);
            let bias: Vec<f32> = (0..shape.channels_out).map(|k| if k == 1 { f32::NAN } else { 0.5 }).collect();
            let activations = [Function::Relu, Function::LeakyRelu { slope: 0.1 }, Function::Silu];
            for activation in activations.into_iter().take(cases(3)).map(Some) {
                let run = |input: &[f32], bias, residual| {
                    let mut output = vec![0.0; shape.output_len()];
                    forward_prepared(&shape, input, &prepared, Epilogue { bias, residual, activation }, &mut output);
                    broken(&output)
                };
                assert_eq!(run(&input, None, None), broken(&plain), "{shape:?}, {activation:?} at {level:?}");
                let found = run(&clean, None, Some(&residual[..]));
                assert_eq!(found, broken(&residual), "residual of {shape:?}, {activation:?} at {level:?}");
                let found = run(&clean, Some(&bias[..]), None);
                let expected: Vec<bool> = (0..found.len()).map(|at| at % shape.channels_out == 1).collect();
                assert_eq!(found, expected, "bias of {shape:?}, {activation:?} at {level:?}");
            }
        }
    });
}

#[test]
fn maximum_pooling_and_its_gradient_treat_nan_as_pytorch_does() {
    at_every_level(|level| {
        for (channels, kernel, stride, padding) in [(3, 2, 2, 0), (37, 3, 2, 1), (64, 3, 1, 1)] {
            let (batch, input) = (2, [9, 8]);
            let windows = input.map(|size| sliding_windows(size, kernel, stride, padding, false, true));
            let shape = PoolShape { batch, channels, input, windows };
            let mut numbers = Numbers::new(6);
            let mut values = numbers.values(shape.input_len());
            values.iter_mut().step_by(5).for_each(|value| *value = f32::NAN);
            let gradient = numbers.values(shape.output_len());
            let (mut output, mut found) = (vec![0.0; gradient.len()], vec![f32::NAN; values.len()]);
            maximum(&shape, &values, &mut output);
            maximum_gradient(&shape, &values, &output, &gradient, &mut found);
            // `MaxPoolKernel.cpp`: a later pixel wins if it is larger or not a number.
            let [height, width] = shape.output();
            let mut expected = vec![0.0f32; values.len()];
            for at in 0..gradient.len() {
                let (pixel, channel) = (at / channels, at % channels);
                let (image, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
                let (mut most, mut winner) = (f32::NEG_INFINITY, None);
                for y in shape.windows[0][y].pixels.clone() {
                    for x in shape.windows[1][x].pixels.clone() {
                        let place = ((image * input[0] + y) * input[1] + x) * channels + channel;
                        if values[place] > most || values[place].is_nan() {
                            (most, winner) = (values[place], Some(place));
                        }
                    }
                }
                assert!(output[at] == most || output[at].is_nan() && most.is_nan(), "{channels} at {level:?}");
                expected[winner.expect("no empty windows")] += gradient[at];
            }
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!((found - expected).abs() < 1e-6, "{at}: {found}, {expected} with {channels} at {level:?}");
            }
        }
    });
}
