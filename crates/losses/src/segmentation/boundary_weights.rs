//! The weight map of the U-Net paper, by which gaps between objects that nearly touch weigh more.

use vision_types::distance::squared_distances;

use crate::LossError;
use crate::error::check_range;

/// Settings of [`boundary_weights`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundaryWeights {
    /// Weight `w0` of the middle of the narrowest gap; 10 in the paper.
    pub strength: f64,
    /// Scale σ of the distances, in pixels; 5 in the paper. Wider gaps have less weight.
    pub sigma: f64,
    /// Weights `w_c` of background and objects; `None` for 1 each.
    pub class_weights: Option<[f64; 2]>,
}

impl Default for BoundaryWeights {
    fn default() -> Self {
        Self { strength: 10.0, sigma: 5.0, class_weights: None }
    }
}

/// Objects farther from a pixel than this many σ do not count: their factor would be below `e^(-x²/2)`, 4e-9.
const REACH: f64 = 6.2;

/// The weight `w_c + w0 · exp(-(d1 + d2)² / (2 σ²))` of each pixel, row by row, where d1 and d2 are the distances in
/// pixels to the nearest and the second nearest object. The second term is for background pixels only; pixels of
/// objects have their class weight alone.
///
/// `instances` has 0 for background and a number of its own for each object, row by row. In a picture with fewer than
/// two objects all pixels have their class weight alone. An object farther from a pixel than 6.2 σ does not count for
/// it.
///
/// Source: Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image segmentation", equation 2.
///
/// # Errors
///
/// A σ that is not above 0, a strength that is negative, or weights that are not finite.
///
/// # Panics
///
/// When `instances` does not hold `width · height` pixels.
pub fn boundary_weights(
    instances: &[u32],
    width: usize,
    height: usize,
    settings: BoundaryWeights,
) -> Result<Vec<f32>, LossError> {
    assert_eq!(instances.len(), width * height, "{width} × {height} pixels");
    let BoundaryWeights { strength, sigma, class_weights } = settings;
    check_range("sigma", sigma, sigma > 0.0 && sigma.is_finite(), "a finite number above 0")?;
    check_range("strength", strength, strength >= 0.0 && strength.is_finite(), "a finite number from 0 up")?;
    let class_weights = class_weights.unwrap_or([1.0; 2]);
    for weight in class_weights {
        check_range("class_weights", weight, weight >= 0.0 && weight.is_finite(), "finite numbers from 0 up")?;
    }

    // The least and second least squared distance of each pixel.
    let mut nearest = vec![[f64::INFINITY; 2]; instances.len()];
    let reach = (REACH * sigma).ceil() as usize;
    for (number, window) in windows(instances, width) {
        let Window { left, top, right, bottom } = window.grown(reach, width, height);
        let columns = right - left;
        let marked: Vec<bool> = (top..bottom)
            .flat_map(|y| instances[y * width + left..y * width + right].iter().map(|found| *found == number))
            .collect();
        for (index, distance) in squared_distances(&marked, columns, bottom - top).into_iter().enumerate() {
            let [first, second] = &mut nearest[(top + index / columns) * width + left + index % columns];
            if distance < *first {
                *second = *first;
                *first = distance;
            } else if distance < *second {
                *second = distance;
            }
        }
    }
    let weight = |(instance, [first, second]): (&u32, &[f64; 2])| {
        if *instance != 0 {
            return class_weights[1] as f32;
        }
        let distance = first.sqrt() + second.sqrt();
        let gap = if distance.is_finite() { (-distance * distance / (2.0 * sigma * sigma)).exp() } else { 0.0 };
        (class_weights[0] + strength * gap) as f32
    };
    Ok(instances.iter().zip(&nearest).map(weight).collect())
}

/// A rectangle of pixels, right and lower border excluded.
#[derive(Debug, Clone, Copy)]
struct Window {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Window {
    fn grown(self, by: usize, width: usize, height: usize) -> Self {
        Self {
            left: self.left.saturating_sub(by),
            top: self.top.saturating_sub(by),
            right: (self.right + by).min(width),
            bottom: (self.bottom + by).min(height),
        }
    }
}

/// Each object's number and the smallest window around it.
fn windows(instances: &[u32], width: usize) -> std::collections::BTreeMap<u32, Window> {
    let mut windows = std::collections::BTreeMap::new();
    for (index, &number) in instances.iter().enumerate().filter(|(_, number)| **number != 0) {
        let (x, y) = (index % width, index / width);
        let window = windows.entry(number).or_insert(Window { left: x, top: y, right: x + 1, bottom: y + 1 });
        window.left = window.left.min(x);
        window.right = window.right.max(x + 1);
        window.bottom = y + 1;
    }
    windows
}
