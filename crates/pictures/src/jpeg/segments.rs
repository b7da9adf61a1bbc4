//! The segments of a file (ITU-T T.81, annex B): tables, the frame's and the scans' headers.

use super::huffman::HuffmanTable;

/// Positions of coefficients in the order of the file (figure A.6).
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// A component in the frame's header.
#[derive(Debug, Clone)]
pub(super) struct Component {
    id: u8,
    /// Blocks of a unit, across and down.
    pub(super) sampling: [usize; 2],
    /// Number of the quantisation table.
    pub(super) table: usize,
}

/// The frame's header.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
    /// The most blocks of a unit that any component has, across and down.
    pub(super) most: [usize; 2],
}

/// Tables of one component in a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanTables {
    /// Which component of the frame.
    pub(super) component: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// A scan's header.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) tables: Vec<ScanTables>,
    /// Units between restart markers; 0 where there are none.
    pub(super) restart: usize,
    /// Where its entropy coded data begin.
    pub(super) start: usize,
}

/// What the components of a frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// Luminance, alone or with two differences of colour.
    Luminance,
    /// Red, green and blue.
    Rgb,
}

/// What came next.
pub(super) enum Step {
    Scan(Scan),
    End,
    Other,
}

/// A walk over the segments, and the tables met on it.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    bytes: &'a [u8],
    position: usize,
    frame: Option<Frame>,
    quantisation: [Option<[i32; 64]>; 4],
    /// Tables of the first coefficients, and of the others.
    huffman: [[Option<HuffmanTable>; 4]; 2],
    restart: usize,
    has_jfif: bool,
    /// The colour transform that an Adobe segment states.
    adobe_transform: Option<u8>,
}

impl<'a> Segments<'a> {
    /// A walk from the start of a file; `None` where it is no JPEG file.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.starts_with(&[0xFF, 0xD8]).then_some(Self {
            bytes,
            position: 2,
            frame: None,
            quantisation: [None; 4],
            huffman: Default::default(),
            restart: 0,
            has_jfif: false,
            adobe_transform: None,
        })
    }

    pub(super) const fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    pub(super) fn quantisation(&self, table: usize) -> Option<[i32; 64]> {
        *self.quantisation.get(table)?
    }

    /// Table `number` of the first coefficients (`kind` 0) or of the others (1).
    pub(super) fn huffman(&self, kind: usize, number: usize) -> Option<&HuffmanTable> {
        self.huffman[kind].get(number)?.as_ref()
    }

    /// Goes on at `position`.
    pub(super) const fn seek(&mut self, position: usize) {
        self.position = position;
    }

    /// The next segment; `None` where it is unusual or damaged.
    pub(super) fn next_step(&mut self) -> Option<Step> {
        let [first, code] = *self.bytes.get(self.position..)?.first_chunk::<2>()?;
        if first != 0xFF || matches!(code, 0x00 | 0xFF) {
            // A stray byte, or a fill byte.
            self.position += 1;
            return Some(Step::Other);
        }
        if code == 0xD9 {
            return Some(Step::End);
        }
        let length = self.bytes.get(self.position + 2..)?.first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let body = self.bytes.get(self.position + 4..self.position + 2 + length)?;
        self.position += 2 + length;
        match code {
            // Sequential, baseline and extended.
            0xC0 | 0xC1 => self.read_frame(body)?,
            0xC4 => self.read_huffman(body)?,
            0xDB => self.read_quantisation(body)?,
            0xDD => self.restart = usize::from(u16::from_be_bytes(*body.first_chunk()?)),
            0xDA => return self.read_scan(body).map(Step::Scan),
            0xE0 => self.has_jfif |= body.starts_with(b"JFIF\0"),
            0xEE => {
                if let Some(rest) = body.strip_prefix(b"Adobe") {
                    self.adobe_transform = rest.get(6).copied();
                }
            }
            0xE1..=0xEF | 0xFE => {}
            _ => return None,
        }
        Some(Step::Other)
    }

    fn read_frame(&mut self, body: &[u8]) -> Option<()> {
        let (&[8, h1, h0, w1, w0, count], rest) = body.split_first_chunk::<6>()? else { return None };
        let (parts, spare) = rest.as_chunks::<3>();
        let sound = self.frame.is_none() && matches!(count, 1 | 3) && parts.len() == usize::from(count);
        (sound && spare.is_empty()).then_some(())?;
        let mut components: Vec<Component> = parts
            .iter()
            .map(|&[id, sampling, table]| {
                let sampling = [usize::from(sampling >> 4), usize::from(sampling & 15)];
                sampling.iter().all(|side| (1..=4).contains(side)).then_some(())?;
                Some(Component { id, sampling, table: usize::from(table) })
            })
            .collect::<Option<_>>()?;
        if let [only] = &mut components[..] {
            // A scan of one component has blocks, whatever its sampling.
            only.sampling = [1, 1];
        }
        let side = |axis: usize| components.iter().map(|component| component.sampling[axis]).max();
        let most = [side(0)?, side(1)?];
        let (width, height) = (usize::from(u16::from_be_bytes([w1, w0])), usize::from(u16::from_be_bytes([h1, h0])));
        (width > 0 && height > 0).then_some(())?;
        self.frame = Some(Frame { width, height, components, most });
        Some(())
    }

    fn read_huffman(&mut self, mut body: &[u8]) -> Option<()> {
        while !body.is_empty() {
            let (&[which], rest) = body.split_first_chunk::<1>()?;
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            let slot = self.huffman.get_mut(usize::from(which >> 4))?.get_mut(usize::from(which & 15))?;
            *slot = Some(HuffmanTable::new(counts, symbols)?);
            body = rest;
        }
        Some(())
    }

    fn read_quantisation(&mut self, mut body: &[u8]) -> Option<()> {
        while !body.is_empty() {
            let (&[which], rest) = body.split_first_chunk::<1>()?;
            let size = match which >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let (values, rest) = rest.split_at_checked(64 * size)?;
            let mut table = [0; 64];
            for (value, natural) in values.chunks(size).zip(ZIGZAG) {
                table[usize::from(natural)] = value.iter().fold(0, |value, &byte| value << 8 | i32::from(byte));
            }
            *self.quantisation.get_mut(usize::from(which & 15))? = Some(table);
            body = rest;
        }
        Some(())
    }

    fn read_scan(&self, body: &[u8]) -> Option<Scan> {
        let frame = self.frame.as_ref()?;
        let (&count, rest) = body.split_first()?;
        let (parts, last) = rest.split_at_checked(2 * usize::from(count))?;
        // The whole spectrum at once.
        (last == [0, 63, 0]).then_some(())?;
        let tables = parts
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&[id, tables]| {
                let component = frame.components.iter().position(|component| component.id == id)?;
                Some(ScanTables { component, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) })
            })
            .collect::<Option<_>>()?;
        Some(Scan { tables, restart: self.restart, start: self.position })
    }

    /// What the components are, by libjpeg's rules: those of a JFIF file are luminance and colour; else an Adobe
    /// segment says so; else the components' names do. `None` where that is no usual kind.
    pub(super) fn colours(&self) -> Option<Colours> {
        let frame = self.frame.as_ref()?;
        match self.adobe_transform.filter(|_| !self.has_jfif) {
            _ if frame.components.len() != 3 => Some(Colours::Luminance),
            Some(0) => Some(Colours::Rgb),
            Some(1) => Some(Colours::Luminance),
            Some(_) => None,
            None if self.has_jfif => Some(Colours::Luminance),
            None if frame.components.iter().map(|component| component.id).eq(*b"RGB") => Some(Colours::Rgb),
            None => Some(Colours::Luminance),
        }
    }
}
