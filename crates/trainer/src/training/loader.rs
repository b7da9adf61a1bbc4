//! Batches made by worker threads and delivered in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Batches that may wait for delivery, for each worker.
const READY_PER_WORKER: usize = 2;

/// Makes the items `range` with `workers` threads, while `consume` takes them in ascending order from [`Deliveries`].
/// Gives what `consume` gives, which may end before the last item.
///
/// What is delivered depends on `produce` alone, never on the number of workers; 0 workers make each item on the
/// calling thread when it is due.
///
/// # Panics
///
/// When `produce` panics.
pub fn with_workers<T: Send, E: Send, R>(
    range: Range<usize>,
    workers: usize,
    produce: impl Fn(usize) -> Result<T, E> + Sync,
    consume: impl FnOnce(&mut Deliveries<'_, T, E>) -> R,
) -> R {
    if workers == 0 {
        return consume(&mut Deliveries { remaining: range, from: Source::Here(&produce) });
    }
    let queue = Queue {
        state: Mutex::new(QueueState {
            next: range.start,
            delivered: range.start,
            ready: BTreeMap::new(),
            over: false,
        }),
        changed: Condvar::new(),
    };
    let ahead = workers * READY_PER_WORKER;
    std::thread::scope(|scope| {
        for worker in 0..workers.min(range.len()) {
            let (queue, produce, end) = (&queue, &produce, range.end);
            std::thread::Builder::new()
                .name(format!("loader-{worker}"))
                .spawn_scoped(scope, move || {
                    // Ends the delivery if `produce` panics, so that the consumer does not wait for ever.
                    let guard = EndOnDrop(queue);
                    while let Some(batch) = queue.claim(end, ahead) {
                        queue.put(batch, produce(batch));
                    }
                    std::mem::forget(guard);
                })
                .expect("the system can start a thread");
        }
        // The workers end when the consumer does, whether it returns or panics.
        let _end_workers = EndOnDrop(&queue);
        consume(&mut Deliveries { remaining: range, from: Source::Workers(&queue) })
    })
}

/// Items in ascending order, each with its number. Iteration ends after the first error, and where a worker panicked.
pub struct Deliveries<'a, T, E> {
    remaining: Range<usize>,
    from: Source<'a, T, E>,
}

enum Source<'a, T, E> {
    Here(&'a dyn Fn(usize) -> Result<T, E>),
    Workers(&'a Queue<T, E>),
}

impl<T, E> Iterator for Deliveries<'_, T, E> {
    type Item = Result<(usize, T), E>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.remaining.next()?;
        let made = match self.from {
            Source::Here(produce) => produce(number),
            Source::Workers(queue) => queue.take(number)?,
        };
        if made.is_err() {
            self.remaining = 0..0;
        }
        Some(made.map(|made| (number, made)))
    }
}

struct Queue<T, E> {
    state: Mutex<QueueState<T, E>>,
    changed: Condvar,
}

struct QueueState<T, E> {
    next: usize,
    delivered: usize,
    ready: BTreeMap<usize, Result<T, E>>,
    over: bool,
}

impl<T, E> Queue<T, E> {
    fn lock(&self) -> MutexGuard<'_, QueueState<T, E>> {
        // Nothing panics while holding the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, QueueState<T, E>>) -> MutexGuard<'a, QueueState<T, E>> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch to make, once it is not too far ahead.
    fn claim(&self, end: usize, ahead: usize) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.over || state.next >= end {
                return None;
            }
            if state.next < state.delivered + ahead {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.wait(state);
        }
    }

    fn put(&self, batch: usize, made: Result<T, E>) {
        self.lock().ready.insert(batch, made);
        self.changed.notify_all();
    }

    /// Batch `batch`, once it is made; `None` when a worker panicked.
    fn take(&self, batch: usize) -> Option<Result<T, E>> {
        let mut state = self.lock();
        loop {
            if let Some(made) = state.ready.remove(&batch) {
                state.delivered = batch + 1;
                self.changed.notify_all();
                return Some(made);
            }
            if state.over {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }
}

struct EndOnDrop<'a, T, E>(&'a Queue<T, E>);

impl<T, E> Drop for EndOnDrop<'_, T, E> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run(workers: usize, fail_at: usize, stop_at: usize) -> (Vec<usize>, Result<(), usize>) {
        let mut seen = Vec::new();
        let produce = |batch| {
            // Later batches are ready sooner.
            std::thread::sleep(Duration::from_micros((20 - batch as u64) * 50));
            if batch == fail_at { Err(batch) } else { Ok(batch * 10) }
        };
        let result = with_workers(3..20, workers, produce, |batches| {
            for delivered in batches {
                let (batch, value) = delivered?;
                assert_eq!(value, batch * 10);
                seen.push(batch);
                if batch == stop_at {
                    break;
                }
            }
            Ok(())
        });
        (seen, result)
    }

    #[test]
    fn order_does_not_depend_on_the_number_of_workers() {
        for workers in [0, 1, 2, 7] {
            assert_eq!(run(workers, usize::MAX, usize::MAX), ((3..20).collect(), Ok(())), "{workers} workers");
        }
    }

    #[test]
    fn an_error_comes_after_the_batches_before_it() {
        for workers in [0, 1, 3] {
            assert_eq!(run(workers, 7, usize::MAX), ((3..7).collect(), Err(7)), "{workers} workers");
        }
    }

    #[test]
    fn nothing_comes_after_an_error() {
        for workers in [0, 2] {
            let produce = |batch| if batch == 1 { Err(()) } else { Ok(()) };
            let count = with_workers(0..9, workers, produce, |batches| batches.count());
            assert_eq!(count, 2, "{workers} workers");
        }
    }

    #[test]
    fn the_consumer_may_stop() {
        for workers in [0, 1, 3] {
            assert_eq!(run(workers, usize::MAX, 5), ((3..6).collect(), Ok(())), "{workers} workers");
        }
    }

    #[test]
    fn a_panicking_worker_is_not_waited_for() {
        let result = std::panic::catch_unwind(|| {
            let produce = |batch| -> Result<usize, ()> { if batch == 4 { panic!("broken worker") } else { Ok(batch) } };
            with_workers(0..10, 2, produce, |batches| batches.count())
        });
        assert!(result.is_err());
    }
}
