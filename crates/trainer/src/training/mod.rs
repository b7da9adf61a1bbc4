//! The one training loop and what it is made of: order, schedule, optimiser, averaging, checkpoints, evaluation.

pub mod checkpoint;
pub mod early_stopping;
pub mod ema;
pub mod evaluate;
pub mod fit;
pub mod history;
pub mod loader;
mod monitor;
pub mod observer;
pub mod optim;
pub mod sampler;
pub mod schedule;
pub mod seeds;
mod step_group;

pub use fit::{Ending, FitData, FitFiles, FitOptions, FitPlan, Fitted, fit};
pub use monitor::monitor_of;
pub use observer::{Event, Observer, Session, Silent, StopFlag};
pub(crate) use step_group::StepGroup;
