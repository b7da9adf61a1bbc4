//! Bringing feature maps together: side by side in channels, one after another as rows, and pixels as channels.

use burn::tensor::Tensor;

use super::{primitive, tensor};
use crate::VisionBackend;

/// `inputs` side by side along their channels.
///
/// # Shapes
///
/// - `inputs`: `[batch, channels_i, height, width]`
/// - output: `[batch, Σ channels_i, height, width]`
///
/// # Panics
///
/// When there are none, or their other dimensions differ.
pub fn concatenate_channels<B: VisionBackend>(mut inputs: Vec<Tensor<B, 4>>) -> Tensor<B, 4> {
    if inputs.len() == 1 {
        return inputs.remove(0);
    }
    let Some(first) = inputs.first().map(Tensor::dims) else { panic!("nothing to concatenate") };
    for input in &inputs {
        let found = input.dims();
        let fits = [0, 2, 3].iter().all(|&axis| found[axis] == first[axis]);
        assert!(fits, "feature maps of shapes {first:?} and {found:?} differ in more than their channels");
    }
    tensor(B::vision_concatenate_channels(inputs.into_iter().map(primitive).collect()))
}

/// The pixels of feature maps of several sizes as rows: map by map, each row by row; a row holds a pixel's channels.
///
/// # Shapes
///
/// - `inputs`: `[batch, channels, height_i, width_i]`
/// - output: `[batch, Σ height_i · width_i, channels]`
///
/// # Panics
///
/// When there are none, or their batches or channels differ.
pub fn pixel_rows<B: VisionBackend>(inputs: Vec<Tensor<B, 4>>) -> Tensor<B, 3> {
    let Some(first) = inputs.first().map(Tensor::dims) else { panic!("no feature maps to take pixels of") };
    for input in &inputs {
        let found = input.dims();
        assert_eq!(
            found[..2],
            first[..2],
            "feature maps of shapes {first:?} and {found:?} differ in batch or channels"
        );
    }
    tensor(B::vision_pixel_rows(inputs.into_iter().map(primitive).collect()))
}

/// The four pixels of each 2×2 square as channels of one pixel: upper left, lower left, upper right, lower right.
///
/// Source: `Focus` in Megvii's YOLOX, `yolox/models/network_blocks.py`.
///
/// # Shapes
///
/// - `input`: `[batch, channels, height, width]`
/// - output: `[batch, 4 · channels, height / 2, width / 2]`
///
/// # Panics
///
/// When a side is odd.
pub fn space_to_depth<B: VisionBackend>(input: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, _, height, width] = input.dims();
    assert!(height % 2 == 0 && width % 2 == 0, "an image of {height} × {width} pixels is not made of 2 × 2 squares");
    tensor(B::vision_space_to_depth(primitive(input)))
}
