//! Under what circumstances a run is made.

use crate::config::{RunConfig, TaskTables};
use crate::run::directory::Environment;

/// The circumstances of a run with `config` on data with `data_fingerprint`, by a program built from `commit`.
pub fn describe<K: TaskTables>(config: &RunConfig<K>, data_fingerprint: String, commit: Option<String>) -> Environment {
    Environment {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit,
        backend: backend_name().to_owned(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        processor: processor(),
        threads: rayon::current_num_threads(),
        workers: config.train.worker_count(),
        seed: config.seed,
        data_fingerprint,
    }
}

#[cfg(any(feature = "cpu", feature = "ndarray", feature = "cuda"))]
fn backend_name() -> &'static str {
    tensor_backend::BACKEND_NAME
}

/// A program that brings a backend of its own turns on none of the features.
#[cfg(not(any(feature = "cpu", feature = "ndarray", feature = "cuda")))]
fn backend_name() -> &'static str {
    "custom"
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

/// The most memory this process held so far; known on Linux alone.
pub fn peak_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
