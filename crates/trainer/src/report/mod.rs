//! The page that tells a run: one self-contained HTML file with curves, confusions, per-class figures and pictures.
//!
//! Plain data in ([`RunReport`]), one string out ([`render`]). Figures are inline SVG, pictures are data URIs, and
//! nothing is loaded from anywhere, so the file can be mailed, archived and opened years later. Everything that comes
//! from outside passes through the private module `markup`, which escapes it.

mod calibration_chart;
mod confusion_figure;
mod curve_chart;
mod curves_section;
mod data;
mod data_uri;
mod detection_section;
mod evaluation_section;
mod format;
mod frame;
mod gallery_section;
mod line_chart;
mod lr_find_chart;
mod markup;
mod overview_section;
mod page;
mod scale;
mod segmentation_section;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use data::thinned;
pub use data::{
    ClassCurves, CloserLook, DetectionClassRow, DetectionEvaluation, ErrorShare, Evaluation, Gallery, GalleryItem,
    Headline, HistoryRow, Note, NoteLevel, RatioCurve, RunReport, SegmentationEvaluation, SizeRow, SplitScores, Table,
};
pub use format::figure_text;
pub use lr_find_chart::render_lr_find;
pub use page::render;
