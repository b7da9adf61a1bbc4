//! RandAugment and TrivialAugment.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::affine::AffineTerms;
use super::always;
use crate::error::{require, require_probability};
use crate::{Augment, AugmentError, Border, Drawn, Generator, GeometricMap, ImageSize, Named, Photometric, Sampling};

/// The operations that both methods choose from, in torchvision's order.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

const OPERATIONS: [Operation; 14] = [
    Operation::Identity,
    Operation::ShearX,
    Operation::ShearY,
    Operation::TranslateX,
    Operation::TranslateY,
    Operation::Rotate,
    Operation::Brightness,
    Operation::Color,
    Operation::Contrast,
    Operation::Sharpness,
    Operation::Posterize,
    Operation::Solarize,
    Operation::AutoContrast,
    Operation::Equalize,
];

/// The strongest magnitude of each group of operations.
struct Strongest {
    /// Tangent of the shear.
    shear: f64,
    /// Pixels along x and y.
    translation: (f64, f64),
    /// Degrees.
    rotation: f64,
    /// Distance of a factor from 1.
    factor: f64,
    /// Bits dropped by posterize.
    bits: f64,
}

impl Strongest {
    /// torchvision's `RandAugment._augmentation_space`: shifts of 150 in images of 331 pixels, as in the paper.
    fn rand_augment(size: ImageSize) -> Self {
        let reach = |side: u32| 150.0 / 331.0 * f64::from(side);
        let translation = (reach(size.width), reach(size.height));
        Self { shear: 0.3, translation, rotation: 30.0, factor: 0.9, bits: 4.0 }
    }

    /// torchvision's `TrivialAugmentWide._augmentation_space`: table 7 of the paper.
    const WIDE: Self = Self { shear: 0.99, translation: (32.0, 32.0), rotation: 135.0, factor: 0.99, bits: 6.0 };
}

/// How warps sample and what they show beyond the image.
#[derive(Clone, Copy)]
struct Warps {
    border: Border,
    sampling: Sampling,
}

impl Operation {
    /// The operation at `strength` (0 weakest, 1 strongest), with the sign of signed operations drawn.
    fn draw(
        self,
        generator: &mut Generator,
        size: ImageSize,
        strongest: &Strongest,
        strength: f64,
        warps: Warps,
    ) -> Drawn {
        let mut signed = |magnitude: f64| if generator.random::<bool>() { -magnitude } else { magnitude };
        let neutral = AffineTerms::about_centre(size);
        let warp = |terms: AffineTerms| {
            GeometricMap::warp(terms.forward(), size, warps.border, warps.sampling)
                .map_or(Drawn::Identity, Drawn::Geometric)
        };
        // torchvision shears about the upper left corner.
        let about_corner = AffineTerms { centre: (0.0, 0.0), ..neutral };
        let change = match self {
            Self::Identity => return Drawn::Identity,
            Self::ShearX => {
                let angle = signed(strongest.shear * strength).atan().to_degrees();
                return warp(AffineTerms { shear: (angle, 0.0), ..about_corner });
            }
            Self::ShearY => {
                let angle = signed(strongest.shear * strength).atan().to_degrees();
                return warp(AffineTerms { shear: (0.0, angle), ..about_corner });
            }
            // Whole pixels, rounded towards 0.
            Self::TranslateX => {
                let shift = signed(strongest.translation.0 * strength).trunc();
                return warp(AffineTerms { translation: (shift, 0.0), ..neutral });
            }
            Self::TranslateY => {
                let shift = signed(strongest.translation.1 * strength).trunc();
                return warp(AffineTerms { translation: (0.0, shift), ..neutral });
            }
            Self::Rotate => {
                return warp(AffineTerms { rotation: signed(strongest.rotation * strength), ..neutral });
            }
            Self::Brightness => Photometric::Brightness(1.0 + signed(strongest.factor * strength) as f32),
            Self::Color => Photometric::Saturation(1.0 + signed(strongest.factor * strength) as f32),
            Self::Contrast => Photometric::Contrast(1.0 + signed(strongest.factor * strength) as f32),
            Self::Sharpness => Photometric::Sharpness(1.0 + signed(strongest.factor * strength) as f32),
            Self::Posterize => Photometric::Posterize(8 - (strongest.bits * strength).round_ties_even() as u8),
            Self::Solarize => Photometric::Solarize((255.0 * (1.0 - strength)) as f32),
            Self::AutoContrast => Photometric::AutoContrast,
            Self::Equalize => Photometric::Equalize,
        };
        Drawn::Photometric(change)
    }
}

/// Number of magnitudes that both methods tell apart by default, 0 included.
const DEFAULT_BINS: u32 = 31;

/// `rand-augment`: some operations at one magnitude (Cubuk et al., "RandAugment", with torchvision's table).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    /// Operations applied one after the other; 2 by default.
    pub num_ops: u32,
    /// Their magnitude, from 0 to `num_magnitude_bins` − 1; 9 by default.
    pub magnitude: u32,
    /// Number of magnitudes; 31 by default.
    pub num_magnitude_bins: u32,
    /// How warps sample: `nearest` (default, as torchvision) or `bilinear`.
    pub sampling: Sampling,
    /// Colour beyond the image, red, green and blue; black by default.
    pub fill: [u8; 3],
    /// Chance of any change, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self {
            num_ops: 2,
            magnitude: 9,
            num_magnitude_bins: DEFAULT_BINS,
            sampling: Sampling::Nearest,
            fill: [0; 3],
            probability: always(),
        }
    }
}

impl Augment for RandAugment {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let kind = self.kind();
        require((1..=100).contains(&self.num_ops), kind, "num_ops", self.num_ops, "1 to 100 operations")?;
        let bins = self.num_magnitude_bins;
        require((2..=1000).contains(&bins), kind, "num_magnitude_bins", bins, "2 to 1000 magnitudes")?;
        let expected = "a number from 0 to `num_magnitude_bins` - 1";
        require(self.magnitude < bins, kind, "magnitude", self.magnitude, expected)?;
        require_probability(kind, self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let strongest = Strongest::rand_augment(size);
        let strength = f64::from(self.magnitude) / f64::from(self.num_magnitude_bins - 1);
        let warps = Warps { border: Border::constant(self.fill), sampling: self.sampling };
        let operations = (0..self.num_ops).map(|_| {
            let operation = OPERATIONS[generator.random_range(0..OPERATIONS.len() as u32) as usize];
            operation.draw(generator, size, &strongest, strength, warps)
        });
        Drawn::Sequence(operations.collect())
    }
}

/// `trivial-augment-wide`: one operation at a random magnitude (Müller and Hutter, "TrivialAugment", with torchvision's
/// table).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TrivialAugmentWide {
    /// Number of magnitudes; 31 by default.
    pub num_magnitude_bins: u32,
    /// How warps sample: `nearest` (default, as torchvision) or `bilinear`.
    pub sampling: Sampling,
    /// Colour beyond the image, red, green and blue; black by default.
    pub fill: [u8; 3],
    /// Chance of any change, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for TrivialAugmentWide {
    fn default() -> Self {
        Self { num_magnitude_bins: DEFAULT_BINS, sampling: Sampling::Nearest, fill: [0; 3], probability: always() }
    }
}

impl Augment for TrivialAugmentWide {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let bins = self.num_magnitude_bins;
        require((2..=1000).contains(&bins), self.kind(), "num_magnitude_bins", bins, "2 to 1000 magnitudes")?;
        require_probability(self.kind(), self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let operation = OPERATIONS[generator.random_range(0..OPERATIONS.len() as u32) as usize];
        let bin = generator.random_range(0..self.num_magnitude_bins);
        let strength = f64::from(bin) / f64::from(self.num_magnitude_bins - 1);
        let warps = Warps { border: Border::constant(self.fill), sampling: self.sampling };
        operation.draw(generator, size, &Strongest::WIDE, strength, warps)
    }
}
