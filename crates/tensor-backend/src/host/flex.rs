//! Flex tensors.

use std::mem::MaybeUninit;

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};
use cubecl_common::bytes::{AllocationController, AllocationProperty};

use super::HostTensor;
use crate::kernels::memory::Block;

/// Pooled memory as the storage of a tensor.
struct PooledStorage(Block);

impl AllocationController for PooledStorage {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.0);
        // SAFETY: `MaybeUninit<u8>` has the layout of `u8`, and the caller promises to write only initialised bytes.
        unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
    }

    fn memory(&self) -> &[MaybeUninit<u8>] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.0);
        // SAFETY: `MaybeUninit<u8>` has the layout of `u8`.
        unsafe { &*(std::ptr::from_ref(bytes) as *const [MaybeUninit<u8>]) }
    }
}

fn storage(block: Block) -> Bytes {
    let length = block.len() * size_of::<f32>();
    // SAFETY: all bytes of a block are initialised.
    unsafe { Bytes::from_controller(Box::new(PooledStorage(block)), length) }
}

impl HostTensor for FlexTensor {
    type Buffer = Block;

    fn buffer(length: usize) -> Block {
        Block::new(length)
    }

    fn from_dense(elements: Block, shape: &[usize]) -> Self {
        FlexTensor::new(storage(elements), Layout::contiguous(Shape::from(shape.to_vec())), DType::F32)
    }

    fn from_pixels(elements: Block, shape: [usize; 4]) -> Self {
        if shape[1] == 1 || shape[2] * shape[3] == 1 {
            // Both orders are the same: burn's own operations are fastest with the usual strides.
            return Self::from_dense(elements, &shape);
        }
        let [_, channels, height, width] = shape.map(|size| size as isize);
        let strides = vec![height * width * channels, 1, width * channels, channels];
        FlexTensor::new(storage(elements), Layout::new(Shape::from(shape.to_vec()), strides, 0), DType::F32)
    }

    fn is_f32(&self) -> bool {
        self.dtype() == DType::F32
    }

    fn element_strides(&self) -> Vec<isize> {
        self.layout().strides().to_vec()
    }

    fn with_shape(self, shape: Shape) -> Self {
        self.reshape(shape)
    }

    fn into_row_major(self) -> Self {
        self.to_contiguous()
    }

    fn elements(&self) -> &[f32] {
        let start = self.layout().start_offset();
        &self.storage::<f32>()[start..start + self.layout().num_elements()]
    }

    fn elements_mut(&mut self) -> Option<&mut [f32]> {
        let start = self.layout().start_offset();
        let length = self.layout().num_elements();
        self.try_storage_mut::<f32>().map(|storage| &mut storage[start..start + length])
    }
}
