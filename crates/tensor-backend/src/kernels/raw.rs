//! Sharing one output slice between parallel tasks that write to disjoint parts of it.

/// A pointer into a slice that several threads write to, each to elements of its own.
#[derive(Clone, Copy)]
pub(crate) struct SharedMut(*mut f32);

// SAFETY: the pointer is only turned into accesses inside kernels, whose callers make the accessed parts disjoint.
unsafe impl Send for SharedMut {}
// SAFETY: as above.
unsafe impl Sync for SharedMut {}

impl SharedMut {
    /// To the first element of `slice`, which stays borrowed for as long as the caller keeps it so.
    pub(crate) fn new(slice: &mut [f32]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// The pointer.
    pub(crate) fn get(self) -> *mut f32 {
        self.0
    }
}
