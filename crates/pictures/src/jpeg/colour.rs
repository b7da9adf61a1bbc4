//! From planes of luminance and colour to RGB, as libjpeg rounds.

use super::plane::{Plane, Subsampling};

/// Bits of fraction of the constants (ITU-T T.871, section 7, in libjpeg's fixed point).
const BITS: u32 = 16;
const RED_OF_CR: i32 = 91_881;
const BLUE_OF_CB: i32 = 116_130;
const GREEN_OF_CR: i32 = 46_802;
const GREEN_OF_CB: i32 = 22_554;

/// The pixels of `[luminance, blue, red]`, or of `[red, green, blue]` where nothing is to be `CONVERTED`, three bytes
/// each. The first plane has a sample a pixel.
#[inline(always)]
pub(super) fn rgb<const CONVERTED: bool>(planes: &[Plane; 3], subsampling: Subsampling) -> Vec<u8> {
    let [luminance, blue, red] = planes;
    let (width, height) = (luminance.width, luminance.height);
    let mut pixels = vec![0; 3 * width * height];
    // Room for a sample more than the width where that is odd.
    let mut rows = [vec![0; width + 1], vec![0; width + 1]];
    let mut sums = vec![0u16; blue.width];
    for (y, row) in pixels.chunks_exact_mut(3 * width).enumerate() {
        if subsampling == (Subsampling { across: 1, down: 1 }) {
            convert::<CONVERTED>(&luminance.row(y)[..width], &blue.row(y)[..width], &red.row(y)[..width], row);
            continue;
        }
        for (plane, upsampled) in [blue, red].into_iter().zip(&mut rows) {
            upsample(plane, y, subsampling, &mut sums, upsampled);
        }
        convert::<CONVERTED>(&luminance.row(y)[..width], &rows[0][..width], &rows[1][..width], row);
    }
    pixels
}

/// Pixels that are converted together.
const TOGETHER: usize = 32;

#[inline(always)]
fn convert<const CONVERTED: bool>(luminance: &[u8], blue: &[u8], red: &[u8], pixels: &mut [u8]) {
    let (ys, y_rest) = luminance.as_chunks::<TOGETHER>();
    let (cbs, cb_rest) = blue.as_chunks::<TOGETHER>();
    let (crs, cr_rest) = red.as_chunks::<TOGETHER>();
    let (blocks, rest) = pixels.as_chunks_mut::<{ 3 * TOGETHER }>();
    for (((block, y), cb), cr) in blocks.iter_mut().zip(ys).zip(cbs).zip(crs) {
        let mut packed = [0u32; TOGETHER];
        for (packed, ((&y, &cb), &cr)) in packed.iter_mut().zip(y.iter().zip(cb).zip(cr)) {
            *packed = pixel::<CONVERTED>(y, cb, cr);
        }
        // Four bytes at once, of which the next pixel overwrites the last.
        for (index, packed) in packed[..TOGETHER - 1].iter().enumerate() {
            block[3 * index..3 * index + 4].copy_from_slice(&packed.to_le_bytes());
        }
        block[3 * TOGETHER - 3..].copy_from_slice(&packed[TOGETHER - 1].to_le_bytes()[..3]);
    }
    for (((to, &y), &cb), &cr) in rest.as_chunks_mut::<3>().0.iter_mut().zip(y_rest).zip(cb_rest).zip(cr_rest) {
        to.copy_from_slice(&pixel::<CONVERTED>(y, cb, cr).to_le_bytes()[..3]);
    }
}

/// Red, green and blue in the three lowest bytes.
#[inline(always)]
fn pixel<const CONVERTED: bool>(y: u8, cb: u8, cr: u8) -> u32 {
    if !CONVERTED {
        return u32::from_le_bytes([y, cb, cr, 0]);
    }
    const HALF: i32 = 1 << (BITS - 1);
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((RED_OF_CR * cr + HALF) >> BITS);
    let green = y + ((-GREEN_OF_CB * cb - GREEN_OF_CR * cr + HALF) >> BITS);
    let blue = y + ((BLUE_OF_CB * cb + HALF) >> BITS);
    (red.clamp(0, 255) | green.clamp(0, 255) << 8 | blue.clamp(0, 255) << 16) as u32
}

/// The samples of row `y` of the image. Where a sample stands for two pixels across, down or both: libjpeg's "fancy
/// upsampling", a triangle filter. Each pixel is three quarters its own sample and one quarter the next nearest, in
/// each direction; halves are rounded up and down in turn.
///
/// Other ratios, and planes of two samples across or fewer, are repeated instead, as libjpeg does.
#[inline(always)]
fn upsample(plane: &Plane, y: usize, subsampling: Subsampling, sums: &mut [u16], upsampled: &mut [u8]) {
    let Subsampling { across, down } = subsampling;
    let row = y / down;
    let near = &plane.row(row)[..plane.width];
    // The nearest row on the other side, the edge rows repeated.
    let upper = y.is_multiple_of(2);
    let far = if upper { row.saturating_sub(1) } else { (row + 1).min(plane.height - 1) };
    let far = &plane.row(far)[..plane.width];
    match (across, down) {
        (1, 2) => {
            let bias = if upper { 1 } else { 2 };
            for ((out, &near), &far) in upsampled.iter_mut().zip(near).zip(far) {
                *out = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
            }
        }
        (2, 1) if plane.width > 2 => {
            sums.iter_mut().zip(near).for_each(|(sum, &near)| *sum = u16::from(near));
            widen::<2>(sums, [0, 0], [1, 2], upsampled);
        }
        (2, 2) if plane.width > 2 => {
            for ((sum, &near), &far) in sums.iter_mut().zip(near).zip(far) {
                *sum = 3 * u16::from(near) + u16::from(far);
            }
            widen::<4>(sums, [8, 7], [8, 7], upsampled);
        }
        _ => {
            for (pixels, &near) in upsampled.chunks_mut(across).zip(near) {
                pixels.fill(near);
            }
        }
    }
}

/// Twice as many samples as `sums`, each brought back by `SHIFT` bits; `edge` and `inner` are added to the left and
/// right half before. At the edges a sample's own value takes the place of its neighbour's.
#[inline(always)]
fn widen<const SHIFT: u32>(sums: &[u16], edge: [u16; 2], inner: [u16; 2], upsampled: &mut [u8]) {
    let last = sums.len() - 1;
    // A sample of one quarter's weight and three quarters is four times the sample, which `edge` rounds.
    let whole = |sum: u16, bias: u16| ((4 * sum + bias) >> SHIFT) as u8;
    let mixed = |near: u16, far: u16, bias: u16| ((3 * near + far + bias) >> SHIFT) as u8;
    let mut set = |index: usize, value: u8| {
        if let Some(slot) = upsampled.get_mut(index) {
            *slot = value;
        }
    };
    set(0, whole(sums[0], edge[0]));
    set(1, mixed(sums[0], sums[1], inner[1]));
    set(2 * last, mixed(sums[last], sums[last - 1], inner[0]));
    set(2 * last + 1, whole(sums[last], edge[1]));
    if last < 2 {
        return;
    }
    let pairs = upsampled[2..].as_chunks_mut::<2>().0;
    for (pair, ((&before, &near), &after)) in pairs.iter_mut().zip(sums.iter().zip(&sums[1..]).zip(&sums[2..])) {
        *pair = [mixed(near, before, inner[0]), mixed(near, after, inner[1])];
    }
}
