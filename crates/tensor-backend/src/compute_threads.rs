//! The threads that operations share their work among.

use std::thread::available_parallelism;

/// Makes the calling thread one of the threads that operations share their work among, which are those of rayon's global
/// pool: as many as the machine has, or as `RAYON_NUM_THREADS` says.
///
/// A thread outside that pool hands every operation over to it and sleeps until the pool wakes it up: twice some tens of
/// microseconds, for a network of small layers more than the work itself. A program calls this once, at its start, on the
/// thread that trains or answers; results are the same either way. Gives whether it was so: not where the pool was in use
/// already, and not for a pool of one thread, in which others (those that load images, say) could no longer get anything
/// done while this one waits for them.
pub fn compute_on_this_thread() -> bool {
    let wanted =
        std::env::var("RAYON_NUM_THREADS").ok().and_then(|number| number.parse().ok()).filter(|&count| count > 0);
    let threads = wanted.or_else(|| available_parallelism().ok().map(usize::from)).unwrap_or(1);
    threads > 1 && rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global().is_ok()
}
