//! Noise and erased rectangles: changes whose random pixels are drawn from a stored seed.

use image::RgbImage;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::lanes::to_level;
use crate::{Generator, Rectangle};

/// Adds normal noise of standard deviation `sigma` levels to every channel of every pixel, rounded and clipped.
pub(crate) fn gaussian_noise(image: &mut RgbImage, sigma: f32, seed: u64) {
    let mut generator = Generator::seed_from_u64(seed);
    for level in image.iter_mut() {
        let noise: f32 = generator.sample(StandardNormal);
        *level = to_level(f32::from(*level) + sigma * noise + 0.5);
    }
}

/// What an erased rectangle shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eraser {
    /// One colour, red, green and blue.
    Colour([u8; 3]),
    /// Uniform noise from this seed.
    Noise(u64),
}

/// Overwrites `rectangle`, which lies within the image.
pub(crate) fn erase(image: &mut RgbImage, rectangle: Rectangle, eraser: Eraser) {
    let stride = image.width() as usize * 3;
    let span = rectangle.x as usize * 3..(rectangle.x + rectangle.width) as usize * 3;
    let rows = image.chunks_exact_mut(stride).skip(rectangle.y as usize).take(rectangle.height as usize);
    match eraser {
        Eraser::Colour(colour) => {
            rows.for_each(|row| row[span.clone()].as_chunks_mut::<3>().0.fill(colour));
        }
        Eraser::Noise(seed) => {
            let mut generator = Generator::seed_from_u64(seed);
            rows.for_each(|row| generator.fill_bytes(&mut row[span.clone()]));
        }
    }
}
