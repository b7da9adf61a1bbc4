//! Where a pooling's windows lie.

use std::ops::Range;

/// A window along one axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Pixels inside the image.
    pub pixels: Range<usize>,
    /// Pixels that a mean counts: those inside, or with the border's.
    pub count: usize,
}

/// A pooling's sizes and windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolShape {
    /// Images.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Size of the input image.
    pub input: [usize; 2],
    /// Windows along rows and columns; their numbers are the output's size.
    pub windows: [Vec<Window>; 2],
}

impl PoolShape {
    /// Size of the output image.
    pub fn output(&self) -> [usize; 2] {
        [self.windows[0].len(), self.windows[1].len()]
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.input[0] * self.input[1] * self.channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.output()[0] * self.output()[1] * self.channels
    }
}

/// Windows of `kernel` pixels every `stride` pixels over `size` pixels with a border of `padding`; with `ceil_mode` also
/// a last, incomplete one if it starts inside the image or its left border. A mean counts the border if `count_border`,
/// but never what an incomplete window lacks beyond it. All as PyTorch's `max_pool2d` and `avg_pool2d`.
pub fn sliding_windows(
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    ceil_mode: bool,
    count_border: bool,
) -> Vec<Window> {
    let Some(room) = (size + 2 * padding).checked_sub(kernel) else {
        return Vec::new();
    };
    let mut number = if ceil_mode { room.div_ceil(stride) } else { room / stride } + 1;
    if ceil_mode && (number - 1) * stride >= size + padding {
        number -= 1;
    }
    let window = |index: usize| {
        let start = index * stride;
        let end = (start + kernel).min(size + 2 * padding);
        let pixels = start.saturating_sub(padding).min(size)..end.saturating_sub(padding).min(size);
        let count = if count_border { end - start } else { pixels.len() };
        Window { pixels, count }
    };
    (0..number).map(window).collect()
}

/// `number` nearly equal windows that cover `size` pixels, as PyTorch's `adaptive_avg_pool2d`.
pub fn adaptive_windows(size: usize, number: usize) -> Vec<Window> {
    let window = |index: usize| {
        let pixels = index * size / number..((index + 1) * size).div_ceil(number);
        Window { count: pixels.len(), pixels }
    };
    (0..number).map(window).collect()
}
