//! The inverse discrete cosine transform, in the fixed point of libjpeg's "slow integer" method.
//!
//! Loeffler, Ligtenberg and Moschytz 1989, "Practical fast 1-D DCT algorithms with 11 multiplications", figure 1: first
//! the columns, then the rows, with 13 bits of fraction in the constants and 2 more bits kept between the passes. Where
//! libjpeg rounds, this rounds, so pixels are equal bit for bit.

/// Bits of fraction of the constants.
const CONSTANT_BITS: u32 = 13;
/// Bits of fraction kept between the passes.
const PASS_BITS: u32 = 2;
/// What a sample of all coefficients zero is.
const CENTRE: i32 = 128;

/// A constant with [`CONSTANT_BITS`] bits of fraction.
const fn fixed(value: f64) -> i32 {
    (value * (1 << CONSTANT_BITS) as f64 + 0.5) as i32
}

/// Eight values side by side, one of each column.
type Lanes = [i32; 8];

/// One pass over eight columns, whose results have `SHIFT` bits more of fraction than they are given back with.
///
/// A plain loop over the columns, which compilers turn into vectors.
#[inline(always)]
fn pass<const SHIFT: u32>(input: &[Lanes; 8], output: &mut [Lanes; 8]) {
    for lane in 0..8 {
        let at = |row: usize| input[row][lane];
        let times = |value: i32, factor: i32| value.wrapping_mul(factor);
        // Even part.
        let common = times(at(2).wrapping_add(at(6)), fixed(0.541_196_100));
        let even2 = common.wrapping_sub(times(at(6), fixed(1.847_759_065)));
        let even3 = common.wrapping_add(times(at(2), fixed(0.765_366_865)));
        let even0 = at(0).wrapping_add(at(4)) << CONSTANT_BITS;
        let even1 = at(0).wrapping_sub(at(4)) << CONSTANT_BITS;
        let even = [
            even0.wrapping_add(even3),
            even1.wrapping_add(even2),
            even1.wrapping_sub(even2),
            even0.wrapping_sub(even3),
        ];

        // Odd part.
        let (z1, z2) = (at(7).wrapping_add(at(1)), at(5).wrapping_add(at(3)));
        let (z3, z4) = (at(7).wrapping_add(at(3)), at(5).wrapping_add(at(1)));
        let z5 = times(z3.wrapping_add(z4), fixed(1.175_875_602));
        let z1 = times(z1, -fixed(0.899_976_223));
        let z2 = times(z2, -fixed(2.562_915_447));
        let z3 = times(z3, -fixed(1.961_570_560)).wrapping_add(z5);
        let z4 = times(z4, -fixed(0.390_180_644)).wrapping_add(z5);
        let odd = [
            times(at(1), fixed(1.501_321_110)).wrapping_add(z1).wrapping_add(z4),
            times(at(3), fixed(3.072_711_026)).wrapping_add(z2).wrapping_add(z3),
            times(at(5), fixed(2.053_119_869)).wrapping_add(z2).wrapping_add(z4),
            times(at(7), fixed(0.298_631_336)).wrapping_add(z1).wrapping_add(z3),
        ];

        for row in 0..4 {
            let half = 1 << (SHIFT - 1);
            output[row][lane] = even[row].wrapping_add(odd[row]).wrapping_add(half) >> SHIFT;
            output[7 - row][lane] = even[row].wrapping_sub(odd[row]).wrapping_add(half) >> SHIFT;
        }
    }
}

/// The samples of a block of dequantised coefficients, both row by row.
#[inline(always)]
pub(super) fn inverse(coefficients: &[Lanes; 8]) -> [[u8; 8]; 8] {
    let mut columns = [[0; 8]; 8];
    pass::<{ CONSTANT_BITS - PASS_BITS }>(coefficients, &mut columns);
    let mut transposed = [[0; 8]; 8];
    for row in 0..8 {
        for column in 0..8 {
            transposed[row][column] = columns[column][row];
        }
    }
    pass::<{ CONSTANT_BITS + PASS_BITS + 3 }>(&transposed, &mut columns);
    let mut samples = [[0; 8]; 8];
    for row in 0..8 {
        for column in 0..8 {
            samples[row][column] = sample(columns[column][row]);
        }
    }
    samples
}

/// The value of all samples of a block that has but its first coefficient.
pub(super) const fn flat(coefficient: i32) -> u8 {
    sample(coefficient.wrapping_add(4) >> 3)
}

#[inline(always)]
const fn sample(value: i32) -> u8 {
    let value = value.wrapping_add(CENTRE);
    if value < 0 {
        0
    } else if value > 255 {
        255
    } else {
        value as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_those_of_libjpeg() {
        assert_eq!([fixed(0.298_631_336), fixed(0.541_196_100), fixed(3.072_711_026)], [2446, 4433, 25172]);
    }

    #[test]
    fn samples_are_within_one_of_the_exact_transform() {
        let mut coefficients = [[0; 8]; 8];
        for (index, value) in [(0, 300), (1, -75), (8, 41), (9, 30), (18, -22), (35, 17), (63, -9)] {
            coefficients[index / 8][index % 8] = value;
        }
        let found = inverse(&coefficients);
        let scale = |k: usize| if k == 0 { 0.5f64.sqrt() } else { 1.0 };
        let cosine = |x: usize, u: usize| ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos();
        for (y, row) in found.iter().enumerate() {
            for (x, &sample) in row.iter().enumerate() {
                let mut exact = 128.0;
                for (v, row) in coefficients.iter().enumerate() {
                    for (u, &coefficient) in row.iter().enumerate() {
                        exact += 0.25 * scale(u) * scale(v) * f64::from(coefficient) * cosine(x, u) * cosine(y, v);
                    }
                }
                assert!((f64::from(sample) - exact).abs() < 1.0, "{x}, {y}: {sample} {exact}");
            }
        }
    }

    #[test]
    fn a_flat_block_needs_no_transform() {
        for coefficient in [-2048, -1024, -7, -4, 0, 3, 4, 12, 500, 1023, 2047] {
            let mut coefficients = [[0; 8]; 8];
            coefficients[0][0] = coefficient;
            assert_eq!(inverse(&coefficients), [[flat(coefficient); 8]; 8], "{coefficient}");
        }
    }
}
