//! Operations that bring several tensors into one: each parent's gradient is a part of the output's.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Shape, TensorMetadata};

use super::unary::reshape;
use super::{Tracked, add_gradient};
use crate::VisionBackend;

/// How the parents lie in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    Channels,
    Rows,
}

/// Which part of the output each parent is, by the parents' shapes.
#[derive(Debug, Clone)]
struct Parts {
    arrangement: Arrangement,
    shapes: Vec<[usize; 4]>,
}

/// A concatenation with `N` parents.
#[derive(Debug)]
struct Concatenate;

impl<B: VisionBackend, const N: usize> Backward<B, N> for Concatenate {
    type State = Parts;

    fn backward(self, ops: Ops<Parts, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let Parts { arrangement, shapes } = &ops.state;
        let mut offset = 0;
        for (index, &shape) in shapes.iter().enumerate() {
            let [_, channels, height, width] = shape;
            if ops.parents[index].is_some() {
                let part = match arrangement {
                    Arrangement::Channels => B::vision_concatenate_gradient(gradient.clone(), offset, channels),
                    Arrangement::Rows => B::vision_pixel_rows_gradient(gradient.clone(), offset, shape),
                };
                add_gradient::<B, _, N>(&ops, index, grads, part);
            }
            offset += match arrangement {
                Arrangement::Channels => channels,
                Arrangement::Rows => height * width,
            };
        }
    }
}

/// How many tensors one node of the graph takes; of more, the first of these are brought together first.
const MOST: usize = 4;

fn concatenate<B: VisionBackend, C: CheckpointStrategy, const N: usize>(
    inputs: [Tracked<B>; N],
    arrangement: Arrangement,
) -> Tracked<B> {
    let shapes = inputs.iter().map(|input| input.shape().dims()).collect();
    let nodes = inputs.each_ref().map(|input| input.node.clone());
    let primitives: Vec<FloatTensor<B>> = inputs.into_iter().map(|input| input.primitive).collect();
    let output = match arrangement {
        Arrangement::Channels => B::vision_concatenate_channels(primitives),
        Arrangement::Rows => B::vision_pixel_rows(primitives),
    };
    match Backward::<B, N>::prepare::<C>(Concatenate, nodes).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => preparation.finish(Parts { arrangement, shapes }, output),
        OpsKind::UnTracked(preparation) => preparation.finish(output),
    }
}

fn of_length<B: VisionBackend, C: CheckpointStrategy, const N: usize>(
    inputs: Vec<Tracked<B>>,
    arrangement: Arrangement,
) -> Tracked<B> {
    let Ok(inputs) = <[Tracked<B>; N]>::try_from(inputs) else { unreachable!("the length was looked at") };
    concatenate::<B, C, N>(inputs, arrangement)
}

pub(super) fn channels<B: VisionBackend, C: CheckpointStrategy>(mut inputs: Vec<Tracked<B>>) -> Tracked<B> {
    while inputs.len() > MOST {
        let rest = inputs.split_off(MOST);
        let first = of_length::<B, C, MOST>(inputs, Arrangement::Channels);
        inputs = std::iter::once(first).chain(rest).collect();
    }
    arrange::<B, C>(inputs, Arrangement::Channels)
}

pub(super) fn rows<B: VisionBackend, C: CheckpointStrategy>(mut inputs: Vec<Tracked<B>>) -> Tracked<B> {
    if inputs.len() <= MOST {
        return arrange::<B, C>(inputs, Arrangement::Rows);
    }
    // The rows of an image lie one after another: seen as the channels of one pixel they are concatenated as such.
    let [batch, channels, ..] = inputs[0].shape().dims::<4>();
    let mut pixels = Vec::with_capacity(inputs.len().div_ceil(MOST));
    let mut row_count = 0;
    while !inputs.is_empty() {
        let rest = inputs.split_off(inputs.len().min(MOST));
        let rows = arrange::<B, C>(inputs, Arrangement::Rows);
        let [_, count, _] = rows.shape().dims::<3>();
        pixels.push(reshape::<B, C>(rows, Shape::from([batch, count * channels, 1, 1])));
        row_count += count;
        inputs = rest;
    }
    reshape::<B, C>(self::channels::<B, C>(pixels), Shape::from([batch, row_count, channels]))
}

fn arrange<B: VisionBackend, C: CheckpointStrategy>(inputs: Vec<Tracked<B>>, arrangement: Arrangement) -> Tracked<B> {
    match inputs.len() {
        1 => of_length::<B, C, 1>(inputs, arrangement),
        2 => of_length::<B, C, 2>(inputs, arrangement),
        3 => of_length::<B, C, 3>(inputs, arrangement),
        _ => of_length::<B, C, MOST>(inputs, arrangement),
    }
}
