//! Image augmentation: one draw of parameters applied to an image and its annotations.
