//! Images of any size for networks that halve them several times.

use burn::tensor::{Int, Tensor, TensorData};
use tensor_backend::VisionBackend;

/// `images` enlarged at the right and lower border to multiples of `step` pixels by repeating the last column and row;
/// images that already fit are given back.
///
/// # Shapes
///
/// - `images`: `[batch, channels, height, width]`
/// - output: the same with `height` and `width` rounded up to multiples of `step`
pub(crate) fn pad_to_multiple<B: VisionBackend>(images: Tensor<B, 4>, step: usize) -> Tensor<B, 4> {
    let [_, _, height, width] = images.dims();
    let repeated = |images: Tensor<B, 4>, axis: usize, size: usize| {
        let padded = size.next_multiple_of(step);
        if padded == size {
            return images;
        }
        let sources: Vec<i64> = (0..padded).map(|position| position.min(size - 1) as i64).collect();
        let sources = Tensor::<B, 1, Int>::from_data(TensorData::new(sources, [padded]), &images.device());
        images.select(axis, sources)
    };
    let images = repeated(images, 2, height);
    repeated(images, 3, width)
}

/// The upper left `height` × `width` pixels of `maps`, which undoes [`pad_to_multiple`].
pub(crate) fn crop<B: VisionBackend>(maps: Tensor<B, 4>, [height, width]: [usize; 2]) -> Tensor<B, 4> {
    let [batch, channels, found_height, found_width] = maps.dims();
    if [found_height, found_width] == [height, width] {
        return maps;
    }
    maps.slice([0..batch, 0..channels, 0..height, 0..width])
}

#[cfg(test)]
mod tests {
    use tensor_backend::SelectedBackend;

    use super::*;

    #[test]
    fn borders_repeat_and_are_cut_off_again() {
        let device = Default::default();
        let values: Vec<f32> = (0..6).map(|value| value as f32).collect();
        let images = Tensor::<SelectedBackend, 4>::from_data(TensorData::new(values.clone(), [1, 1, 2, 3]), &device);
        let padded = pad_to_multiple(images, 4);
        assert_eq!(padded.dims(), [1, 1, 4, 4]);
        let found: Vec<f32> = padded.clone().into_data().to_vec().expect("f32");
        let expected = [0.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 5.0, 3.0, 4.0, 5.0, 5.0, 3.0, 4.0, 5.0, 5.0];
        assert_eq!(found, expected);
        let found: Vec<f32> = crop(padded, [2, 3]).into_data().to_vec().expect("f32");
        assert_eq!(found, values);
    }
}
