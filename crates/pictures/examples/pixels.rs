//! Decodes image files and prints a digest of each one's pixels, for comparison with other decoders
//! (`docs/peers/jpeg_pixels.py`), and how long decoding took.
//!
//!     cargo run --release -p pictures --example pixels -- FILE…
//!     cargo run --release -p pictures --example pixels -- --time ROUNDS FILE…

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use pictures::image_file;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "--time") {
        let rounds: usize = arguments.get(1).ok_or("expected a number of rounds")?.parse()?;
        let files = arguments.split_off(2);
        let mut best = f64::INFINITY;
        for _ in 0..rounds {
            let start = Instant::now();
            for file in &files {
                image_file::read(Path::new(file))?;
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{:.1} images a second", files.len() as f64 / best);
        return Ok(());
    }
    for file in &arguments {
        let image = image_file::read(Path::new(file))?;
        let digest: String = Sha256::digest(image.as_raw()).iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{digest}  {}x{}  {file}", image.width(), image.height());
    }
    Ok(())
}
