//! Random numbers that are the same on every machine and in every version of this crate.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of random numbers is for, so that equal seeds used for different purposes stay independent.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// Assigning samples to splits.
    Split = 1,
    /// Drawing a generated shape.
    Shape = 2,
    /// Choosing samples for statistics.
    Sampling = 3,
    /// Drawing a generated scene of several shapes.
    Scene = 4,
    /// Assigning samples to the parts of a cross-validation.
    Fold = 5,
}

/// A ChaCha8 stream with the few distributions needed here, written with exactly rounded operations only: other
/// libraries may change how they turn bits into numbers, and `sin` or `ln` differ between machines in the last digit.
#[derive(Debug, Clone)]
pub(crate) struct RandomStream(ChaCha8Rng);

impl RandomStream {
    /// The stream for `(seed, purpose, index)`.
    pub(crate) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `0.0..1.0`, a multiple of 2⁻⁵³.
    pub(crate) fn unit(&mut self) -> f64 {
        /// 2⁻⁵³, the spacing of the numbers just below 1.
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * STEP
    }

    /// Uniform in `low..high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..bound` (by the multiply-shift method; its bias is below `bound` / 2⁶⁴).
    ///
    /// # Panics
    ///
    /// When `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "an empty range has no numbers");
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Shuffles in place (Fisher-Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_different_keys_differ_and_of_equal_keys_agree() {
        let draw = |seed, purpose, index| RandomStream::new(seed, purpose, index).unit();
        assert_eq!(draw(1, Purpose::Split, 0), draw(1, Purpose::Split, 0));
        assert_ne!(draw(1, Purpose::Split, 0), draw(2, Purpose::Split, 0));
        assert_ne!(draw(1, Purpose::Split, 0), draw(1, Purpose::Shape, 0));
        assert_ne!(draw(1, Purpose::Split, 0), draw(1, Purpose::Split, 1));
    }

    #[test]
    fn a_shuffle_is_a_permutation_and_small_ranges_are_covered_evenly() {
        let mut stream = RandomStream::new(7, Purpose::Split, 0);
        let mut items: Vec<usize> = (0..100).collect();
        stream.shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());

        let mut counts = [0; 3];
        (0..3000).for_each(|_| counts[stream.below(3)] += 1);
        // Expected 1000 each; the standard deviation is sqrt(3000 · 1/3 · 2/3) = 25.8, so 130 is five of them.
        assert!(counts.iter().all(|count: &i32| count.abs_diff(1000) < 130), "{counts:?}");
    }
}
