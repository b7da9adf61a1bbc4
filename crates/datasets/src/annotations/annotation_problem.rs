//! What is wrong with annotations without making a data set unusable, and how boxes are fitted into their image.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vision_types::BBox;

/// Something about an annotation that a person should know. The sample stays usable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnnotationProblem {
    /// What sort of problem.
    pub kind: ProblemKind,
    /// The annotation file, or the image where there is none.
    pub file: PathBuf,
    /// Where in the file: `:12` for a line, `: annotations[3]` for a key; may be empty.
    pub place: String,
    /// What was found.
    pub detail: String,
}

impl AnnotationProblem {
    /// A problem of a line, counted from 1.
    pub(crate) fn at_line(kind: ProblemKind, file: &Path, line: usize, detail: impl Into<String>) -> Self {
        Self { kind, file: file.to_owned(), place: format!(":{line}"), detail: detail.into() }
    }

    /// A problem of a whole file.
    pub(crate) fn of_file(kind: ProblemKind, file: &Path, detail: impl Into<String>) -> Self {
        Self { kind, file: file.to_owned(), place: String::new(), detail: detail.into() }
    }
}

impl fmt::Display for AnnotationProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}: {}", self.file.display(), self.place, self.detail)
    }
}

/// How often each sort of problem occurs.
pub(crate) fn problem_counts(problems: &[AnnotationProblem]) -> BTreeMap<ProblemKind, usize> {
    let mut counts = BTreeMap::new();
    for problem in problems {
        *counts.entry(problem.kind).or_insert(0) += 1;
    }
    counts
}

/// Sorts of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// A box without width or height. It is left out.
    DegenerateBox,
    /// A box that lies wholly outside its image. It is left out.
    BoxOutsideImage,
    /// A box that reaches over the edge of its image by more than [`CLIP_TOLERANCE`]. The part inside is kept.
    ClippedBox,
    /// A second object of the same class with the same box. It is kept.
    DuplicateBox,
    /// A second annotation with the same number. It is kept.
    DuplicateId,
    /// Two classes with the same name. Both are kept.
    DuplicateClass,
    /// An image that an annotation names and that does not exist. The sample stays, and reading it is an error.
    MissingImage,
    /// An image whose header cannot be read where boxes need its size. The sample stays, and reading it is an error.
    UnreadableImage,
    /// An annotation that names another image than the one it belongs to by its own name.
    NameMismatch,
    /// An annotation file that belongs to no image. It is left out.
    AnnotationWithoutImage,
    /// An image without an annotation file, in a format that wants one. It is left out.
    ImageWithoutAnnotation,
}

impl ProblemKind {
    /// A few words for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::DegenerateBox => "box without area, left out",
            Self::BoxOutsideImage => "box outside its image, left out",
            Self::ClippedBox => "box clipped to its image",
            Self::DuplicateBox => "same object twice",
            Self::DuplicateId => "same id twice",
            Self::DuplicateClass => "same class name twice",
            Self::MissingImage => "image missing",
            Self::UnreadableImage => "image unreadable",
            Self::NameMismatch => "names another image",
            Self::AnnotationWithoutImage => "annotation without image, left out",
            Self::ImageWithoutAnnotation => "image without annotation, left out",
        }
    }
}

/// How far in pixels a box may reach over the edge of its image without a word: annotation tools round.
pub const CLIP_TOLERANCE: f64 = 1.0;

/// The part of a box `(x1, y1, x2, y2)` in pixels that lies in an image of `size`, and the problem with it, if any;
/// without a size, only that it has an area is looked at.
pub(crate) fn fit_box(corners: [f64; 4], size: Option<(u32, u32)>) -> (Option<BBox>, Option<(ProblemKind, String)>) {
    let [x1, y1, x2, y2] = corners;
    let describe = || format!("box ({}, {}, {}, {})", Short(x1), Short(y1), Short(x2), Short(y2));
    let kept = |[x1, y1, x2, y2]: [f64; 4]| BBox::from_xyxy(x1 as f32, y1 as f32, x2 as f32, y2 as f32);
    // Comparisons in this form hold for numbers that are not finite as well.
    if !(x2 > x1 && y2 > y1 && kept(corners).is_valid()) {
        return (None, Some((ProblemKind::DegenerateBox, describe())));
    }
    let Some((width, height)) = size else { return (Some(kept(corners)), None) };
    let limits = [f64::from(width), f64::from(height)];
    let inside =
        [x1.clamp(0.0, limits[0]), y1.clamp(0.0, limits[1]), x2.clamp(0.0, limits[0]), y2.clamp(0.0, limits[1])];
    let bbox = kept(inside);
    if !bbox.is_valid() {
        let detail = format!("{} in an image of {width}×{height}", describe());
        return (None, Some((ProblemKind::BoxOutsideImage, detail)));
    }
    let excess = corners.iter().zip(inside).map(|(before, after)| (before - after).abs()).fold(0.0, f64::max);
    let problem = (excess > CLIP_TOLERANCE)
        .then(|| (ProblemKind::ClippedBox, format!("{} in an image of {width}×{height}", describe())));
    (Some(bbox), problem)
}

/// A length with at most two digits after the point.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.0);
        formatter.write_str(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(corners: [f64; 4]) -> (Option<BBox>, Option<ProblemKind>) {
        let (bbox, problem) = fit_box(corners, Some((100, 50)));
        (bbox, problem.map(|(kind, _)| kind))
    }

    #[test]
    fn boxes_are_clipped_or_left_out() {
        let kept = |x1, y1, x2, y2| Some(BBox::from_xyxy(x1, y1, x2, y2));
        assert_eq!(fitted([10.0, 5.0, 100.0, 50.0]), (kept(10.0, 5.0, 100.0, 50.0), None));
        // Half a pixel too far is rounding; two pixels are not.
        assert_eq!(fitted([-0.5, 0.0, 100.5, 50.0]), (kept(0.0, 0.0, 100.0, 50.0), None));
        assert_eq!(fitted([-2.0, 0.0, 50.0, 50.0]), (kept(0.0, 0.0, 50.0, 50.0), Some(ProblemKind::ClippedBox)));
        assert_eq!(fitted([100.0, 0.0, 120.0, 50.0]), (None, Some(ProblemKind::BoxOutsideImage)));
        assert_eq!(fitted([10.0, -20.0, 20.0, 0.0]), (None, Some(ProblemKind::BoxOutsideImage)));
        for degenerate in [
            [10.0, 5.0, 10.0, 9.0],
            [10.0, 5.0, 20.0, 5.0],
            [20.0, 5.0, 10.0, 9.0],
            [f64::NAN, 5.0, 10.0, 9.0],
            [0.0, 0.0, f64::INFINITY, 9.0],
        ] {
            assert_eq!(fitted(degenerate), (None, Some(ProblemKind::DegenerateBox)), "{degenerate:?}");
        }
    }

    #[test]
    fn messages_name_place_and_numbers() {
        let (_, problem) = fit_box([504.0, 337.0, 504.0, 337.25], None);
        let (kind, detail) = problem.unwrap();
        let problem = AnnotationProblem::at_line(kind, Path::new("a.xml"), 12, detail);
        assert_eq!(problem.to_string(), "a.xml:12: box (504, 337, 504, 337.25)");
    }
}
