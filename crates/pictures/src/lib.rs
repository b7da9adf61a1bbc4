//! Image files read to the pixel, boxes and masks drawn on pictures, sheets of many pictures.
//!
//! Nothing here knows about data sets, training or tensors: a program that predicts needs no more than this to read its
//! images and to show what was found.
//!
//! ```
//! use pictures::{draw, image_file};
//! use vision_types::{BBox, ClassNames, Instance};
//!
//! // A grey picture as a file, read back: the format follows from the content, never from the name.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("grey.png");
//! image::RgbImage::from_pixel(64, 48, image::Rgb([128; 3])).save(&path)?;
//! let mut picture = image_file::read(&path)?;
//! assert_eq!(picture.dimensions(), (64, 48));
//!
//! // A box with its name, in the colour of its class.
//! let cat = Instance::from_box(BBox::from_xyxy(10.0, 20.0, 50.0, 44.0), 0);
//! draw::instances(&mut picture, &[cat], &ClassNames::new(["cat"]));
//! assert_eq!(*picture.get_pixel(10, 30), pictures::class_colour(0));
//!
//! // What cannot be read is an error that names the file and the reason.
//! std::fs::write(&path, "hello")?;
//! let message = image_file::read(&path).unwrap_err().to_string();
//! assert!(message.contains("grey.png: not an image"), "{message}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`image_file`]: JPEG, PNG, BMP, WebP, GIF and TIFF files as upright 8-bit RGB, JPEG to the pixel as libjpeg gives it;
//! - [`StoredMask`] and [`write_mask_png`]: files whose values are class numbers, not colours;
//! - [`draw`]: boxes, labels and masks on a picture;
//! - [`contact_sheet`], [`annotated_sheet`], [`mask_sheet`] and [`captioned_sheet`]: many pictures on one.

mod colour;
pub mod draw;
mod error;
mod failure;
mod font;
pub mod image_file;
mod jpeg;
mod mask_png;
mod sheet;
mod stored_mask;

pub use colour::{class_colour, mask_colour};
pub use error::PictureError;
pub use failure::MAX_PIXELS;
pub use mask_png::{PASCAL_PALETTE, write_mask_png};
pub use sheet::{annotated_sheet, captioned_sheet, contact_sheet, mask_sheet};
pub use stored_mask::{StoredMask, StoredPixels};
