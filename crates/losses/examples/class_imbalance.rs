//! How the choice of loss moves the gradient towards a rare class.
//!
//! ```text
//! cargo run -p losses --example class_imbalance --features cpu
//! ```

use burn::tensor::{Tensor, TensorData};
use losses::{ClassificationLoss, CrossEntropy, Focal, one_hot};
use tensor_backend::TrainingBackend;

fn main() -> Result<(), losses::LossError> {
    let device = Default::default();
    // Three easy samples of a common class and one of a rare class, which the network takes for the common one.
    let labels = [0, 0, 0, 1];
    let logits = [[3.0, 0.0], [2.5, 0.0], [2.0, 0.0], [1.0, 0.0]];
    let targets = TensorData::new(one_hot(&labels, 2)?, [4, 2]);

    let weights = CrossEntropy { class_weights: Some(vec![1.0, 3.0]), ..CrossEntropy::default() };
    for (name, loss) in [
        ("cross-entropy", ClassificationLoss::default()),
        ("with class weights 1 : 3", ClassificationLoss::CrossEntropy(weights)),
        ("focal, gamma 2", ClassificationLoss::Focal(Focal::default())),
    ] {
        loss.validate(2)?;
        let logits = Tensor::<TrainingBackend, 2>::from_data(logits, &device).require_grad();
        let mean = loss.losses(logits.clone(), Tensor::from_data(targets.clone(), &device)).mean();
        let gradients = mean.backward();
        let pull: Vec<f32> = logits
            .grad(&gradients)
            .map(|gradient| gradient.abs().sum_dim(1).into_data().iter().collect())
            .unwrap_or_default();
        let rare = pull.last().copied().unwrap_or_default() / pull.iter().sum::<f32>();
        println!("{name:<26} loss {:.4}, share of the gradient from the rare class {rare:.2}", mean.into_scalar());
    }
    Ok(())
}
