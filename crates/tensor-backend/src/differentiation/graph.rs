//! The graph that backward passes walk through.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

use super::Tracked;
use crate::VisionBackend;

/// Tensors that one node joins.
const JOINED: usize = 32;

/// A node that only has parents: nothing follows from it, so that no backward pass comes here.
#[derive(Debug)]
struct Join;

impl<B: VisionBackend> Backward<B, JOINED> for Join {
    type State = ();

    fn backward(self, _ops: Ops<(), JOINED>, _grads: &mut Gradients, _checkpointer: &mut Checkpointer) {}
}

/// Makes the graphs of `tensors` one. burn keeps a graph for each leaf until an operation joins it to others, and then
/// moves the nodes of one into the other, as it happens the large one's into the small one's: with a few hundred
/// parameters, a tenth of a small network's step.
pub(super) fn join<B: VisionBackend, C: CheckpointStrategy>(tensors: &[Tracked<B>]) {
    let Some(last) = tensors.len().checked_sub(1) else { return };
    // Each node shares a tensor with the next one.
    for first in (0..tensors.len()).step_by(JOINED - 1) {
        let nodes = std::array::from_fn(|index| tensors[(first + index).min(last)].node.clone());
        let output = tensors[first].primitive.clone();
        match Backward::<B, JOINED>::prepare::<C>(Join, nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => drop(preparation.finish((), output)),
            OpsKind::UnTracked(preparation) => drop(preparation.finish(output)),
        }
    }
}
