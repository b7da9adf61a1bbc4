//! Elastic deformation by random displacements on a coarse grid.

use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::always;
use crate::elastic::ElasticMap;
use crate::error::{require, require_probability};
use crate::{Augment, AugmentError, Border, Drawn, FillMode, Generator, ImageSize, Named, Sampling};

/// `elastic`: the image deformed smoothly, by normally distributed displacements at the nodes of a coarse grid with
/// bicubic interpolation between them (O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for
/// Biomedical Image Segmentation", 2015, section 3.1; the idea is that of P. Simard, D. Steinkraus, J. Platt, 2003).
/// The defaults are the paper's, but for the border.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Elastic {
    /// Nodes along each side of the image, those at the corners among them; 3 by default.
    pub grid: u32,
    /// Standard deviation of the displacements along each axis, in pixels; 10 by default. Where an image is so small
    /// that it would be strained by more than 3/4 ([`MAX_STRAIN`](crate::MAX_STRAIN)), its displacements are shortened.
    pub sigma: f64,
    /// What lies beyond the image: `reflect` (default, as the paper mirrors images), `constant`, `symmetric`, `nearest`
    /// or `wrap`.
    pub fill_mode: FillMode,
    /// Colour of `constant`, red, green and blue; black by default.
    pub fill: [u8; 3],
    /// How the image is read between pixels: `bilinear` (default) or `nearest`.
    pub sampling: Sampling,
    /// Chance of a deformation, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for Elastic {
    fn default() -> Self {
        Self {
            grid: 3,
            sigma: 10.0,
            fill_mode: FillMode::Reflect,
            fill: [0; 3],
            sampling: Sampling::Bilinear,
            probability: always(),
        }
    }
}

impl Augment for Elastic {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        self.probability > 0.0 && self.sigma > 0.0
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let kind = self.kind();
        require((2..=32).contains(&self.grid), kind, "grid", self.grid, "2 to 32 nodes")?;
        require((0.0..=1000.0).contains(&self.sigma), kind, "sigma", self.sigma, "0 to 1000 pixels")?;
        require_probability(kind, self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        if self.sigma == 0.0 {
            return Drawn::Identity;
        }
        let nodes = self.grid as usize;
        let mut normal = || self.sigma * generator.sample::<f64, _>(StandardNormal);
        let displacements = (0..nodes * nodes).map(|_| [normal(), normal()]).collect();
        let border = Border { mode: self.fill_mode, fill: self.fill };
        Drawn::Elastic(ElasticMap::new(size, nodes, displacements, border, self.sampling))
    }
}
