//! Values worked out by hand, and what holds for every loss.

use burn::tensor::{Int, Tensor, TensorData};
use losses::{
    BinaryCrossEntropy, ClassificationLoss, CrossEntropy, ElementwiseLoss, Focal, Huber, MeanAbsolute, MeanSquared,
    Normalisation, Reduction, SampleLosses, SigmoidFocal, SmoothL1, SoftTargetLoss, one_hot,
};
use tensor_backend::{SelectedDevice, TrainingBackend as B, random};

/// Several roundings of `f32`, relative above 1.
const TOLERANCE: f32 = 1e-6;

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &SelectedDevice::default())
}

fn numbers(labels: &[i64]) -> Tensor<B, 1, Int> {
    Tensor::from_data(TensorData::new(labels.to_vec(), [labels.len()]), &SelectedDevice::default())
}

fn one_hot_rows(labels: &[usize], classes: usize) -> Tensor<B, 2> {
    tensor(&one_hot(labels, classes).expect("labels below classes"), [labels.len(), classes])
}

fn values<const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().to_vec().expect("f32")
}

#[track_caller]
fn assert_close<const D: usize>(found: Tensor<B, D>, expected: &[f32]) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE * expected.abs().max(1.0), "found {found}, expected {expected}");
    }
}

fn weighted() -> CrossEntropy {
    CrossEntropy { class_weights: Some(vec![1.0, 3.0]), ..CrossEntropy::default() }
}

/// Every kind with its default settings, and RetinaNet's focal loss.
fn every_loss() -> Vec<ClassificationLoss> {
    let mut losses = ClassificationLoss::every();
    losses.push(ClassificationLoss::SigmoidFocal(SigmoidFocal::retina_net()));
    losses
}

#[test]
fn cross_entropy_by_hand() {
    // exp gives 1 : 3, so the probabilities are 1/4 and 3/4.
    let logits = tensor(&[0.0, 3f32.ln(), 0.0, 3f32.ln()], [2, 2]);
    let [quarter, three_quarters] = [4f32.ln(), (4f32 / 3.0).ln()];
    let labels = numbers(&[0, 1]);
    let forward = |loss: &CrossEntropy, reduction| loss.forward(logits.clone(), labels.clone(), reduction);
    assert_close(forward(&CrossEntropy::default(), Reduction::None), &[quarter, three_quarters]);
    assert_close(forward(&CrossEntropy::default(), Reduction::Mean), &[(quarter + three_quarters) / 2.0]);
    assert_close(forward(&weighted(), Reduction::None), &[quarter, 3.0 * three_quarters]);
    assert_close(forward(&weighted(), Reduction::Mean), &[(quarter + 3.0 * three_quarters) / (1.0 + 3.0)]);
    // ε = 0.2 over two classes moves 0.1 of the target to the other class.
    let smoothed = CrossEntropy { label_smoothing: 0.2, ..CrossEntropy::default() };
    let expected = [0.9 * quarter + 0.1 * three_quarters, 0.9 * three_quarters + 0.1 * quarter];
    assert_close(forward(&smoothed, Reduction::None), &expected);
}

#[test]
fn a_weighted_mean_divides_as_its_normalisation_says() {
    // Equal logits: ln 2 for either class, times the class weights 1 and 3.
    let logits = tensor(&[0.0; 4], [2, 2]);
    let mean = |normalisation, targets: &[f32]| {
        let loss = ClassificationLoss::CrossEntropy(CrossEntropy { normalisation, ..weighted() });
        let result = loss.losses(logits.clone(), tensor(targets, [2, 2]));
        let weights = loss.sample_weights(tensor(targets, [2, 2]));
        assert_eq!(values(weights), values(result.weights.clone()));
        result.mean() / std::f32::consts::LN_2
    };
    let hard = [1.0, 0.0, 0.0, 1.0];
    assert_close(mean(Normalisation::Automatic, &hard), &[(1.0 + 3.0) / (1.0 + 3.0)]);
    assert_close(mean(Normalisation::TargetWeight, &hard), &[1.0]);
    assert_close(mean(Normalisation::SampleCount, &hard), &[(1.0 + 3.0) / 2.0]);
    // The first row weighs 3/4 · 1 + 1/4 · 3 = 1.5.
    let mixed = [0.75, 0.25, 0.0, 1.0];
    assert_close(mean(Normalisation::Automatic, &mixed), &[(1.5 + 3.0) / 2.0]);
    assert_close(mean(Normalisation::TargetWeight, &mixed), &[(1.5 + 3.0) / (1.5 + 3.0)]);
    assert_close(mean(Normalisation::SampleCount, &mixed), &[(1.5 + 3.0) / 2.0]);
}

#[test]
fn elementwise_losses_by_hand() {
    let (outputs, targets) = (tensor(&[0.5, 3.0, -1.0], [1, 3]), tensor(&[0.0, 1.0, -1.0], [1, 3]));
    let elements = |loss: &dyn Fn(Tensor<B, 2>, Tensor<B, 2>) -> Tensor<B, 2>| loss(outputs.clone(), targets.clone());
    assert_close(elements(&|x, t| MeanAbsolute {}.elements(x, t)), &[0.5, 2.0, 0.0]);
    assert_close(elements(&|x, t| MeanSquared {}.elements(x, t)), &[0.25, 4.0, 0.0]);
    // 0.5² / 2, and 1 · (2 - 1 / 2).
    assert_close(elements(&|x, t| Huber::default().elements(x, t)), &[0.125, 1.5, 0.0]);
    // 0.5² / (2 · 2) below β = 2, and 2 - 2 / 2 at it.
    assert_close(elements(&|x, t| SmoothL1 { beta: 2.0 }.elements(x, t)), &[0.0625, 1.0, 0.0]);
    // At a logit of 0 either answer has probability 1/2: ln 2, times 0.25 · (1/2)² with RetinaNet's setting.
    let (logit, yes) = (tensor(&[0.0], [1, 1]), tensor(&[1.0], [1, 1]));
    let entropy = BinaryCrossEntropy::default().elements(logit.clone(), yes.clone());
    assert_close(entropy, &[std::f32::consts::LN_2]);
    assert_close(SigmoidFocal::retina_net().elements(logit, yes), &[std::f32::consts::LN_2 / 16.0]);
}

#[test]
fn uniform_logits_cost_the_logarithm_of_the_number_of_classes() {
    for classes in [2, 10, 1000] {
        for label_smoothing in [0.0, 0.1] {
            let loss = CrossEntropy { label_smoothing, ..CrossEntropy::default() };
            let logits = tensor(&vec![7.5; classes], [1, classes]);
            let found = loss.forward(logits, numbers(&[1]), Reduction::Mean).into_scalar();
            // A sum of n numbers of one sign rounds at most n times, by 2^-24 each.
            let tolerance = (classes as f32 * 2f32.powi(-24)).max(TOLERANCE);
            let expected = (classes as f32).ln();
            assert!((found / expected - 1.0).abs() <= tolerance, "found {found}, expected {expected}");
        }
    }
}

#[test]
fn a_perfect_prediction_costs_nothing() {
    let labels = [2, 0, 1];
    for loss in every_loss() {
        let targets = one_hot_rows(&labels, 3);
        // A loss of probabilities is least at certain logits, a regression where outputs are the targets.
        let certain = targets.clone().mul_scalar(2e4).sub_scalar(1e4);
        let mean = |outputs: &Tensor<B, 2>| loss.losses(outputs.clone(), targets.clone()).mean().into_scalar();
        let outputs = if mean(&certain) < mean(&targets) { certain } else { targets.clone() };
        let outputs = outputs.require_grad();
        let result = loss.losses(outputs.clone(), targets).mean();
        let gradients = result.backward();
        assert_eq!(values(result), [0.0], "{loss:?}");
        let gradient = outputs.grad(&gradients).expect("a gradient").into_data().to_vec::<f32>().expect("f32");
        // A vectorised exponential bottoms out at a denormal number instead of zero.
        assert!(gradient.iter().all(|slope| slope.abs() < f32::MIN_POSITIVE), "{loss:?}: {gradient:?}");
    }
}

#[test]
fn a_focal_loss_without_focus_is_the_cross_entropy() {
    let logits = random_logits(6, 5);
    let targets = one_hot_rows(&[0, 1, 2, 3, 4, 0], 5);
    let entropy = CrossEntropy::default().forward_soft(logits.clone(), targets.clone(), Reduction::None);
    let focal = Focal { gamma: 0.0, alpha: None }.forward_soft(logits.clone(), targets.clone(), Reduction::None);
    // Two orders of summation: equal but for rounding.
    assert_close(focal, &values(entropy));
    let entropy = BinaryCrossEntropy::default().elements(logits.clone(), targets.clone());
    let focal = SigmoidFocal { gamma: 0.0, alpha: None }.elements(logits.clone(), targets.clone());
    assert_eq!(values(focal), values(entropy.clone()));
    let halved = SigmoidFocal { gamma: 0.0, alpha: Some(0.5) }.elements(logits, targets);
    assert_close(halved, &values(entropy.mul_scalar(0.5)));
}

#[test]
fn a_mixed_target_mixes_the_losses_of_its_classes() {
    let logits = random_logits(4, 3);
    let (first, second) = (one_hot_rows(&[0, 1, 2, 0], 3), one_hot_rows(&[1, 1, 0, 2], 3));
    let mixed = first.clone().mul_scalar(0.3) + second.clone().mul_scalar(0.7);
    let smoothed =
        CrossEntropy { class_weights: Some(vec![0.5, 1.0, 4.0]), label_smoothing: 0.1, ..CrossEntropy::default() };
    for loss in [
        ClassificationLoss::CrossEntropy(smoothed),
        ClassificationLoss::Focal(Focal::default()),
        ClassificationLoss::BinaryCrossEntropy(BinaryCrossEntropy { pos_weight: Some(vec![2.0, 3.0, 4.0]) }),
    ] {
        let parts = loss.forward(logits.clone(), first.clone()).mul_scalar(0.3)
            + loss.forward(logits.clone(), second.clone()).mul_scalar(0.7);
        assert_close(loss.forward(logits.clone(), mixed.clone()), &values(parts));
    }
}

#[test]
fn many_batches_have_the_mean_of_one() {
    let (n, classes) = (7, 3);
    let logits = random_logits(n, classes);
    let targets = one_hot_rows(&[0, 2, 1, 1, 2, 0, 2], classes);
    let weights = CrossEntropy { class_weights: Some(vec![0.2, 1.0, 5.0]), ..CrossEntropy::default() };
    for loss in every_loss().into_iter().chain([ClassificationLoss::CrossEntropy(weights)]) {
        let whole = loss.losses(logits.clone(), targets.clone()).mean();
        let (mut sum, mut weight) = (0.0, 0.0);
        for range in [0..1, 1..3, 3..7] {
            let batch = [range, 0..classes];
            let SampleLosses { losses, weights } =
                loss.losses(logits.clone().slice(batch.clone()), targets.clone().slice(batch));
            sum += values(losses).iter().sum::<f32>();
            weight += values(weights).iter().sum::<f32>();
        }
        assert_close(whole, &[sum / weight]);
    }
}

#[test]
fn a_batch_of_ignored_targets_has_no_loss_and_no_gradient() {
    let loss = CrossEntropy { ignore_index: Some(255), label_smoothing: 0.1, ..weighted() };
    let logits = tensor(&[1.0, -2.0, 0.5, 3.0], [2, 2]).require_grad();
    let mean = loss.forward(logits.clone(), numbers(&[255, 255]), Reduction::Mean);
    let gradients = mean.backward();
    assert_eq!(values(mean), [0.0]);
    assert_eq!(logits.grad(&gradients).expect("a gradient").into_data().to_vec::<f32>().expect("f32"), [0.0; 4]);
}

#[test]
fn each_pixel_has_the_loss_of_its_own_channels() {
    // Two images of two pixels: the channels of pixel (b, x) lie at logits[b][.., 0, x].
    let logits = tensor(&[1.0, 2.0, 3.0, 5.0, -1.0, 0.5, 4.0, 2.5], [2, 2, 1, 2]);
    let rows = tensor(&[1.0, 3.0, 2.0, 5.0, -1.0, 4.0, 0.5, 2.5], [4, 2]);
    let labels = numbers(&[0, 1, 1, 0]);
    let pixels = CrossEntropy::default().forward_pixels(logits, labels.clone().reshape([2, 1, 2]), Reduction::None);
    assert_eq!(values(pixels), values(CrossEntropy::default().forward(rows, labels, Reduction::None)));
}

#[test]
fn positive_weights_lie_along_the_channels() {
    let loss = BinaryCrossEntropy { pos_weight: Some(vec![1.0, 4.0]) };
    let zeros = tensor(&[0.0; 4], [1, 2, 1, 2]);
    let yes = tensor(&[1.0; 4], [1, 2, 1, 2]);
    let expected = [1.0, 1.0, 4.0, 4.0].map(|weight| weight * std::f32::consts::LN_2);
    assert_close(loss.elements(zeros, yes), &expected);
}

#[test]
fn a_certain_answer_has_a_finite_gradient_for_every_exponent() {
    for gamma in [0.1, 0.5, 1.0, 1.5, 5.0] {
        for loss in [
            ClassificationLoss::Focal(Focal { gamma, alpha: None }),
            ClassificationLoss::SigmoidFocal(SigmoidFocal { gamma, alpha: None }),
        ] {
            // Certain and right, certain and wrong, and right by more than f32 can hold in a probability.
            let logits = tensor(&[1e4, -1e4, -1e4, 1e4, 18.0, 0.0], [3, 2]).require_grad();
            let losses = loss.forward(logits.clone(), one_hot_rows(&[0, 0, 0], 2));
            let gradients = losses.clone().sum().backward();
            assert!(values(losses).iter().all(|value| value.is_finite()), "{loss:?}");
            let gradient = logits.grad(&gradients).expect("a gradient").into_data().to_vec::<f32>().expect("f32");
            assert!(gradient.iter().all(|slope| slope.is_finite()), "{loss:?}: {gradient:?}");
        }
    }
}

#[test]
#[should_panic(expected = "one shape")]
fn outputs_and_targets_of_different_shapes_are_refused() {
    let _ = MeanSquared {}.elements(tensor(&[0.0; 4], [4, 1]), tensor(&[0.0; 4], [1, 4]));
}

fn random_logits(n: usize, classes: usize) -> Tensor<B, 2> {
    random::seed(5, 0);
    random::normal([n, classes], 0.0, 2.0, &SelectedDevice::default())
}
