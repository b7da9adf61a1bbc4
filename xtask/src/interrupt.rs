//! Ctrl-C and termination signals.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use trainer::training::observer::StopFlag;

use crate::output;

/// Exit status after Ctrl-C, as shells give it: 128 + 2.
pub(crate) const INTERRUPTED: u8 = 130;

/// A flag that the first Ctrl-C raises; a second one ends the program at once.
pub(crate) fn stop_flag() -> anyhow::Result<StopFlag> {
    static FLAG: OnceLock<StopFlag> = OnceLock::new();
    static SIGNALS: AtomicUsize = AtomicUsize::new(0);
    if let Some(flag) = FLAG.get() {
        return Ok(flag.clone());
    }
    let flag = FLAG.get_or_init(StopFlag::default).clone();
    let raised = flag.clone();
    ctrlc::set_handler(move || {
        if SIGNALS.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(i32::from(INTERRUPTED));
        }
        raised.stop();
        output::note("\nstopping after this step; press Ctrl-C again to quit at once");
    })
    .context("the signal handler could not be installed")?;
    Ok(flag)
}
