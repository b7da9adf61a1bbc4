//! Huffman codes (ITU-T T.81, annexes C and F).

/// Bits that a table looks at in one step; most codes are shorter.
const LOOKED_AT: u32 = 9;
/// The longest code.
const LONGEST: usize = 16;

/// A table of codes.
#[derive(Debug, Clone)]
pub(super) struct HuffmanTable {
    /// For the next [`LOOKED_AT`] bits: length of the code times 256 plus its symbol; 0 where the code is longer.
    short: Box<[u16; 1 << LOOKED_AT]>,
    /// For each length: one past the last code of this length, brought to 16 bits; codes of a length follow one
    /// another.
    limits: [u32; LONGEST + 1],
    /// For each length: what is added to a code to give its symbol's position.
    offsets: [i32; LONGEST + 1],
    symbols: Vec<u8>,
}

impl HuffmanTable {
    /// The table of the numbers of codes of each length from 1, and all symbols in order; `None` where there are too
    /// many codes.
    pub(super) fn new(counts: &[u8; LONGEST], symbols: &[u8]) -> Option<Self> {
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > 256 || total != symbols.len() {
            return None;
        }
        let mut table = Self {
            short: Box::new([0; 1 << LOOKED_AT]),
            limits: [0; LONGEST + 1],
            offsets: [0; LONGEST + 1],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut position) = (0u32, 0usize);
        for length in 1..=LONGEST {
            let count = u32::from(counts[length - 1]);
            table.offsets[length] = position as i32 - code as i32;
            for _ in 0..count {
                if length as u32 <= LOOKED_AT {
                    let spare = LOOKED_AT - length as u32;
                    let first = (code << spare) as usize;
                    let entry = (length as u16) << 8 | u16::from(symbols[position]);
                    table.short.get_mut(first..first + (1 << spare))?.fill(entry);
                }
                code += 1;
                position += 1;
            }
            if code > 1 << length {
                return None;
            }
            table.limits[length] = code << (LONGEST - length);
            code <<= 1;
        }
        Some(table)
    }
}

/// The bits of entropy coded data, in which a zero follows each 0xFF.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    position: usize,
    /// The next bits, the first in the highest place.
    buffer: u64,
    /// Bits in `buffer`.
    held: u32,
    /// Bits in `buffer` that are not from the data, which had ended.
    invented: u32,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(data: &'a [u8], position: usize) -> Self {
        Self { data, position, buffer: 0, held: 0, invented: 0 }
    }

    /// Fills the buffer with at least 48 bits, zeros where a marker follows.
    #[inline(always)]
    fn refill(&mut self) {
        if self.held >= 48 {
            return;
        }
        if let Some(next) = self.data.get(self.position..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*next);
            // No byte of 0xFF among them: none is zero in the complement.
            let inverted = !word;
            const ONES: u64 = 0x0101_0101_0101_0101;
            if inverted.wrapping_sub(ONES) & word & (ONES << 7) == 0 {
                let bytes = (64 - self.held) / 8;
                // Of the bytes that fit; what is beyond them is filled in again later.
                let kept = if bytes == 8 { word } else { word >> (64 - 8 * bytes) << (64 - 8 * bytes) };
                self.buffer |= kept >> self.held;
                self.held += 8 * bytes;
                self.position += bytes as usize;
                return;
            }
        }
        self.refill_slowly();
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.held <= 56 {
            let byte = match self.data[self.position.min(self.data.len())..] {
                [0xFF, 0x00, ..] => {
                    self.position += 2;
                    0xFF
                }
                [0xFF, ..] | [] => {
                    self.invented += 8;
                    0
                }
                [byte, ..] => {
                    self.position += 1;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
    }

    #[inline(always)]
    const fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.held -= count;
    }

    /// The next symbol; `None` where the bits are no code.
    #[inline(always)]
    pub(super) fn symbol(&mut self, table: &HuffmanTable) -> Option<u8> {
        self.refill();
        let entry = table.short[(self.buffer >> (64 - LOOKED_AT)) as usize];
        if entry != 0 {
            self.skip(u32::from(entry >> 8));
            return Some(entry as u8);
        }
        self.long_symbol(table)
    }

    #[cold]
    fn long_symbol(&mut self, table: &HuffmanTable) -> Option<u8> {
        let next = (self.buffer >> 48) as u32;
        let length = (LOOKED_AT as usize + 1..=LONGEST).find(|length| next < table.limits[*length])?;
        let code = (next >> (LONGEST - length)) as i32;
        self.skip(length as u32);
        table.symbols.get((code + table.offsets[length]) as usize).copied()
    }

    /// The next `size` bits as a signed number: those that begin with 0 are negative (table F.1). At most 16; a symbol
    /// was read before.
    #[inline(always)]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let bits = (self.buffer >> (64 - size)) as i32;
        let negative = self.buffer >> 63 == 0;
        self.skip(size);
        if negative { bits - (1 << size) + 1 } else { bits }
    }

    /// Whether more bits were taken than there were.
    pub(super) const fn is_overdrawn(&self) -> bool {
        self.held < self.invented
    }

    /// Where the marker after these data begins; `None` where whole bytes before it were not used.
    pub(super) fn end(&mut self) -> Option<usize> {
        self.refill_to_the_end();
        let unused = self.held.checked_sub(self.invented)?;
        (self.invented > 0 && unused < 8).then_some(self.position)
    }

    /// So that `position` is where the data end, if that is near.
    fn refill_to_the_end(&mut self) {
        if self.held <= 56 {
            self.refill_slowly();
        }
    }
}
