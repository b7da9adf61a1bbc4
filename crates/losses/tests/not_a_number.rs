//! An output that is not a number makes every loss none, so that a broken network is seen by its loss.

use burn::tensor::{Tensor, TensorData};
use losses::{BoxLoss, BoxTarget, ClassificationLoss, PixelTargets, Reduction, SegmentationLoss, YoloxLoss};
use tensor_backend::{SelectedDevice, TrainingBackend as B};
use vision_types::{AnchorPoint, BBox, Mask};

#[test]
fn of_classification() {
    let device = SelectedDevice::default();
    for kind in [
        "cross-entropy",
        "focal",
        "binary-cross-entropy",
        "sigmoid-focal",
        "mean-absolute",
        "mean-squared",
        "huber",
        "smooth-l1",
    ] {
        let loss: ClassificationLoss = serde_json::from_str(&format!(r#"{{"kind": "{kind}"}}"#)).expect("a kind");
        // The output of a class that is there, and of one that is not.
        for place in 0..3 {
            let mut logits = [0.5, -1.0, 0.25];
            logits[place] = f32::NAN;
            let logits = Tensor::<B, 2>::from_data([logits], &device);
            let targets = Tensor::from_data([[0.0, 1.0, 0.0]], &device);
            let found = loss.losses(logits, targets).reduce(Reduction::Mean).into_scalar();
            assert!(found.is_nan(), "{kind}, class {place}: {found}");
        }
    }
}

#[test]
fn of_segmentation() {
    let device = SelectedDevice::default();
    let mask = Mask::from_pixels(3, 2, vec![0, 1, 2, 2, 1, 0]).expect("as many pixels");
    let targets = PixelTargets::<B>::from_masks(&[&mask], 3, &device).expect("classes that exist");
    for kind in [
        "cross-entropy",
        "binary-cross-entropy",
        "dice",
        "jaccard",
        "tversky",
        "focal-tversky",
        "lovasz-softmax",
        "lovasz-hinge",
    ] {
        let loss: SegmentationLoss = serde_json::from_str(&format!(r#"{{"kind": "{kind}"}}"#)).expect("a kind");
        for place in 0..18 {
            let mut logits: Vec<f32> = (0..18).map(|index| (index as f32 * 1.7).sin()).collect();
            logits[place] = f32::NAN;
            let logits = Tensor::<B, 4>::from_data(TensorData::new(logits, [1, 3, 2, 3]), &device);
            let found = loss.forward(logits, &targets).into_scalar();
            assert!(found.is_nan(), "{kind}, logit {place}: {found}");
        }
    }
}

#[test]
fn of_boxes() {
    let device = SelectedDevice::default();
    for kind in [BoxLoss::IouSquared, BoxLoss::Giou, BoxLoss::Diou, BoxLoss::Ciou] {
        for place in 0..4 {
            let mut found = [3.0, 4.0, 20.0, 12.0];
            found[place] = f32::NAN;
            let target = Tensor::<B, 2>::from_data([[5.0, 5.0, 18.0, 14.0]], &device);
            let loss = kind.losses_xyxy(Tensor::from_data([found], &device), target).sum().into_scalar();
            assert!(loss.is_nan(), "{kind:?}, corner {place}: {loss}");
        }
    }
}

#[test]
fn of_yolox() {
    let device = SelectedDevice::default();
    let points = AnchorPoint::grid(64, 64, &[8, 16, 32]);
    let targets = [vec![BoxTarget { bbox: BBox::from_xyxy(8.0, 8.0, 56.0, 48.0), class: 1 }]];
    let shape = [1, points.len(), 7];
    for l1 in [false, true] {
        for place in 0..7 {
            let raw: Vec<f32> =
                (0..shape.iter().product()).map(|index| if index % 7 == place { f32::NAN } else { 0.25 }).collect();
            let raw = Tensor::<B, 3>::from_data(TensorData::new(raw, shape), &device).require_grad();
            let total = YoloxLoss { classes: 2, l1 }.forward(raw.clone(), &points, &targets).total;
            let gradient = raw.grad(&total.backward()).expect("a gradient").into_data().to_vec::<f32>().expect("f32");
            assert!(total.into_scalar().is_nan(), "value {place}, l1: {l1}");
            assert!(gradient.iter().any(|value| value.is_nan()), "gradient of value {place}, l1: {l1}");
        }
    }
}
