//! Learning from another network's probabilities.

use burn::tensor::{Tensor, activation};
use tensor_backend::VisionBackend;

use crate::log_softmax::{log_probabilities, softmax_cross_entropy};

/// How far a student's probabilities are from its teacher's, both logits divided by a temperature.
///
/// `T² · KL(softmax(teacher / T) ‖ softmax(student / T))`: the factor keeps gradients as large as those of hard targets
/// (Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network", section 2). The teacher gets no
/// gradient.
///
/// # Shapes
///
/// - `student`, `teacher`: logits `[n, classes]`
/// - output: `[n]`
///
/// # Panics
///
/// When the shapes disagree.
pub fn distillation<B: VisionBackend>(student: Tensor<B, 2>, teacher: Tensor<B, 2>, temperature: f64) -> Tensor<B, 1> {
    assert_eq!(student.dims(), teacher.dims(), "student and teacher have the same samples and classes");
    let teacher = teacher.detach().div_scalar(temperature);
    let targets = activation::softmax(teacher.clone(), 1);
    let entropy = -(targets.clone() * log_probabilities(teacher)).sum_dim(1).squeeze_dim::<1>(1);
    (softmax_cross_entropy(student.div_scalar(temperature), targets) - entropy).mul_scalar(temperature * temperature)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use tensor_backend::TrainingBackend;

    use super::*;

    type B = TrainingBackend;

    fn logits(values: [f32; 2]) -> Tensor<B, 2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, 2]), &Default::default())
    }

    fn value<const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
        tensor.into_data().to_vec().expect("f32")
    }

    #[test]
    fn by_hand() {
        // Temperature 2: the teacher's logits 0 and 2 ln 3 become odds of 1 : 3, the student's are even.
        // 4 · (1/4 ln(1/4 / 1/2) + 3/4 ln(3/4 / 1/2)) = ln(1/2) + 3 ln(3/2).
        let teacher = logits([0.0, 2.0 * 3f32.ln()]);
        let expected = 0.5f32.ln() + 3.0 * 1.5f32.ln();
        let found = value(distillation(logits([1.0, 1.0]), teacher.clone(), 2.0))[0];
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        assert!(value(distillation(teacher.clone(), teacher, 2.0))[0].abs() < 1e-6);
    }

    #[test]
    fn the_gradient_is_the_difference_of_the_probabilities_times_the_temperature() {
        // Of T² KL by student logits: T (softmax(student / T) - softmax(teacher / T)).
        let student = logits([1.0, 1.0]).require_grad();
        let teacher = logits([0.0, 2.0 * 3f32.ln()]).require_grad();
        let gradients = distillation(student.clone(), teacher.clone(), 2.0).sum().backward();
        let found = student.grad(&gradients).expect("a gradient").into_data().to_vec::<f32>().expect("f32");
        assert!((found[0] - 0.5).abs() < 1e-6 && (found[1] + 0.5).abs() < 1e-6, "{found:?}");
        assert!(teacher.grad(&gradients).is_none());
    }
}
