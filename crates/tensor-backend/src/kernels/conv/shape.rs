//! The sizes that describe a convolution.

/// A convolution's sizes; pairs are `[vertical, horizontal]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub channels_in: usize,
    /// Size of the input image.
    pub input: [usize; 2],
    /// Channels of the output.
    pub channels_out: usize,
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Zeros added on each side.
    pub padding: [usize; 2],
    /// Step between the taps of one window.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see one another.
    pub groups: usize,
    /// Size of the output image. Normally [`ConvShape::output_of`]; for a transposed convolution's gradient, where
    /// several input sizes give one output size, it is stored.
    pub output: [usize; 2],
}

impl ConvShape {
    /// Pixels of the output along one axis: `(input + 2 · padding - dilation · (kernel - 1) - 1) / stride + 1`, or zero
    /// where not even one window fits.
    pub fn output_of(input: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> usize {
        (input + 2 * padding).checked_sub(dilation * (kernel - 1) + 1).map_or(0, |room| room / stride + 1)
    }

    /// Input channels that one output channel sees.
    pub fn group_in(&self) -> usize {
        self.channels_in / self.groups
    }

    /// Output channels of one group.
    pub fn group_out(&self) -> usize {
        self.channels_out / self.groups
    }

    /// Taps of the window.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.input[0] * self.input[1] * self.channels_in
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.output[0] * self.output[1] * self.channels_out
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.channels_out * self.group_in() * self.taps()
    }

    /// Multiplications and additions of one pass of the direct algorithm, the border's included, times two: the usual
    /// count of floating-point operations.
    pub fn operations(&self) -> f64 {
        2.0 * (self.output_len() * self.group_in() * self.taps()) as f64
    }

    /// Checks the lengths of the slices of a pass.
    ///
    /// # Panics
    ///
    /// When a slice does not have the length that the shape asks for.
    pub(crate) fn check(&self, input: usize, weight: usize, output: usize) {
        assert_eq!(input, self.input_len(), "input of {self:?}");
        assert_eq!(weight, self.weight_len(), "weight of {self:?}");
        assert_eq!(output, self.output_len(), "output of {self:?}");
    }
}
