//! Convolution for inference: batch normalisation folded into the weights, and these kept in the kernels' order.

use std::sync::Arc;

use super::HostTensor;
use super::batch_norm::{inverse_deviation, scale_and_shift};
use super::convolution::shape_of;
use crate::Prepared;
use crate::kernels::activation::Function;
use crate::kernels::conv::{ConvShape, Epilogue, PreparedWeights, forward_prepared};
use crate::ops::Conv2dOptions;
use crate::vision_backend::InferenceNorm;

/// Shapes whose weights are kept side by side: those of full batches, of the last one, and of another image size.
const MOST_VARIANTS: usize = 3;

/// A layer's folded weights, and what they were made from.
struct Folded<T> {
    /// Weight, bias and the normalisation's tensors. Holding them keeps their memory from being written to or used
    /// again, so that equal addresses mean equal values.
    sources: Vec<T>,
    epsilon: f64,
    /// `[channels_out]`, where there is a bias or a normalisation.
    bias: Option<Vec<f32>>,
    variants: Vec<Arc<PreparedWeights>>,
}

impl<T: HostTensor> Folded<T> {
    fn is_made_from(&self, sources: &[T], epsilon: f64) -> bool {
        let same = |(mine, other): (&T, &T)| {
            let (mine, other) = (mine.elements(), other.elements());
            mine.as_ptr() == other.as_ptr() && mine.len() == other.len()
        };
        self.epsilon == epsilon && self.sources.len() == sources.len() && self.sources.iter().zip(sources).all(same)
    }
}

/// Weight and bias with the normalisation folded in: `scale · (w x + b) + shift`.
fn fold(weight: &[f32], bias: Option<&[f32]>, norm: Option<[&[f32]; 4]>, epsilon: f64) -> (Vec<f32>, Option<Vec<f32>>) {
    let Some([scale, shift, mean, variance]) = norm else {
        return (weight.to_vec(), bias.map(<[f32]>::to_vec));
    };
    let (scale, mut shift) = scale_and_shift(scale, shift, mean, &inverse_deviation(variance, epsilon));
    if let Some(bias) = bias {
        for ((shift, scale), bias) in shift.iter_mut().zip(&scale).zip(bias) {
            *shift += scale * bias;
        }
    }
    let per_channel = weight.len() / scale.len().max(1);
    let mut folded = weight.to_vec();
    for (channel, scale) in folded.chunks_exact_mut(per_channel.max(1)).zip(&scale) {
        channel.iter_mut().for_each(|value| *value *= scale);
    }
    (folded, Some(shift))
}

#[allow(clippy::too_many_arguments, reason = "the parameters of the operation, as in its definition")]
pub(crate) fn conv2d<T: HostTensor + Send + Sync + 'static>(
    input: T,
    weight: T,
    bias: Option<T>,
    norm: Option<InferenceNorm<T>>,
    residual: Option<T>,
    activation: Option<Function>,
    options: Conv2dOptions,
    prepared: &Prepared,
) -> T {
    let shape = shape_of(input.dims(), weight.dims(), options);
    let (input, residual) = (input.pixels(), residual.map(T::pixels));
    let epsilon = norm.as_ref().map_or(0.0, |norm| norm.epsilon);
    let has_bias = bias.is_some();
    let mut sources = vec![weight.dense()];
    sources.extend(bias.map(T::dense));
    sources.extend(norm.into_iter().flat_map(|norm| [norm.weight, norm.bias, norm.mean, norm.variance].map(T::dense)));

    let kept = prepared.get::<Folded<T>>().filter(|kept| kept.is_made_from(&sources, epsilon));
    let variant = |folded: &Folded<T>| folded.variants.iter().find(|variant| variant.serves(&shape)).cloned();
    let (folded, weights) = match kept.and_then(|kept| Some((variant(&kept)?, kept))) {
        Some((weights, kept)) => (kept, weights),
        None => {
            let folded = Arc::new(with_variant(prepared.get(), sources, has_bias, epsilon, &shape));
            prepared.set(Arc::clone(&folded));
            let newest = folded.variants.last().map(Arc::clone).expect("made for this shape");
            (folded, newest)
        }
    };
    let mut output = T::buffer(shape.output_len());
    let residual = residual.as_ref().map(|residual| residual.elements());
    let epilogue = Epilogue { bias: folded.bias.as_deref(), residual, activation };
    forward_prepared(&shape, input.elements(), &weights, epilogue, &mut output);
    T::from_pixels(output, [shape.batch, shape.channels_out, shape.output[0], shape.output[1]])
}

/// The folded weights for `shape`, beside those for other shapes if they are of the same tensors.
fn with_variant<T: HostTensor>(
    kept: Option<Arc<Folded<T>>>,
    sources: Vec<T>,
    has_bias: bool,
    epsilon: f64,
    shape: &ConvShape,
) -> Folded<T> {
    let elements: Vec<&[f32]> = sources.iter().map(T::elements).collect();
    let (weight, rest) = elements.split_first().expect("the weight");
    let (bias, norm) = rest.split_at(usize::from(has_bias));
    let norm = <[&[f32]; 4]>::try_from(norm).ok();
    let (weight, bias) = fold(weight, bias.first().copied(), norm, epsilon);
    let mut variants = match kept.filter(|kept| kept.is_made_from(&sources, epsilon)) {
        Some(kept) => kept.variants.clone(),
        None => Vec::new(),
    };
    if variants.len() == MOST_VARIANTS {
        variants.remove(0);
    }
    variants.push(Arc::new(PreparedWeights::new(shape, &weight)));
    Folded { sources, epsilon, bias, variants }
}
