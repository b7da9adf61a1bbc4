//! Values and gradients of our operations against the same made of burn's own operations, on every CPU backend.
#![cfg(any(feature = "cpu", feature = "ndarray"))]

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Distribution, Tensor, TensorData, activation, module};
use tensor_backend::ops::{self, Activation, Conv2dOptions, ConvTranspose2dOptions, Interpolation, Pool2dOptions};
use tensor_backend::{VisionBackend, join_graphs};

/// Winograd's rounding, relative to the largest value.
const TOLERANCE: f32 = 3e-5;

fn close(name: &str, found: TensorData, expected: TensorData) {
    assert_eq!(found.shape, expected.shape, "{name}");
    let [found, expected] = [found, expected].map(|data| data.to_vec::<f32>().expect("f32"));
    let scale = expected.iter().fold(1e-6f32, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs() / scale;
        assert!(error <= TOLERANCE, "{name}: element {index} is {found}, expected {expected}, error {error:e}");
    }
}

/// A leaf with values in -1..1.
fn leaf<B: VisionBackend, const D: usize>(shape: [usize; D]) -> Tensor<Autodiff<B>, D> {
    Tensor::<B, D>::random(shape, Distribution::Uniform(-1.0, 1.0), &Default::default()).to_data().into_leaf()
}

trait IntoLeaf {
    fn into_leaf<B: VisionBackend, const D: usize>(self) -> Tensor<Autodiff<B>, D>;
}

impl IntoLeaf for TensorData {
    fn into_leaf<B: VisionBackend, const D: usize>(self) -> Tensor<Autodiff<B>, D> {
        Tensor::from_data(self, &Default::default()).require_grad()
    }
}

/// Gradients of a fixed weighted sum of `output`.
macro_rules! gradients {
    ($output:expr, $mix:expr, $($leaf:ident),+) => {{
        let gradients = ($output * $mix).sum().backward();
        [$($leaf.grad(&gradients).map(|gradient| gradient.to_data())),+]
    }};
}

/// The same leaves have gradients, and close ones.
fn same_gradients<const N: usize>(names: [&str; N], found: [Option<TensorData>; N], expected: [Option<TensorData>; N]) {
    for (name, (found, expected)) in names.into_iter().zip(found.into_iter().zip(expected)) {
        assert_eq!(found.is_some(), expected.is_some(), "{name}");
        if let (Some(found), Some(expected)) = (found, expected) {
            close(name, found, expected);
        }
    }
}

fn check_conv<B: VisionBackend>(input: [usize; 4], weight: [usize; 4], options: Conv2dOptions) {
    let (x, w, b) = (leaf::<B, 4>(input), leaf::<B, 4>(weight), leaf::<B, 1>([weight[0]]));
    let ours = ops::conv2d(x.clone(), w.clone(), Some(b.clone()), options);
    let Conv2dOptions { stride, padding, dilation, groups, .. } = options;
    let burns =
        module::conv2d(x.clone(), w.clone(), Some(b.clone()), ConvOptions::new(stride, padding, dilation, groups));
    close("output", ours.to_data(), burns.to_data());
    let mix: Tensor<Autodiff<B>, 4> = leaf(burns.dims());
    let found = gradients!(ours, mix.clone(), x, w, b);
    let expected = gradients!(burns, mix, x, w, b);
    for (name, (found, expected)) in ["input", "weight", "bias"].iter().zip(found.into_iter().zip(expected)) {
        close(name, found.expect("a gradient"), expected.expect("a gradient"));
    }
}

fn convolution<B: VisionBackend>() {
    let plain = Conv2dOptions::default();
    let same = Conv2dOptions { padding: [1, 1], ..plain };
    check_conv::<B>([2, 16, 9, 10], [24, 16, 3, 3], same);
    check_conv::<B>([3, 3, 12, 12], [16, 3, 3, 3], same);
    check_conv::<B>([3, 10, 8, 8], [12, 10, 3, 3], Conv2dOptions { stride: [2, 2], ..same });
    check_conv::<B>([3, 10, 8, 8], [12, 10, 1, 1], Conv2dOptions { stride: [2, 2], ..plain });
    check_conv::<B>([2, 8, 7, 7], [8, 1, 3, 3], Conv2dOptions { groups: 8, ..same });
    check_conv::<B>([2, 6, 9, 9], [4, 3, 3, 3], Conv2dOptions { groups: 2, dilation: [2, 2], ..same });
}

fn transposed_convolution<B: VisionBackend>() {
    for (options, kernel) in [
        (ConvTranspose2dOptions { stride: [2, 2], ..Default::default() }, 2),
        (ConvTranspose2dOptions { stride: [2, 2], padding: [1, 1], output_padding: [1, 1], ..Default::default() }, 3),
        (ConvTranspose2dOptions { padding: [1, 1], ..Default::default() }, 3),
    ] {
        let (x, w, b) = (leaf::<B, 4>([2, 6, 5, 4]), leaf::<B, 4>([6, 9, kernel, kernel]), leaf::<B, 1>([9]));
        let ours = ops::conv_transpose2d(x.clone(), w.clone(), Some(b.clone()), options);
        let ConvTranspose2dOptions { stride, padding, output_padding, dilation, groups, .. } = options;
        let burns_options = ConvTransposeOptions::new(stride, padding, output_padding, dilation, groups);
        let burns = module::conv_transpose2d(x.clone(), w.clone(), Some(b.clone()), burns_options);
        close("output", ours.to_data(), burns.to_data());
        let mix: Tensor<Autodiff<B>, 4> = leaf(burns.dims());
        let found = gradients!(ours, mix.clone(), x, w, b);
        let expected = gradients!(burns, mix, x, w, b);
        for (name, (found, expected)) in ["input", "weight", "bias"].iter().zip(found.into_iter().zip(expected)) {
            close(name, found.expect("a gradient"), expected.expect("a gradient"));
        }
    }
}

/// PyTorch's definition out of elementwise operations.
fn composed_batch_norm<B: VisionBackend>(
    input: Tensor<B, 4>,
    weight: Tensor<B, 1>,
    bias: Tensor<B, 1>,
    residual: Option<Tensor<B, 4>>,
    relu: bool,
) -> (Tensor<B, 4>, Tensor<B, 1>, Tensor<B, 1>) {
    let [batch, channels, height, width] = input.dims();
    let count = batch * height * width;
    let mean_of = |tensor: Tensor<B, 4>| {
        tensor.swap_dims(0, 1).reshape([channels, count]).mean_dim(1).reshape([1, channels, 1, 1])
    };
    let mean = mean_of(input.clone());
    let centred = input - mean.clone();
    let variance = mean_of(centred.clone() * centred.clone());
    let normalised = centred / variance.clone().add_scalar(1e-5).sqrt();
    let mut sum = normalised * weight.reshape([1, channels, 1, 1]) + bias.reshape([1, channels, 1, 1]);
    if let Some(residual) = residual {
        sum = sum + residual;
    }
    let unbiased = variance.mul_scalar(count as f64 / (count as f64 - 1.0));
    (if relu { activation::relu(sum) } else { sum }, mean.reshape([channels]), unbiased.reshape([channels]))
}

fn batch_norm<B: VisionBackend>() {
    for (with_residual, then) in [
        (false, Activation::Identity),
        (false, Activation::Relu),
        (true, Activation::Identity),
        (true, Activation::Relu),
        (false, Activation::Silu),
        (true, Activation::Silu),
    ] {
        let shape = [3, 20, 5, 6];
        let (x, r) = (leaf::<B, 4>(shape), leaf::<B, 4>(shape));
        let (w, b) = (leaf::<B, 1>([20]), leaf::<B, 1>([20]));
        let residual = with_residual.then(|| r.clone());
        let ours = ops::batch_norm_train(x.clone(), w.clone(), b.clone(), residual.clone(), then, 1e-5);
        let relu = then == Activation::Relu;
        let (burns, mean, variance) = composed_batch_norm(x.clone(), w.clone(), b.clone(), residual, relu);
        let burns = if then == Activation::Silu { activation::silu(burns) } else { burns };
        let burns_data = burns.to_data();
        close("output", ours.output.to_data(), burns_data.clone());
        close("mean", ours.mean.to_data(), mean.to_data());
        close("variance", ours.variance.to_data(), variance.to_data());
        let mix: Tensor<Autodiff<B>, 4> = leaf(shape);
        let found = gradients!(ours.output, mix.clone(), x, w, b, r);
        let expected = gradients!(burns, mix, x, w, b, r);
        same_gradients(["input", "weight", "bias", "residual"], found, expected);
        // With the batch's own biased variance, inference gives what training gave: 90 values a channel.
        let biased = variance.inner().mul_scalar(89.0 / 90.0);
        let residual = with_residual.then(|| r.clone().inner());
        let inference = ops::batch_norm_inference(
            x.clone().inner(),
            w.clone().inner(),
            b.clone().inner(),
            mean.inner(),
            biased,
            residual,
            then,
            1e-5,
        );
        close("inference", inference.to_data(), burns_data);

        // And with gradients, which do not go through statistics that are given.
        let residual = with_residual.then(|| r.clone());
        let mean = leaf::<B, 1>([20]).inner();
        let variance = leaf::<B, 1>([20]).inner().abs().add_scalar(0.5);
        let (m, v) = (Tensor::from_inner(mean), Tensor::from_inner(variance));
        let ours = ops::batch_norm_inference(
            x.clone(),
            w.clone(),
            b.clone(),
            m.clone(),
            v.clone(),
            residual.clone(),
            then,
            1e-5,
        );
        let spread = |values: Tensor<Autodiff<B>, 1>| values.reshape([1, 20, 1, 1]);
        let deviation = spread(v).add_scalar(1e-5).sqrt();
        let normed = (x.clone() - spread(m)) / deviation * spread(w.clone()) + spread(b.clone());
        let sum = residual.map_or(normed.clone(), |residual| normed + residual);
        let burns = match then {
            Activation::Relu => activation::relu(sum),
            Activation::Silu => activation::silu(sum),
            _ => sum,
        };
        close("given statistics", ours.to_data(), burns.to_data());
        let mix: Tensor<Autodiff<B>, 4> = leaf(shape);
        let found = gradients!(ours, mix.clone(), x, w, b, r);
        let expected = gradients!(burns, mix, x, w, b, r);
        same_gradients(["given: input", "given: weight", "given: bias", "given: residual"], found, expected);
    }
}

/// A residual block with a projection: gradients meet at the block's input, and a first layer whose input has none.
fn residual_block<B: VisionBackend>() {
    let x = leaf::<B, 4>([2, 12, 6, 6]);
    let (first, second, projection) =
        (leaf::<B, 4>([16, 12, 3, 3]), leaf::<B, 4>([16, 16, 3, 3]), leaf::<B, 4>([16, 12, 1, 1]));
    let (w, b) = (leaf::<B, 1>([16]), leaf::<B, 1>([16]));
    let same = Conv2dOptions { padding: [1, 1], ..Default::default() };
    let run = |ours: bool| {
        let conv = |x: Tensor<Autodiff<B>, 4>, weight: &Tensor<Autodiff<B>, 4>, options: Conv2dOptions| {
            let Conv2dOptions { stride, padding, dilation, groups, .. } = options;
            match ours {
                true => ops::conv2d(x, weight.clone(), None, options),
                false => module::conv2d(x, weight.clone(), None, ConvOptions::new(stride, padding, dilation, groups)),
            }
        };
        let norm = |x: Tensor<Autodiff<B>, 4>, residual: Option<Tensor<Autodiff<B>, 4>>, relu: bool| {
            let activation = if relu { Activation::Relu } else { Activation::Identity };
            match ours {
                true => ops::batch_norm_train(x, w.clone(), b.clone(), residual, activation, 1e-5).output,
                false => composed_batch_norm(x, w.clone(), b.clone(), residual, relu).0,
            }
        };
        let hidden = norm(conv(x.clone(), &first, same), None, true);
        let skip = norm(conv(x.clone(), &projection, Conv2dOptions::default()), None, false);
        let block = norm(conv(hidden, &second, same), Some(skip), true);
        norm(conv(block.clone(), &second, same), Some(block), true)
    };
    let (ours, burns) = (run(true), run(false));
    close("output", ours.to_data(), burns.to_data());
    let mix: Tensor<Autodiff<B>, 4> = leaf(burns.dims());
    let found = gradients!(ours, mix.clone(), x, first, second, projection, w, b);
    let expected = gradients!(burns, mix, x, first, second, projection, w, b);
    for (index, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        close(&format!("gradient {index}"), found.expect("a gradient"), expected.expect("a gradient"));
    }
}

/// Checks `ours` against `burns`, functions of one image that comes out of one of our operations.
fn check_unary<B: VisionBackend>(
    name: &str,
    shape: [usize; 4],
    ours: impl Fn(Tensor<Autodiff<B>, 4>) -> Tensor<Autodiff<B>, 4>,
    burns: impl Fn(Tensor<Autodiff<B>, 4>) -> Tensor<Autodiff<B>, 4>,
) {
    let (x, w) = (leaf::<B, 4>(shape), leaf::<B, 4>([shape[1], shape[1], 1, 1]));
    let image = || ops::conv2d(x.clone(), w.clone(), None, Conv2dOptions::default());
    let (found, expected) = (ours(image()), burns(image()));
    close(name, found.to_data(), expected.to_data());
    let mix: Tensor<Autodiff<B>, 4> = leaf(expected.dims());
    let found = gradients!(found, mix.clone(), x, w);
    let expected = gradients!(expected, mix, x, w);
    for (found, expected) in found.into_iter().zip(expected) {
        close(name, found.expect("a gradient"), expected.expect("a gradient"));
    }
}

fn activations_and_sums<B: VisionBackend>() {
    let shape = [2, 7, 5, 6];
    let act = |activation| move |x: Tensor<Autodiff<B>, 4>| ops::activate(x, activation);
    check_unary::<B>("relu", shape, act(Activation::Relu), activation::relu);
    let leaky = act(Activation::LeakyRelu { slope: 0.1 });
    check_unary::<B>("leaky relu", shape, leaky, |x| activation::leaky_relu(x, 0.1));
    check_unary::<B>("silu", shape, act(Activation::Silu), activation::silu);
    check_unary::<B>("sigmoid", shape, act(Activation::Sigmoid), activation::sigmoid);
    check_unary::<B>("tanh", shape, act(Activation::Tanh), activation::tanh);
    check_unary::<B>("sum", shape, |x| ops::add(ops::add(x.clone(), x.clone()), x), |x| x * 3.0);
}

fn pooling<B: VisionBackend>() {
    let shape = [2, 7, 9, 8];
    let options = Pool2dOptions::square(3, 2).with_padding(1);
    check_unary::<B>(
        "max pool",
        shape,
        |x| ops::max_pool2d(x, options),
        |x| module::max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], false),
    );
    for counted in [true, false] {
        check_unary::<B>(
            "average pool",
            shape,
            |x| ops::avg_pool2d(x, options, counted),
            |x| module::avg_pool2d(x, [3, 3], [2, 2], [1, 1], counted, false),
        );
    }
    check_unary::<B>(
        "adaptive pool",
        shape,
        |x| ops::adaptive_avg_pool2d(x, [4, 3]),
        |x| module::adaptive_avg_pool2d(x, [4, 3]),
    );
    check_unary::<B>(
        "global pool",
        shape,
        |x| ops::global_avg_pool2d(x).reshape([2, 7, 1, 1]),
        |x| x.reshape([2, 7, 72]).mean_dim(2).reshape([2, 7, 1, 1]),
    );
}

fn resizing<B: VisionBackend>() {
    for (name, interpolation) in [
        ("nearest", Interpolation::Nearest),
        ("bilinear", Interpolation::Bilinear),
        ("aligned", Interpolation::BilinearAlignedCorners),
    ] {
        // The same by matrices, as backends without kernels do it: burn's own has no gradient on every backend.
        check_unary::<B>(
            name,
            [2, 7, 5, 6],
            |x| ops::resize(x, [9, 4], interpolation),
            |x| {
                let [rows, columns] = [(5, 9), (6, 4)].map(|(source, target)| {
                    let unit = Tensor::<B, 2>::eye(source, &Default::default()).reshape([1, 1, source, source]);
                    let matrix = ops::resize(unit, [target, source], interpolation).reshape([1, target, source]);
                    Tensor::<Autodiff<B>, 3>::from_inner(matrix)
                });
                let images = x.reshape([14, 5, 6]).matmul(columns.swap_dims(1, 2));
                rows.matmul(images).reshape([2, 7, 9, 4])
            },
        );
    }
    // PyTorch's interpolate of [[1, 2], [3, 4]] to 4 × 4, bilinear, corners not aligned: its second row.
    let image = Tensor::<B, 1>::from_floats([1.0, 2.0, 3.0, 4.0], &Default::default()).reshape([1, 1, 2, 2]);
    let row = ops::resize(image, [4, 4], Interpolation::Bilinear).slice([0..1, 0..1, 1..2, 0..4]);
    assert_eq!(row.to_data().to_vec::<f32>().expect("f32"), [1.5, 1.75, 2.25, 2.5]);
}

/// Elements and gradients of several feature maps brought together are those of burn's own, bit for bit.
fn concatenation<B: VisionBackend>() {
    let device = Default::default();
    for count in 1..=9 {
        // From [2, 3, 9, 8] down: what a pyramid of feature maps has, and sizes of one pixel.
        let maps: Vec<Tensor<Autodiff<B>, 4>> = (0..count)
            .map(|level| leaf::<B, 4>([2, 3, (9 - level).max(1), 8 / (level + 1)].map(|n| n.max(1))))
            .collect();
        let mut together = vec![(
            ops::pixel_rows(maps.clone()),
            Tensor::cat(maps.iter().map(|map| map.clone().flatten::<3>(2, 3).swap_dims(1, 2)).collect(), 1),
            maps,
        )];
        let maps: Vec<Tensor<Autodiff<B>, 4>> = (1..=count).map(|channels| leaf::<B, 4>([2, channels, 4, 5])).collect();
        let rows = |tensor: Tensor<Autodiff<B>, 4>| tensor.flatten::<3>(2, 3);
        together.push((rows(ops::concatenate_channels(maps.clone())), rows(Tensor::cat(maps.clone(), 1)), maps));
        for (found, expected, maps) in together {
            assert_eq!(found.to_data(), expected.to_data(), "{count} feature maps");
            let mix = Tensor::<Autodiff<B>, 3>::random(found.dims(), Distribution::Uniform(-1.0, 1.0), &device);
            let gradients = |output: Tensor<Autodiff<B>, 3>| {
                let gradients = (output * mix.clone()).sum().backward();
                maps.iter().map(|map| map.grad(&gradients).map(|gradient| gradient.to_data())).collect::<Vec<_>>()
            };
            let (found, expected) = (gradients(found), gradients(expected));
            assert!(found.iter().all(Option::is_some) && found == expected, "gradients of {count} feature maps");
        }
    }
}

/// A batch without images, and images without channels, as in the other operations' definitions.
fn nothing<B: VisionBackend>() {
    let device = Default::default();
    let bias = || Tensor::<B, 1>::from_floats([0.5, -2.0], &device);
    let options = Conv2dOptions { padding: [1, 1], ..Default::default() };
    let none = Tensor::<B, 4>::zeros([0, 3, 5, 4], &device);
    let weight = Tensor::<B, 4>::ones([2, 3, 3, 3], &device);
    assert_eq!(ops::conv2d(none.clone(), weight, Some(bias()), options).dims(), [0, 2, 5, 4]);
    assert_eq!(ops::max_pool2d(none.clone(), Pool2dOptions::square(2, 2)).dims(), [0, 3, 2, 2]);
    assert_eq!(ops::activate(none, Activation::Relu).dims(), [0, 3, 5, 4]);
    let image = Tensor::<B, 4>::zeros([1, 0, 2, 2], &device);
    let output = ops::conv2d(image, Tensor::zeros([2, 0, 3, 3], &device), Some(bias()), options);
    assert_eq!(output.to_data().to_vec::<f32>().expect("f32"), [0.5, 0.5, 0.5, 0.5, -2.0, -2.0, -2.0, -2.0]);
}

fn reshaping<B: VisionBackend>() {
    // Stored by pixel after the pooling, row-major after burn's own sum.
    let pool = |x| ops::max_pool2d(x, Pool2dOptions::square(2, 2));
    check_unary::<B>(
        "flatten",
        [2, 7, 8, 6],
        |x| ops::reshape(ops::flatten(pool(x)), [7, 2, 1, 12]),
        |x| pool(x).reshape([2, 84]).reshape([7, 2, 1, 12]),
    );
    check_unary::<B>(
        "reshape",
        [3, 5, 4, 2],
        |x| ops::reshape(ops::reshape(x.clone() + x, [120]), [2, 4, 5, 3]),
        |x| (x.clone() + x).reshape([2, 4, 5, 3]),
    );
}

fn head<B: VisionBackend>() {
    let (x, w, b) = (leaf::<B, 2>([5, 33]), leaf::<B, 2>([10, 33]), leaf::<B, 1>([10]));
    let targets = Tensor::<Autodiff<B>, 2>::from_data(
        Tensor::<B, 2>::random([5, 10], Distribution::Uniform(0.0, 1.0), &Default::default()).to_data(),
        &Default::default(),
    );
    let ours = ops::linear(x.clone(), w.clone(), Some(b.clone()));
    let burns = x.clone().matmul(w.clone().transpose()) + b.clone().unsqueeze();
    close("linear", ours.to_data(), burns.to_data());
    let ours = ops::softmax_cross_entropy(ours, targets.clone());
    let burns = (activation::log_softmax(burns, 1) * targets).sum_dim(1).reshape([5]).neg();
    close("cross-entropy", ours.to_data(), burns.to_data());
    let mix: Tensor<Autodiff<B>, 1> = leaf([5]);
    let found = gradients!(ours, mix.clone(), x, w, b);
    let expected = gradients!(burns, mix, x, w, b);
    for (found, expected) in found.into_iter().zip(expected) {
        close("gradient", found.expect("a gradient"), expected.expect("a gradient"));
    }
}

#[derive(Module, Debug)]
struct Factors<B: Backend> {
    factors: Vec<Param<Tensor<B, 1>>>,
}

/// Parameters whose graphs were joined have the gradients that they have otherwise, step after step, and those without a
/// gradient still have none.
fn joined_graphs<B: VisionBackend>() {
    for count in [0, 1, 31, 32, 33, 100] {
        let mut module =
            Factors::<Autodiff<B>> { factors: (0..count).map(|_| Param::from_tensor(leaf([7]))).collect() };
        if let Some(frozen) = module.factors.get_mut(1) {
            *frozen = frozen.clone().set_require_grad(false);
        }
        let gradients = |joined: bool| {
            if joined {
                join_graphs(&module);
            }
            let start = Tensor::<Autodiff<B>, 1>::ones([7], &Default::default()).require_grad();
            let product = module.factors.iter().fold(start.clone(), |product, factor| product * (factor.val() + 1.0));
            let gradients = product.sum().backward();
            let of = |tensor: &Tensor<Autodiff<B>, 1>| tensor.grad(&gradients).map(|gradient| gradient.to_data());
            let mut found: Vec<_> = module.factors.iter().map(|factor| of(&factor.val())).collect();
            found.push(of(&start));
            found
        };
        let expected = gradients(false);
        assert_eq!(expected.iter().filter(|gradient| gradient.is_none()).count(), usize::from(count > 1), "{count}");
        for step in 0..3 {
            assert_eq!(gradients(true), expected, "{count} parameters, step {step}");
        }
    }
}

macro_rules! on_backend {
    ($name:ident, $backend:ty) => {
        mod $name {
            #[test]
            fn convolution() {
                super::convolution::<$backend>();
            }
            #[test]
            fn transposed_convolution() {
                super::transposed_convolution::<$backend>();
            }
            #[test]
            fn batch_norm() {
                super::batch_norm::<$backend>();
            }
            #[test]
            fn activations_and_sums() {
                super::activations_and_sums::<$backend>();
            }
            #[test]
            fn pooling() {
                super::pooling::<$backend>();
            }
            #[test]
            fn resizing() {
                super::resizing::<$backend>();
            }
            #[test]
            fn concatenation() {
                super::concatenation::<$backend>();
            }
            #[test]
            fn nothing() {
                super::nothing::<$backend>();
            }
            #[test]
            fn reshaping() {
                super::reshaping::<$backend>();
            }
            #[test]
            fn head() {
                super::head::<$backend>();
            }
            #[test]
            fn joined_graphs() {
                super::joined_graphs::<$backend>();
            }
            #[test]
            fn residual_block() {
                super::residual_block::<$backend>();
            }
        }
    };
}

#[cfg(feature = "cpu")]
on_backend!(flex, burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_backend!(ndarray, burn::backend::NdArray);
