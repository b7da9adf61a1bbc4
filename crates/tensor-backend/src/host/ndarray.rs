//! ndarray tensors.

use burn::backend::ndarray::{NdArrayTensor, SharedArray};
use burn::tensor::{DType, Shape, TensorMetadata};

use super::HostTensor;
use crate::kernels::memory::arbitrary_vector;

impl HostTensor for NdArrayTensor {
    type Buffer = Vec<f32>;

    fn buffer(length: usize) -> Vec<f32> {
        arbitrary_vector(length)
    }

    fn from_dense(elements: Vec<f32>, shape: &[usize]) -> Self {
        let array = SharedArray::<f32>::from_shape_vec(shape, elements);
        array.expect("as many elements as the shape has").into()
    }

    fn from_pixels(elements: Vec<f32>, [batch, channels, height, width]: [usize; 4]) -> Self {
        if channels == 1 || height * width == 1 {
            // Both orders are the same: burn's own operations are fastest with the usual strides.
            return Self::from_dense(elements, &[batch, channels, height, width]);
        }
        let shape = [batch, height, width, channels];
        let array = SharedArray::<f32>::from_shape_vec(&shape[..], elements);
        array.expect("as many elements as the shape has").permuted_axes(&[0, 3, 1, 2][..]).into()
    }

    fn is_f32(&self) -> bool {
        self.dtype() == DType::F32
    }

    fn element_strides(&self) -> Vec<isize> {
        match self {
            NdArrayTensor::F32(storage) => storage.view().strides().to_vec(),
            other => unreachable!("only f32 tensors come to the kernels, not {:?}", other.dtype()),
        }
    }

    fn with_shape(self, shape: Shape) -> Self {
        match self {
            // burn's own reshaping copies the elements.
            NdArrayTensor::F32(storage) => {
                let shape: Vec<usize> = (0..shape.num_dims()).map(|axis| shape[axis]).collect();
                let array = storage.into_owned().into_shape_with_order(&shape[..]);
                array.expect("a row-major array with as many elements").into()
            }
            other => unreachable!("only f32 tensors come to the kernels, not {:?}", other.dtype()),
        }
    }

    fn into_row_major(self) -> Self {
        match self {
            NdArrayTensor::F32(storage) => {
                let shape = storage.shape().to_vec();
                Self::from_dense(storage.view().iter().copied().collect(), &shape)
            }
            other => unreachable!("only f32 tensors come to the kernels, not {:?}", other.dtype()),
        }
    }

    fn elements(&self) -> &[f32] {
        match self {
            NdArrayTensor::F32(storage) => {
                storage.view().to_slice_memory_order().expect("a tensor without gaps, as the trait asks for")
            }
            other => unreachable!("only f32 tensors come to the kernels, not {:?}", other.dtype()),
        }
    }

    fn elements_mut(&mut self) -> Option<&mut [f32]> {
        match self {
            NdArrayTensor::F32(storage) if storage.is_unique() => storage.ensure_owned().as_slice_memory_order_mut(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_shape_leaves_the_elements_where_they_are() {
        let tensor = NdArrayTensor::from_dense((0..24).map(|value| value as f32).collect(), &[2, 3, 4]);
        let start = tensor.elements().as_ptr();
        let mut reshaped = tensor.reshaped(Shape::from([6, 4]));
        assert_eq!((reshaped.dims(), reshaped.elements().as_ptr()), ([6, 4], start));
        assert!(reshaped.elements_mut().is_some(), "nobody else has it");
    }

    #[test]
    fn a_tensor_stored_by_pixel_becomes_row_major_in_another_shape() {
        // Channels of two pixels: (0, 2) and (1, 3).
        let tensor = NdArrayTensor::from_pixels(vec![0.0, 1.0, 2.0, 3.0], [1, 2, 1, 2]);
        assert_eq!(tensor.reshaped(Shape::from([4])).elements(), [0.0, 2.0, 1.0, 3.0]);
    }
}
