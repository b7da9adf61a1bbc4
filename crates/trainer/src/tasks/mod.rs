//! The kinds of recognition: the only place where models, losses, metrics, data and augmentation meet.

pub mod classification;
pub mod detection;
pub mod segmentation;

/// The end of a source, which is what tells it from others: a file's name, or the number of a generated picture.
pub(crate) fn short_name(source: &str) -> &str {
    match source.rfind('#') {
        Some(start) => &source[start..],
        None => source.rsplit(['/', '\\']).next().unwrap_or(source),
    }
}
