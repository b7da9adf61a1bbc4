//! Generated pictures of shapes: data that is always at hand, with known classes, boxes and masks.

pub(crate) mod mask_scenes;
mod shape_outline;
pub mod shape_scenes;
pub mod shapes;
mod splits;

pub use shape_outline::ShapeKind;
