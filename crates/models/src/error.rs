//! Why a network could not be built.

use thiserror::Error;

use crate::InputShape;
use crate::suggestion::{did_you_mean, nearest};

/// Why a network could not be built.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ModelError {
    /// No network has this name.
    #[error("there is no model called `{found}`; {}", suggested_names(.nearest))]
    UnknownName {
        /// The name that was asked for.
        found: String,
        /// Valid names like it, the nearest first; empty when none is near.
        nearest: Vec<&'static str>,
    },
    /// A network for another task has this name.
    #[error("`{name}` is a model for {found}, expected one for {expected}")]
    OtherTask {
        /// The name.
        name: String,
        /// The task that it is for.
        found: &'static str,
        /// The task at hand.
        expected: &'static str,
    },
    /// An option that this network does not have.
    #[error("the model `{model}` has no option `{option}`; {}", option_list(.option, .allowed))]
    UnknownOption {
        /// The network.
        model: &'static str,
        /// The option that was set.
        option: String,
        /// The options it has.
        allowed: &'static [&'static str],
    },
    /// An option's value that makes no sense.
    #[error("option `{option}` of the model `{model}` is {found}, expected {expected}")]
    InvalidOption {
        /// The network.
        model: &'static str,
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A network for no class at all.
    #[error("the model `{model}` was asked for {found} classes, expected at least 1")]
    TooFewClasses {
        /// The network.
        model: &'static str,
        /// How many were asked for.
        found: usize,
    },
    /// A network for more classes than any data set has.
    #[error("the model `{model}` was asked for {found} classes, expected at most {most}")]
    TooManyClasses {
        /// The network.
        model: &'static str,
        /// How many were asked for.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// Images without channels.
    #[error("the model `{model}` was asked for images of 0 channels, expected 1 (grey) or 3 (RGB)")]
    NoChannels {
        /// The network.
        model: &'static str,
    },
    /// Images of more channels than any camera has.
    #[error("the model `{model}` was asked for images of {found} channels, expected at most {most}")]
    TooManyChannels {
        /// The network.
        model: &'static str,
        /// How many were asked for.
        found: usize,
        /// How many there may be.
        most: usize,
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
        model: &'static str,
        /// The images' shape.
        found: InputShape,
        /// The least height and width, in pixels.
        minimum: usize,
    },
    /// Images that are too large to be one image.
    #[error(
        "images of {}×{} pixels are too large for the model `{model}`: height and width may be {maximum} pixels at \
         most",
        .found.height, .found.width
    )]
    InputTooLarge {
        /// The network.
        model: &'static str,
        /// The images' shape.
        found: InputShape,
        /// The greatest height and width, in pixels.
        maximum: usize,
    },
    /// A network that no memory holds.
    #[error(
        "the model `{model}` would have {found} parameters with these options and images, expected at most {most}: \
         choose smaller options, or smaller images"
    )]
    TooManyParameters {
        /// The network.
        model: &'static str,
        /// How many it would have.
        found: u128,
        /// How many it may have.
        most: u128,
    },
    /// Images whose feature maps would not fit onto one another.
    #[error(
        "images of {}×{} pixels do not suit the model `{model}`: height and width must be multiples of {step} pixels, \
         such as {}×{}",
        .found.height, .found.width, next_multiple(.found.height, .step), next_multiple(.found.width, .step)
    )]
    InputNotMultiple {
        /// The network.
        model: &'static str,
        /// The images' shape.
        found: InputShape,
        /// What height and width must be multiples of, in pixels.
        step: usize,
    },
}

/// The least multiple of `step` that is at least `side`, and not 0.
fn next_multiple(side: usize, step: &usize) -> usize {
    side.max(1).next_multiple_of(*step)
}

fn suggested_names(nearest: &[&'static str]) -> String {
    did_you_mean(nearest).unwrap_or_else(|| "the names are listed by `--list-models`".to_owned())
}

fn option_list(option: &str, options: &[&'static str]) -> String {
    if options.is_empty() {
        return "it has no options".to_owned();
    }
    let quoted: Vec<String> = options.iter().map(|name| format!("`{name}`")).collect();
    let list = format!("its options are {}", quoted.join(", "));
    match did_you_mean(&nearest(option, options.iter().copied())) {
        Some(question) => format!("{list}; {question}"),
        None => list,
    }
}
