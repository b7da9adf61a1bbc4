//! A module's tensors by name, read and written without burn's record types.
//!
//! Names are the fields' paths joined by dots, as in PyTorch's `state_dict`: `layer1.0.conv1.weight`. Positions in a
//! `Vec` count as names; an enum's variant does not, so a `Vec` of an enum of layers reads like PyTorch's `Sequential`.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use thiserror::Error;

/// The path to the tensor that a visitor is at.
#[derive(Debug, Clone, Default)]
pub struct TensorPath {
    names: Vec<String>,
}

impl TensorPath {
    /// To be called from `enter_module` with its arguments.
    pub fn enter(&mut self, name: &str, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.names.push(name.to_owned());
        }
    }

    /// To be called from `exit_module` with its arguments.
    pub fn exit(&mut self, container_type: &str) {
        if !container_type.starts_with("Enum:") {
            self.names.pop();
        }
    }

    /// The path with dots between its names.
    pub fn name(&self) -> String {
        self.names.join(".")
    }
}

/// One tensor of a module.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its path, such as `layer1.0.conv1.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values in row-major order.
    pub values: Vec<f32>,
}

/// What about a tensor is known without reading its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its path, such as `layer1.0.conv1.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether it is trained; running statistics and frozen parameters are not. Always false for a module on a backend
    /// without gradients.
    pub trained: bool,
}

/// All float tensors of `module` by name, in the order of its fields.
pub fn state_dict<B: Backend, M: Module<B>>(module: &M) -> Vec<NamedTensor> {
    let mut reader = Reader { path: TensorPath::default(), tensors: Vec::new() };
    module.visit(&mut reader);
    reader.tensors
}

struct Reader {
    path: TensorPath,
    tensors: Vec<NamedTensor>,
}

impl<B: Backend> ModuleVisitor<B> for Reader {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let data = param.val().into_data().convert::<f32>();
        let shape = data.shape.to_vec();
        let values = data.into_vec().expect("converted to f32 just now");
        self.tensors.push(NamedTensor { name: self.path.name(), shape, values });
    }
}

/// Names and shapes of all float tensors of `module`, in the order of its fields.
pub fn tensor_infos<B: Backend, M: Module<B>>(module: &M) -> Vec<TensorInfo> {
    struct Lister {
        path: TensorPath,
        infos: Vec<TensorInfo>,
    }
    impl<B: Backend> ModuleVisitor<B> for Lister {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _name: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.infos.push(TensorInfo {
                name: self.path.name(),
                shape: param.dims().to_vec(),
                trained: param.is_require_grad(),
            });
        }
    }
    let mut lister = Lister { path: TensorPath::default(), infos: Vec::new() };
    module.visit(&mut lister);
    lister.infos
}

/// A tensor whose shape differs between a module and what was to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The tensor's name.
    pub name: String,
    /// Its shape in the module.
    pub expected: Vec<usize>,
    /// The shape that was offered.
    pub found: Vec<usize>,
}

/// Tensors that do not fit a module: everything that is wrong, not only the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Error)]
#[error("the weights do not fit the model: {}", describe(.missing, .unexpected, .misshapen))]
pub struct StateDictError {
    /// Tensors of the module that were not offered.
    pub missing: Vec<String>,
    /// Offered tensors that the module does not have.
    pub unexpected: Vec<String>,
    /// Tensors of another shape.
    pub misshapen: Vec<ShapeMismatch>,
}

fn describe(missing: &[String], unexpected: &[String], misshapen: &[ShapeMismatch]) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("missing: {}", missing.join(", ")));
    }
    if !unexpected.is_empty() {
        parts.push(format!("not in the model: {}", unexpected.join(", ")));
    }
    parts.extend(misshapen.iter().map(|ShapeMismatch { name, expected, found }| {
        format!("{name} has shape {found:?} where the model has {expected:?}")
    }));
    parts.join("; ")
}

/// `module` with its tensors replaced by those of `tensors`, which must be the same set of names and shapes.
///
/// Whether a parameter is trained stays as it is in `module`.
///
/// # Errors
///
/// A [`StateDictError`] that lists every missing, unexpected and misshapen tensor.
pub fn load_state_dict<B: Backend, M: Module<B>>(module: M, tensors: &[NamedTensor]) -> Result<M, StateDictError> {
    let offered: std::collections::HashMap<&str, &NamedTensor> =
        tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let infos = tensor_infos(&module);
    let mut error = StateDictError::default();
    for info in &infos {
        match offered.get(info.name.as_str()) {
            None => error.missing.push(info.name.clone()),
            Some(tensor) if tensor.shape != info.shape => error.misshapen.push(ShapeMismatch {
                name: info.name.clone(),
                expected: info.shape.clone(),
                found: tensor.shape.clone(),
            }),
            Some(_) => {}
        }
    }
    let known: std::collections::HashSet<&str> = infos.iter().map(|info| info.name.as_str()).collect();
    error.unexpected =
        tensors.iter().filter(|tensor| !known.contains(tensor.name.as_str())).map(|t| t.name.clone()).collect();
    if error != StateDictError::default() {
        return Err(error);
    }

    struct Writer<'a> {
        path: TensorPath,
        offered: std::collections::HashMap<&'a str, &'a NamedTensor>,
    }
    impl<B: Backend> ModuleMapper<B> for Writer<'_> {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            self.path.enter(name, container_type);
        }
        fn exit_module(&mut self, _name: &str, container_type: &str) {
            self.path.exit(container_type);
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let tensor = self.offered[self.path.name().as_str()];
            param.map(|current| {
                let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
                let device = current.device();
                Tensor::from_data(data, &device).set_require_grad(current.is_require_grad())
            })
        }
    }
    Ok(module.map(&mut Writer { path: TensorPath::default(), offered }))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use burn::module::Param;

    use super::*;
    use crate::Buffer;

    type B = Autodiff<Flex>;

    #[derive(Module, Debug)]
    struct Norm<B: Backend> {
        weight: Param<Tensor<B, 1>>,
        running_mean: Buffer<B, 1>,
    }

    #[derive(Module, Debug)]
    enum Layer<B: Backend> {
        Norm(Norm<B>),
    }

    #[derive(Module, Debug)]
    struct Net<B: Backend> {
        features: Vec<Layer<B>>,
    }

    fn net() -> Net<B> {
        let device = Default::default();
        let norm = Norm {
            weight: Param::from_tensor(Tensor::ones([2], &device)),
            running_mean: Buffer::new(Tensor::zeros([2], &device)),
        };
        Net { features: vec![Layer::Norm(norm)] }
    }

    #[test]
    fn names_follow_fields_and_positions_but_not_variants() {
        let names: Vec<String> = state_dict(&net()).into_iter().map(|tensor| tensor.name).collect();
        assert_eq!(names, ["features.0.weight", "features.0.running_mean"]);
        let trained: Vec<bool> = tensor_infos(&net()).into_iter().map(|info| info.trained).collect();
        assert_eq!(trained, [true, false]);
    }

    #[test]
    fn values_come_back_and_stay_trained() {
        let mut tensors = state_dict(&net());
        tensors[0].values = vec![3.0, 4.0];
        tensors[1].values = vec![5.0, 6.0];
        let loaded = load_state_dict(net(), &tensors).expect("same names and shapes");
        assert_eq!(state_dict(&loaded), tensors);
        assert!(tensor_infos(&loaded)[0].trained);
    }

    #[test]
    fn everything_wrong_is_listed_at_once() {
        let mut tensors = state_dict(&net());
        tensors[0].name = "features.0.wight".to_owned();
        tensors[1].shape = vec![1, 2];
        let error = load_state_dict(net(), &tensors).expect_err("three faults");
        assert_eq!(error.missing, ["features.0.weight"]);
        assert_eq!(error.unexpected, ["features.0.wight"]);
        assert_eq!(error.misshapen[0].expected, [2]);
        let message = error.to_string();
        assert!(message.contains("features.0.wight") && message.contains("[1, 2]"), "{message}");
    }
}
