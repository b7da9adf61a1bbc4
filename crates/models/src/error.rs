//! Why a network could not be built.

use thiserror::Error;

use crate::{InputShape, ModelName};

/// Why a network could not be built.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ModelError {
    /// No network has this name.
    #[error("there is no model called `{found}`; {}", suggestion(.nearest))]
    UnknownName {
        /// The name that was asked for.
        found: String,
        /// Valid names like it, the nearest first; empty when none is near.
        nearest: Vec<&'static str>,
    },
    /// An option that this network does not have.
    #[error("the model `{model}` has no option `{option}`; {}", option_list(.allowed))]
    UnknownOption {
        /// The network.
        model: ModelName,
        /// The option that was set.
        option: &'static str,
        /// The options it has.
        allowed: &'static [&'static str],
    },
    /// An option's value that makes no sense.
    #[error("option `{option}` of the model `{model}` is {found}, expected {expected}")]
    InvalidOption {
        /// The network.
        model: ModelName,
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A classifier for no class at all.
    #[error("the model `{model}` was asked for {found} classes, expected at least 1")]
    TooFewClasses {
        /// The network.
        model: ModelName,
        /// How many were asked for.
        found: usize,
    },
    /// Images without channels.
    #[error("the model `{model}` was asked for images of 0 channels, expected 1 (grey) or 3 (RGB)")]
    NoChannels {
        /// The network.
        model: ModelName,
    },
    /// Images that shrink to nothing inside the network.
    #[error(
        "images of {}×{} pixels are too small for the model `{model}`: it needs at least {minimum}×{minimum} \
         ({} more in height, {} more in width). Enlarge them, or choose a model for smaller images",
        .found.height, .found.width,
        .minimum.saturating_sub(.found.height), .minimum.saturating_sub(.found.width)
    )]
    InputTooSmall {
        /// The network.
        model: ModelName,
        /// The images' shape.
        found: InputShape,
        /// The least height and width, in pixels.
        minimum: usize,
    },
}

fn suggestion(nearest: &[&'static str]) -> String {
    if nearest.is_empty() {
        "the names are listed by `--list-models`".to_owned()
    } else {
        let quoted: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
        format!("did you mean {}?", quoted.join(" or "))
    }
}

fn option_list(options: &[&'static str]) -> String {
    if options.is_empty() {
        "it has no options".to_owned()
    } else {
        let quoted: Vec<String> = options.iter().map(|name| format!("`{name}`")).collect();
        format!("its options are {}", quoted.join(", "))
    }
}
