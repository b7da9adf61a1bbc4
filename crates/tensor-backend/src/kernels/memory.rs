//! Memory that is used again from step to step.
//!
//! A training step needs the same large arrays every time. Asking the system for them costs a page fault for each 4 KiB
//! (about as long as reading that page ten times over); here a freed array waits in a list of its size class, and large
//! ones ask for 2 MiB pages.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

/// Alignment of every block: one cache line, and one 512-bit vector.
const ALIGNMENT: usize = 64;
/// The size of a huge page on x86-64 and AArch64 with 4 KiB base pages.
const HUGE_PAGE: usize = 2 << 20;
/// Free memory kept whatever was in use.
const KEPT_FREE: usize = 64 << 20;

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

#[derive(Default)]
struct Pool {
    free: BTreeMap<usize, Vec<usize>>,
    free_bytes: usize,
    used_bytes: usize,
    most_used_bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: BTreeMap::new(), free_bytes: 0, used_bytes: 0, most_used_bytes: 0 });

impl Pool {
    /// Takes the smallest free block that holds `class` bytes and wastes at most half as much again.
    fn take(&mut self, class: usize) -> Option<(NonNull<f32>, usize)> {
        let (&found, addresses) = self.free.range_mut(class..=class + class / 2).next()?;
        let address = addresses.pop()?;
        if addresses.is_empty() {
            self.free.remove(&found);
        }
        self.free_bytes -= found;
        Some((NonNull::new(address as *mut f32)?, found))
    }

    /// Takes out free blocks, largest first, until `class` more bytes keep the whole within half as much again as was
    /// ever used at once. Shapes change, as between training and validation: what waits must not pile up.
    fn surplus(&mut self, class: usize) -> Vec<(NonNull<f32>, usize)> {
        let limit = self.most_used_bytes + self.most_used_bytes / 2 + KEPT_FREE;
        let mut surplus = Vec::new();
        while self.used_bytes + self.free_bytes + class > limit {
            let Some((&largest, _)) = self.free.last_key_value() else {
                break;
            };
            surplus.extend(self.take(largest));
        }
        surplus
    }
}

/// Rounds a size in bytes up so that there are eight classes between powers of two: at most an eighth is wasted.
fn size_class(bytes: usize) -> usize {
    let bytes = bytes.max(ALIGNMENT);
    let step = (bytes.next_power_of_two() / 16).max(ALIGNMENT);
    bytes.div_ceil(step) * step
}

fn layout(class: usize) -> Layout {
    let alignment = if class >= HUGE_PAGE { HUGE_PAGE } else { ALIGNMENT };
    Layout::from_size_align(class, alignment).expect("a size class is far below isize::MAX")
}

/// New, zeroed memory of a size class.
fn allocate(class: usize) -> NonNull<f32> {
    #[cfg(target_os = "linux")]
    if class >= HUGE_PAGE {
        return allocate_huge(class);
    }
    // SAFETY: the size is not zero.
    let start = unsafe { alloc_zeroed(layout(class)) };
    NonNull::new(start.cast()).unwrap_or_else(|| std::alloc::handle_alloc_error(layout(class)))
}

/// Memory straight from the system, aligned to huge pages; the system hands it out zeroed.
#[cfg(target_os = "linux")]
fn allocate_huge(class: usize) -> NonNull<f32> {
    let mapped = class.next_multiple_of(HUGE_PAGE) + HUGE_PAGE;
    // SAFETY: an anonymous mapping at an address of the system's choice touches nothing that exists; the parts cut off
    // before and after the aligned range belong to it alone.
    unsafe {
        let start = libc::mmap(
            std::ptr::null_mut(),
            mapped,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if start == libc::MAP_FAILED {
            std::alloc::handle_alloc_error(layout(class));
        }
        let address = start as usize;
        let aligned = address.next_multiple_of(HUGE_PAGE);
        let length = class.next_multiple_of(HUGE_PAGE);
        if aligned > address {
            libc::munmap(start, aligned - address);
        }
        if address + mapped > aligned + length {
            libc::munmap((aligned + length) as *mut libc::c_void, address + mapped - aligned - length);
        }
        // Only advice: a system without huge pages refuses, and nothing depends on it.
        libc::madvise(aligned as *mut libc::c_void, length, libc::MADV_HUGEPAGE);
        NonNull::new_unchecked(aligned as *mut f32)
    }
}

/// Gives memory back to the system.
///
/// # Safety
///
/// `start` came from [`allocate`] with this `class` and is not used any more.
unsafe fn release(start: NonNull<f32>, class: usize) {
    #[cfg(target_os = "linux")]
    if class >= HUGE_PAGE {
        // SAFETY: the range is one that `allocate_huge` kept mapped.
        unsafe { libc::munmap(start.as_ptr().cast(), class.next_multiple_of(HUGE_PAGE)) };
        return;
    }
    // SAFETY: allocated with this layout.
    unsafe { dealloc(start.as_ptr().cast(), layout(class)) }
}

impl Block {
    /// A block of `length` elements whose contents are whatever an earlier user left, or zeros.
    pub fn new(length: usize) -> Self {
        let class = size_class(length * size_of::<f32>());
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((start, class)) = pool.take(class) {
            pool.used_bytes += class;
            pool.most_used_bytes = pool.most_used_bytes.max(pool.used_bytes);
            return Self { start, length, class };
        }
        let surplus = pool.surplus(class);
        pool.used_bytes += class;
        pool.most_used_bytes = pool.most_used_bytes.max(pool.used_bytes);
        drop(pool);
        for (start, class) in surplus {
            // SAFETY: free blocks came from `allocate` with their class, and nobody else has them.
            unsafe { release(start, class) };
        }
        Self { start: allocate(class), length, class }
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
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.used_bytes -= self.class;
        pool.free_bytes += self.class;
        pool.free.entry(self.class).or_default().push(self.start.as_ptr() as usize);
    }
}

impl Deref for Block {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the block owns `length` elements, zeroed when they were allocated and only ever overwritten with f32.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`; `&mut self` makes it unique.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
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
    fn a_size_class_wastes_at_most_an_eighth_and_holds_its_size() {
        for bytes in [1, 64, 65, 1000, 4097, 1 << 20, (1 << 20) + 1, 51_380_224, 123_456_789] {
            let class = size_class(bytes);
            assert!(class >= bytes && class.is_multiple_of(ALIGNMENT));
            assert!(class - bytes <= bytes / 8 + ALIGNMENT, "{bytes} -> {class}");
            assert_eq!(size_class(class), class);
        }
    }

    #[test]
    fn blocks_are_aligned_zero_when_new_and_writable_to_the_end() {
        // A length that no other test uses, so that the block is new.
        for length in [777_013, 13] {
            let mut block = Block::zeroed(length);
            assert_eq!(block.as_ptr() as usize % ALIGNMENT, 0);
            assert!(block.iter().all(|&value| value == 0.0));
            block[length - 1] = 3.0;
            assert_eq!(block[length - 1], 3.0);
        }
    }
}
