//! Image augmentation: one draw of parameters applied to an image and its annotations.
//!
//! Every augmentation is configuration ([`Augmentation`], plain data read from a table with `kind = "…"`). Drawing it
//! with a generator and the size of an image gives a [`Drawn`] value, again plain data, which holds everything random.
//! That value is applied to the image, its boxes and its mask; points move by one [`GeometricMap`], so all of them
//! agree.
//!
//! A [`Pipeline`] keys its generator by seed, epoch and index ([`AugmentKey`]): the same key gives the same bytes on
//! any thread and in any order.
//!
//! ```
//! use augment::{AugmentKey, Pipeline};
//!
//! let pipeline: Pipeline = serde_json::from_str(
//!     r#"[
//!         {"kind": "random-resized-crop", "size": 64},
//!         {"kind": "horizontal-flip"},
//!         {"kind": "color-jitter", "brightness": 0.4, "hue": 0.1}
//!     ]"#,
//! )?;
//! pipeline.validate()?;
//! let image = image::RgbImage::new(100, 80);
//! let augmented = pipeline.apply(image, AugmentKey { seed: 1, epoch: 0, index: 17 });
//! assert_eq!(augmented.dimensions(), (64, 64));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augmentation;
mod batch_mix;
mod blur;
mod border;
mod colour;
mod detection_mixup;
mod drawn;
mod elastic;
mod error;
mod flip;
mod geometry;
mod hsv;
mod hue;
mod instances;
mod key;
mod lanes;
mod letterbox;
mod mosaic;
mod noise;
mod normalize;
mod outline;
mod pipeline;
pub mod presets;
mod projection;
mod resize;
#[cfg(feature = "schema")]
mod schema;
mod sharpness;
mod size;
mod spread;
mod steps;
mod tone;
mod warp;
mod window;

pub use augmentation::*;
pub use batch_mix::{BatchMix, Cutmix, MixDraw, Mixup, MixupOrCutmix};
pub use border::{Border, FillMode};
pub use detection_mixup::{DetectionMixup, DetectionMixupDraw};
pub use drawn::{Drawn, Photometric};
pub use elastic::{ElasticMap, MAX_STRAIN};
pub use error::AugmentError;
pub use geometry::{GeometricMap, MovedBox};
pub use instances::MovedInstance;
pub use key::{AugmentKey, Generator};
pub use letterbox::Letterbox;
pub use mosaic::{Mosaic, MosaicDraw};
pub use noise::Eraser;
pub use normalize::Normalize;
pub use pipeline::{DrawnPipeline, Pipeline};
pub use projection::Projection;
pub use resize::{Filter, Rectangle};
pub use size::ImageSize;
pub use spread::Spread;
pub use steps::letterbox::Placement;
pub use warp::Sampling;
pub use window::Window;
