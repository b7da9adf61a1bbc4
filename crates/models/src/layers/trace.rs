//! Following an image's shape through a network without computing: what [`summary`](crate::summary) is made from.
//!
//! While a trace is active on a thread, layers with parameters record themselves and answer with a tensor of the right
//! shape instead of computing one.

use std::cell::RefCell;
use std::fmt;

use burn::module::ParamId;
use serde::Serialize;

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LayerKind {
    /// Convolution.
    Conv2d,
    /// Transposed convolution.
    ConvTranspose2d,
    /// Batch normalisation.
    BatchNorm2d,
    /// Fully connected.
    Linear,
    /// Maximum pooling.
    MaxPool2d,
    /// Mean of each window.
    AvgPool2d,
    /// Mean over all pixels.
    GlobalAvgPool2d,
    /// Average pooling to a given size.
    AdaptiveAvgPool2d,
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Conv2d => "Conv2d",
            Self::ConvTranspose2d => "ConvTranspose2d",
            Self::BatchNorm2d => "BatchNorm2d",
            Self::Linear => "Linear",
            Self::MaxPool2d => "MaxPool2d",
            Self::AvgPool2d => "AvgPool2d",
            Self::GlobalAvgPool2d => "GlobalAvgPool2d",
            Self::AdaptiveAvgPool2d => "AdaptiveAvgPool2d",
        })
    }
}

/// One layer that was passed.
#[derive(Debug)]
pub(crate) struct LayerTrace {
    pub(crate) kind: LayerKind,
    /// Its weight, where it has one.
    pub(crate) parameter: Option<ParamId>,
    pub(crate) output: Vec<usize>,
    pub(crate) multiply_accumulates: u64,
}

thread_local! {
    static TRACE: RefCell<Option<Vec<LayerTrace>>> = const { RefCell::new(None) };
}

/// Whether a trace is active on this thread.
pub(crate) fn is_active() -> bool {
    TRACE.with_borrow(Option::is_some)
}

/// Adds a layer to the active trace, if there is one.
pub(crate) fn record(layer: LayerTrace) {
    TRACE.with_borrow_mut(|trace| {
        if let Some(trace) = trace {
            trace.push(layer);
        }
    });
}

/// The layers that `forward` passes, in order.
pub(crate) fn follow<T>(forward: impl FnOnce() -> T) -> Vec<LayerTrace> {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            TRACE.set(None);
        }
    }
    TRACE.set(Some(Vec::new()));
    let _stop = Stop;
    forward();
    TRACE.take().unwrap_or_default()
}
