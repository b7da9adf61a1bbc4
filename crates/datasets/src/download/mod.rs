//! Public data sets and weights: what must be downloaded, and how it is checked and unpacked.

mod error;
pub mod fetch;
mod manifest;
mod unpack;
mod weights_manifest;

pub use manifest::{Manifest, RemoteFile};
pub use unpack::{ArchiveKind, UnpackError, unpack};
pub use weights_manifest::{PublishedFigure, WeightsManifest};
