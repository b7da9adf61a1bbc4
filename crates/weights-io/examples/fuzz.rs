//! Damages valid weights files in a seeded way and reads them: an error or weights, never a panic. Memory is what the
//! shell allows (`ulimit -v`), so that an allocation out of proportion ends the program.
//!
//! ```text
//! cargo build --release -p weights-io --example fuzz
//! (ulimit -v 2000000; target/release/examples/fuzz SEED SECONDS crates/weights-io/tests/fixtures/*.pth …)
//! ```
//!
//! Prints how many inputs were read and how many of them were still accepted. A panic names the seed and number of the
//! input: `fuzz SEED SECONDS FILES --only NUMBER` reads that one alone.

use std::error::Error;
use std::time::{Duration, Instant};

/// SplitMix64 (Steele, Lea and Flood 2014): good enough to spread damage, and a whole generator in a few lines.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Bytes that mean something to a pickle, a zip archive or a length.
const TELLING: [u8; 16] =
    [0x00, 0x01, 0x7F, 0x80, 0xFF, b'.', b'(', b')', b't', b'}', b'c', b'R', b'Q', b'q', b'J', 0x8A];

/// `bytes` with one to eight damages: bits, bytes, numbers, pieces doubled, moved, cut out or cut off.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            break;
        }
        // Headers and tables stand at the ends of the file, tensors in the middle.
        let position = match random.below(3) {
            0 => random.below(bytes.len().min(600)),
            1 => bytes.len() - 1 - random.below(bytes.len().min(1200)),
            _ => random.below(bytes.len()),
        };
        let end = (position + 1 + random.below(40)).min(bytes.len());
        match random.below(8) {
            0 => bytes[position] ^= 1 << random.below(8),
            1 => bytes[position] = random.next() as u8,
            2 => bytes[position] = TELLING[random.below(TELLING.len())],
            3 => {
                let number = [u64::MAX, 1 << 31, 1 << 62, 0, random.next()][random.below(5)].to_le_bytes();
                let width = [2, 4, 8][random.below(3)].min(bytes.len() - position);
                bytes[position..position + width].copy_from_slice(&number[..width]);
            }
            4 => drop(bytes.drain(position..end)),
            5 => {
                let piece = bytes[position..end].to_vec();
                let to = random.below(bytes.len());
                drop(bytes.splice(to..to, piece));
            }
            6 => {
                let piece = bytes[position..end].to_vec();
                let to = random.below(bytes.len() - piece.len() + 1);
                bytes[to..to + piece.len()].copy_from_slice(&piece);
            }
            _ => bytes.truncate(position),
        }
    }
    bytes
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let only = match arguments.iter().position(|argument| argument == "--only") {
        Some(position) => {
            let number: u64 = arguments.get(position + 1).ok_or("expected a number after --only")?.parse()?;
            arguments.truncate(position);
            Some(number)
        }
        None => None,
    };
    let [seed, seconds, files @ ..] = &arguments[..] else { return Err("expected SEED SECONDS FILES".into()) };
    let (seed, seconds): (u64, u64) = (seed.parse()?, seconds.parse()?);
    let originals: Vec<Vec<u8>> = files.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    if originals.is_empty() {
        return Err("expected at least one valid file".into());
    }
    for (file, bytes) in files.iter().zip(&originals) {
        let state = weights_io::parse(bytes, None)
            .map_or_else(|error| error.to_string(), |weights| format!("{} tensors", weights.tensors.len()));
        println!("{file}: {} bytes, {state}", bytes.len());
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut inputs, mut accepted) = (0u64, 0u64);
    loop {
        let number = only.unwrap_or(inputs);
        let mut random = Random(seed.wrapping_mul(0x1_0000_0001).wrapping_add(number));
        let original = random.below(originals.len());
        let bytes = damaged(&originals[original], &mut random);
        let read = std::panic::catch_unwind(|| weights_io::parse(&bytes, None).is_ok());
        inputs += 1;
        match read {
            Ok(read) => accepted += u64::from(read),
            Err(_) => return Err(format!("input {number} of seed {seed}, made of {}, panics", files[original]).into()),
        }
        if only.is_some() || Instant::now() >= end {
            break;
        }
    }
    println!("{inputs} inputs, {accepted} of them accepted, no panic");
    Ok(())
}
