//! Memory that is used again from step to step.
//!
//! A training step needs the same large arrays every time. Asking the system for them costs a page fault for each 4 KiB
//! (about as long as reading that page ten times over); here a freed array waits in a list of its size class, and large
//! ones ask for 2 MiB pages.

mod allocator;
mod pool;
mod system;

pub use allocator::PooledAllocator;

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// An array of `f32` with arbitrary but initialised contents, which goes back to the pool when dropped.
#[derive(Debug)]
pub struct Block {
    start: NonNull<f32>,
    length: usize,
    class: usize,
}

// SAFETY: a block owns its memory alone.
unsafe impl Send for Block {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Block {}

impl Block {
    /// A block of `length` elements whose contents are whatever an earlier user left, or zeros.
    ///
    /// # Panics
    ///
    /// When the machine has no such memory.
    pub fn new(length: usize) -> Self {
        let bytes = length.saturating_mul(size_of::<f32>());
        let taken = pool::class_of(bytes).and_then(|class| {
            // Up to half as much again, rather than new memory.
            let bound = pool::class_of(bytes.saturating_add(bytes / 2)).unwrap_or(class);
            pool::take(class..=bound)
        });
        let Some(taken) = taken else { panic!("no memory for an array of {length} numbers") };
        if !taken.zeroed {
            // SAFETY: a class holds at least the bytes that it was chosen for, and they are this block's alone.
            unsafe { initialise(taken.start.cast(), length) };
        }
        Self { start: taken.start.cast(), length, class: taken.class }
    }

    /// A block of zeros.
    pub fn zeroed(length: usize) -> Self {
        let mut block = Self::new(length);
        block.fill(0.0);
        block
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: taken as one of this class, and dropped once.
        unsafe { pool::give(self.start.cast(), self.class) };
    }
}

impl Deref for Block {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the block alone owns `length` elements, which `new` took as zeros or initialised; since then they were
        // written as f32, or as bytes by a tensor's owner, who promises to leave them initialised: any bits are an f32.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`; `&mut self` makes it unique.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

/// Makes `length` elements of memory arbitrary, but initialised. What an earlier user left there may be nothing that the
/// compiler may read, such as the gaps of a structure in an array of a program whose global allocator is the pool.
///
/// # Safety
///
/// `start` is writable for `length` elements, which nobody else uses.
unsafe fn initialise(start: NonNull<f32>, length: usize) {
    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    {
        let _ = length;
        // SAFETY: no instruction at all. To the compiler it is code that may write to all that can be reached from the
        // pointer; that it wrote what is there already makes the contents arbitrary, but fixed.
        unsafe { std::arch::asm!("/* {} */", in(reg) start.as_ptr(), options(nostack, preserves_flags)) };
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
    // SAFETY: the caller's promise.
    unsafe {
        start.as_ptr().write_bytes(0, length);
    }
}

/// A vector of `length` elements with arbitrary but initialised contents.
#[cfg(any(feature = "ndarray", test))]
pub(crate) fn arbitrary_vector(length: usize) -> Vec<f32> {
    let mut elements = Vec::<f32>::with_capacity(length);
    let Some(start) = NonNull::new(elements.as_mut_ptr()) else { unreachable!("a vector's pointer is never null") };
    // SAFETY: the capacity is at least `length`, and once initialised any bits are an f32.
    unsafe {
        initialise(start, length);
        elements.set_len(length);
    }
    elements
}

thread_local! {
    static SCRATCH: RefCell<Option<Block>> = const { RefCell::new(None) };
}

/// Calls `work` with `length` elements of arbitrary contents that belong to this thread for the time of the call.
///
/// `work` must not wait for other tasks (a thread that waits may pick up one that asks for scratch memory again).
pub(crate) fn with_scratch<R>(length: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with(|scratch| {
        let mut scratch = scratch.borrow_mut();
        if scratch.as_ref().is_none_or(|block| block.len() < length) {
            *scratch = None;
            *scratch = Some(Block::new(length));
        }
        work(&mut scratch.as_mut().expect("just filled")[..length])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_zero_when_new_and_writable_to_the_end() {
        // A length that no other test uses, so that the block is new.
        for length in [777_013, 13] {
            let mut block = Block::zeroed(length);
            assert_eq!(block.as_ptr() as usize % 64, 0);
            assert!(block.iter().all(|&value| value == 0.0));
            block[length - 1] = 3.0;
            assert_eq!(block[length - 1], 3.0);
        }
    }

    #[test]
    fn a_freed_block_is_the_next_one_of_its_size() {
        // Lengths that no other test uses, so that nobody takes the block in between.
        let first = Block::new(1_234_567);
        let start = first.as_ptr();
        drop(first);
        assert_eq!(Block::new(1_234_000).as_ptr(), start);
    }

    #[test]
    fn an_arbitrary_vector_has_its_length_and_can_be_written() {
        for length in [0, 7, 100_000] {
            let mut vector = arbitrary_vector(length);
            vector.fill(2.0);
            assert_eq!(vector, vec![2.0; length]);
        }
    }
}
