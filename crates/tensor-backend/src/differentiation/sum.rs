//! The sum of two tensors.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use crate::VisionBackend;

/// A sum, with two parents.
#[derive(Debug)]
struct Add;

impl<B: VisionBackend> Backward<B, 2> for Add {
    type State = ();

    fn backward(self, ops: Ops<(), 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        for parent in ops.parents.into_iter().flatten() {
            grads.register::<B>(parent.id, gradient.clone());
        }
    }
}

pub(super) fn add<B: VisionBackend, C: CheckpointStrategy>(first: Tracked<B>, second: Tracked<B>) -> Tracked<B> {
    let output = B::vision_add(first.primitive, second.primitive);
    match Backward::<B, 2>::prepare::<C>(Add, [first.node, second.node]).compute_bound().stateful() {
        OpsKind::Tracked(preparation) => preparation.finish((), output),
        OpsKind::UnTracked(preparation) => preparation.finish(output),
    }
}
