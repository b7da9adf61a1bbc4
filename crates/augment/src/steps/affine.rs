//! Rotation, shift, shear and zoom as one warp.

use serde::{Deserialize, Serialize};

use super::always;
use crate::error::require_probability;
use crate::spread::uniform;
use crate::{
    Augment, AugmentError, Border, Drawn, FillMode, Generator, GeometricMap, ImageSize, Named, Projection, Sampling,
    Spread,
};

/// `affine`: rotation, shift, shear and zoom drawn together and applied as one warp about the image's centre, so that
/// the image is resampled only once.
///
/// Covers torchvision's `RandomRotation` and `RandomAffine` and the ranges of Keras' `ImageDataGenerator`, whose
/// `fill_mode="reflect"` is called `symmetric` here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Affine {
    /// Degrees, clockwise (Keras' `rotation_range`); a number `d` draws from −d to d. 0 by default.
    pub rotation: Spread,
    /// Shift to the right as a share of the width (Keras' `width_shift_range`). 0 by default.
    pub shift_x: Spread,
    /// Shift downwards as a share of the height (Keras' `height_shift_range`). 0 by default.
    pub shift_y: Spread,
    /// Degrees by which vertical lines lean (Keras' `shear_range`, torchvision's first shear). 0 by default.
    pub shear_x: Spread,
    /// Degrees by which horizontal lines lean (torchvision's second shear). 0 by default.
    pub shear_y: Spread,
    /// Magnification (Keras' `zoom_range`, torchvision's `scale`); a number `z` draws from 1 − z to 1 + z. 1 by
    /// default.
    ///
    /// Keras' factor is how much more of the image is seen, the reciprocal of a magnification.
    pub zoom: Spread,
    /// Draws the zoom of width and height separately, as Keras does; `false` by default.
    pub zoom_separately: bool,
    /// What lies beyond the image: `constant` (default), `reflect`, `symmetric`, `nearest` or `wrap`.
    pub fill_mode: FillMode,
    /// Colour of `constant`, red, green and blue; black by default.
    pub fill: [u8; 3],
    /// How the image is read between pixels: `bilinear` (default) or `nearest`.
    pub sampling: Sampling,
    /// Chance of a warp, `0..=1`; 1 by default.
    pub probability: f64,
}

impl Default for Affine {
    fn default() -> Self {
        Self {
            rotation: Spread::NONE,
            shift_x: Spread::NONE,
            shift_y: Spread::NONE,
            shear_x: Spread::NONE,
            shear_y: Spread::NONE,
            zoom: Spread::NONE,
            zoom_separately: false,
            fill_mode: FillMode::Constant,
            fill: [0; 3],
            sampling: Sampling::Bilinear,
            probability: always(),
        }
    }
}

/// The largest shear allowed: tan 89° already spreads a pixel over 57.
const MAX_SHEAR_DEGREES: f64 = 89.0;

/// An affine map in the terms of torchvision's `affine`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AffineTerms {
    /// Degrees, clockwise.
    pub(crate) rotation: f64,
    /// Pixels to the right and downwards.
    pub(crate) translation: (f64, f64),
    /// Magnification of width and height.
    pub(crate) zoom: (f64, f64),
    /// Degrees along x and y.
    pub(crate) shear: (f64, f64),
    /// The point that rotation, shear and zoom leave in place.
    pub(crate) centre: (f64, f64),
}

impl AffineTerms {
    /// The neutral map about the centre of an image of `size`.
    pub(crate) fn about_centre(size: ImageSize) -> Self {
        let centre = (f64::from(size.width) / 2.0, f64::from(size.height) / 2.0);
        Self { rotation: 0.0, translation: (0.0, 0.0), zoom: (1.0, 1.0), shear: (0.0, 0.0), centre }
    }

    /// Zoom, then shear, then rotation about the centre, then translation: `_get_inverse_affine_matrix` of torchvision
    /// before inversion, with the zoom split over both axes.
    pub(crate) fn forward(&self) -> Projection {
        let rotation = self.rotation.to_radians();
        let (shear_x, shear_y) = (self.shear.0.to_radians(), self.shear.1.to_radians());
        let (sine, cosine) = (rotation - shear_y).sin_cos();
        let a = cosine / shear_y.cos();
        let b = -cosine * shear_x.tan() / shear_y.cos() - rotation.sin();
        let c = sine / shear_y.cos();
        let d = -sine * shear_x.tan() / shear_y.cos() + rotation.cos();
        let linear = Projection([[a, b, 0.0], [c, d, 0.0], [0.0, 0.0, 1.0]]);
        let (x, y) = self.centre;
        Projection::scale_then_shift(self.zoom.0, self.zoom.1, -x * self.zoom.0, -y * self.zoom.1)
            .then(&linear)
            .then(&Projection::scale_then_shift(1.0, 1.0, x + self.translation.0, y + self.translation.1))
    }
}

impl Augment for Affine {
    fn probability(&self) -> f64 {
        self.probability
    }

    fn is_random(&self) -> bool {
        let still = [self.rotation, self.shift_x, self.shift_y, self.shear_x, self.shear_y];
        self.probability > 0.0 && !(still.iter().all(|spread| spread.is_zero()) && self.zoom.is_one())
    }

    fn validate(&self) -> Result<(), AugmentError> {
        let kind = self.kind();
        self.rotation.require_around_zero(kind, "rotation", -360.0, 360.0, "degrees from -360 to 360")?;
        for (key, shift) in [("shift_x", self.shift_x), ("shift_y", self.shift_y)] {
            shift.require_around_zero(kind, key, -1.0, 1.0, "shares of the side from -1 to 1")?;
        }
        for (key, shear) in [("shear_x", self.shear_x), ("shear_y", self.shear_y)] {
            shear.require_around_zero(kind, key, -MAX_SHEAR_DEGREES, MAX_SHEAR_DEGREES, "degrees from -89 to 89")?;
        }
        self.zoom.require_around_one(kind, "zoom", 0.01, 100.0, "factors from 0.01 to 100 (a number: below 1)")?;
        require_probability(kind, self.probability)
    }

    fn draw(&self, generator: &mut Generator, size: ImageSize) -> Drawn {
        let mut terms = AffineTerms::about_centre(size);
        terms.rotation = uniform(generator, self.rotation.around_zero());
        terms.translation.0 = f64::from(size.width) * uniform(generator, self.shift_x.around_zero());
        terms.translation.1 = f64::from(size.height) * uniform(generator, self.shift_y.around_zero());
        terms.shear.0 = uniform(generator, self.shear_x.around_zero());
        terms.shear.1 = uniform(generator, self.shear_y.around_zero());
        terms.zoom.0 = uniform(generator, self.zoom.around_one());
        terms.zoom.1 = if self.zoom_separately { uniform(generator, self.zoom.around_one()) } else { terms.zoom.0 };
        let border = Border { mode: self.fill_mode, fill: self.fill };
        // A map that flattens the plane (both shears near 45°) shows nothing; the image is left as it is.
        GeometricMap::warp(terms.forward(), size, border, self.sampling).map_or(Drawn::Identity, Drawn::Geometric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close((x, y): (f64, f64), (u, v): (f64, f64)) {
        assert!((x - u).abs() < 1e-9 && (y - v).abs() < 1e-9, "({x}, {y}) is not ({u}, {v})");
    }

    #[test]
    fn each_term_moves_a_point_as_documented() {
        let neutral = AffineTerms::about_centre(ImageSize::new(20, 10));
        assert_close(neutral.forward().map(3.0, 4.0), (3.0, 4.0));
        // Clockwise by 90° about (10, 5): what was right of the centre is below it.
        let rotated = AffineTerms { rotation: 90.0, ..neutral };
        assert_close(rotated.forward().map(13.0, 5.0), (10.0, 8.0));
        let zoomed = AffineTerms { zoom: (2.0, 3.0), ..neutral };
        assert_close(zoomed.forward().map(11.0, 6.0), (12.0, 8.0));
        let shifted = AffineTerms { translation: (2.0, -1.0), ..neutral };
        assert_close(shifted.forward().map(1.0, 1.0), (3.0, 0.0));
        // tan 45° = 1: a point one below the centre goes one to the left.
        let sheared = AffineTerms { shear: (45.0, 0.0), ..neutral };
        assert_close(sheared.forward().map(10.0, 6.0), (9.0, 6.0));
    }
}
