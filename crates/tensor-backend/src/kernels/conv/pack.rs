//! Weights in the order in which the tile kernel reads them.

use rayon::prelude::*;

use super::super::memory::Block;
use super::super::raw::SharedMut;
use super::super::simd::Simd;
use super::super::tile::{Panel, padded, panels};

/// Where an element of the weight tensor lies: `group · group_step + column · column_step + depth · depth_step + tap`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightOrder {
    pub(crate) groups: usize,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
    pub(crate) taps: usize,
    pub(crate) group_step: usize,
    pub(crate) column_step: usize,
    pub(crate) depth_step: usize,
}

/// Weights as `[group][panel][tap][depth][column in panel]`, with zeros in the columns that fill up the last vector.
pub(crate) struct PackedWeights {
    values: Block,
    pub(crate) panels: Vec<Panel>,
    padded_columns: usize,
    depth: usize,
    taps: usize,
}

impl PackedWeights {
    /// Packs `weight`.
    pub(crate) fn new<S: Simd>(weight: &[f32], order: WeightOrder) -> Self {
        let panels = panels::<S>(order.columns);
        let padded_columns = padded::<S>(order.columns);
        let per_group = order.taps * order.depth * padded_columns;
        let mut values = Block::new(order.groups * per_group);
        let target = SharedMut::new(&mut values);
        let WeightOrder { depth, taps, column_step, depth_step, .. } = order;
        let blocks = depth.div_ceil(DEPTH_BLOCK);
        (0..order.groups * panels.len() * blocks).into_par_iter().with_min_len(4).for_each(|task| {
            let (group, panel, block) =
                (task / blocks / panels.len(), panels[task / blocks % panels.len()], task % blocks);
            let width = panel.vectors * S::LANES;
            let start = group * per_group + panel.first_column::<S>() * taps * depth;
            let first_column = panel.first_column::<S>();
            let columns = panel.columns::<S>(order.columns);
            let first = group * order.group_step + first_column * column_step;
            for d in block * DEPTH_BLOCK..((block + 1) * DEPTH_BLOCK).min(depth) {
                for tap in 0..taps {
                    let row = start + (tap * depth + d) * width;
                    // SAFETY: tasks differ in group, panel or depth and so write different rows, inside the block:
                    // start + (taps · depth) · width is where the next panel starts.
                    let row = unsafe { std::slice::from_raw_parts_mut(target.get().add(row), width) };
                    let (filled, rest) = row.split_at_mut(columns);
                    let source = &weight[first + d * depth_step + tap..];
                    for (target, value) in filled.iter_mut().zip(source.iter().step_by(column_step)) {
                        *target = *value;
                    }
                    rest.fill(0.0);
                }
            }
        });
        Self { values, panels, padded_columns, depth, taps }
    }

    /// The part of one tap in one panel: `[depth][column in panel]`.
    pub(crate) fn tap<S: Simd>(&self, group: usize, panel: Panel, tap: usize) -> *const f32 {
        let start = (group * self.padded_columns + panel.first_column::<S>()) * self.taps * self.depth;
        let offset = start + tap * self.depth * panel.vectors * S::LANES;
        self.values[offset..].as_ptr()
    }

    /// Bytes of one tap of the widest panel.
    pub(crate) fn tap_bytes<S: Simd>(&self) -> usize {
        self.panels[0].vectors * S::LANES * self.depth * size_of::<f32>()
    }
}

/// Depths packed by one task, so that what it reads and writes stays in the first-level cache.
const DEPTH_BLOCK: usize = 16;
