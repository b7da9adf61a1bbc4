//! Images that each belong to one class.

pub mod cifar;
pub mod file_name_pattern;
pub mod idx;
pub mod image_folder;
mod labelled_arrays;
mod labelled_files;

pub use labelled_files::LabelledFiles;
