//! Random tensors that are the same on every backend, machine and thread count.
//!
//! burn's generators differ from backend to backend and are shared by a whole process. Here each thread has its own
//! ChaCha8 generator, so that a training step which seeds it from (seed, step) is a pure function of the two: that is
//! what makes resuming exact and parallel tests independent.

use std::cell::RefCell;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

thread_local! {
    static GENERATOR: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(0));
}

/// Seeds the calling thread's generator with `seed` and a `stream`: different streams of one seed are independent.
pub fn seed(seed: u64, stream: u64) {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&stream.to_le_bytes());
    GENERATOR.with(|generator| *generator.borrow_mut() = ChaCha8Rng::from_seed(key));
}

/// A tensor with values drawn evenly from `low..high`.
pub fn uniform<B: Backend, const D: usize>(shape: [usize; D], low: f32, high: f32, device: &B::Device) -> Tensor<B, D> {
    fill(shape, device, |generator| low + (high - low) * generator.random::<f32>())
}

/// A tensor with normally distributed values.
pub fn normal<B: Backend, const D: usize>(shape: [usize; D], mean: f32, std: f32, device: &B::Device) -> Tensor<B, D> {
    fill(shape, device, |generator| mean + std * generator.sample::<f32, _>(StandardNormal))
}

/// A tensor with normally distributed values, drawn again while they lie outside `low..=high`.
///
/// # Panics
///
/// When `low >= high`.
pub fn truncated_normal<B: Backend, const D: usize>(
    shape: [usize; D],
    mean: f32,
    std: f32,
    low: f32,
    high: f32,
    device: &B::Device,
) -> Tensor<B, D> {
    assert!(low < high, "truncated_normal needs low < high, found {low} and {high}");
    fill(shape, device, |generator| {
        loop {
            let value = mean + std * generator.sample::<f32, _>(StandardNormal);
            if (low..=high).contains(&value) {
                return value;
            }
        }
    })
}

/// A tensor of ones with probability `probability` and zeros otherwise.
pub fn bernoulli<B: Backend, const D: usize>(shape: [usize; D], probability: f32, device: &B::Device) -> Tensor<B, D> {
    fill(shape, device, |generator| f32::from(u8::from(generator.random::<f32>() < probability)))
}

fn fill<B: Backend, const D: usize>(
    shape: [usize; D],
    device: &B::Device,
    mut draw: impl FnMut(&mut ChaCha8Rng) -> f32,
) -> Tensor<B, D> {
    let count = shape.iter().product();
    let values: Vec<f32> = GENERATOR.with(|generator| {
        let mut generator = generator.borrow_mut();
        (0..count).map(|_| draw(&mut generator)).collect()
    });
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::backend::Flex;

    use super::*;

    fn values(tensor: Tensor<Flex, 1>) -> Vec<f32> {
        tensor.into_data().to_vec().expect("f32")
    }

    #[test]
    fn a_seed_and_stream_fix_the_values() {
        let device = Default::default();
        let draw = |s, stream| {
            seed(s, stream);
            values(uniform([64], -1.0, 1.0, &device))
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert!(draw(1, 2).iter().all(|value| (-1.0..1.0).contains(value)));
    }

    #[test]
    fn normal_values_have_their_mean_and_deviation() {
        seed(7, 0);
        let drawn = values(normal([40_000], 2.0, 0.5, &Default::default()));
        let mean = drawn.iter().sum::<f32>() / drawn.len() as f32;
        let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / drawn.len() as f32;
        // The standard error of the mean is 0.5 / 200 = 0.0025; four of them are 0.01.
        assert!((mean - 2.0).abs() < 0.01, "mean {mean}");
        assert!((variance.sqrt() - 0.5).abs() < 0.01, "deviation {}", variance.sqrt());
    }
}
