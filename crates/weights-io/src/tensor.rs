//! A tensor as a file holds it.

use half::{bf16, f16};

/// The type of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// Signed, 64 bits.
    I64,
    /// Signed, 32 bits.
    I32,
    /// Signed, 16 bits.
    I16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 64 bits.
    U64,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 8 bits.
    U8,
    /// One byte, 0 or 1.
    Bool,
}

impl DType {
    /// Bytes of one value.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// A tensor by name, in the type it was stored in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightTensor {
    /// Its name, such as `layer1.0.conv1.weight`.
    pub name: String,
    /// Its shape; empty for a single value.
    pub shape: Vec<usize>,
    /// The type of its values.
    pub dtype: DType,
    /// Its values in row-major order, little-endian: as many bytes as shape and type say.
    pub bytes: Vec<u8>,
}

impl WeightTensor {
    /// A tensor of single precision.
    ///
    /// # Panics
    ///
    /// When `values` are not as many as `shape` says.
    pub fn from_f32(name: impl Into<String>, shape: &[usize], values: &[f32]) -> Self {
        let name = name.into();
        assert_eq!(values.len(), shape.iter().product::<usize>(), "{name} of shape {shape:?}");
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, shape: shape.to_vec(), dtype: DType::F32, bytes }
    }

    /// A single whole number, such as PyTorch's `num_batches_tracked`.
    pub fn scalar_i64(name: impl Into<String>, value: i64) -> Self {
        Self { name: name.into(), shape: Vec::new(), dtype: DType::I64, bytes: value.to_le_bytes().to_vec() }
    }

    /// Its values in single precision, each rounded to the nearest where it has more digits.
    pub fn to_f32(&self) -> Vec<f32> {
        macro_rules! values {
            ($type:ty) => {
                self.bytes
                    .as_chunks::<{ size_of::<$type>() }>()
                    .0
                    .iter()
                    .map(|bytes| <$type>::from_le_bytes(*bytes) as f32)
                    .collect()
            };
        }
        match self.dtype {
            DType::F64 => values!(f64),
            DType::F32 => values!(f32),
            DType::F16 => self.bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            DType::BF16 => self.bytes.as_chunks().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
            DType::I64 => values!(i64),
            DType::I32 => values!(i32),
            DType::I16 => values!(i16),
            DType::I8 => values!(i8),
            DType::U64 => values!(u64),
            DType::U32 => values!(u32),
            DType::U16 => values!(u16),
            DType::U8 => values!(u8),
            DType::Bool => self.bytes.iter().map(|&byte| f32::from(u8::from(byte != 0))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: DType, bytes: &[u8]) -> WeightTensor {
        let shape = vec![bytes.len() / dtype.size()];
        WeightTensor { name: "t".to_owned(), shape, dtype, bytes: bytes.to_vec() }
    }

    #[test]
    fn every_type_becomes_single_precision() {
        assert_eq!(tensor(DType::F32, &1.5f32.to_le_bytes()).to_f32(), [1.5]);
        // 1 / 3 in double precision, rounded.
        assert_eq!(tensor(DType::F64, &(1.0f64 / 3.0).to_le_bytes()).to_f32(), [1.0f32 / 3.0]);
        // 1.5 is sign 0, exponent 15 (half) or 127 (bfloat16), and the first bit of the fraction.
        assert_eq!(tensor(DType::F16, &0x3E00u16.to_le_bytes()).to_f32(), [1.5]);
        assert_eq!(tensor(DType::BF16, &0x3FC0u16.to_le_bytes()).to_f32(), [1.5]);
        assert_eq!(tensor(DType::I64, &(-7i64).to_le_bytes()).to_f32(), [-7.0]);
        assert_eq!(tensor(DType::I32, &(-7i32).to_le_bytes()).to_f32(), [-7.0]);
        assert_eq!(tensor(DType::I16, &(-7i16).to_le_bytes()).to_f32(), [-7.0]);
        assert_eq!(tensor(DType::I8, &[0xF9]).to_f32(), [-7.0]);
        assert_eq!(tensor(DType::U64, &7u64.to_le_bytes()).to_f32(), [7.0]);
        assert_eq!(tensor(DType::U32, &7u32.to_le_bytes()).to_f32(), [7.0]);
        assert_eq!(tensor(DType::U16, &7u16.to_le_bytes()).to_f32(), [7.0]);
        assert_eq!(tensor(DType::U8, &[7, 255]).to_f32(), [7.0, 255.0]);
        assert_eq!(tensor(DType::Bool, &[0, 1]).to_f32(), [0.0, 1.0]);
    }
}
