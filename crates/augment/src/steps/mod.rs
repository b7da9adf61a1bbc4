//! The augmentations that a pipeline is configured from, one idea a file.

pub(crate) mod affine;
pub(crate) mod automatic;
pub(crate) mod color_jitter;
pub(crate) mod crop;
pub(crate) mod elastic;
pub(crate) mod erasing;
pub(crate) mod filters;
pub(crate) mod flip;
pub(crate) mod hsv_jitter;
pub(crate) mod letterbox;
pub(crate) mod pad;
pub(crate) mod perspective;
pub(crate) mod random_resized_crop;
pub(crate) mod resize;
pub(crate) mod safe_box_crop;
pub(crate) mod tones;
pub(crate) mod zoom_out;

/// `true`, as serde's default for a key.
pub(crate) const fn always() -> f64 {
    1.0
}

/// A chance of one half, as serde's default for a key.
pub(crate) const fn half() -> f64 {
    0.5
}
