//! A contact sheet of an augmentation pipeline: the image itself, then one draw after the other.
//!
//!     cargo run --release -p augment --example contact_sheet IMAGE OUT.png [PIPELINE.json] [DRAWS]
//!
//! `PIPELINE.json` is a list of augmentations, such as `[{"kind": "affine", "rotation": 30}]`; without one, or with
//! `-`, a flip, a warp, colour jitter and an erased rectangle are shown. The yellow frame in each picture is a box
//! around the middle of the image, moved by the same draw.

use augment::{AugmentKey, Augmentation, ImageSize, Pipeline, Resize};
use image::{GenericImage, Rgb, RgbImage};
use vision_types::BBox;

const DEFAULT_PIPELINE: &str = r#"[
    {"kind": "horizontal-flip"},
    {"kind": "affine", "rotation": 25, "shift_x": 0.1, "shift_y": 0.1, "shear_x": 10, "zoom": 0.2, "fill_mode": "reflect"},
    {"kind": "color-jitter", "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
    {"kind": "random-erasing"}
]"#;
/// Side of the square that a picture is fitted into, and pictures in a row.
const TILE: u32 = 160;
const COLUMNS: u32 = 6;
const DEFAULT_DRAWS: u64 = 23;

fn fitted(image: RgbImage) -> RgbImage {
    let step = Augmentation::Resize(Resize { longer_side: Some(TILE), ..Resize::default() });
    Pipeline::new([step]).apply(image, AugmentKey { seed: 0, epoch: 0, index: 0 })
}

fn frame(image: &mut RgbImage, bbox: BBox) {
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    let (x1, x2) = (bbox.x1 as u32, (bbox.x2 as u32).min(right));
    let (y1, y2) = (bbox.y1 as u32, (bbox.y2 as u32).min(bottom));
    let yellow = Rgb([255, 220, 0]);
    for x in x1..=x2 {
        image.put_pixel(x, y1, yellow);
        image.put_pixel(x, y2, yellow);
    }
    for y in y1..=y2 {
        image.put_pixel(x1, y, yellow);
        image.put_pixel(x2, y, yellow);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, ..] = &arguments[..] else {
        return Err("usage: contact_sheet IMAGE OUT.png [PIPELINE.json] [DRAWS]".into());
    };
    let text = match arguments.get(2).filter(|path| *path != "-") {
        Some(path) => std::fs::read_to_string(path)?,
        None => DEFAULT_PIPELINE.to_owned(),
    };
    let draws = arguments.get(3).map_or(Ok(DEFAULT_DRAWS), |count| count.parse())?;
    let pipeline: Pipeline = serde_json::from_str(&text)?;
    pipeline.validate()?;

    let image = fitted(image::open(input)?.into_rgb8());
    let size = ImageSize::of(&image);
    let (width, height) = (size.width as f32, size.height as f32);
    let middle = BBox::from_cxcywh(width / 2.0, height / 2.0, width / 2.0, height / 2.0);
    let mut pictures = vec![image.clone()];
    frame(&mut pictures[0], middle);
    for index in 0..draws {
        let drawn = pipeline.draw(AugmentKey { seed: 0, epoch: 0, index }, size);
        let mut picture = drawn.apply_image(image.clone());
        if let Some(bbox) = drawn.apply_boxes(&[middle], 0.0)[0] {
            frame(&mut picture, bbox);
        }
        pictures.push(fitted(picture));
    }
    let rows = (pictures.len() as u32).div_ceil(COLUMNS);
    let mut sheet = RgbImage::from_pixel(COLUMNS * TILE, rows * TILE, Rgb([255; 3]));
    for (index, picture) in pictures.iter().enumerate() {
        let (column, row) = (index as u32 % COLUMNS, index as u32 / COLUMNS);
        sheet.copy_from(picture, column * TILE, row * TILE)?;
    }
    sheet.save(output)?;
    println!("{output}: {} pictures", pictures.len());
    Ok(())
}
