//! PyTorch's files since version 1.6: a zip archive with `NAME/data.pkl`, the storages as `NAME/data/KEY`, and
//! `NAME/byteorder`. Of ours, `NAME/okulo.json` says what the weights are; PyTorch passes over it.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use super::materialise;
use crate::error::ContentError;
use crate::pickle;
use crate::select;
use crate::tensor::WeightTensor;

/// How an archive begins.
pub(crate) const MAGIC: &[u8] = b"PK";
/// The record with a description of what the weights are.
pub(crate) const DESCRIPTION_RECORD: &str = "okulo.json";

/// How many times the size of the file all records that are read may have together: PyTorch stores without compression.
const MOST_COMPRESSION: u64 = 16;
/// Bytes that records may have together, however small the file.
const ALWAYS_ACCEPTED: u64 = 1 << 20;

/// The records of an archive, and how many bytes may still be taken out.
struct Records<'a> {
    bytes: &'a [u8],
    archive: ZipArchive<Cursor<&'a [u8]>>,
    prefix: String,
    left: u64,
}

impl<'a> Records<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ContentError> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| ContentError::Archive(error.to_string()))?;
        let pickle = archive.file_names().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
        let Some(prefix) = pickle.and_then(|name| name.strip_suffix("data.pkl")).map(str::to_owned) else {
            return Err(ContentError::Archive("it has no record data.pkl".to_owned()));
        };
        let left = (bytes.len() as u64).saturating_mul(MOST_COMPRESSION).saturating_add(ALWAYS_ACCEPTED);
        Ok(Self { bytes, archive, prefix, left })
    }

    /// A record; `None` where there is none of that name.
    fn read(&mut self, name: &str) -> Result<Option<Cow<'a, [u8]>>, ContentError> {
        let full = format!("{}{name}", self.prefix);
        let problem = |reason: String| ContentError::Archive(format!("record {name}: {reason}"));
        let Some(index) = self.archive.index_for_name(&full) else { return Ok(None) };
        let mut record = self.archive.by_index(index).map_err(|error| problem(error.to_string()))?;
        let size = record.size();
        self.left = self.left.checked_sub(size).ok_or(ContentError::TooLarge {
            what: "bytes of all records together",
            found: size,
            limit: self.left,
        })?;
        // Room for as much as there is; a damaged record may claim more.
        let room =
            size.min(self.bytes.len() as u64 * if record.compression() == CompressionMethod::Stored { 1 } else { 4 });
        let mut content = Vec::with_capacity(room as usize);
        record.by_ref().take(size).read_to_end(&mut content).map_err(|error| problem(error.to_string()))?;
        // One step further, because the checksum is compared at the end.
        let more = record.read(&mut [0]).map_err(|error| problem(error.to_string()))?;
        if content.len() as u64 != size || more != 0 {
            return Err(problem(format!("{} bytes, expected {size}", content.len() + more)));
        }
        Ok(Some(Cow::Owned(content)))
    }

    fn description(&mut self) -> Result<Option<String>, ContentError> {
        let Some(text) = self.read(DESCRIPTION_RECORD)? else { return Ok(None) };
        let text = String::from_utf8(text.into_owned());
        text.map(Some).map_err(|_| ContentError::Archive(format!("record {DESCRIPTION_RECORD} is not UTF-8")))
    }

    fn require(&mut self, name: &str) -> Result<Cow<'a, [u8]>, ContentError> {
        self.read(name)?.ok_or_else(|| ContentError::Archive(format!("it has no record {name}")))
    }
}

/// Tensors of an archive, the key they were under, and its description.
pub(crate) struct ArchiveContent {
    pub(crate) tensors: Vec<WeightTensor>,
    pub(crate) key: Option<String>,
    pub(crate) description: Option<String>,
}

/// The description of an archive that has one.
pub(crate) fn parse_description(bytes: &[u8]) -> Result<Option<String>, ContentError> {
    Records::open(bytes)?.description()
}

pub(crate) fn parse(bytes: &[u8], key: Option<&str>) -> Result<ArchiveContent, ContentError> {
    let mut records = Records::open(bytes)?;
    if records.read("byteorder")?.is_some_and(|order| order.trim_ascii() != b"little") {
        return Err(ContentError::Archive("its values are big-endian, expected little-endian".to_owned()));
    }
    let description = records.description()?;
    let program = records.require("data.pkl")?;
    let pickle = pickle::load(&program)?;
    let chosen = select::state_dict(&pickle, key)?;
    let mut storage = |key: &str, _: &str| -> Result<Cow<'_, [u8]>, ContentError> {
        records.require(&format!("data/{key}")).map(|content| Cow::Owned(content.into_owned()))
    };
    let tensors = materialise(&pickle, &chosen.tensors, bytes.len() as u64, &mut storage)?;
    Ok(ArchiveContent { tensors, key: chosen.key, description })
}
