//! Times a full training step (forward, loss, backward, SGD with Nesterov momentum and weight decay) of the networks in
//! `docs/performance-log.md`, written directly on the operations:
//! `cargo run --release --example train_step --features cpu -- resnet20 9 [bf16]`.

use std::time::Instant;

use burn::backend::Autodiff;
use burn::tensor::{Distribution, Tensor};
use tensor_backend::SelectedBackend;
use tensor_backend::ops::{self, Activation, Conv2dOptions, Pool2dOptions, Precision};

type Inner = SelectedBackend;
type B = Autodiff<Inner>;

/// All parameters in the order of their first use.
#[derive(Default)]
struct Parameters {
    weights: Vec<Tensor<B, 4>>,
    vectors: Vec<Tensor<B, 1>>,
    weight_momenta: Vec<Option<Tensor<Inner, 4>>>,
    vector_momenta: Vec<Option<Tensor<Inner, 1>>>,
    next: [usize; 2],
}

impl Parameters {
    fn weight(&mut self, shape: [usize; 4]) -> Tensor<B, 4> {
        let index = self.next[0];
        self.next[0] += 1;
        if index == self.weights.len() {
            let deviation = (2.0 / (shape[0] * shape[2] * shape[3]) as f64).sqrt();
            let value = Tensor::random(shape, Distribution::Normal(0.0, deviation), &Default::default());
            self.weights.push(value.require_grad());
            self.weight_momenta.push(None);
        }
        self.weights[index].clone()
    }

    fn vector(&mut self, length: usize, value: f64) -> Tensor<B, 1> {
        let index = self.next[1];
        self.next[1] += 1;
        if index == self.vectors.len() {
            self.vectors.push(Tensor::full([length], value, &Default::default()).require_grad());
            self.vector_momenta.push(None);
        }
        self.vectors[index].clone()
    }

    fn conv(&mut self, x: Tensor<B, 4>, channels: usize, kernel: usize, stride: usize) -> Tensor<B, 4> {
        let weight = self.weight([channels, x.dims()[1], kernel, kernel]);
        let options = Conv2dOptions { stride: [stride; 2], padding: [kernel / 2; 2], ..Default::default() };
        ops::conv2d(x, weight, None, options)
    }

    fn norm(&mut self, x: Tensor<B, 4>, residual: Option<Tensor<B, 4>>, activation: Activation) -> Tensor<B, 4> {
        let channels = x.dims()[1];
        let (weight, bias) = (self.vector(channels, 1.0), self.vector(channels, 0.0));
        ops::batch_norm_train(x, weight, bias, residual, activation, 1e-5).output
    }

    fn residual(&mut self, x: Tensor<B, 4>, channels: usize, stride: usize) -> Tensor<B, 4> {
        let skip = if stride == 1 && x.dims()[1] == channels {
            x.clone()
        } else {
            let skip = self.conv(x.clone(), channels, 1, stride);
            self.norm(skip, None, Activation::Identity)
        };
        let hidden = self.conv(x, channels, 3, stride);
        let hidden = self.norm(hidden, None, Activation::Relu);
        let hidden = self.conv(hidden, channels, 3, 1);
        self.norm(hidden, Some(skip), Activation::Relu)
    }

    fn step(&mut self, gradients: &<B as burn::tensor::backend::AutodiffBackend>::Gradients) {
        fn update<const D: usize>(
            value: &mut Tensor<B, D>,
            momentum: &mut Option<Tensor<Inner, D>>,
            gradient: Tensor<Inner, D>,
        ) {
            let settings =
                ops::optim::Sgd { rate: 0.01, momentum: 0.9, nesterov: true, weight_decay: 5e-4, dampening: 0.0 };
            let (new, velocity) = ops::optim::sgd(value.clone().inner(), gradient, momentum.take(), settings);
            *momentum = Some(velocity);
            *value = Tensor::from_inner(new).require_grad();
        }
        for (value, momentum) in self.weights.iter_mut().zip(&mut self.weight_momenta) {
            let gradient = value.grad(gradients).expect("every weight takes part");
            update(value, momentum, gradient);
        }
        for (value, momentum) in self.vectors.iter_mut().zip(&mut self.vector_momenta) {
            let gradient = value.grad(gradients).expect("every vector takes part");
            update(value, momentum, gradient);
        }
        self.next = [0, 0];
    }
}

fn cifar_resnet(p: &mut Parameters, images: Tensor<B, 4>, widths: &[usize], depth: usize) -> Tensor<B, 4> {
    let mut x = p.conv(images, widths[0], 3, 1);
    x = p.norm(x, None, Activation::Relu);
    for (stage, &width) in widths.iter().enumerate() {
        for block in 0..depth {
            x = p.residual(x, width, if stage > 0 && block == 0 { 2 } else { 1 });
        }
    }
    x
}

fn network(name: &str, p: &mut Parameters, images: Tensor<B, 4>) -> Tensor<B, 2> {
    let (x, classes) = match name {
        "resnet20" => (cifar_resnet(p, images, &[16, 32, 64], 3), 10),
        "resnet18_cifar" => (cifar_resnet(p, images, &[64, 128, 256, 512], 2), 10),
        "resnet18_224" => {
            let mut x = p.conv(images, 64, 7, 2);
            x = p.norm(x, None, Activation::Relu);
            x = ops::max_pool2d(x, Pool2dOptions::square(3, 2).with_padding(1));
            for (stage, width) in [64, 128, 256, 512].into_iter().enumerate() {
                for block in 0..2 {
                    x = p.residual(x, width, if stage > 0 && block == 0 { 2 } else { 1 });
                }
            }
            (x, 1000)
        }
        "vgg16bn_cifar" => {
            let mut x = images;
            for (width, count) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
                for _ in 0..count {
                    x = p.conv(x, width, 3, 1);
                    x = p.norm(x, None, Activation::Relu);
                }
                x = ops::max_pool2d(x, Pool2dOptions::square(2, 2));
            }
            (x, 10)
        }
        other => panic!("unknown network {other}"),
    };
    let pooled = ops::global_avg_pool2d(x);
    let features = pooled.dims()[1];
    let (weight, bias) = (p.weight([classes, features, 1, 1]), p.vector(classes, 0.0));
    ops::linear(pooled, weight.reshape([classes, features]), Some(bias))
}

fn main() {
    // Inside the pool, so that an operation starts at once instead of waking a worker and waiting for it.
    rayon::scope(|_| measure());
}

fn measure() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("resnet20", String::as_str);
    let steps: usize = arguments.get(1).map_or(9, |count| count.parse().expect("a number of steps"));
    let precision = match arguments.get(2).map(String::as_str) {
        None | Some("f32") => Precision::F32,
        Some("bf16") => Precision::Bf16,
        Some(other) => panic!("unknown precision {other}"),
    };
    let (batch, size, classes) = match name {
        "resnet20" => (128, 32, 10),
        "resnet18_224" => (16, 224, 1000),
        _ => (32, 32, 10),
    };
    let device = Default::default();
    let images = Tensor::<B, 4>::random([batch, 3, size, size], Distribution::Normal(0.0, 1.0), &device);
    let mut targets = vec![0.0f32; batch * classes];
    for row in 0..batch {
        targets[row * classes + row % classes] = 1.0;
    }
    let targets = Tensor::<B, 1>::from_floats(&targets[..], &device).reshape([batch, classes]);
    let mut parameters = Parameters::default();
    let mut times = Vec::new();
    for step in 0..steps + 2 {
        let start = Instant::now();
        let logits = ops::with_precision(precision, || network(name, &mut parameters, images.clone()));
        let loss = ops::softmax_cross_entropy(logits, targets.clone()).mean();
        let gradients = loss.backward();
        parameters.step(&gradients);
        let seconds = start.elapsed().as_secs_f64();
        if step >= 2 {
            times.push(seconds);
        }
        if step == 0 || step + 1 == steps + 2 {
            eprintln!("step {step}: loss {:.4}, {:.1} ms", loss.into_scalar(), seconds * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    println!(
        "{name} {precision:?}: median {:.1} ms, best {:.1} ms, {:.1} images/s",
        median * 1e3,
        times[0] * 1e3,
        batch as f64 / median
    );
}
