//! Prints what a folder of images holds: `cargo run -p datasets --example folder_stats -- FOLDER`.

use std::path::Path;

use datasets::stats::stats;
use datasets::{DatasetSpec, FolderSpec, fingerprint};

/// Images read for sizes and colours.
const READ_AT_MOST: usize = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: folder_stats FOLDER")?;
    let splits = DatasetSpec::Auto(FolderSpec::default()).open(Some(Path::new(&folder)))?;
    let stats = stats(&splits, READ_AT_MOST)?;
    for (split, samples) in splits.iter() {
        println!("{split}: {} samples, fingerprint {}", samples.len(), fingerprint(samples));
    }
    for (number, class) in stats.classes.iter().enumerate() {
        let counts: Vec<String> =
            stats.splits.iter().map(|split| format!("{} {}", split.split, split.per_class[number])).collect();
        println!("  {class}: {}", counts.join(", "));
    }
    let images = stats.images;
    println!("{} images read: width {:?}, height {:?}", images.read, images.width, images.height);
    println!("mean {:.4?}, standard deviation {:.4?}", images.mean, images.std);
    println!("{} files passed over", stats.ignored_files);
    Ok(())
}
