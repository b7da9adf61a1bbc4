//! Where every random number of a run comes from.
//!
//! One seed names a run. Each use has a stream of its own, so that adding a use never changes another, and every stream
//! is a pure function of positions (epoch, step, index) that a resumed run knows as well.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights.
    Initialisation,
    /// The order of the samples, a stream an epoch.
    SampleOrder,
    /// Noise inside the network (dropout), a stream a forward pass.
    Network,
    /// Which pictures a report shows.
    Pictures,
    /// The size of training batches that vary it, a stream for each group of batches.
    BatchSize,
    /// Which part of an image a training sample shows, a stream a sample and epoch.
    Tile,
}

/// The stream of `purpose` at `position`, for [`tensor_backend::random::seed`].
pub fn stream(purpose: Purpose, position: u64) -> u64 {
    // The uppermost byte keeps purposes apart; no run makes 2⁵⁶ steps.
    ((purpose as u64 + 1) << 56) | position
}

/// A generator for `purpose` at `position`.
pub fn generator(seed: u64, purpose: Purpose, position: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&stream(purpose, position).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn purposes_and_positions_do_not_meet() {
        let first = |purpose, position| generator(1, purpose, position).next_u64();
        assert_eq!(first(Purpose::SampleOrder, 3), first(Purpose::SampleOrder, 3));
        assert_ne!(first(Purpose::SampleOrder, 3), first(Purpose::SampleOrder, 4));
        assert_ne!(first(Purpose::SampleOrder, 3), first(Purpose::Network, 3));
    }
}
