//! MixUp and CutMix on a batch.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Beta, Distribution};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::key::Domain;
use crate::{AugmentError, AugmentKey, Generator, Rectangle};

/// Mixing of images and their soft targets within a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BatchMix {
    /// Weighted means of pairs of images (Zhang et al., "mixup: Beyond Empirical Risk Minimization").
    Mixup(Mixup),
    /// A rectangle of one image pasted into another (Yun et al., "CutMix").
    Cutmix(Cutmix),
    /// One of both for each batch.
    MixupOrCutmix(MixupOrCutmix),
}

/// Settings of `mixup`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mixup {
    /// Both parameters of the Beta distribution of the first image's weight; the paper uses 0.2 on ImageNet, 1 on
    /// CIFAR-10.
    pub alpha: f64,
}

/// Settings of `cutmix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cutmix {
    /// Both parameters of the Beta distribution of the share of the first image; the paper uses 1.
    pub alpha: f64,
}

/// Settings of `mixup-or-cutmix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MixupOrCutmix {
    /// `alpha` of mixup.
    pub mixup_alpha: f64,
    /// `alpha` of cutmix.
    pub cutmix_alpha: f64,
    /// Chance of cutmix, `0..=1`; 0.5 by default.
    #[serde(default = "crate::steps::half")]
    pub switch_probability: f64,
}

/// Everything random about one mixed batch, already decided.
#[derive(Debug, Clone, PartialEq)]
pub struct MixDraw {
    /// For each image of the batch, the one that it is mixed with: a random permutation, as in both papers' code.
    /// (torchvision pairs each image with the one before it instead.)
    pub partners: Vec<usize>,
    /// Share of the image itself in the result, `0..=1`; its partner has the rest.
    pub lambda: f32,
    /// The rectangle that shows the partner; `None` where both images are blended everywhere.
    pub cut: Option<Rectangle>,
}

impl BatchMix {
    /// Checks every setting against its range.
    ///
    /// # Errors
    ///
    /// With the first setting out of range.
    pub fn validate(&self) -> Result<(), AugmentError> {
        let alpha = |kind, key, alpha: f64| {
            require(alpha > 0.0 && alpha <= 1000.0, kind, key, alpha, "a number above 0 and up to 1000")
        };
        match self {
            Self::Mixup(mix) => alpha("mixup", "alpha", mix.alpha),
            Self::Cutmix(mix) => alpha("cutmix", "alpha", mix.alpha),
            Self::MixupOrCutmix(mix) => {
                let kind = "mixup-or-cutmix";
                alpha(kind, "mixup_alpha", mix.mixup_alpha)?;
                alpha(kind, "cutmix_alpha", mix.cutmix_alpha)?;
                let chance = mix.switch_probability;
                require((0.0..=1.0).contains(&chance), kind, "switch_probability", chance, "a number from 0 to 1")
            }
        }
    }

    /// Draws for a batch of `batch` images of `height` × `width`; `key.index` is the batch's position in the epoch.
    pub fn draw(&self, key: AugmentKey, batch: usize, height: u32, width: u32) -> MixDraw {
        let mut generator = key.generator(Domain::Batch, 0);
        let mut partners: Vec<usize> = (0..batch).collect();
        partners.shuffle(&mut generator);
        let cut_alpha = match self {
            Self::Mixup(mix) => Err(mix.alpha),
            Self::Cutmix(mix) => Ok(mix.alpha),
            Self::MixupOrCutmix(mix) if generator.random::<f64>() < mix.switch_probability => Ok(mix.cutmix_alpha),
            Self::MixupOrCutmix(mix) => Err(mix.mixup_alpha),
        };
        match cut_alpha {
            Err(alpha) => MixDraw { partners, lambda: beta(&mut generator, alpha) as f32, cut: None },
            Ok(alpha) => {
                let lambda = beta(&mut generator, alpha);
                let cut = cut_rectangle(&mut generator, lambda, height, width);
                let share = f64::from(cut.width) * f64::from(cut.height) / (f64::from(width) * f64::from(height));
                MixDraw { partners, lambda: (1.0 - share) as f32, cut: Some(cut) }
            }
        }
    }
}

fn beta(generator: &mut Generator, alpha: f64) -> f64 {
    // `validate` keeps alpha in the range that the distribution accepts; outside it nothing is mixed.
    Beta::new(alpha, alpha).map_or(1.0, |beta| beta.sample(generator))
}

/// The rectangle of the paper's appendix A: centred anywhere, with sides √(1 − λ) of the image's, cut off at its edges.
fn cut_rectangle(generator: &mut Generator, lambda: f64, height: u32, width: u32) -> Rectangle {
    let reach = 0.5 * (1.0 - lambda).max(0.0).sqrt();
    let mut span = |side: u32| {
        let half = (reach * f64::from(side)) as u32;
        let centre = generator.random_range(0..side.max(1));
        let start = centre.saturating_sub(half);
        (start, (centre + half).min(side) - start)
    };
    let (x, width) = span(width);
    let (y, height) = span(height);
    Rectangle { x, y, width, height }
}

impl MixDraw {
    /// Mixes `images` (`[batch, channels, height, width]`) and `targets` (`[batch, classes]`, each row summing to 1) in
    /// place. `size` is `(height, width)`.
    ///
    /// # Panics
    ///
    /// When the lengths are not whole multiples of the batch that was drawn for, or of `height · width`.
    pub fn apply(&self, images: &mut [f32], targets: &mut [f32], size: (u32, u32)) {
        let batch = self.partners.len();
        if batch == 0 {
            return;
        }
        let plane = size.0 as usize * size.1 as usize;
        assert!(
            images.len().is_multiple_of(batch * plane.max(1)) && targets.len().is_multiple_of(batch),
            "{} numbers are not a batch of {batch} images of {}×{}, or {} numbers not its targets",
            images.len(),
            size.0,
            size.1,
            targets.len()
        );
        self.blend(targets);
        let Some(cut) = self.cut else {
            self.blend(images);
            return;
        };
        let width = size.1 as usize;
        let original = images.to_vec();
        let image_length = images.len() / batch;
        for (image, &partner) in images.chunks_exact_mut(image_length).zip(&self.partners) {
            let source = &original[partner * image_length..][..image_length];
            for (plane_out, plane_in) in image.chunks_exact_mut(plane).zip(source.chunks_exact(plane)) {
                for y in cut.y as usize..(cut.y + cut.height) as usize {
                    let span = y * width + cut.x as usize..y * width + (cut.x + cut.width) as usize;
                    plane_out[span.clone()].copy_from_slice(&plane_in[span]);
                }
            }
        }
    }

    /// `lambda · own + (1 - lambda) · partner` for each row of the batch.
    fn blend(&self, rows: &mut [f32]) {
        let original = rows.to_vec();
        let length = rows.len() / self.partners.len();
        if length == 0 {
            return;
        }
        for (row, &partner) in rows.chunks_exact_mut(length).zip(&self.partners) {
            let source = &original[partner * length..][..length];
            for (own, partner) in row.iter_mut().zip(source) {
                *own = self.lambda * *own + (1.0 - self.lambda) * partner;
            }
        }
    }
}
