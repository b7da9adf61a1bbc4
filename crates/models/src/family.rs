//! What a family of networks declares, in its own file.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::backend::Backend;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::option_names::option_names;
use crate::{InputShape, ModelError};

/// A family of networks: what implements this is the family's options, its keys of the `[model]` table beside `name`.
///
/// An option left out has the value of [`Default`]. An `Option` among them is unset by default, which stands for a
/// value that follows from others.
///
/// A family is added by one file in `families/`, its `mod` line, and its line in the list of those that answer alike
/// (`lists.rs`). The tests over every network then test it.
pub trait Family:
    Debug + Clone + PartialEq + Default + Serialize + DeserializeOwned + Described + Send + Sync + 'static
{
    /// What a name of the family stands for beside the options: a depth, a stem, a size.
    type Variant: Debug + Copy + Send + Sync + 'static;
    /// The network.
    type Network<B: Backend>: Module<B>;

    /// Whether images of any height and width can be taken, because the network enlarges them to multiples of
    /// [`size_step`](Self::size_step) itself; others are refused where this is false.
    const TAKES_ANY_SIDES: bool = true;

    /// The names of the family, and what is known about each.
    fn entries() -> &'static [Entry<Self::Variant>];

    /// The options that this variant has, in the order in which they are listed: all fields, unless a family says
    /// otherwise.
    fn options_of(_variant: Self::Variant) -> &'static [&'static str] {
        option_names::<Self>()
    }

    /// Checks the options' ranges. Number of classes, channels and sizes are checked for all families alike.
    ///
    /// # Errors
    ///
    /// [`ModelError::InvalidOption`] for the first one that is out of its range.
    fn check(&self, request: &Request<Self::Variant>) -> Result<(), ModelError>;

    /// The number of parameters, where options or the images' size decide on it: what no memory holds is refused.
    fn parameters(&self, _request: &Request<Self::Variant>) -> Option<u128> {
        None
    }

    /// The least height and width of an image, in pixels. Called with options that were checked.
    fn minimum_side(&self, _variant: Self::Variant) -> usize {
        1
    }

    /// What the network wants the sides of an image to be multiples of, in pixels, so that maps fit onto one another.
    fn size_step(&self, _variant: Self::Variant) -> usize {
        1
    }

    /// The network, its weights drawn from the calling thread's generator; options and sizes were checked.
    fn init<B: Backend>(&self, request: &Request<Self::Variant>, device: &B::Device) -> Self::Network<B>;

    /// Paths of the layers whose tensors depend on the number of classes: the tensors are these followed by `.weight`
    /// and, where there is one, `.bias`.
    fn head(&self, variant: Self::Variant) -> Vec<String>;

    /// Channels of the images that `network` sees.
    fn input_channels<B: Backend>(network: &Self::Network<B>) -> usize;
}

/// One name of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<V> {
    /// What is known about the network.
    pub card: ModelCard,
    /// What it is.
    pub variant: V,
}

/// What is known about a network. Its figures are those of the default options, class count and input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelCard {
    /// Its name in configs and on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Parameters with the default class count and input.
    pub parameters: usize,
    /// Default class count.
    pub classes: usize,
    /// Default input.
    pub input: InputShape,
    /// Where it comes from; empty where there is no paper.
    pub paper: &'static str,
}

/// What is asked of a family: which of its networks, for how many classes, for which images.
#[derive(Debug, Clone, Copy)]
pub struct Request<V> {
    /// The network's name.
    pub model: &'static str,
    /// What the name stands for.
    pub variant: V,
    /// Number of classes.
    pub classes: usize,
    /// Shape of an image.
    pub input: InputShape,
}

impl<V> Request<V> {
    /// Checks that `value`, of the option `option`, lies in `range`.
    ///
    /// # Errors
    ///
    /// [`ModelError::InvalidOption`] where it does not.
    pub fn in_range(&self, option: &'static str, value: usize, range: RangeInclusive<usize>) -> Result<(), ModelError> {
        if range.contains(&value) {
            return Ok(());
        }
        self.refuse(option, value.to_string(), format!("at least {} and at most {}", range.start(), range.end()))
    }

    /// Checks that there are `counts` of `values`, of the option `option`, and that each lies in `range`; `unit` is
    /// what they count, such as "channels".
    ///
    /// # Errors
    ///
    /// [`ModelError::InvalidOption`] where that is not so.
    pub fn all_in_range(
        &self,
        option: &'static str,
        values: &[usize],
        counts: RangeInclusive<usize>,
        range: RangeInclusive<usize>,
        unit: &str,
    ) -> Result<(), ModelError> {
        if counts.contains(&values.len()) && values.iter().all(|value| range.contains(value)) {
            return Ok(());
        }
        let (fewest, most) = counts.into_inner();
        let (least, greatest) = range.into_inner();
        let expected =
            format!("from {fewest} to {most} numbers, each of at least {least} and at most {greatest} {unit}");
        self.refuse(option, format!("{values:?}"), expected)
    }

    /// Checks that `value`, of the option `option`, is a probability of dropout.
    ///
    /// # Errors
    ///
    /// [`ModelError::InvalidOption`] where it is not.
    pub fn is_dropout(&self, option: &'static str, value: f64) -> Result<(), ModelError> {
        if (0.0..1.0).contains(&value) {
            return Ok(());
        }
        self.refuse(option, value.to_string(), "a probability of at least 0 and below 1".to_owned())
    }

    fn refuse(&self, option: &'static str, found: String, expected: String) -> Result<(), ModelError> {
        Err(ModelError::InvalidOption { model: self.model, option, found, expected })
    }
}

/// What describes its keys: with the feature `schema` a type with a JSON schema, otherwise any.
#[cfg(feature = "schema")]
pub trait Described: schemars::JsonSchema {}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> Described for T {}

/// What describes its keys: with the feature `schema` a type with a JSON schema, otherwise any.
#[cfg(not(feature = "schema"))]
pub trait Described {}

#[cfg(not(feature = "schema"))]
impl<T> Described for T {}
