//! Against the definitions, and against figures that PyTorch gives.

use super::super::testing::{Numbers, at_every_level, relative_error};
use super::*;

fn shapes() -> Vec<PoolShape> {
    let sliding = |batch, channels, input: [usize; 2], kernel, stride, padding, ceil, border| PoolShape {
        batch,
        channels,
        input,
        windows: input.map(|size| sliding_windows(size, kernel, stride, padding, ceil, border)),
    };
    let adaptive = |batch, channels, input: [usize; 2], output: [usize; 2]| PoolShape {
        batch,
        channels,
        input,
        windows: [adaptive_windows(input[0], output[0]), adaptive_windows(input[1], output[1])],
    };
    vec![
        sliding(2, 64, [8, 8], 2, 2, 0, false, true),
        sliding(1, 33, [15, 11], 3, 2, 1, false, true),
        sliding(3, 5, [7, 9], 3, 2, 1, true, false),
        sliding(2, 40, [6, 5], 5, 1, 2, false, true),
        adaptive(2, 17, [7, 10], [3, 4]),
        adaptive(3, 64, [4, 4], [1, 1]),
        adaptive(1, 3, [2, 3], [5, 7]),
    ]
}

/// Calls `visit` with the indices of input and output of each pixel of each window, and the window's count.
fn for_each_member(shape: &PoolShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.input;
    let [out_height, out_width] = shape.output();
    for n in 0..shape.batch {
        for (oy, row) in shape.windows[0].iter().enumerate() {
            for (ox, column) in shape.windows[1].iter().enumerate() {
                for y in row.pixels.clone() {
                    for x in column.pixels.clone() {
                        for c in 0..shape.channels {
                            visit(
                                ((n * height + y) * width + x) * shape.channels + c,
                                ((n * out_height + oy) * out_width + ox) * shape.channels + c,
                                row.count * column.count,
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn windows_are_where_pytorch_puts_them() {
    let pixels = |windows: Vec<Window>| windows.into_iter().map(|window| window.pixels).collect::<Vec<_>>();
    assert_eq!(pixels(sliding_windows(5, 2, 2, 0, false, true)), [0..2, 2..4]);
    assert_eq!(pixels(sliding_windows(5, 2, 2, 0, true, true)), [0..2, 2..4, 4..5]);
    assert_eq!(pixels(sliding_windows(4, 3, 2, 1, false, true)), [0..2, 1..4]);
    // The window that would start in the right border is left out.
    assert_eq!(pixels(sliding_windows(2, 2, 3, 1, true, true)), std::slice::from_ref(&(0..1)));
    assert_eq!(pixels(adaptive_windows(7, 3)), [0..3, 2..5, 4..7]);
    let counts = |border| sliding_windows(5, 3, 2, 1, false, border).iter().map(|w| w.count).collect::<Vec<_>>();
    assert_eq!((counts(true), counts(false)), (vec![3, 3, 3], vec![2, 3, 2]));
}

#[test]
fn averages_and_gradients_equal_their_definition_at_every_level() {
    at_every_level(|level| {
        for shape in shapes() {
            let mut numbers = Numbers::new(4);
            let (input, gradient) = (numbers.values(shape.input_len()), numbers.values(shape.output_len()));
            let (mut output, mut input_gradient) = (vec![f32::NAN; gradient.len()], vec![f32::NAN; input.len()]);
            average(&shape, &input, &mut output);
            average_gradient(&shape, &gradient, &mut input_gradient);
            let (mut expected, mut expected_gradient) = (vec![0.0; output.len()], vec![0.0; input.len()]);
            for_each_member(&shape, |x, y, count| {
                expected[y] += f64::from(input[x]) / count as f64;
                expected_gradient[x] += f64::from(gradient[y]) / count as f64;
            });
            assert!(relative_error(&output, &expected) < 1e-6, "{shape:?} with {level:?}");
            assert!(relative_error(&input_gradient, &expected_gradient) < 1e-6, "{shape:?} with {level:?}");
        }
    });
}

#[test]
fn pooling_of_nothing_is_defined() {
    at_every_level(|level| {
        // No images, no channels, no pixels but the border's, and no windows: [batch, channels, height] and windows.
        for ([batch, channels, height], kernel) in [([0, 3, 4], 2), ([2, 0, 4], 2), ([2, 3, 0], 2), ([2, 3, 4], 9)] {
            let input = [height, 4];
            let windows = input.map(|size| sliding_windows(size, kernel, 1, 1, false, true));
            let shape = PoolShape { batch, channels, input, windows };
            let (source, gradient) = (vec![1.0; shape.input_len()], vec![1.0; shape.output_len()]);
            let (mut mean, mut most) = (vec![f32::NAN; gradient.len()], vec![f32::NAN; gradient.len()]);
            average(&shape, &source, &mut mean);
            maximum(&shape, &source, &mut most);
            assert_eq!(mean, vec![0.0; gradient.len()], "{shape:?} at {level:?}");
            assert_eq!(most, vec![f32::NEG_INFINITY; gradient.len()], "{shape:?} at {level:?}");
            let (mut of_mean, mut of_most) = (vec![f32::NAN; source.len()], vec![f32::NAN; source.len()]);
            average_gradient(&shape, &gradient, &mut of_mean);
            maximum_gradient(&shape, &source, &most, &gradient, &mut of_most);
            assert_eq!([of_mean, of_most], [(); 2].map(|()| vec![0.0; source.len()]), "{shape:?} at {level:?}");
        }
    });
}

#[test]
fn maxima_and_gradients_equal_their_definition_at_every_level() {
    at_every_level(|level| {
        for shape in shapes() {
            let mut numbers = Numbers::new(5);
            // Few distinct values, so that windows hold their maximum more than once.
            let input: Vec<f32> = numbers.values(shape.input_len()).iter().map(|value| (value * 4.0).floor()).collect();
            let gradient = numbers.values(shape.output_len());
            let (mut output, mut input_gradient) = (vec![f32::NAN; gradient.len()], vec![f32::NAN; input.len()]);
            maximum(&shape, &input, &mut output);
            maximum_gradient(&shape, &input, &output, &gradient, &mut input_gradient);
            let mut winners: Vec<Option<usize>> = vec![None; output.len()];
            for_each_member(&shape, |x, y, _| {
                if winners[y].is_none_or(|winner| input[x] > input[winner]) {
                    winners[y] = Some(x);
                }
            });
            let mut expected_gradient = vec![0.0; input.len()];
            for (y, winner) in winners.iter().enumerate() {
                let winner = winner.expect("windows of these shapes are not empty");
                assert_eq!(output[y], input[winner], "{shape:?} with {level:?}");
                expected_gradient[winner] += f64::from(gradient[y]);
            }
            assert!(relative_error(&input_gradient, &expected_gradient) < 1e-6, "{shape:?} with {level:?}");
        }
    });
}
