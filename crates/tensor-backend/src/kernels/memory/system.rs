//! Memory from the operating system, and back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

use super::pool::ALIGNMENT;

/// The size of a huge page on x86-64 and AArch64 with 4 KiB base pages.
const HUGE_PAGE: usize = 2 << 20;

/// `None` beyond what an address can span.
fn layout(bytes: usize) -> Option<Layout> {
    let alignment = if bytes >= HUGE_PAGE { HUGE_PAGE } else { ALIGNMENT };
    Layout::from_size_align(bytes, alignment).ok()
}

/// New, zeroed memory; `None` when there is none. Never asks the program's global allocator, which may stand on this.
pub(super) fn allocate(bytes: usize) -> Option<NonNull<u8>> {
    let layout = layout(bytes)?;
    #[cfg(all(target_os = "linux", not(miri)))]
    if bytes >= HUGE_PAGE {
        return allocate_huge(bytes);
    }
    // SAFETY: sizes of classes are not zero.
    NonNull::new(unsafe { System.alloc_zeroed(layout) })
}

/// Memory straight from the system, aligned to huge pages; the system hands it out zeroed.
#[cfg(all(target_os = "linux", not(miri)))]
fn allocate_huge(bytes: usize) -> Option<NonNull<u8>> {
    let mapped = bytes.next_multiple_of(HUGE_PAGE) + HUGE_PAGE;
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
            return None;
        }
        let address = start as usize;
        let aligned = address.next_multiple_of(HUGE_PAGE);
        let length = bytes.next_multiple_of(HUGE_PAGE);
        if aligned > address {
            libc::munmap(start, aligned - address);
        }
        if address + mapped > aligned + length {
            libc::munmap((aligned + length) as *mut libc::c_void, address + mapped - aligned - length);
        }
        // Only advice: a system without huge pages refuses, and nothing depends on it.
        libc::madvise(aligned as *mut libc::c_void, length, libc::MADV_HUGEPAGE);
        NonNull::new(aligned as *mut u8)
    }
}

/// Gives memory back to the system.
///
/// # Safety
///
/// `start` came from [`allocate`] with this size and is not used any more.
pub(super) unsafe fn release(start: NonNull<u8>, bytes: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    if bytes >= HUGE_PAGE {
        // SAFETY: the range is one that `allocate_huge` kept mapped.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes.next_multiple_of(HUGE_PAGE)) };
        return;
    }
    if let Some(layout) = layout(bytes) {
        // SAFETY: allocated with this layout.
        unsafe { System.dealloc(start.as_ptr(), layout) }
    }
}
