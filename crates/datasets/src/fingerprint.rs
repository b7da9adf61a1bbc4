//! A short name for exactly these samples, for the record of a run.

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use vision_types::{ClassId, Instance, Mask, Segmentation};

use crate::Dataset;
use crate::digest::hexadecimal;

/// An annotation that can be part of a [`fingerprint`].
pub trait Fingerprint {
    /// Appends bytes that differ wherever annotations differ.
    fn write_bytes(&self, bytes: &mut Vec<u8>);
}

impl Fingerprint for ClassId {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        bytes.extend((*self as u64).to_le_bytes());
    }
}

impl Fingerprint for Mask {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        bytes.extend([self.width(), self.height()].iter().flat_map(|side| side.to_le_bytes()));
        bytes.extend(self.pixels());
    }
}

/// Each variable part begins with its length, which keeps neighbouring parts apart.
impl Fingerprint for Vec<Instance> {
    fn write_bytes(&self, bytes: &mut Vec<u8>) {
        self.len().write_bytes(bytes);
        for instance in self {
            let edges = instance.bbox;
            for edge in [edges.x1, edges.y1, edges.x2, edges.y2] {
                bytes.extend(edge.to_le_bytes());
            }
            instance.class.write_bytes(bytes);
            bytes.extend(instance.area.to_le_bytes());
            bytes.push(u8::from(instance.crowd));
            match &instance.segmentation {
                None => bytes.push(0),
                Some(Segmentation::Polygons(outlines)) => {
                    bytes.push(1);
                    outlines.len().write_bytes(bytes);
                    for outline in outlines {
                        outline.len().write_bytes(bytes);
                        bytes.extend(outline.iter().flatten().flat_map(|position| position.to_le_bytes()));
                    }
                }
                Some(Segmentation::Rle(mask)) => {
                    bytes.push(2);
                    bytes.extend([mask.width, mask.height].iter().flat_map(|side| side.to_le_bytes()));
                    mask.counts.len().write_bytes(bytes);
                    bytes.extend(mask.counts.iter().flat_map(|run| run.to_le_bytes()));
                }
            }
        }
    }
}

/// Samples whose files are looked at together, and whose annotations are in memory at once.
const TOGETHER: usize = 256;

/// SHA-256, in hexadecimal digits, over the number of samples and each one's key, annotation and file size, in order.
///
/// Pixels of images are not read: a change that leaves names, annotations and sizes as they are goes unnoticed.
/// Annotations in files of their own (masks) count by the bytes of these, which are not decoded. A file that is missing
/// or cannot be read counts as such: it is no error here but where its sample is needed. The place of the data set on
/// disk does not matter.
pub fn fingerprint<D>(samples: &D) -> String
where
    D: Dataset<Annotation: Fingerprint> + ?Sized,
{
    let mut hash = Sha256::new();
    hash.update((samples.len() as u64).to_le_bytes());
    for start in (0..samples.len()).step_by(TOGETHER) {
        let end = samples.len().min(start + TOGETHER);
        let parts: Vec<Vec<u8>> = (start..end).into_par_iter().map(|index| bytes_of(samples, index)).collect();
        parts.iter().for_each(|bytes| hash.update(bytes));
    }
    hexadecimal(&hash.finalize())
}

/// What tells sample `index` from others.
fn bytes_of<D>(samples: &D, index: usize) -> Vec<u8>
where
    D: Dataset<Annotation: Fingerprint> + ?Sized,
{
    /// In place of the size of an image file that is not there.
    const NO_FILE: u64 = u64::MAX;
    /// In place of an annotation that cannot be read.
    const UNREADABLE: &[u8] = b"unreadable";
    let key = samples.key(index);
    // The length before the key keeps neighbouring fields apart.
    let mut bytes = (key.len() as u64).to_le_bytes().to_vec();
    bytes.extend(key.as_bytes());
    let files = samples.annotation_files(index);
    if files.is_empty() {
        match samples.annotation(index) {
            Ok(annotation) => annotation.write_bytes(&mut bytes),
            Err(_) => bytes.extend(UNREADABLE),
        }
    } else {
        files.len().write_bytes(&mut bytes);
        for file in files {
            match std::fs::read(&file) {
                Ok(content) => bytes.extend(Sha256::digest(&content)),
                Err(_) => bytes.extend(UNREADABLE),
            }
        }
    }
    let size = samples.file(index).map_or(0, |path| std::fs::metadata(path).map_or(NO_FILE, |file| file.len()));
    bytes.extend(size.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::LabelledFiles;

    #[test]
    fn names_classes_sizes_and_order_count_and_the_place_does_not() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&here, &there] {
            fs::write(folder.path().join("a.png"), "12").unwrap();
            fs::write(folder.path().join("b.png"), "123").unwrap();
        }
        let print = |folder: &tempfile::TempDir, files: &[(&str, usize)]| {
            let files = files.iter().map(|(name, class)| (PathBuf::from(name), *class)).collect();
            fingerprint(&LabelledFiles::new(folder.path(), files))
        };
        let original = print(&here, &[("a.png", 0), ("b.png", 1)]);
        assert_eq!(original.len(), 64);
        assert_eq!(original, print(&there, &[("a.png", 0), ("b.png", 1)]));
        assert_ne!(original, print(&here, &[("b.png", 1), ("a.png", 0)]));
        assert_ne!(original, print(&here, &[("a.png", 1), ("b.png", 1)]));
        assert_ne!(original, print(&here, &[("a.png", 0)]));
        fs::write(here.path().join("b.png"), "1234").unwrap();
        assert_ne!(original, print(&here, &[("a.png", 0), ("b.png", 1)]));
        fs::remove_file(here.path().join("b.png")).unwrap();
        let missing = print(&here, &[("a.png", 0), ("b.png", 1)]);
        assert_ne!(original, missing);
        assert_eq!(missing, print(&here, &[("a.png", 0), ("b.png", 1)]));
    }

    #[test]
    fn shape_and_pixels_of_a_mask_count() {
        let written = |width, height, pixels: &[u8]| {
            let mut bytes = Vec::new();
            Mask::from_pixels(width, height, pixels.to_vec()).unwrap().write_bytes(&mut bytes);
            bytes
        };
        let original = written(2, 3, &[0, 1, 2, 3, 4, 255]);
        assert_eq!(original, written(2, 3, &[0, 1, 2, 3, 4, 255]));
        assert_ne!(original, written(3, 2, &[0, 1, 2, 3, 4, 255]));
        assert_ne!(original, written(2, 3, &[0, 1, 2, 3, 5, 255]));
    }

    #[test]
    fn every_property_of_an_object_counts() {
        use vision_types::{BBox, Rle};
        let original = Instance::from_box(BBox::from_xyxy(1.0, 2.0, 3.0, 4.0), 0);
        let polygon = |outlines: &[&[[f64; 2]]]| {
            Some(Segmentation::Polygons(outlines.iter().map(|outline| outline.to_vec()).collect()))
        };
        let mask = |counts: &[u32]| Some(Segmentation::Rle(Rle { width: 2, height: 2, counts: counts.to_vec() }));
        let variants = [
            vec![],
            vec![original.clone()],
            vec![original.clone(), original.clone()],
            vec![Instance { bbox: BBox::from_xyxy(1.0, 2.0, 3.0, 5.0), ..original.clone() }],
            vec![Instance { class: 1, ..original.clone() }],
            vec![Instance { area: 3.0, ..original.clone() }],
            vec![Instance { crowd: true, ..original.clone() }],
            vec![Instance { segmentation: polygon(&[&[[0.0, 1.0], [2.0, 3.0]]]), ..original.clone() }],
            vec![Instance { segmentation: polygon(&[&[[0.0, 1.0]], &[[2.0, 3.0]]]), ..original.clone() }],
            vec![Instance { segmentation: mask(&[1, 3]), ..original.clone() }],
            vec![Instance { segmentation: mask(&[1, 2, 1]), ..original }],
        ];
        let mut written: Vec<Vec<u8>> = variants
            .iter()
            .map(|instances| {
                let mut bytes = Vec::new();
                instances.write_bytes(&mut bytes);
                bytes
            })
            .collect();
        written.sort();
        written.dedup();
        assert_eq!(written.len(), variants.len());
    }
}
