//! One graph for all parameters of a module.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::ops::FloatTensor;

use crate::VisionBackend;

/// Says that the parameters of `module` belong to one graph, before a forward pass with gradients. Changes no result: a
/// network of many small layers takes less time, because burn would otherwise join the graphs of its parameters one by
/// one, moving all that is there again and again.
pub fn join_graphs<B: VisionBackend, M: Module<B>>(module: &M) {
    struct Reader<B: VisionBackend>(Vec<FloatTensor<B>>);

    impl<B: VisionBackend> ModuleVisitor<B> for Reader<B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let tensor = param.val();
            if tensor.is_require_grad() {
                self.0.push(tensor.into_primitive().tensor());
            }
        }
    }

    let mut reader = Reader::<B>(Vec::new());
    module.visit(&mut reader);
    B::vision_join_graphs(&reader.0);
}
