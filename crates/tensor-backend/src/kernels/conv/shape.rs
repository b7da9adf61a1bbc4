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
    /// where not even one window fits, or there are no taps or steps.
    pub fn output_of(input: usize, kernel: usize, stride: usize, padding: usize, dilation: usize) -> usize {
        let reach = |kernel: usize| kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1);
        let room = |padded: usize| padded.checked_sub(reach(kernel)?);
        let padded = padding.checked_mul(2).and_then(|border| border.checked_add(input));
        padded.and_then(room).and_then(|room| room.checked_div(stride)).map_or(0, |steps| steps + 1)
    }

    /// Whether a pass adds up nothing: without channels or pixels there are no products, and outputs and gradients are
    /// what a sum of none is. The kernels are for the other shapes.
    pub(crate) fn sums_nothing(&self) -> bool {
        self.input_len() == 0 || self.weight_len() == 0 || self.output_len() == 0
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

    /// Checks what does not depend on images: the window, the groups and the weight's length. What kernels read and write
    /// through pointers rests on this and on [`ConvShape::check`].
    ///
    /// # Panics
    ///
    /// When a window has no taps, a step is zero, the groups do not divide the channels, or the weight does not have the
    /// length that the shape asks for.
    pub(crate) fn check_layer(&self, weight: usize) {
        let has_steps = [self.kernel, self.stride, self.dilation].iter().flatten().all(|&size| size > 0);
        assert!(has_steps, "window and steps of at least one pixel in {self:?}");
        let divides = |channels: usize| channels.checked_rem(self.groups) == Some(0);
        assert!(divides(self.channels_in) && divides(self.channels_out), "groups that divide the channels in {self:?}");
        let expected = product([self.channels_out, self.group_in(), self.kernel[0], self.kernel[1]]);
        assert_eq!(Some(weight), expected, "weight of {self:?}");
    }

    /// Checks the shape, and the lengths of the slices of a pass.
    ///
    /// # Panics
    ///
    /// As [`ConvShape::check_layer`]; when a window of an output pixel does not lie inside the input and its border, or
    /// a slice does not have the length that the shape asks for.
    pub(crate) fn check(&self, input: usize, weight: usize, output: usize) {
        self.check_layer(weight);
        for axis in 0..2 {
            let [kernel, stride] = [self.kernel[axis], self.stride[axis]];
            let most = Self::output_of(self.input[axis], kernel, stride, self.padding[axis], self.dilation[axis]);
            assert!(self.output[axis] <= most, "{} output pixels, at most {most}: {self:?}", self.output[axis]);
        }
        let image = |[height, width]: [usize; 2], channels| product([self.batch, height, width, channels]);
        assert_eq!(Some(input), image(self.input, self.channels_in), "input of {self:?}");
        assert_eq!(Some(output), image(self.output, self.channels_out), "output of {self:?}");
    }
}

/// The product of sizes, unless it is too large to be one.
fn product(sizes: [usize; 4]) -> Option<usize> {
    sizes.into_iter().try_fold(1usize, |product, size| product.checked_mul(size))
}
