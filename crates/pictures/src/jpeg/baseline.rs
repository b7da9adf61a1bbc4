//! Decoding to planes of samples: sequential JPEG with Huffman codes, one scan and eight bits; grey, YCbCr or RGB.
//!
//! Only files without the least fault are decoded here; whatever is unusual or damaged is left to the general decoder,
//! whose errors say what is wrong.

use super::huffman::{Bits, HuffmanTable};
use super::plane::{Plane, Subsampling};
use super::segments::{Colours, Frame, Scan, Segments, Step, ZIGZAG};
use super::transform::{flat, inverse};

/// A decoded image.
pub(super) enum Planes {
    Grey(Plane),
    Colour { planes: [Plane; 3], subsampling: Subsampling, colours: Colours },
}

/// A component while its blocks are decoded.
struct Decoding {
    plane: Plane,
    /// Blocks of a unit, across and down.
    blocks: [usize; 2],
    quantisation: [i32; 64],
    prediction: i32,
}

/// The planes of the file in `bytes`, whose image is of `size` (width and height); `None` where it is not an ordinary
/// one without fault.
#[inline(always)]
pub(super) fn planes(bytes: &[u8], size: [usize; 2]) -> Option<Planes> {
    let mut segments = Segments::new(bytes)?;
    let scan = loop {
        match segments.next_step()? {
            Step::Scan(scan) => break scan,
            Step::Other => {}
            Step::End => return None,
        }
    };
    let frame = segments.frame()?.clone();
    // Before anything of that size is allocated.
    ([frame.width, frame.height] == size).then_some(())?;
    let (subsampling, colours) = (frame.subsampling()?, segments.colours()?);
    let units = [frame.width.div_ceil(8 * frame.most[0]), frame.height.div_ceil(8 * frame.most[1])];
    let mut components: Vec<Decoding> = frame
        .components
        .iter()
        .map(|component| {
            let [across, down] = component.sampling;
            let stride = units[0] * across * 8;
            Some(Decoding {
                plane: Plane {
                    width: (frame.width * across).div_ceil(frame.most[0]),
                    height: (frame.height * down).div_ceil(frame.most[1]),
                    stride,
                    samples: vec![0; stride * units[1] * down * 8],
                },
                blocks: component.sampling,
                quantisation: segments.quantisation(component.table)?,
                prediction: 0,
            })
        })
        .collect::<Option<_>>()?;
    let end = decode_scan(bytes, &scan, &segments, &mut components, units)?;
    segments.seek(end);
    // One scan has all components; nothing but the end may follow.
    loop {
        match segments.next_step()? {
            Step::Other => {}
            Step::Scan(_) => return None,
            Step::End => break,
        }
    }
    let mut planes = components.into_iter().map(|component| component.plane);
    match (planes.next(), planes.next(), planes.next()) {
        (Some(grey), None, None) => Some(Planes::Grey(grey)),
        (Some(y), Some(cb), Some(cr)) => Some(Planes::Colour { planes: [y, cb, cr], subsampling, colours }),
        _ => None,
    }
}

/// Decodes the entropy coded data of the only scan; gives where they end.
#[inline(always)]
fn decode_scan(
    bytes: &[u8],
    scan: &Scan,
    segments: &Segments<'_>,
    components: &mut [Decoding],
    units: [usize; 2],
) -> Option<usize> {
    if scan.tables.len() != components.len() {
        return None;
    }
    let tables: Vec<[&HuffmanTable; 2]> = scan
        .tables
        .iter()
        .enumerate()
        .map(|(index, chosen)| {
            (chosen.component == index).then_some(())?;
            Some([segments.huffman(0, chosen.dc)?, segments.huffman(1, chosen.ac)?])
        })
        .collect::<Option<_>>()?;
    let mut bits = Bits::new(bytes, scan.start);
    let count = units[0] * units[1];
    for unit in 0..count {
        if scan.restart > 0 && unit > 0 && unit.is_multiple_of(scan.restart) {
            let marker = bits.end()?;
            let number = (unit / scan.restart - 1) % 8;
            (bytes.get(marker..marker + 2)? == [0xFF, 0xD0 + number as u8]).then_some(())?;
            bits = Bits::new(bytes, marker + 2);
            components.iter_mut().for_each(|component| component.prediction = 0);
        }
        let (column, row) = (unit % units[0], unit / units[0]);
        for (component, [dc, ac]) in components.iter_mut().zip(&tables) {
            let [across, down] = component.blocks;
            for y in 0..down {
                for x in 0..across {
                    decode_block(&mut bits, component, dc, ac, column * across + x, row * down + y)?;
                }
            }
        }
        if bits.is_overdrawn() {
            return None;
        }
    }
    bits.end()
}

/// Decodes the block at `column` and `row` and transforms it.
#[inline(always)]
fn decode_block(
    bits: &mut Bits<'_>,
    component: &mut Decoding,
    dc: &HuffmanTable,
    ac: &HuffmanTable,
    column: usize,
    row: usize,
) -> Option<()> {
    let size = bits.symbol(dc)?;
    if size > 11 {
        return None;
    }
    component.prediction = component.prediction.wrapping_add(bits.signed(u32::from(size)));
    let mut coefficients = [[0i32; 8]; 8];
    let flat_coefficients = coefficients.as_flattened_mut();
    flat_coefficients[0] = component.prediction.wrapping_mul(component.quantisation[0]);
    let mut position = 1;
    let mut last = 0;
    while position < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                break;
            }
            position += 16;
            continue;
        }
        position += run;
        if position > 63 || size > 10 {
            return None;
        }
        let natural = usize::from(ZIGZAG[position]);
        flat_coefficients[natural] = bits.signed(size).wrapping_mul(component.quantisation[natural]);
        last = position;
        position += 1;
    }
    if position > 64 {
        return None;
    }
    let Plane { stride, samples, .. } = &mut component.plane;
    let start = row * 8 * *stride + column * 8;
    let rows = samples.get_mut(start..start + 7 * *stride + 8)?.chunks_mut(*stride);
    if last == 0 {
        let value = flat(coefficients[0][0]);
        rows.for_each(|row| row[..8].fill(value));
    } else {
        for (to, from) in rows.zip(inverse(&coefficients)) {
            to[..8].copy_from_slice(&from);
        }
    }
    Some(())
}

impl Frame {
    /// How many pixels a sample of colour stands for; `None` where luminance has fewer samples than pixels, or a unit
    /// more blocks than the standard allows (B.2.3).
    fn subsampling(&self) -> Option<Subsampling> {
        const MOST_BLOCKS: usize = 10;
        let [first, colour @ ..] = &self.components[..] else { return None };
        let [across, down] = first.sampling;
        let usual = first.sampling == self.most
            && colour.iter().all(|component| component.sampling == [1, 1])
            && across * down + colour.len() <= MOST_BLOCKS;
        usual.then_some(Subsampling { across, down })
    }
}
