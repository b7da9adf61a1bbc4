//! A program whose global allocator is the pool.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::thread;

use tensor_backend::kernels::memory::PooledAllocator;

#[global_allocator]
static ALLOCATOR: PooledAllocator = PooledAllocator;

/// One test at a time: what the pool keeps depends on all that was ever in use.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes on both sides of what is pooled, of many classes, up to several huge pages.
fn size(round: usize) -> usize {
    1000 + round * round * 701 % 6_000_000
}

#[test]
fn arrays_that_go_from_thread_to_thread_keep_their_contents() {
    let _alone = ALONE.lock();
    let (sender, receiver) = sync_channel::<(usize, Vec<u8>)>(4);
    let makers: Vec<_> = (0..3)
        .map(|maker| {
            let sender = sender.clone();
            thread::spawn(move || {
                for round in 0..200 {
                    let mark = maker * 200 + round;
                    let mut array = vec![0u8; size(mark)];
                    assert!(array.iter().all(|&byte| byte == 0), "a new array of zeros");
                    array.fill(mark as u8);
                    array.extend(std::iter::repeat_n(mark as u8, round * 100));
                    sender.send((mark, array)).expect("the receiver waits for all");
                }
            })
        })
        .collect();
    drop(sender);
    let mut arrays = 0;
    for (mark, array) in receiver {
        assert!(array.iter().all(|&byte| byte == mark as u8), "array {mark}");
        arrays += 1;
    }
    makers.into_iter().for_each(|maker| maker.join().expect("no maker failed"));
    assert_eq!(arrays, 600);
}

/// Page faults of this thread so far that read nothing from a disk.
#[cfg(target_os = "linux")]
fn page_faults() -> i64 {
    // SAFETY: all zeros is a `rusage`, and the call writes to this one alone.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage.ru_minflt
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_large_array_that_is_made_again_costs_no_page_fault() {
    let _alone = ALONE.lock();
    // 40 MB are 9,766 pages of 4 KiB.
    let make = || vec![1.0f32; 10_000_000];
    drop(make());
    let before = page_faults();
    for _ in 0..5 {
        drop(make());
    }
    assert!(page_faults() - before < 100, "{} page faults", page_faults() - before);
}
