//! The pool as a program's global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};

use super::pool::{self, ALIGNMENT, Taken};

/// A global allocator whose large arrays come from the pool; small ones come from the system's allocator.
///
/// For backends whose tensors are vectors, as ndarray's are: their storage cannot be handed in from outside, and the
/// system's allocator gives arrays of many megabytes back and asks for them again in every step. A program declares it
/// once:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: tensor_backend::kernels::memory::PooledAllocator =
///     tensor_backend::kernels::memory::PooledAllocator;
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PooledAllocator;

/// From this size on, arrays come from the pool: the system's allocator serves smaller ones from memory that it keeps.
const POOLED_FROM: usize = 64 << 10;

/// The class of a pooled layout; a layout is always answered in the same way.
fn class_of(layout: Layout) -> Option<usize> {
    let pooled = layout.size() >= POOLED_FROM && layout.align() <= ALIGNMENT;
    if pooled { pool::class_of(layout.size()) } else { None }
}

fn take(class: usize) -> Option<Taken> {
    // No larger class may serve: the one to go back to is found by the layout.
    pool::take(class..=class)
}

// SAFETY: memory of a class is at least as large as the layouts of that class and aligned for them, belongs to one user
// at a time, and goes back to where it came from, because `class_of` depends on the layout alone. Nothing here unwinds:
// sums of bytes stay far below 2⁶⁴, because only memory that is there is counted, beside the at most 2⁶² wanted.
unsafe impl GlobalAlloc for PooledAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(layout) {
            Some(class) => take(class).map_or(null_mut(), |taken| taken.start.as_ptr()),
            // SAFETY: the caller's promises are those the system's allocator asks for.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            // SAFETY: as in `alloc`.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let Some(taken) = take(class) else { return null_mut() };
        if !taken.zeroed {
            // SAFETY: the memory is at least so large, and nobody else's.
            unsafe { taken.start.as_ptr().write_bytes(0, layout.size()) };
        }
        taken.start.as_ptr()
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        match (class_of(layout), NonNull::new(start)) {
            // SAFETY: memory of this layout was taken as one of this class.
            (Some(class), Some(start)) => unsafe { pool::give(start, class) },
            // SAFETY: memory of other layouts came from the system's allocator.
            _ => unsafe { System.dealloc(start, layout) },
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` is neither zero nor too large for the alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class_of(layout), class_of(wanted)) {
            // SAFETY: memory from the system's allocator, and to stay there.
            (None, None) => return unsafe { System.realloc(start, layout, size) },
            (Some(present), Some(class)) if present == class => return start,
            _ => {}
        }
        // SAFETY: both arrays have at least as many bytes as are copied, and the new one is nobody else's.
        unsafe {
            let target = self.alloc(wanted);
            if !target.is_null() {
                target.copy_from_nonoverlapping(start, layout.size().min(size));
                self.dealloc(start, layout);
            }
            target
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes on both sides of the limit, and beyond a huge page.
    const SIZES: [usize; 6] = [1, 4000, POOLED_FROM - 1, POOLED_FROM, 300_000, 5 << 20];

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, align_of::<f32>()).expect("small")
    }

    #[test]
    fn zeroed_memory_is_zeroed_after_another_user() {
        for size in SIZES {
            // SAFETY: memory is written within its size and given back with its layout.
            unsafe {
                let first = PooledAllocator.alloc(layout(size));
                first.write_bytes(0xff, size);
                PooledAllocator.dealloc(first, layout(size));
                let second = PooledAllocator.alloc_zeroed(layout(size));
                assert!(std::slice::from_raw_parts(second, size).iter().all(|&byte| byte == 0), "{size}");
                PooledAllocator.dealloc(second, layout(size));
            }
        }
    }

    #[test]
    fn an_array_keeps_its_contents_whatever_size_it_gets() {
        for size in SIZES {
            for other in SIZES {
                // SAFETY: as above; no more is read than was written.
                unsafe {
                    let start = PooledAllocator.alloc(layout(size));
                    (0..size).for_each(|index| start.add(index).write(index as u8));
                    let moved = PooledAllocator.realloc(start, layout(size), other);
                    let kept = std::slice::from_raw_parts(moved, size.min(other));
                    assert!(kept.iter().enumerate().all(|(index, &byte)| byte == index as u8), "{size} -> {other}");
                    PooledAllocator.dealloc(moved, layout(other));
                }
            }
        }
    }

    #[test]
    fn alignments_beyond_a_cache_line_are_served() {
        let layout = Layout::from_size_align(1 << 20, 4096).expect("small");
        // SAFETY: given back with its layout.
        unsafe {
            let start = PooledAllocator.alloc(layout);
            assert_eq!(start as usize % 4096, 0);
            PooledAllocator.dealloc(start, layout);
        }
    }
}
