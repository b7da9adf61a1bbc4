//! Readers for image data sets, generated shapes, splits, checks and downloads.
