//! Every loss and its gradient equal PyTorch's, on the figures that `fixtures/make_fixtures.py` exports.

use burn::tensor::{Int, Tensor, TensorData};
use losses::{ClassificationLoss, CrossEntropy, ElementwiseLoss, Normalisation, Reduction, SoftTargetLoss};
use serde::Deserialize;
use tensor_backend::{SelectedDevice, TrainingBackend};

/// Largest error, absolute below 1 and relative above: some ten roundings of `f32`, 6e-8 each.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case<C> {
    name: String,
    config: C,
    shape: Vec<usize>,
    logits: Vec<f32>,
    hard: Option<Vec<i64>>,
    soft: Option<Vec<f32>>,
    targets: Option<Vec<f32>>,
    losses: Vec<f64>,
    mean: f64,
    mean_gradient: Vec<f64>,
    sum: f64,
    sum_gradient: Vec<f64>,
}

impl<C> Case<C> {
    fn logits<const D: usize>(&self, device: &SelectedDevice) -> Tensor<TrainingBackend, D> {
        Tensor::from_data(TensorData::new(self.logits.clone(), self.shape.clone()), device)
    }

    /// Compares losses, mean, sum and both gradients of `forward`, given the reference's `losses`.
    fn check<const D: usize>(
        &self,
        losses: &[f64],
        forward: impl Fn(Tensor<TrainingBackend, D>, Reduction) -> Tensor<TrainingBackend, 1>,
    ) {
        let device = SelectedDevice::default();
        close(&format!("{}: losses", self.name), forward(self.logits(&device), Reduction::None), losses);
        for (reduction, value, gradient) in
            [(Reduction::Mean, self.mean, &self.mean_gradient), (Reduction::Sum, self.sum, &self.sum_gradient)]
        {
            let logits = self.logits::<D>(&device).require_grad();
            let found = forward(logits.clone(), reduction);
            let gradients = found.backward();
            close(&format!("{}: {reduction:?}", self.name), found, &[value]);
            let found = Tensor::<TrainingBackend, D>::from_inner(logits.grad(&gradients).expect("a gradient"));
            close(&format!("{}: gradient of {reduction:?}", self.name), found, gradient);
        }
    }
}

fn close<const D: usize>(what: &str, found: Tensor<TrainingBackend, D>, expected: &[f64]) {
    let found: Vec<f32> = found.into_data().to_vec().expect("f32");
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / expected.abs().max(1.0);
        assert!(error <= TOLERANCE, "{what}[{index}] is {found}, expected {expected}");
    }
}

fn cross_entropy_cases() -> Vec<Case<CrossEntropy>> {
    serde_json::from_str(include_str!("fixtures/cross_entropy.json")).expect("the fixture's cases")
}

#[test]
fn cross_entropy_of_class_numbers_equals_pytorch() {
    let mut compared = 0;
    for case in cross_entropy_cases() {
        let Some(labels) = &case.hard else { continue };
        let device = SelectedDevice::default();
        let labels =
            Tensor::<TrainingBackend, 1, Int>::from_data(TensorData::new(labels.clone(), [labels.len()]), &device);
        if let [n, _, height, width] = case.shape[..] {
            let mask = labels.reshape([n, height, width]);
            case.check(&case.losses, |logits, reduction| case.config.forward_pixels(logits, mask.clone(), reduction));
        } else {
            case.check(&case.losses, |logits, reduction| case.config.forward(logits, labels.clone(), reduction));
        }
        compared += 1;
    }
    assert_eq!(compared, 12);
}

#[test]
fn cross_entropy_of_probabilities_equals_pytorch() {
    let mut compared = 0;
    for case in cross_entropy_cases() {
        let Some(soft) = &case.soft else { continue };
        let device = SelectedDevice::default();
        let soft = Tensor::<TrainingBackend, 2>::from_data(TensorData::new(soft.clone(), case.shape.clone()), &device);
        case.check(&case.losses, |logits, reduction| case.config.forward_soft(logits, soft.clone(), reduction));
        let loss = ClassificationLoss::CrossEntropy(case.config.clone());
        case.check(&case.losses, |logits, reduction| loss.losses(logits, soft.clone()).reduce(reduction));
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn a_classifier_with_one_hot_targets_has_the_means_of_class_numbers() {
    let mut compared = 0;
    for case in cross_entropy_cases() {
        let (Some(labels), [n, classes], None) = (&case.hard, &case.shape[..], case.config.ignore_index) else {
            continue;
        };
        let device = SelectedDevice::default();
        let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
        let rows = TensorData::new(losses::one_hot(&labels, *classes).expect("labels below classes"), [*n, *classes]);
        let targets = Tensor::<TrainingBackend, 2>::from_data(rows, &device);
        for normalisation in [Normalisation::Automatic, Normalisation::TargetWeight] {
            let loss = ClassificationLoss::CrossEntropy(CrossEntropy { normalisation, ..case.config.clone() });
            case.check(&case.losses, |logits, reduction| loss.losses(logits, targets.clone()).reduce(reduction));
        }
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn other_losses_equal_pytorch_and_torchvision() {
    let cases: Vec<Case<ClassificationLoss>> =
        serde_json::from_str(include_str!("fixtures/elementwise.json")).expect("the fixture's cases");
    assert_eq!(cases.len(), 43);
    for mut case in cases {
        let device = SelectedDevice::default();
        let targets = case.targets.take().expect("targets");
        let targets = Tensor::<TrainingBackend, 2>::from_data(TensorData::new(targets, case.shape.clone()), &device);
        let classes = case.shape[1];
        case.config.validate(classes).expect("settings in their range");
        let loss = case.config.clone();
        match &loss {
            ClassificationLoss::Focal(focal) => {
                case.check(&case.losses, |logits, reduction| focal.forward_soft(logits, targets.clone(), reduction));
            }
            ClassificationLoss::BinaryCrossEntropy(loss) => elementwise(&case, loss, targets.clone()),
            ClassificationLoss::SigmoidFocal(loss) => elementwise(&case, loss, targets.clone()),
            ClassificationLoss::MeanAbsolute(loss) => elementwise(&case, loss, targets.clone()),
            ClassificationLoss::MeanSquared(loss) => elementwise(&case, loss, targets.clone()),
            ClassificationLoss::Huber(loss) => elementwise(&case, loss, targets.clone()),
            ClassificationLoss::SmoothL1(loss) => elementwise(&case, loss, targets.clone()),
            // Cross-entropy has a fixture of its own.
            other => panic!("{}: no comparison for {other:?}", case.name),
        }
        // A classifier's mean over samples is PyTorch's mean over elements.
        close(&case.name, loss.losses(case.logits(&device), targets).mean(), &[case.mean]);
    }
}

/// Compares element by element, and each sample with the mean of its elements.
fn elementwise(case: &Case<ClassificationLoss>, loss: &impl ElementwiseLoss, targets: Tensor<TrainingBackend, 2>) {
    let elements = loss.elements(case.logits(&SelectedDevice::default()), targets.clone());
    close(&format!("{}: elements", case.name), elements, &case.losses);
    let classes = case.shape[1];
    let samples: Vec<f64> = case.losses.chunks(classes).map(|row| row.iter().sum::<f64>() / classes as f64).collect();
    case.check(&samples, |logits, reduction| loss.forward(logits, targets.clone(), reduction));
}
