//! The gradient of every parameter by name.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use tensor_backend::state_dict::TensorPath;

use super::B;

/// Gradients by parameter name, in the order of the fields.
///
/// # Panics
///
/// When a trained parameter has none.
pub(crate) fn gradients<M: Module<B>>(
    module: &M,
    gradients: &<B as AutodiffBackend>::Gradients,
) -> Vec<(String, Vec<f32>)> {
    let mut reader = Reader { path: TensorPath::default(), gradients, found: Vec::new() };
    module.visit(&mut reader);
    reader.found
}

struct Reader<'a> {
    path: TensorPath,
    gradients: &'a <B as AutodiffBackend>::Gradients,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor<B> for Reader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, container_type: &str) {
        self.path.exit(container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if param.is_require_grad() {
            let name = self.path.name();
            let gradient = param.val().grad(self.gradients).unwrap_or_else(|| panic!("{name} has no gradient"));
            self.found.push((name, gradient.into_data().to_vec().expect("f32")));
        }
    }
}
