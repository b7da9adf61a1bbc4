//! Softmax cross-entropy.

use super::HostTensor;
use crate::kernels::cross_entropy;

pub(crate) fn softmax_cross_entropy<T: HostTensor>(logits: T, targets: T) -> T {
    let [rows, _] = logits.dims();
    let (logits, targets) = (logits.dense(), targets.dense());
    let mut losses = T::buffer(rows);
    cross_entropy::softmax_cross_entropy(logits.elements(), targets.elements(), &mut losses);
    T::from_dense(losses, &[rows])
}

pub(crate) fn softmax_cross_entropy_gradient<T: HostTensor>(logits: T, targets: T, output_gradient: T) -> T {
    let shape: [usize; 2] = logits.dims();
    let [logits, targets, gradient] = [logits, targets, output_gradient].map(T::dense);
    let mut target = T::buffer(shape[0] * shape[1]);
    let (logits, targets) = (logits.elements(), targets.elements());
    cross_entropy::softmax_cross_entropy_gradient(logits, targets, gradient.elements(), &mut target);
    T::from_dense(target, &shape)
}
