//! Losses of segmentation: equal to `fixtures/make_segmentation.py`, values by hand, and what holds for all of them.

use burn::tensor::{Tensor, TensorData};
use losses::{BoundaryWeights, LossError, PixelTargets, SegmentationLoss, boundary_weights};
use serde::Deserialize;
use tensor_backend::{SelectedDevice, TrainingBackend as B};
use vision_types::Mask;

/// Largest error, absolute below 1 and relative above: sums of up to 640 terms in `f32`.
const TOLERANCE: f64 = 3e-6;

#[derive(Deserialize)]
struct Case {
    config: SegmentationLoss,
    shape: [usize; 4],
    logits: Vec<f32>,
    mask: Vec<u8>,
    weights: Option<Vec<f32>>,
    loss: f64,
    gradient: Vec<f64>,
}

fn masks(pixels: &[u8], [_, _, height, width]: [usize; 4]) -> Vec<Mask> {
    let mask = |pixels: &[u8]| Mask::from_pixels(width as u32, height as u32, pixels.to_vec());
    pixels.chunks(height * width).map(|pixels| mask(pixels).expect("as many pixels")).collect()
}

fn targets(pixels: &[u8], shape: [usize; 4]) -> PixelTargets<B> {
    let masks = masks(pixels, shape);
    let masks: Vec<&Mask> = masks.iter().collect();
    PixelTargets::from_masks(&masks, shape[1], &SelectedDevice::default()).expect("classes that exist")
}

/// The loss and the gradient of the logits.
fn evaluate(loss: &SegmentationLoss, logits: &[f32], shape: [usize; 4], targets: &PixelTargets<B>) -> (f32, Vec<f32>) {
    let data = TensorData::new(logits.to_vec(), shape);
    let logits = Tensor::<B, 4>::from_data(data, &SelectedDevice::default()).require_grad();
    let value = loss.forward(logits.clone(), targets);
    assert_eq!(value.dims(), [1]);
    let gradient = logits.grad(&value.backward()).expect("a gradient");
    (value.into_scalar(), gradient.into_data().to_vec().expect("f32"))
}

#[test]
fn losses_and_gradients_are_those_of_the_reference() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("fixtures/segmentation.json")).expect("the fixture's cases");
    assert_eq!(cases.len(), 62);
    for (number, case) in cases.iter().enumerate() {
        case.config.validate(case.shape[1]).expect("settings in their range");
        let mut targets = targets(&case.mask, case.shape);
        if let Some(weights) = &case.weights {
            let weights: Vec<&[f32]> = weights.chunks(case.shape[2] * case.shape[3]).collect();
            targets = targets.with_pixel_weights(&weights).expect("a weight a pixel");
        }
        let (loss, gradient) = evaluate(&case.config, &case.logits, case.shape, &targets);
        let what = format!("case {number}: {}", serde_json::to_string(&case.config).expect("plain data"));
        let close =
            |found: f32, expected: f64| (f64::from(found) - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
        assert!(close(loss, case.loss), "{what} is {loss}, expected {}", case.loss);
        assert_eq!(gradient.len(), case.gradient.len());
        for (index, (&found, &expected)) in gradient.iter().zip(&case.gradient).enumerate() {
            assert!(close(found, expected), "{what}: gradient[{index}] is {found}, expected {expected}");
        }
    }
}

/// Every kind of loss with its default settings, by its name in a configuration.
fn kinds() -> impl Iterator<Item = (String, SegmentationLoss)> {
    SegmentationLoss::every().into_iter().map(|loss| {
        let table = serde_json::to_value(&loss).expect("plain data");
        (table["kind"].to_string(), loss)
    })
}

const SHAPE: [usize; 4] = [2, 3, 3, 4];

/// Two masks of all three classes.
fn some_mask() -> Vec<u8> {
    (0..24).map(|pixel| (pixel * 7 / 3 % 3) as u8).collect()
}

fn some_logits() -> Vec<f32> {
    (0..72).map(|index| (index as f32 * 1.7).sin() * 2.0).collect()
}

/// Logits that are `scale` for the true class and `-scale` for others.
fn certain_logits(mask: &[u8], scale: f32) -> Vec<f32> {
    let [batch, channels, height, width] = SHAPE;
    let mut logits = vec![-scale; batch * channels * height * width];
    for (pixel, &class) in mask.iter().enumerate() {
        let (image, place) = (pixel / (height * width), pixel % (height * width));
        logits[(image * channels + usize::from(class)) * height * width + place] = scale;
    }
    logits
}

#[test]
fn a_perfect_prediction_costs_nothing_and_a_wrong_one_something() {
    let mask = some_mask();
    let wrong: Vec<u8> = mask.iter().map(|class| (class + 1) % 3).collect();
    for (kind, config) in kinds() {
        let (loss, gradient) = evaluate(&config, &certain_logits(&mask, 30.0), SHAPE, &targets(&mask, SHAPE));
        assert!((0.0..1e-5).contains(&loss), "{kind}: {loss}");
        assert!(gradient.iter().all(|value| value.is_finite() && value.abs() < 1e-4), "{kind}: {gradient:?}");
        let (loss, _) = evaluate(&config, &certain_logits(&wrong, 30.0), SHAPE, &targets(&mask, SHAPE));
        assert!(loss > 0.5, "{kind}: {loss}");
    }
}

#[test]
fn ignored_pixels_change_nothing() {
    let mut mask = some_mask();
    for pixel in [0, 5, 11, 12, 17, 23] {
        mask[pixel] = Mask::IGNORE;
    }
    let logits = some_logits();
    let mut other = logits.clone();
    for (index, logit) in other.iter_mut().enumerate() {
        let pixel = index / 36 * 12 + index % 12;
        if mask[pixel] == Mask::IGNORE {
            *logit = 40.0 - 1.3 * index as f32;
        }
    }
    for (kind, config) in kinds() {
        let (loss, gradient) = evaluate(&config, &logits, SHAPE, &targets(&mask, SHAPE));
        let (again, _) = evaluate(&config, &other, SHAPE, &targets(&mask, SHAPE));
        assert_eq!(loss, again, "{kind}");
        for (index, value) in gradient.iter().enumerate() {
            let pixel = index / 36 * 12 + index % 12;
            assert!(mask[pixel] != Mask::IGNORE || *value == 0.0, "{kind}: gradient[{index}] is {value}");
        }
    }
}

#[test]
fn without_a_pixel_that_counts_the_loss_is_zero() {
    for (kind, config) in kinds() {
        let (loss, gradient) = evaluate(&config, &some_logits(), SHAPE, &targets(&[Mask::IGNORE; 24], SHAPE));
        assert!(loss.abs() < 1e-5, "{kind}: {loss}");
        assert!(gradient.iter().all(|value| *value == 0.0), "{kind}: {gradient:?}");
    }
}

#[test]
fn weights_of_tversky_make_it_dice_and_jaccard() {
    let parse = |json: &str| serde_json::from_str::<SegmentationLoss>(json).expect("a loss");
    let targets = targets(&some_mask(), SHAPE);
    for (tversky, other) in [
        (r#"{"kind": "tversky", "alpha": 0.5, "beta": 0.5}"#, r#"{"kind": "dice", "smoothing": 2.0}"#),
        (r#"{"kind": "tversky", "alpha": 1.0, "beta": 1.0}"#, r#"{"kind": "jaccard"}"#),
    ] {
        let (a, _) = evaluate(&parse(tversky), &some_logits(), SHAPE, &targets);
        let (b, _) = evaluate(&parse(other), &some_logits(), SHAPE, &targets);
        assert!((a - b).abs() < 1e-6, "{tversky}: {a} {b}");
    }
}

#[test]
fn several_labels_a_pixel_equal_one_class_a_pixel_where_they_are_that() {
    let device = SelectedDevice::default();
    let mask = some_mask();
    let labels: Vec<f32> = certain_logits(&mask, 1.0).into_iter().map(|value| value.max(0.0)).collect();
    let labels = Tensor::<B, 4>::from_data(TensorData::new(labels, SHAPE), &device);
    let kept = Tensor::<B, 3>::ones([2, 3, 4], &device);
    let multi = PixelTargets::from_labels(labels, Some(kept));
    assert_eq!(multi.channels(), 3);
    for (kind, config) in kinds() {
        let (a, _) = evaluate(&config, &some_logits(), SHAPE, &multi);
        let (b, _) = evaluate(&config, &some_logits(), SHAPE, &targets(&mask, SHAPE));
        assert!((a - b).abs() < 1e-6, "{kind}: {a} {b}");
    }
}

#[test]
fn masks_that_do_not_fit_are_named() {
    let device = SelectedDevice::default();
    let of = |masks: &[&Mask], channels| PixelTargets::<B>::from_masks(masks, channels, &device);
    let good = Mask::filled(4, 3, 1);
    let mut bad = good.clone();
    bad.pixels_mut()[6] = 3;
    assert!(of(&[&good, &good], 3).is_ok());
    let message = of(&[&good, &bad], 3).expect_err("class 3").to_string();
    assert!(message.starts_with("pixel (2, 1) of mask 1 of the batch is class 3, expected one of the 3"), "{message}");
    // One channel tells class 1 from class 0.
    assert!(of(&[&good], 1).is_ok());
    assert!(matches!(of(&[&bad], 1), Err(LossError::PixelClassOutOfRange { classes: 2, found: 3, .. })));
    let message = of(&[&good, &Mask::filled(5, 3, 0)], 3).expect_err("another size").to_string();
    assert_eq!(message, "mask 1 of the batch has 5×3 pixels, expected 4×3 as the first (width × height)");
    let targets = of(&[&good], 3).expect("valid");
    assert!(targets.clone().with_pixel_weights(&[&[1.0; 12], &[1.0; 12]]).is_err());
    assert!(targets.with_pixel_weights(&[&[1.0; 11]]).is_err());
}

#[derive(Deserialize)]
struct WeightMap {
    width: usize,
    height: usize,
    instances: Vec<u32>,
    strength: f64,
    sigma: f64,
    class_weights: [f64; 2],
    weights: Vec<f64>,
}

#[test]
fn the_weight_map_is_that_of_the_paper() {
    let maps: Vec<WeightMap> =
        serde_json::from_str(include_str!("fixtures/boundary_weights.json")).expect("the fixture");
    for map in maps {
        let WeightMap { width, height, instances, strength, sigma, class_weights, weights } = map;
        let settings = BoundaryWeights { strength, sigma, class_weights: Some(class_weights) };
        let found = boundary_weights(&instances, width, height, settings).expect("settings in their range");
        for (index, (found, expected)) in found.iter().zip(&weights).enumerate() {
            let error = (f64::from(*found) - expected).abs();
            assert!(error < 1e-6, "pixel {index} is {found}, expected {expected}");
        }
    }
    // One object: class weights alone.
    let found = boundary_weights(&[0, 5, 0, 0], 4, 1, BoundaryWeights::default()).expect("valid");
    assert_eq!(found, [1.0; 4]);
    // Between two pixels at distances 1 and 1: 1 + 10 · exp(-4 / 50).
    let found = boundary_weights(&[1, 0, 2], 3, 1, BoundaryWeights::default()).expect("valid");
    assert!((f64::from(found[1]) - (1.0 + 10.0 * (-0.08f64).exp())).abs() < 1e-6);
    let settings = BoundaryWeights { sigma: 0.0, ..BoundaryWeights::default() };
    assert!(boundary_weights(&[0], 1, 1, settings).is_err());
}
