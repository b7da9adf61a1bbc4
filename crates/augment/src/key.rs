//! The random generator: a pure function of what is being augmented.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator of every draw: ChaCha with 8 rounds, whose numbers are the same on every machine.
pub type Generator = ChaCha8Rng;

/// Which image, in which epoch, of which run: everything that a draw depends on besides the image's size.
///
/// The same key gives the same bytes on any thread and in any order of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AugmentKey {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Position of the image in the data set, or of the batch in the epoch for [`crate::BatchMix`].
    pub index: u64,
}

/// What a generator is for, so that images and batches with equal numbers draw independently.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Domain {
    /// Single images.
    Image,
    /// Mixing within a batch.
    Batch,
    /// Four images in one.
    Mosaic,
    /// Another image blended in.
    DetectionMixup,
}

impl AugmentKey {
    /// The generator of step `stream` of this key.
    ///
    /// ChaCha's 256-bit key is `seed | epoch | index | domain`, 8 bytes each, little-endian, and `stream` is its 64-bit
    /// nonce. ChaCha is a pseudo-random function of key and nonce, so neighbouring numbers need no further mixing and
    /// no two keys share a sequence.
    pub(crate) fn generator(self, domain: Domain, stream: u64) -> Generator {
        let domain: &[u8; 8] = match domain {
            Domain::Image => b"image   ",
            Domain::Batch => b"batch   ",
            Domain::Mosaic => b"mosaic  ",
            Domain::DetectionMixup => b"detmixup",
        };
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.epoch.to_le_bytes());
        key[16..24].copy_from_slice(&self.index.to_le_bytes());
        key[24..].copy_from_slice(domain);
        let mut generator = Generator::from_seed(key);
        generator.set_stream(stream);
        generator
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn every_part_of_the_key_changes_the_sequence() {
        let key = AugmentKey { seed: 1, epoch: 2, index: 3 };
        let first = |key: AugmentKey, domain, stream| key.generator(domain, stream).next_u64();
        let reference = first(key, Domain::Image, 0);
        assert_eq!(reference, first(key, Domain::Image, 0));
        for other in [
            first(AugmentKey { seed: 2, ..key }, Domain::Image, 0),
            first(AugmentKey { epoch: 3, ..key }, Domain::Image, 0),
            first(AugmentKey { index: 2, ..key }, Domain::Image, 0),
            first(key, Domain::Batch, 0),
            first(key, Domain::Image, 1),
        ] {
            assert_ne!(reference, other);
        }
    }

    #[test]
    fn the_sequence_is_the_same_on_every_machine() {
        // A frozen value: a change of generator or key layout would change every recorded run.
        let key = AugmentKey { seed: 1, epoch: 2, index: 3 };
        assert_eq!(key.generator(Domain::Image, 0).next_u64(), FROZEN);
    }

    const FROZEN: u64 = 2_713_436_364_480_073_127;
}
