//! Draws boxes with names on a picture.
//!
//!     cargo run -p pictures --example boxes -- IMAGE OUT.png [X1,Y1,X2,Y2,NAME …]
//!
//! Corners are pixels from the upper left; equal names have equal colours.

use std::error::Error;
use std::path::Path;

use pictures::{class_colour, draw, image_file};
use vision_types::BBox;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, boxes @ ..] = arguments.as_slice() else {
        return Err("usage: boxes IMAGE OUT.png [X1,Y1,X2,Y2,NAME …]".into());
    };
    let mut picture = image_file::read(Path::new(input))?;
    let mut names: Vec<&str> = Vec::new();
    let mut drawn = Vec::with_capacity(boxes.len());
    for text in boxes {
        let parts: Vec<&str> = text.splitn(5, ',').collect();
        let [x1, y1, x2, y2, name] = parts[..] else {
            return Err(format!("{text:?}: expected X1,Y1,X2,Y2,NAME").into());
        };
        let class = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        let bbox = BBox::from_xyxy(x1.parse()?, y1.parse()?, x2.parse()?, y2.parse()?);
        drawn.push((bbox, name, class_colour(class)));
    }
    draw::detections(&mut picture, &drawn);
    picture.save(output)?;
    Ok(())
}
