//! No kernel's result depends on the number of threads. Convolution and batch normalisation have tests of their own.

use super::activation::{self, Function};
use super::concatenate::join_channels;
use super::cross_entropy::{softmax_cross_entropy, softmax_cross_entropy_gradient};
use super::optimizer::{AdamStep, SgdStep, adam, sgd};
use super::pool::{PoolShape, adaptive_windows, average, average_gradient, maximum, maximum_gradient, sliding_windows};
use super::resize::{Mapping, ResizeShape, resize, resize_gradient, sources};
use super::testing::{Numbers, cases, level_lock};

/// Asserts that `compute` gives the same bits in pools of 1, 2, 3 and 8 threads.
fn assert_independent<const N: usize>(what: &str, compute: impl Fn() -> [Vec<f32>; N] + Send + Sync) {
    let _unforced = level_lock();
    let bits = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(&compute).map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
    };
    let one = bits(1);
    for threads in [2, 3, 8] {
        assert!(bits(threads) == one, "{what} with {threads} threads");
    }
}

#[test]
fn pooling() {
    let (batch, channels, input) = (5, 21, [23, 18]);
    let sliding = |size: usize| sliding_windows(size, 3, 2, 1, true, true);
    for windows in [input.map(sliding), input.map(|size| adaptive_windows(size, 4))] {
        let shape = PoolShape { batch, channels, input, windows };
        let mut numbers = Numbers::new(1);
        let (source, gradient) = (numbers.values(shape.input_len()), numbers.values(shape.output_len()));
        assert_independent("pooling", || {
            let [mut mean, mut most] = [(); 2].map(|()| vec![f32::NAN; shape.output_len()]);
            let [mut mean_gradient, mut most_gradient] = [(); 2].map(|()| vec![f32::NAN; shape.input_len()]);
            average(&shape, &source, &mut mean);
            average_gradient(&shape, &gradient, &mut mean_gradient);
            maximum(&shape, &source, &mut most);
            maximum_gradient(&shape, &source, &most, &gradient, &mut most_gradient);
            [mean, mean_gradient, most, most_gradient]
        });
    }
}

#[test]
fn resizing() {
    let (batch, channels, input, output) = (3, 35, [13, 9], [31, 40]);
    for mapping in [Mapping::Nearest, Mapping::Linear, Mapping::LinearAligned] {
        let axis = |axis: usize| sources(mapping, input[axis], output[axis]);
        let shape = ResizeShape { batch, channels, input, sources: [axis(0), axis(1)] };
        let mut numbers = Numbers::new(2);
        let source = numbers.values(batch * channels * input[0] * input[1]);
        let gradient = numbers.values(batch * channels * output[0] * output[1]);
        assert_independent("resizing", || {
            let (mut resized, mut source_gradient) = (vec![f32::NAN; gradient.len()], vec![f32::NAN; source.len()]);
            resize(&shape, &source, &mut resized);
            resize_gradient(&shape, &gradient, &mut source_gradient);
            [resized, source_gradient]
        });
    }
}

#[test]
fn optimiser_steps() {
    let mut numbers = Numbers::new(3);
    let [parameter, gradient, mean] = [(); 3].map(|()| numbers.values(cases(100_003)));
    let square: Vec<f32> = mean.iter().map(|value| value * value).collect();
    assert_independent("optimiser steps", || {
        let step =
            SgdStep { rate: 0.1, momentum: 0.9, dampening: 0.0, nesterov: true, weight_decay: 0.01, first: false };
        let (mut by_sgd, mut velocity) = (parameter.clone(), mean.clone());
        sgd(&mut by_sgd, &gradient, &mut velocity, step);
        let step = AdamStep {
            rate: 0.1,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            decoupled: true,
            number: 3,
        };
        let (mut by_adam, mut mean, mut square) = (parameter.clone(), mean.clone(), square.clone());
        adam(&mut by_adam, &gradient, &mut mean, &mut square, step);
        [by_sgd, velocity, by_adam, mean, square]
    });
}

#[test]
fn elementwise_work_and_losses() {
    const CLASSES: usize = cases(1003);
    let mut numbers = Numbers::new(4);
    let values = numbers.values(97 * CLASSES);
    let mut targets = vec![0.0; values.len()];
    for (sample, targets) in targets.chunks_exact_mut(CLASSES).enumerate() {
        targets[sample * 7 % CLASSES] = 1.0;
    }
    let gradients = numbers.values(97);
    assert_independent("elementwise work", || {
        let mut activated = vec![f32::NAN; values.len()];
        activation::apply(Function::Silu, &values, &mut activated);
        activation::gradient_in_place(Function::Sigmoid, &values, &mut activated);
        activation::add(&mut activated, &values);
        let mut joined = vec![f32::NAN; 2 * values.len()];
        join_channels(&[(&values, CLASSES), (&values, CLASSES)], &mut joined);
        let (mut losses, mut gradient) = (vec![f32::NAN; 97], vec![f32::NAN; values.len()]);
        softmax_cross_entropy(&values, &targets, &mut losses);
        softmax_cross_entropy_gradient(&values, &targets, &gradients, &mut gradient);
        [activated, joined, losses, gradient]
    });
}
