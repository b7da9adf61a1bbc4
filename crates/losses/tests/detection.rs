//! Losses of boxes equal torchvision's, YOLOX's loss equals `fixtures/yolox_loss.py`, on the figures that
//! `fixtures/make_detection.py` exports in float64.

use burn::tensor::{Tensor, TensorData};
use losses::{BoxLoss, BoxTarget, YoloxLoss};
use serde::Deserialize;
use tensor_backend::{SelectedBackend, SelectedDevice, TrainingBackend};
use vision_types::{AnchorPoint, BBox};

/// Largest error, absolute below 1 and relative above: some ten roundings of `f32`, 6e-8 each.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Fixture {
    boxes: Boxes,
    yolox: Vec<YoloxCase>,
}

#[derive(Deserialize)]
struct Boxes {
    outputs: Vec<f32>,
    targets: Vec<f32>,
    cases: Vec<BoxCase>,
}

#[derive(Deserialize)]
struct BoxCase {
    kind: BoxLoss,
    losses: Vec<f64>,
    /// Of the sum of 1, 2, 3 … times the losses.
    weighted_gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct YoloxCase {
    size: [usize; 2],
    classes: usize,
    l1: bool,
    raw: Vec<f32>,
    boxes: Vec<Vec<[f32; 4]>>,
    kinds: Vec<Vec<usize>>,
    terms: Terms,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct Terms {
    iou: f64,
    objectness: f64,
    class: f64,
    l1: f64,
}

impl YoloxCase {
    fn points(&self) -> Vec<AnchorPoint> {
        AnchorPoint::grid(self.size[0], self.size[1], &[8, 16, 32])
    }

    fn raw(&self) -> TensorData {
        TensorData::new(self.raw.clone(), [self.boxes.len(), self.points().len(), 5 + self.classes])
    }

    fn targets(&self) -> Vec<Vec<BoxTarget>> {
        let image = |(boxes, kinds): (&Vec<[f32; 4]>, &Vec<usize>)| {
            let target = |(&[x1, y1, x2, y2], &class): (&[f32; 4], &usize)| BoxTarget {
                bbox: BBox::from_xyxy(x1, y1, x2, y2),
                class,
            };
            boxes.iter().zip(kinds).map(target).collect()
        };
        self.boxes.iter().zip(&self.kinds).map(image).collect()
    }

    fn loss(&self) -> YoloxLoss {
        YoloxLoss { classes: self.classes, l1: self.l1 }
    }
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/detection.json")).expect("a valid fixture")
}

fn values<const D: usize>(tensor: Tensor<TrainingBackend, D>) -> Vec<f32> {
    tensor.into_data().to_vec().expect("f32")
}

fn close(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / expected.abs().max(1.0);
        assert!(error <= TOLERANCE, "{what}[{index}] is {found}, expected {expected}");
    }
}

#[test]
fn losses_of_boxes_and_their_gradients() {
    let device = SelectedDevice::default();
    let Boxes { outputs, targets, cases } = fixture().boxes;
    let count = outputs.len() / 4;
    let boxes = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [count, 4]), &device);
    assert_eq!(cases.len(), 4);
    for BoxCase { kind, losses, weighted_gradient } in cases {
        let found: Tensor<TrainingBackend, 2> = boxes(&outputs).require_grad();
        let result = kind.losses_xyxy(found.clone(), boxes(&targets));
        close(&format!("{kind:?}"), &values(result.clone()), &losses);
        let weights: Vec<f32> = (1..=count).map(|weight| weight as f32).collect();
        let weights = Tensor::from_data(TensorData::new(weights, [count]), &device);
        let gradients = (result * weights).sum().backward();
        let gradient: Vec<f32> = found.grad(&gradients).expect("a gradient").into_data().to_vec().expect("f32");
        close(&format!("gradient of {kind:?}"), &gradient, &weighted_gradient);
    }
}

#[test]
fn a_perfect_box_costs_nothing_and_boxes_of_no_area_stay_finite() {
    let device = SelectedDevice::default();
    let boxes = |values: [[f32; 4]; 3]| Tensor::<TrainingBackend, 2>::from_floats(values, &device);
    let found = [[3.0, 4.0, 20.0, 12.0], [5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 0.0, 8.0]];
    let target = [[3.0, 4.0, 20.0, 12.0], [5.0, 5.0, 5.0, 5.0], [9.0, 9.0, 9.0, 9.0]];
    for kind in [BoxLoss::IouSquared, BoxLoss::Giou, BoxLoss::Diou, BoxLoss::Ciou] {
        let found = boxes(found).require_grad();
        let losses = kind.losses_xyxy(found.clone(), boxes(target));
        let gradients = losses.clone().sum().backward();
        let losses = values(losses);
        assert!(losses[0].abs() < 1e-6, "{kind:?}: {losses:?}");
        let gradient: Vec<f32> = found.grad(&gradients).expect("a gradient").into_data().to_vec().expect("f32");
        assert!(losses.iter().chain(&gradient).all(|value| value.is_finite()), "{kind:?}: {losses:?} {gradient:?}");
    }
}

#[test]
fn terms_and_gradient_of_yolox() {
    let device = SelectedDevice::default();
    let cases = fixture().yolox;
    assert_eq!(cases.len(), 3);
    for (index, case) in cases.iter().enumerate() {
        let raw = Tensor::<TrainingBackend, 3>::from_data(case.raw(), &device).require_grad();
        let terms = case.loss().forward(raw.clone(), &case.points(), &case.targets());
        let Terms { iou, objectness, class, l1 } = case.terms;
        close(&format!("case {index}, iou"), &values(terms.iou), &[iou]);
        close(&format!("case {index}, objectness"), &values(terms.objectness), &[objectness]);
        close(&format!("case {index}, class"), &values(terms.class), &[class]);
        close(&format!("case {index}, l1"), &values(terms.l1), &[l1]);
        close(&format!("case {index}, total"), &values(terms.total.clone()), &[iou + objectness + class + l1]);
        let gradients = terms.total.backward();
        let gradient: Vec<f32> = raw.grad(&gradients).expect("a gradient").into_data().to_vec().expect("f32");
        close(&format!("case {index}, gradient"), &gradient, &case.gradient);
    }
}

#[test]
fn a_scaled_and_accumulated_loss_has_its_gradient_scaled_and_added() {
    let device = SelectedDevice::default();
    let case = &fixture().yolox[0];
    let gradient = |build: fn(Tensor<TrainingBackend, 1>, Tensor<TrainingBackend, 3>) -> Tensor<TrainingBackend, 1>| {
        let raw = Tensor::<TrainingBackend, 3>::from_data(case.raw(), &device).require_grad();
        let terms = case.loss().forward(raw.clone(), &case.points(), &case.targets());
        let gradients = build(terms.total, raw.clone()).backward();
        raw.grad(&gradients).expect("a gradient").into_data().to_vec::<f32>().expect("f32")
    };
    let once = gradient(|total, _| total);
    // 0.25 · L² + 2 Σ raw has the gradient 0.5 · L · dL + 2.
    let found = gradient(|total, raw| total.clone() * total * 0.25 + raw.sum() * 2.0);
    let Terms { iou, objectness, class, l1 } = case.terms;
    let half = 0.5 * (iou + objectness + class + l1);
    let expected: Vec<f64> = once.iter().map(|slope| half * f64::from(*slope) + 2.0).collect();
    close("gradient", &found, &expected);
}

#[test]
fn the_loss_without_gradients_is_the_same() {
    let device = SelectedDevice::default();
    for case in fixture().yolox {
        let raw = Tensor::<SelectedBackend, 3>::from_data(case.raw(), &device);
        let total = case.loss().forward(raw, &case.points(), &case.targets()).total;
        let raw = Tensor::<TrainingBackend, 3>::from_data(case.raw(), &device);
        let trained = case.loss().forward(raw, &case.points(), &case.targets()).total;
        assert_eq!(total.into_scalar(), trained.into_scalar());
    }
}

#[test]
fn no_box_and_no_output_makes_it_infinite() {
    let device = SelectedDevice::default();
    let points = AnchorPoint::grid(64, 64, &[8, 16, 32]);
    let bbox = BBox::from_xyxy;
    let boxes = [
        // A point, a line, outside the image, larger than it, swapped corners, not a number, endless, tiny.
        bbox(20.0, 20.0, 20.0, 20.0),
        bbox(10.0, 20.0, 40.0, 20.0),
        bbox(-900.0, -900.0, -800.0, -800.0),
        bbox(-1e6, -1e6, 1e6, 1e6),
        bbox(40.0, 40.0, 20.0, 20.0),
        bbox(f32::NAN, 0.0, 10.0, 10.0),
        bbox(0.0, 0.0, f32::INFINITY, 10.0),
        bbox(32.0, 32.0, 32.0 + 1e-5, 32.0 + 1e-5),
    ];
    let target = |bbox: BBox| BoxTarget { bbox, class: 1 };
    let mut images: Vec<Vec<BoxTarget>> = boxes.iter().map(|bbox| vec![target(*bbox)]).collect();
    images.push(boxes.iter().copied().map(target).collect());
    images.push(Vec::new());
    let shape = [images.len(), points.len(), 7];
    // Sides from nothing to more than numbers hold, probabilities of exactly 0 and 1 as numbers have them.
    for extreme in [0.0f32, 30.0, -30.0, 200.0, -200.0, 1e30, -1e30] {
        let raw: Vec<f32> =
            (0..shape.iter().product()).map(|index| if index % 7 < 2 { 0.5 } else { extreme }).collect();
        let raw = Tensor::<TrainingBackend, 3>::from_data(TensorData::new(raw, shape), &device).require_grad();
        let loss = YoloxLoss { classes: 2, l1: true };
        let terms = loss.forward(raw.clone(), &points, &images);
        let gradients = terms.total.clone().backward();
        let gradient: Vec<f32> = raw.grad(&gradients).expect("a gradient").into_data().to_vec().expect("f32");
        let total = terms.total.into_scalar();
        assert!(total.is_finite(), "{extreme}: {total}");
        assert!(gradient.iter().all(|value| value.is_finite()), "{extreme}");
    }
}

#[test]
fn a_batch_is_divided_by_all_its_assigned_points() {
    // The batch's objectness sum over its number of points is the sum of both images' own over the sum of their
    // numbers: an image without objects has none, so it only adds to the sum.
    let device = SelectedDevice::default();
    let case = &fixture().yolox[1];
    let (points, targets) = (case.points(), case.targets());
    let per_image = case.raw.len() / 2;
    let loss = |values: &[f32], targets: &[Vec<BoxTarget>]| -> f64 {
        let shape = [targets.len(), points.len(), 5 + case.classes];
        let raw = Tensor::<SelectedBackend, 3>::from_data(TensorData::new(values.to_vec(), shape), &device);
        f64::from(case.loss().forward(raw, &points, targets).objectness.into_scalar())
    };
    let both = loss(&case.raw, &targets);
    let first = loss(&case.raw[..per_image], &targets[..1]);
    let second = loss(&case.raw[per_image..], &targets[1..]);
    // 18 points are assigned in the first image, see `assigned` in the fixture.
    assert!((both - (first + second / 18.0)).abs() < 1e-5, "{both} {first} {second}");
}
