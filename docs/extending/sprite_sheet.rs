//! A sprite sheet: one picture made of equal square cells, where each row of cells is a class.

use std::path::Path;

use image::{RgbImage, imageops};
use pictures::image_file;
use vision_types::{ClassId, ClassNames, Sample};

use super::image_folder::FolderSpec;
use super::labelled_arrays::array_splits;
use crate::dataset::check_index;
use crate::error::require_in;
use crate::kind::{DataKind, FileSettings, data_settings, has_extension};
use crate::split::Splits;
use crate::{Dataset, DatasetError};

data_settings! {
    /// Settings of `sprite-sheet`; the path is the picture.
    pub struct SpriteSheetSpec from files {
        /// Width and height of a cell in pixels.
        pub cell: u32 = 32;
    } with validation_split
}

impl DataKind for SpriteSheetSpec {
    type Data = Splits;
    type Auto = FolderSpec;
    const LOOKS_LIKE: &'static str = "a sprite sheet (sheet.png)";

    fn open(&self, root: &Path) -> Result<Splits, DatasetError> {
        require_in("cell", self.cell, 1..=1024, " pixels")?;
        let sheet = SpriteSheet::open(root, self.cell)?;
        let classes = ClassNames::new((0..sheet.classes()).map(|row| format!("row {row}")));
        array_splits(sheet, None, classes, self.fractions())
    }

    // Only where `kind = "auto"` should tell it from the files.
    fn recognise(place: &Path, auto: &FolderSpec) -> Result<Option<Self>, DatasetError> {
        let found = place.is_file() && has_extension(place, &["png"]);
        Ok(found.then(|| Self::at(place, auto.fractions())))
    }
}

/// The cells of a sprite sheet, row by row.
#[derive(Debug, Clone)]
pub struct SpriteSheet {
    name: String,
    sheet: RgbImage,
    cell: u32,
}

impl SpriteSheet {
    /// Reads the picture at `path`, made of cells of `cell` × `cell` pixels.
    ///
    /// # Errors
    ///
    /// When the picture cannot be read, or is not made of whole cells.
    pub fn open(path: &Path, cell: u32) -> Result<Self, DatasetError> {
        let sheet = image_file::read(path)?;
        let (width, height) = sheet.dimensions();
        if width % cell != 0 || height % cell != 0 {
            let detail = format!("{width}×{height} pixels, expected multiples of `cell`, which is {cell}");
            return Err(DatasetError::Format { path: path.to_owned(), detail });
        }
        Ok(Self { name: path.display().to_string(), sheet, cell })
    }

    /// Number of classes: rows of cells.
    pub fn classes(&self) -> usize {
        (self.sheet.height() / self.cell) as usize
    }

    fn columns(&self) -> usize {
        (self.sheet.width() / self.cell) as usize
    }
}

impl Dataset for SpriteSheet {
    type Annotation = ClassId;

    fn len(&self) -> usize {
        self.classes() * self.columns()
    }

    fn get(&self, index: usize) -> Result<Sample<ClassId>, DatasetError> {
        let class = self.annotation(index)?;
        let (x, y) = ((index % self.columns()) as u32 * self.cell, class as u32 * self.cell);
        let image = imageops::crop_imm(&self.sheet, x, y, self.cell, self.cell).to_image();
        Ok(Sample { image, annotation: class, source: self.source(index) })
    }

    fn annotation(&self, index: usize) -> Result<ClassId, DatasetError> {
        check_index(index, self.len())?;
        Ok(index / self.columns())
    }

    fn source(&self, index: usize) -> String {
        format!("{}#{index}", self.name)
    }

    fn key(&self, index: usize) -> String {
        format!("cell#{index}")
    }
}
