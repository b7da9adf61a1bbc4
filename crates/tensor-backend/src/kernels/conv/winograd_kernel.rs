//! Weights in the Winograd domain.

use std::ops::Range;

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::{Kernel, Simd};
use super::super::tile::{Panel, padded};
use super::winograd::{POINTS, both_axes, weight_transform};
use super::winograd_forward::{Direction, Pass};

/// `G g Gᵀ` for all pairs of channels, as `[point][panel][depth][column in panel]`.
pub(crate) fn transform_weights<S: Simd>(pass: &Pass, weight: &[f32], panels: &[Panel]) -> Block {
    let plane = pass.depth * padded::<S>(pass.columns);
    let mut transformed = Block::new(POINTS * plane);
    let target = SharedMut::new(&mut transformed);
    let blocks = pass.depth.div_ceil(DEPTH_BLOCK);
    (0..panels.len() * blocks).into_par_iter().for_each(|task| {
        let panel = panels[task / blocks];
        let first = task % blocks * DEPTH_BLOCK;
        let kernel = WeightBlock {
            pass,
            weight,
            panel,
            depth: first..(first + DEPTH_BLOCK).min(pass.depth),
            // SAFETY: the panel starts inside each plane.
            target: unsafe { target.get().add(panel.first_column::<S>() * pass.depth) },
            plane,
        };
        // SAFETY: the caller checked the weight's length; tasks differ in panel or depth.
        unsafe { S::call(kernel) };
    });
    transformed
}

/// Depths whose weights one task transforms.
const DEPTH_BLOCK: usize = 8;

/// `G g Gᵀ` for some depths of one panel, to `target[point · plane + depth · width of the panel + column]`.
///
/// # Safety
///
/// The weight has the length of the pass's shape; `target` holds these elements, and nobody else uses them.
pub(crate) struct WeightBlock<'a> {
    pub(crate) pass: &'a Pass,
    pub(crate) weight: &'a [f32],
    pub(crate) panel: Panel,
    pub(crate) depth: Range<usize>,
    pub(crate) target: *mut f32,
    pub(crate) plane: usize,
}

/// The most lanes of any instruction set.
const MOST_LANES: usize = 16;

impl Kernel for WeightBlock<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.panel.vectors * S::LANES;
        for vector in 0..self.panel.vectors {
            let first = (self.panel.first_vector + vector) * S::LANES;
            let count = (self.pass.columns - first).min(S::LANES);
            for depth in self.depth.clone() {
                // The lanes are columns, which lie far apart in memory: gather them, turned by 180° for the gradient.
                let mut taps = [[0.0f32; MOST_LANES]; 9];
                for lane in 0..count {
                    let start = match self.pass.direction {
                        Direction::Forward => ((first + lane) * self.pass.depth + depth) * 9,
                        Direction::InputGradient => (depth * self.pass.columns + first + lane) * 9,
                    };
                    let window = &self.weight[start..start + 9];
                    for (tap, values) in taps.iter_mut().enumerate() {
                        values[lane] = match self.pass.direction {
                            Direction::Forward => window[tap],
                            Direction::InputGradient => window[8 - tap],
                        };
                    }
                }
                // SAFETY: `taps` holds at least LANES elements a tap; the target's planes hold this panel and depth.
                unsafe {
                    both_axes!(
                        S, weight_transform, 3 => 6,
                        |y, x| S::load(taps[y * 3 + x].as_ptr()),
                        |y, x, value| {
                            let offset = (y * 6 + x) * self.plane + depth * width + vector * S::LANES;
                            S::store(self.target.add(offset), value)
                        },
                    );
                }
            }
        }
    }
}
