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
use crate::layers::trace::{self, LayerTrace};
use crate::{InputShape, Network};

pub use crate::layers::trace::LayerKind;

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
    if flops == 0 { String::new() } else { format!("{:.3}", flops as f64 / MILLION) }
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
            let line = format!("{layer:<a$}  {kind:<b$}  {output:>c$}  {parameters:>d$}  {flops:>e$}");
            writeln!(f, "{}", line.trim_end())?;
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

#[cfg(test)]
mod tests {
    use burn::module::AutodiffModule;
    use tensor_backend::TrainingBackend;
    use tensor_backend::state_dict::state_dict;

    use super::*;
    use crate::layers::without_random_values;
    use crate::lenet::{LeNet, LeNetConfig};
    use crate::resnet::ResNetConfig;

    fn lenet() -> LeNet<TrainingBackend> {
        without_random_values(|| LeNetConfig::new(10, InputShape::grey(28)).init(&Default::default()))
    }

    #[test]
    fn the_table_of_a_lenet() {
        // Multiply-accumulates: conv1 6 · 24 · 24 · 25 = 86,400, conv2 16 · 8 · 8 · 150 = 153,600, fc1 256 · 120 =
        // 30,720, fc2 120 · 84 = 10,080, fc3 840; twice their sum 281,640 is 563,280.
        let expected = [
            "layer  kind        output  parameters  MFLOPs",
            "conv1  Conv2d     6×24×24         156   0.173",
            "       MaxPool2d  6×12×12",
            "conv2  Conv2d      16×8×8       2,416   0.307",
            "       MaxPool2d   16×4×4",
            "fc1    Linear         120      30,840   0.061",
            "fc2    Linear          84      10,164   0.020",
            "fc3    Linear          10         850   0.002",
            "---------------------------------------------",
            "input 1×28×28: 44,426 parameters (44,426 trained, 0 frozen), 0.563 MFLOPs an image (2 for each \
             multiply-accumulate of convolutions and dense layers)",
        ];
        let table = summary(&lenet(), InputShape::grey(28)).to_string();
        assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn frozen_parameters_are_counted_apart_and_unknown_without_gradients() {
        let frozen = summary(&lenet().no_grad(), InputShape::grey(28));
        assert_eq!((frozen.trained, frozen.frozen()), (Some(0), Some(44_426)));
        let valid = summary(&lenet().valid(), InputShape::grey(28));
        assert_eq!((valid.trained, valid.parameters), (None, 44_426));
    }

    #[test]
    fn a_summary_changes_nothing() {
        let network = ResNetConfig::resnet18(3).init::<TrainingBackend>(&Default::default());
        let before = state_dict(&network);
        let table = summary(&network, InputShape::rgb(64));
        assert_eq!(state_dict(&network), before);
        assert_eq!(table.layers.last().map(|layer| layer.output.clone()), Some(vec![1, 3]));
        assert!(!trace::is_active());
    }
}
