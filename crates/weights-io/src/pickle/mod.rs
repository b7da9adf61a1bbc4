//! A pickle machine that executes nothing.
//!
//! The format is that of Python's `pickletools`: instructions that push plain values on a stack, collect them into
//! tuples, lists and dictionaries, and name Python objects. PyTorch writes protocol 2; the instructions of the later
//! binary protocols that build plain values are known as well.
//!
//! Values live in an arena and refer to one another by number, so a value that holds itself can neither be freed
//! twice nor leak, and one that is referred to a thousand times is there once. Each instruction makes at most one
//! value, so memory is in proportion to the pickle; the number of instructions is limited too.

mod globals;
mod input;
mod machine;
mod value;

pub use globals::Global;
pub use machine::{Unpickled, load};
pub use value::{Id, StorageRef, TensorRef, Value};
