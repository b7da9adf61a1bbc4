//! Speed of the convolution and batch normalisation kernels on the layers of the networks in `docs/performance-log.md`.
//!
//! `cargo bench -p tensor-backend --features cpu --bench kernels -- [THREADS] [NAME]`; one thread by default, because
//! on a machine with other work the best of many short runs of one thread is what repeats. Prints GFLOP/s by the usual
//! count (two operations for each product of the direct algorithm), so that Winograd's fewer products show as speed.

use std::time::Instant;

use tensor_backend::kernels::batch_norm::{self, BatchNormGradients, Gate, NormStatistics};
use tensor_backend::kernels::conv::{self, ConvShape};

/// Seconds spent on a measurement at least.
const SECONDS: f64 = 0.2;

/// The best time of one call, in seconds.
fn best(mut work: impl FnMut()) -> f64 {
    work();
    let (start, mut best, mut runs) = (Instant::now(), f64::MAX, 0);
    while runs < 5 || start.elapsed().as_secs_f64() < SECONDS {
        let run = Instant::now();
        work();
        best = best.min(run.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Name, batch, input channels, input size, output channels, kernel, stride.
type Layer = (&'static str, usize, usize, usize, usize, usize, usize);

/// The layers of ResNet-20 (batch 128), ResNet-18 with the CIFAR stem and VGG-16-BN (32), and ResNet-18 at 224 (16).
const LAYERS: [Layer; 26] = [
    ("resnet20 stem", 128, 3, 32, 16, 3, 1),
    ("resnet20 stage 1", 128, 16, 32, 16, 3, 1),
    ("resnet20 down 2", 128, 16, 32, 32, 3, 2),
    ("resnet20 skip 2", 128, 16, 32, 32, 1, 2),
    ("resnet20 stage 2", 128, 32, 16, 32, 3, 1),
    ("resnet20 down 3", 128, 32, 16, 64, 3, 2),
    ("resnet20 stage 3", 128, 64, 8, 64, 3, 1),
    ("cifar stem 64", 32, 3, 32, 64, 3, 1),
    ("cifar 64 at 32", 32, 64, 32, 64, 3, 1),
    ("cifar 64-128 down", 32, 64, 32, 128, 3, 2),
    ("cifar 64-128 skip", 32, 64, 32, 128, 1, 2),
    ("cifar 128 at 16", 32, 128, 16, 128, 3, 1),
    ("cifar 256 at 8", 32, 256, 8, 256, 3, 1),
    ("cifar 256-512 down", 32, 256, 8, 512, 3, 2),
    ("cifar 512 at 4", 32, 512, 4, 512, 3, 1),
    ("vgg 64-128 at 16", 32, 64, 16, 128, 3, 1),
    ("vgg 256-512 at 4", 32, 256, 4, 512, 3, 1),
    ("vgg 512 at 2", 32, 512, 2, 512, 3, 1),
    ("resnet18 stem", 16, 3, 224, 64, 7, 2),
    ("resnet18 64 at 56", 16, 64, 56, 64, 3, 1),
    ("resnet18 64-128 down", 16, 64, 56, 128, 3, 2),
    ("resnet18 128 at 28", 16, 128, 28, 128, 3, 1),
    ("resnet18 256 at 14", 16, 256, 14, 256, 3, 1),
    ("resnet18 256-512 skip", 16, 256, 14, 512, 1, 2),
    ("resnet18 512 at 7", 16, 512, 7, 512, 3, 1),
    ("resnet50 256-64 at 56", 4, 256, 56, 64, 1, 1),
];

fn bench_convolution((name, batch, channels_in, size, channels_out, kernel, stride): Layer) {
    let padding = kernel / 2;
    let output = ConvShape::output_of(size, kernel, stride, padding, 1);
    let shape = ConvShape {
        batch,
        channels_in,
        input: [size; 2],
        channels_out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1, 1],
        groups: 1,
        output: [output; 2],
    };
    let input = vec![0.5f32; shape.input_len()];
    let mut weight = vec![0.25f32; shape.weight_len()];
    let mut gradient = vec![0.125f32; shape.output_len()];
    let mut target = vec![0.0f32; shape.input_len()];
    let input_gradient = best(|| conv::input_gradient(&shape, &gradient, &weight, &mut target, false));
    let forward = best(|| conv::forward(&shape, &input, &weight, None, &mut gradient));
    let weight_gradient = best(|| conv::weight_gradient(&shape, &input, &gradient, &mut weight));
    let [forward, input_gradient, weight_gradient] =
        [forward, input_gradient, weight_gradient].map(|seconds| shape.operations() * 1e-9 / seconds);
    println!("{name:24} {forward:8.1} {input_gradient:8.1} {weight_gradient:8.1}");
    let input_gradient = best(|| conv::bf16::input_gradient(&shape, &gradient, &weight, &mut target, false));
    let forward = best(|| conv::bf16::forward(&shape, &input, &weight, None, &mut gradient));
    let weight_gradient = best(|| conv::bf16::weight_gradient(&shape, &input, &gradient, &mut weight));
    let [forward, input_gradient, weight_gradient] =
        [forward, input_gradient, weight_gradient].map(|seconds| shape.operations() * 1e-9 / seconds);
    println!("{:24} {forward:8.1} {input_gradient:8.1} {weight_gradient:8.1}", "  bf16");
}

fn bench_batch_norm(pixels: usize, channels: usize) {
    let input = vec![0.5f32; pixels * channels];
    let mut gradient = vec![0.25f32; input.len()];
    let mut output = vec![0.0f32; input.len()];
    let parameters = vec![1.0f32; channels];
    let statistics = best(|| drop(batch_norm::statistics(&input, channels)));
    let apply = best(|| batch_norm::apply(&input, &parameters, &parameters, None, true, &mut output));
    let forward = BatchNormGradients {
        input: &input,
        mean: &parameters,
        inverse_deviation: &parameters,
        weight: &parameters,
        gate: Gate::Recomputed { scale: &parameters, shift: &parameters },
        statistics: NormStatistics::Batch,
    };
    let backward = best(|| drop(batch_norm::backward_in_place(forward, &mut gradient, None)));
    // Bytes that each must move: reads and writes of whole arrays.
    let array = (input.len() * size_of::<f32>()) as f64 * 1e-9;
    let [statistics, apply, backward] = [array / statistics, 2.0 * array / apply, 5.0 * array / backward];
    println!("{pixels:8} × {channels:4}          {statistics:8.1} {apply:8.1} {backward:8.1}");
}

fn main() {
    // Cargo passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let threads = arguments.first().map_or(1, |count| count.parse().expect("the number of threads"));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the first pool of this process");
    let wanted = |name: &str| arguments.get(1).is_none_or(|part| name.contains(part.as_str()));
    println!("{threads} thread(s), {:?}", tensor_backend::kernels::simd::level());
    println!("convolution, GFLOP/s      forward    input   weight");
    LAYERS.into_iter().filter(|layer| wanted(layer.0)).for_each(bench_convolution);
    if wanted("batch norm") {
        println!("batch norm, GB/s        statistics   apply backward");
        for (pixels, channels) in [(131_072, 16), (32_768, 64), (8192, 256), (200_704, 64)] {
            bench_batch_norm(pixels, channels);
        }
    }
}
