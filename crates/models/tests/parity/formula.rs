//! Weights and images made by a formula, the same here and in `export_torch.py`.

use tensor_backend::state_dict::{NamedTensor, TensorInfo};

/// `count` values in [-1, 1) that depend on `name`: SplitMix64 started at the FNV-1a hash of the name.
pub(crate) fn formula(name: &str, count: usize) -> Vec<f32> {
    const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const FNV_PRIME: u64 = 0x100_0000_01B3;
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let state = name.bytes().fold(FNV_OFFSET, |state, byte| (state ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    (1..=count as u64)
        .map(|index| {
            let mut z = state.wrapping_add(index.wrapping_mul(GOLDEN));
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            // The upper 24 bits are exact in f32.
            (z >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

/// Values of one tensor of a network: sizes as an initialiser would draw them, none of them trivial.
pub(crate) fn formula_tensor(info: &TensorInfo) -> NamedTensor {
    let TensorInfo { name, shape, .. } = info;
    let (offset, scale) = if name.ends_with("running_var") {
        (1.0, 0.5)
    } else if name.ends_with("running_mean") || name.ends_with("bias") {
        (0.0, 0.1)
    } else if name.ends_with("bn3.weight") {
        (0.09375, 0.03125)
    } else if shape.len() == 1 {
        (0.75, 0.25)
    } else {
        let fan_in: usize = shape[1..].iter().product();
        (0.0, (6.0 / fan_in as f64).sqrt() as f32)
    };
    let values = formula(name, shape.iter().product()).into_iter().map(|unit| offset + scale * unit).collect();
    NamedTensor { name: name.clone(), shape: shape.clone(), values }
}

#[test]
fn the_formula_gives_the_values_that_python_gives() {
    // `formula("images", 3)` in `export_torch.py`.
    assert_eq!(formula("images", 3), [-0.631_051_06, -0.936_248_54, -0.781_534_3]);
}
