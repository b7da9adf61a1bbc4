//! A contact sheet of augmented detection images with their boxes: mosaics, mosaics with another image blended in, and
//! crops that keep an object.
//!
//!     cargo run --release -p augment --example detection_sheet IMAGES LABELS OUT.png [ROWS]
//!
//! `IMAGES` is a folder of pictures and `LABELS` one of YOLO files of the same names (`class cx cy width height` a
//! line, as shares of the sides). Each row starts from another image and has two draws of each kind.

use std::error::Error;
use std::path::{Path, PathBuf};

use augment::{AugmentKey, DetectionMixup, ImageSize, Mosaic, Pipeline};
use image::{GenericImage, Rgb, RgbImage};
use vision_types::{BBox, Instance};

/// Side of a picture.
const TILE: u32 = 320;
/// Pictures of each kind in a row.
const DRAWS: u64 = 2;
const DEFAULT_ROWS: u64 = 3;
const CROPS: &str = r#"[
    {"kind": "safe-box-crop"}, {"kind": "horizontal-flip"}, {"kind": "hsv-jitter"}, {"kind": "zoom-out", "ratio": [1, 2]},
    {"kind": "letterbox", "size": 320}
]"#;
/// Share of an object that must stay visible in a crop.
const MIN_VISIBLE: f32 = 0.2;

type Annotated = (RgbImage, Vec<Instance>);

fn read(image: &Path, labels: &Path) -> Result<Annotated, Box<dyn Error>> {
    let picture = image::open(image)?.into_rgb8();
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let file = labels.join(image.file_name().ok_or("no file name")?).with_extension("txt");
    // Images without objects have no file.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let instance = |line: &str| -> Result<Instance, Box<dyn Error>> {
        let numbers = line.split_whitespace().skip(1).map(str::parse).collect::<Result<Vec<f32>, _>>()?;
        let [cx, cy, w, h] = numbers[..] else { return Err(format!("not a box: {line}").into()) };
        let class = line.split_whitespace().next().unwrap_or_default().parse()?;
        Ok(Instance::from_box(BBox::from_cxcywh(cx * width, cy * height, w * width, h * height), class))
    };
    Ok((picture, text.lines().map(instance).collect::<Result<_, _>>()?))
}

fn framed((mut image, instances): Annotated) -> RgbImage {
    for instance in instances {
        let hue = (instance.class * 67 % 192) as u8;
        let colour = Rgb([255 - hue, 255, hue]);
        let BBox { x1, y1, x2, y2 } = instance.bbox;
        let (right, bottom) = (image.width() - 1, image.height() - 1);
        let (x1, x2) = (x1 as u32, (x2 as u32).min(right));
        let (y1, y2) = (y1 as u32, (y2 as u32).min(bottom));
        for x in x1..=x2 {
            image.put_pixel(x, y1, colour);
            image.put_pixel(x, y2, colour);
        }
        for y in y1..=y2 {
            image.put_pixel(x1, y, colour);
            image.put_pixel(x2, y, colour);
        }
    }
    image
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [images, labels, output, ..] = &arguments[..] else {
        return Err("usage: detection_sheet IMAGES LABELS OUT.png [ROWS]".into());
    };
    let rows = arguments.get(3).map_or(Ok(DEFAULT_ROWS), |rows| rows.parse())?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(images)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    let sample = |index: usize| read(&files[index], Path::new(labels));
    let size = ImageSize::new(TILE, TILE);
    let (mosaic, mixup) = (Mosaic::default(), DetectionMixup::default());
    let crops: Pipeline = serde_json::from_str(CROPS)?;

    let mut sheet = RgbImage::new(3 * DRAWS as u32 * TILE, rows as u32 * TILE);
    for (row, draw) in (0..rows).flat_map(|row| (0..DRAWS).map(move |draw| (row, draw))) {
        let key = AugmentKey { seed: 0, epoch: draw, index: row };
        let first = row as usize % files.len();
        let drawn = mosaic.draw(key, files.len(), size).ok_or("no image")?;
        let [second, third, fourth] = drawn.partners();
        let four = drawn.apply([sample(first)?, sample(second)?, sample(third)?, sample(fourth)?]);
        let blend = mixup.draw(key, files.len(), size).ok_or("no image")?;
        let blended = blend.apply(four.clone(), sample(blend.partner())?);
        let (image, instances) = sample(first)?;
        let boxes: Vec<BBox> = instances.iter().map(|instance| instance.bbox).collect();
        let cropped = crops.draw_around(key, ImageSize::of(&image), &boxes);
        let instances = cropped.apply_instances(instances, MIN_VISIBLE);
        let cropped = (cropped.apply_image(image), instances);
        for (kind, picture) in (0u32..).zip([four, blended, cropped]) {
            sheet.copy_from(&framed(picture), (kind * DRAWS as u32 + draw as u32) * TILE, row as u32 * TILE)?;
        }
    }
    sheet.save(output)?;
    println!("{output}: {rows} rows of {DRAWS} mosaics, {DRAWS} blends and {DRAWS} crops");
    Ok(())
}
