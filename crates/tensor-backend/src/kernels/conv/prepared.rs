//! Forward passes for inference: weights brought into the kernels' order once, and what follows the convolution done
//! before its sums go to memory.

use super::super::activation::{Function, add, apply_in_place};
use super::super::memory::Block;
use super::super::simd::{Level, Simd, dispatch, level};
use super::direct::fill_with_bias;
use super::gather::{Finishing, Initial};
use super::pack::PackedWeights;
use super::shape::ConvShape;
use super::winograd::TileGrid;
use super::winograd_forward::{self, Transformed};
use super::{depthwise, direct};

/// Bytes that the transformed weights of one layer may keep: four times what the weights themselves take. Wider layers
/// transform them in each pass, which costs little beside the products of a batch.
const MOST_KEPT_BYTES: usize = 16 << 20;
/// Tiles below which Winograd's algorithm with weights that do not fit into a cache waits for memory: it reads four
/// times as much as the direct one.
const FEW_TILES: usize = 9;
/// Bytes of weights in question.
const CACHED_BYTES: usize = 4 << 20;

/// What follows a convolution: `activation(sums + bias + residual)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added to each output channel, `[channels_out]`.
    pub bias: Option<&'a [f32]>,
    /// Added to each output, in the output's layout.
    pub residual: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Option<Function>,
}

/// Which algorithm serves a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Depthwise,
    Winograd,
    Direct,
}

fn algorithm(shape: &ConvShape) -> Algorithm {
    if depthwise::applies(shape) {
        return Algorithm::Depthwise;
    }
    let transformed_bytes = 4 * shape.weight_len() * size_of::<f32>();
    let tiles = TileGrid::new(shape.batch, shape.output).count;
    let waits = transformed_bytes > CACHED_BYTES && tiles < FEW_TILES;
    if direct::uses_winograd(shape) && !waits { Algorithm::Winograd } else { Algorithm::Direct }
}

enum Weights {
    /// `[tap][channel]`.
    Depthwise(Block),
    Winograd(Transformed),
    /// Too large to be kept transformed.
    WinogradRaw(Block),
    Direct(PackedWeights),
}

/// A layer's weights in the order of the kernel that serves it.
pub struct PreparedWeights {
    level: Level,
    algorithm: Algorithm,
    /// Everything about the shape but sizes and number of images.
    layer: ConvShape,
    weights: Weights,
}

/// The shape with what may differ from pass to pass left out.
fn layer_of(shape: &ConvShape) -> ConvShape {
    ConvShape { batch: 0, input: [0; 2], output: [0; 2], ..*shape }
}

impl PreparedWeights {
    /// Prepares `weight` `[channels_out, channels_in / groups, kernel_height, kernel_width]` for passes like `shape`.
    ///
    /// # Panics
    ///
    /// When `shape` contradicts itself, or the weight's length does not fit it.
    pub fn new(shape: &ConvShape, weight: &[f32]) -> Self {
        shape.check_layer(weight.len());
        // Asked for once: another thread may change it, and weights of one level are no weights of another.
        let (level, algorithm) = (level(), algorithm(shape));
        let weights = dispatch!(at level, prepare(shape, algorithm, weight));
        Self { level, algorithm, layer: layer_of(shape), weights }
    }

    /// Whether these serve a pass of `shape` by a layer with the same weights.
    pub fn serves(&self, shape: &ConvShape) -> bool {
        self.level == level() && self.algorithm == algorithm(shape) && self.layer == layer_of(shape)
    }
}

fn prepare<S: Simd>(shape: &ConvShape, algorithm: Algorithm, weight: &[f32]) -> Weights {
    match algorithm {
        Algorithm::Depthwise => Weights::Depthwise(depthwise::taps_first(shape, weight)),
        Algorithm::Direct => Weights::Direct(direct::pack_forward::<S>(shape, weight)),
        Algorithm::Winograd => match winograd_forward::transform::<S>(shape, weight, MOST_KEPT_BYTES) {
            Some(transformed) => Weights::Winograd(transformed),
            None => {
                let mut kept = Block::new(weight.len());
                kept.copy_from_slice(weight);
                Weights::WinogradRaw(kept)
            }
        },
    }
}

/// [`forward`](super::forward) with prepared weights, and `epilogue` applied before the outputs are stored.
///
/// # Panics
///
/// When the weights do not [serve](PreparedWeights::serves) `shape`, or a slice's length does not fit it.
pub fn forward_prepared(
    shape: &ConvShape,
    input: &[f32],
    weights: &PreparedWeights,
    epilogue: Epilogue<'_>,
    output: &mut [f32],
) {
    shape.check(input.len(), shape.weight_len(), output.len());
    assert!(weights.serves(shape), "weights prepared for {:?}, used for {shape:?}", weights.layer);
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == shape.channels_out), "bias of {shape:?}");
    assert!(epilogue.residual.is_none_or(|residual| residual.len() == output.len()), "residual of {shape:?}");
    if shape.sums_nothing() {
        return of_nothing(epilogue, output);
    }
    dispatch!(at weights.level, forward_with(shape, input, &weights.weights, epilogue, output));
}

/// What the epilogue makes of sums of nothing.
fn of_nothing(Epilogue { bias, residual, activation }: Epilogue<'_>, output: &mut [f32]) {
    fill_with_bias(bias, output);
    if let Some(residual) = residual {
        add(output, residual);
    }
    if let Some(function) = activation {
        apply_in_place(function, output);
    }
}

fn forward_with<S: Simd>(
    shape: &ConvShape,
    input: &[f32],
    weights: &Weights,
    Epilogue { bias, residual, activation }: Epilogue<'_>,
    output: &mut [f32],
) {
    let finishing = Finishing { residual, activation };
    match weights {
        Weights::Depthwise(weight) => depthwise::forward_finished::<S>(shape, input, weight, bias, finishing, output),
        Weights::Winograd(weight) => {
            winograd_forward::run_transformed::<S>(shape, input, weight, bias, finishing, output);
        }
        Weights::WinogradRaw(weight) => {
            winograd_forward::run_finished::<S>(shape, input, weight, bias, finishing, output);
        }
        Weights::Direct(weight) => {
            let initial = bias.map_or(Initial::Zero, Initial::Bias);
            direct::forward_packed::<S>(shape, input, weight, initial, finishing, output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Numbers, at_every_level, cases, is_affordable};
    use super::super::tests::{empty_shapes, random_shape, special_shapes};
    use super::*;

    /// Far above the rounding of one more sum, far below a wrong term.
    const TOLERANCE: f32 = 1e-4;

    #[test]
    fn prepared_passes_equal_plain_ones_followed_by_residual_and_activation() {
        at_every_level(|level| {
            let mut numbers = Numbers::new(91);
            let random: Vec<ConvShape> = (0..cases(40)).map(|_| random_shape(&mut numbers)).collect();
            // The last has weights that are too large to be kept transformed, and few tiles.
            let large = ConvShape {
                batch: 1,
                channels_in: 400,
                input: [6, 6],
                channels_out: 300,
                kernel: [3, 3],
                stride: [1, 1],
                padding: [1, 1],
                dilation: [1, 1],
                groups: 1,
                output: [6, 6],
            };
            let many = ConvShape { batch: 4, ..large };
            let shapes = special_shapes().into_iter().chain(empty_shapes());
            for shape in shapes.chain(random).chain([large, many]) {
                if !is_affordable(shape.operations() as usize) {
                    continue;
                }
                let (input, weight) = (numbers.values(shape.input_len()), numbers.values(shape.weight_len()));
                let (bias, residual) = (numbers.values(shape.channels_out), numbers.values(shape.output_len()));
                let prepared = PreparedWeights::new(&shape, &weight);
                for case in 0..12 {
                    let bias = (case & 1 != 0).then_some(&bias[..]);
                    let residual = (case & 2 != 0).then_some(&residual[..]);
                    let activation = [None, Some(Function::Relu), Some(Function::Silu)][case / 4];
                    let mut expected = vec![f32::NAN; shape.output_len()];
                    super::super::forward(&shape, &input, &weight, bias, &mut expected);
                    if let Some(residual) = residual {
                        expected.iter_mut().zip(residual).for_each(|(value, residual)| *value += residual);
                    }
                    if let Some(function) = activation {
                        apply_in_place(function, &mut expected);
                    }
                    let mut found = vec![f32::NAN; shape.output_len()];
                    forward_prepared(&shape, &input, &prepared, Epilogue { bias, residual, activation }, &mut found);
                    let scale = expected.iter().fold(1.0f32, |scale, value| scale.max(value.abs()));
                    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                        let difference = (found - expected).abs() / scale;
                        assert!(difference < TOLERANCE, "{level:?} {shape:?} case {case}, {index}: {found} {expected}");
                    }
                }
            }
        });
    }
}
