//! The lists of free memory, one for each size class.
//!
//! Nothing in here allocates: free memory itself holds the lists, so that a global allocator can stand on them.

use std::ptr::{NonNull, null_mut};
use std::sync::{Mutex, PoisonError};

use super::system;

/// Alignment of all memory here: one cache line, and one 512-bit vector.
pub(super) const ALIGNMENT: usize = 64;
/// Free memory kept whatever was in use.
const KEPT_FREE: usize = 64 << 20;

/// Classes up to this size are the multiples of [`ALIGNMENT`]; above, there are [`PER_DOUBLING`] between powers of two.
const EVEN: usize = 1 << 10;
const EVEN_CLASSES: usize = EVEN / ALIGNMENT;
const PER_DOUBLING: usize = 8;
/// Up to 2⁶² bytes.
const CLASSES: usize = EVEN_CLASSES + PER_DOUBLING * (62 - EVEN.ilog2() as usize);

/// The number of the smallest class that holds so many bytes: at most an eighth is wasted. `None` beyond 2⁶².
pub(super) fn class_of(bytes: usize) -> Option<usize> {
    if bytes <= EVEN {
        return Some(bytes.max(1).div_ceil(ALIGNMENT) - 1);
    }
    let power = bytes.checked_next_power_of_two()?;
    let doublings = (power / EVEN).ilog2() as usize - 1;
    let class = EVEN_CLASSES + PER_DOUBLING * doublings + bytes.div_ceil(power / 16) - PER_DOUBLING - 1;
    (class < CLASSES).then_some(class)
}

/// The bytes of a class.
pub(super) fn size_of_class(class: usize) -> usize {
    if class < EVEN_CLASSES {
        return (class + 1) * ALIGNMENT;
    }
    let (doublings, step) = ((class - EVEN_CLASSES) / PER_DOUBLING, (class - EVEN_CLASSES) % PER_DOUBLING);
    (EVEN << doublings) / PER_DOUBLING * (PER_DOUBLING + 1 + step)
}

/// What stands at the start of free memory: an entry of a list.
struct Free {
    next: *mut Free,
    class: usize,
}

struct Pool {
    free: [*mut Free; CLASSES],
    free_bytes: usize,
    /// In use now.
    used_bytes: usize,
    /// The most that was in use at once.
    most_used_bytes: usize,
}

// SAFETY: what its pointers name belongs to the pool alone from `push` on, and to whoever gets it from `pop` on.
unsafe impl Send for Pool {}

static POOL: Mutex<Pool> =
    Mutex::new(Pool { free: [null_mut(); CLASSES], free_bytes: 0, used_bytes: 0, most_used_bytes: 0 });

impl Pool {
    fn push(&mut self, start: NonNull<u8>, class: usize) {
        let entry: *mut Free = start.as_ptr().cast();
        // SAFETY: free memory of at least `ALIGNMENT` bytes, aligned to as many, that belongs to the pool.
        unsafe { entry.write(Free { next: self.free[class], class }) };
        self.free[class] = entry;
        self.free_bytes += size_of_class(class);
    }

    fn pop(&mut self, class: usize) -> Option<NonNull<Free>> {
        let entry = NonNull::new(self.free[class])?;
        // SAFETY: the lists hold what `push` wrote to memory that has been the pool's alone since then.
        self.free[class] = unsafe { entry.as_ref() }.next;
        self.free_bytes -= size_of_class(class);
        Some(entry)
    }

    /// Counts memory that is there: an array that the system refuses must not let as much pile up.
    fn count_used(&mut self, class: usize) {
        self.used_bytes += size_of_class(class);
        self.most_used_bytes = self.most_used_bytes.max(self.used_bytes);
    }

    /// Takes out free memory, largest first, until `bytes` more keep the whole within half as much again as was ever
    /// used at once. Shapes change, as between training and validation: what waits must not pile up.
    fn surplus(&mut self, bytes: usize) -> *mut Free {
        let limit = self.most_used_bytes + self.most_used_bytes / 2 + KEPT_FREE;
        let mut surplus: *mut Free = null_mut();
        for class in (0..CLASSES).rev() {
            while self.used_bytes + self.free_bytes + bytes > limit {
                let Some(mut entry) = self.pop(class) else { break };
                // SAFETY: popped just now: still an entry, and nobody's but this function's.
                unsafe { entry.as_mut() }.next = surplus;
                surplus = entry.as_ptr();
            }
        }
        surplus
    }
}

/// Memory out of the pool.
pub(super) struct Taken {
    pub(super) start: NonNull<u8>,
    /// What it must go back as.
    pub(super) class: usize,
    /// Whether it holds zeros; otherwise it holds whatever an earlier user left, which to the compiler may be nothing
    /// initialised.
    pub(super) zeroed: bool,
}

/// Takes free memory of one of `classes`, the first that has any, or else new memory of the first.
pub(super) fn take(mut classes: std::ops::RangeInclusive<usize>) -> Option<Taken> {
    let wanted = *classes.start();
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((entry, class)) = classes.find_map(|class| Some((pool.pop(class)?, class))) {
        pool.count_used(class);
        return Some(Taken { start: entry.cast(), class, zeroed: false });
    }
    let mut surplus = pool.surplus(size_of_class(wanted));
    drop(pool);
    while let Some(entry) = NonNull::new(surplus) {
        // SAFETY: the chain's entries were popped for it and are nobody else's; `push` gave each the class that it was
        // allocated with, and each is released once, after it was read.
        unsafe {
            let Free { next, class } = entry.read();
            system::release(entry.cast(), size_of_class(class));
            surplus = next;
        }
    }
    let start = system::allocate(size_of_class(wanted))?;
    POOL.lock().unwrap_or_else(PoisonError::into_inner).count_used(wanted);
    Some(Taken { start, class: wanted, zeroed: true })
}

/// Puts memory back.
///
/// # Safety
///
/// `start` came from [`take`] as one of `class` and is not used any more.
pub(super) unsafe fn give(start: NonNull<u8>, class: usize) {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool.used_bytes -= size_of_class(class);
    pool.push(start, class);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_wastes_at_most_an_eighth_and_holds_its_size() {
        for bytes in [1, 64, 65, 1000, 1024, 1025, 1152, 1153, 4097, 1 << 20, (1 << 20) + 1, 51_380_224, 123_456_789] {
            let class = class_of(bytes).expect("far below the largest");
            let size = size_of_class(class);
            assert!(size >= bytes && size.is_multiple_of(ALIGNMENT), "{bytes} -> {size}");
            assert!(size - bytes <= bytes / 8 + ALIGNMENT, "{bytes} -> {size}");
            assert_eq!(class_of(size), Some(class));
        }
    }

    #[test]
    fn classes_grow_one_by_one_up_to_the_largest() {
        for class in 1..CLASSES {
            assert_eq!(class_of(size_of_class(class - 1) + 1), Some(class));
        }
        assert_eq!(size_of_class(CLASSES - 1), 1 << 62);
        assert_eq!(class_of((1 << 62) + 1), None);
        assert_eq!(class_of(usize::MAX), None);
    }

    fn mark() -> usize {
        POOL.lock().unwrap_or_else(PoisonError::into_inner).most_used_bytes
    }

    #[test]
    fn memory_that_the_system_refuses_leaves_no_mark() {
        // 2⁶¹ bytes are a class, and more than any address space.
        let class = class_of(1 << 61).expect("a class");
        for _ in 0..3 {
            assert!(take(class..=class).is_none());
        }
        // Other tests take memory meanwhile, but not as much.
        assert!(mark() < 1 << 61, "{} bytes were never in use", mark());
    }
}
