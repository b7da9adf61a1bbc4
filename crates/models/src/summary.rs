//! A network as a table: layers, output shapes, parameters, operations.

use std::collections::HashMap;
use std::fmt;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::Serialize;
use tensor_backend::VisionBackend;
use tensor_backend::state_dict::TensorPath;

use crate::layers::batch_norm::BUFFER_NAMES;
use crate::trace::{self, LayerTrace};
use crate::{InputShape, Network};

pub use crate::trace::LayerKind;

/// One layer of a [`ModelSummary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerSummary {
    /// Where it is, such as `layer1.0.conv1`; empty for pooling, which has no tensors.
    pub path: String,
    /// What it is.
    pub kind: LayerKind,
    /// Shape of its output for one image, with the leading batch dimension of 1.
    pub output: Vec<usize>,
    /// Its parameters, trained and frozen.
    pub parameters: usize,
    /// Those of its parameters that are trained; `None` on a backend without gradients, where nobody knows.
    pub trained: Option<usize>,
    /// Floating point operations for one image: two for each multiply-accumulate of convolutions and dense layers,
    /// nothing else counted, as in published figures (which count the pairs, so they are half of this).
    pub flops: u64,
}

/// What a network is made of, see [`summary`]. Prints as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelSummary {
    /// The image it was made for.
    pub input: InputShape,
    /// Layers in the order in which an image passes them.
    pub layers: Vec<LayerSummary>,
    /// All parameters, trained and frozen; running statistics are not parameters.
    pub parameters: usize,
    /// Parameters that are trained; `None` on a backend without gradients.
    pub trained: Option<usize>,
    /// Floating point operations for one image, see [`LayerSummary::flops`].
    pub flops: u64,
}

impl ModelSummary {
    /// Parameters that are not trained; `None` on a backend without gradients.
    pub fn frozen(&self) -> Option<usize> {
        self.trained.map(|trained| self.parameters - trained)
    }
}

/// Number of parameters of `module`, trained and frozen; running statistics are not parameters.
pub fn parameter_count<B: Backend, M: Module<B>>(module: &M) -> usize {
    parameters(module).iter().map(|parameter| parameter.count).sum()
}

/// Follows one image of shape `input` through `model`: instant for any size, since layers only work out shapes. Running
/// statistics and random generators stay as they are.
///
/// # Panics
///
/// When the network is not for images of this shape.
pub fn summary<B: VisionBackend, M: Network<B>>(model: &M, input: InputShape) -> ModelSummary {
    let device = model.devices().into_iter().next().unwrap_or_default();
    let image = Tensor::zeros([1, input.channels, input.height, input.width], &device);
    let passed = trace::follow(|| model.forward(image));

    let parameters = parameters(model);
    let gradients = B::ad_enabled(&device);
    let layer_of: HashMap<ParamId, &str> =
        parameters.iter().map(|parameter| (parameter.id, parameter.layer.as_str())).collect();
    let totals = |path: Option<&str>| {
        let of_layer = parameters.iter().filter(|parameter| path.is_none_or(|path| parameter.layer == path));
        of_layer.fold((0, 0), |(all, trained), parameter| {
            (all + parameter.count, trained + if parameter.trained { parameter.count } else { 0 })
        })
    };
    let layers: Vec<LayerSummary> = passed
        .into_iter()
        .map(|LayerTrace { kind, parameter, output, multiply_accumulates }| {
            let path = parameter.and_then(|id| layer_of.get(&id).copied());
            let (all, trained) = path.map_or((0, 0), |path| totals(Some(path)));
            LayerSummary {
                path: path.unwrap_or_default().to_owned(),
                kind,
                output,
                parameters: all,
                trained: gradients.then_some(trained),
                flops: 2 * multiply_accumulates,
            }
        })
        .collect();
    let (all, trained) = totals(None);
    let flops = layers.iter().map(|layer| layer.flops).sum();
    ModelSummary { input, layers, parameters: all, trained: gradients.then_some(trained), flops }
}

struct Parameter {
    id: ParamId,
    /// Path of the layer: the tensor's without its last name.
    layer: String,
    count: usize,
    trained: bool,
}

fn parameters<B: Backend, M: Module<B>>(module: &M) -> Vec<Parameter> {
    struct Lister {
        path: TensorPath,
        parameters: Vec<Parameter>,
    }
    impl<B: Backend> ModuleVisitor<B> for Lister {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _name: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let path = self.path.name();
            let (layer, tensor) = path.rsplit_once('.').unwrap_or(("", &path));
            if !BUFFER_NAMES.contains(&tensor) {
                self.parameters.push(Parameter {
                    id: param.id,
                    layer: layer.to_owned(),
                    count: param.dims().iter().product(),
                    trained: param.is_require_grad(),
                });
            }
        }
    }
    let mut lister = Lister { path: TensorPath::default(), parameters: Vec::new() };
    module.visit(&mut lister);
    lister.parameters
}

/// `1234567` as `1,234,567`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Operations in millions, as they are published.
fn millions(flops: u64) -> String {
    const MILLION: f64 = 1e6;
    if flops == 0 { String::new() } else { format!("{:.2}", flops as f64 / MILLION) }
}

/// A table with a line a layer, and the totals.
impl fmt::Display for ModelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEADINGS: [&str; 5] = ["layer", "kind", "output", "parameters", "MFLOPs"];
        let rows: Vec<[String; 5]> = std::iter::once(HEADINGS.map(str::to_owned))
            .chain(self.layers.iter().map(|layer| {
                let output: Vec<String> = layer.output[1..].iter().map(usize::to_string).collect();
                let count = if layer.parameters == 0 { String::new() } else { grouped(layer.parameters) };
                [layer.path.clone(), layer.kind.to_string(), output.join("×"), count, millions(layer.flops)]
            }))
            .collect();
        let widths: [usize; 5] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for row in &rows {
            let [layer, kind, output, parameters, flops] = row;
            let [a, b, c, d, e] = widths;
            writeln!(f, "{layer:<a$}  {kind:<b$}  {output:>c$}  {parameters:>d$}  {flops:>e$}")?;
        }
        writeln!(f, "{}", "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)))?;
        write!(f, "input {}: {} parameters", self.input, grouped(self.parameters))?;
        if let (Some(trained), Some(frozen)) = (self.trained, self.frozen()) {
            write!(f, " ({} trained, {} frozen)", grouped(trained), grouped(frozen))?;
        }
        let flops = if self.flops == 0 { "0".to_owned() } else { millions(self.flops) };
        write!(f, ", {flops} MFLOPs an image (2 for each multiply-accumulate of convolutions and dense layers)")
    }
}
