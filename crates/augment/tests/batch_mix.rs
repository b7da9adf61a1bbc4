//! MixUp and CutMix on batches worked out by hand, and what their draws look like over many batches.

use augment::{AugmentKey, BatchMix, MixDraw, Rectangle};

fn key(index: u64) -> AugmentKey {
    AugmentKey { seed: 9, epoch: 1, index }
}

fn mix(text: &str) -> BatchMix {
    let mix: BatchMix = serde_json::from_str(text).unwrap();
    mix.validate().unwrap();
    mix
}

#[test]
fn mixup_blends_images_and_targets_by_the_same_weight() {
    let draw = MixDraw { partners: vec![1, 0], lambda: 0.75, cut: None };
    let (mut images, mut targets) = (vec![0.0, 4.0, 8.0, 8.0], vec![1.0, 0.0, 0.0, 1.0]);
    draw.apply(&mut images, &mut targets, (1, 2));
    // 0.75 · 0 + 0.25 · 8 = 2, 0.75 · 4 + 0.25 · 8 = 5; 0.75 · 8 + 0.25 · 0 = 6, 0.75 · 8 + 0.25 · 4 = 7.
    assert_eq!(images, [2.0, 5.0, 6.0, 7.0]);
    assert_eq!(targets, [0.75, 0.25, 0.25, 0.75]);
}

#[test]
fn cutmix_pastes_the_rectangle_in_every_channel() {
    let cut = Rectangle { x: 1, y: 0, width: 1, height: 2 };
    let draw = MixDraw { partners: vec![1, 0], lambda: 0.5, cut: Some(cut) };
    // Two images of two channels of 2 × 2.
    let mut images: Vec<f32> = (0..16).map(|number| number as f32).collect();
    let mut targets = vec![1.0, 0.0, 0.0, 1.0];
    draw.apply(&mut images, &mut targets, (2, 2));
    let expected = [0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12, 5, 14, 7].map(|number| number as f32);
    assert_eq!(images, expected);
    assert_eq!(targets, [0.5, 0.5, 0.5, 0.5]);
}

#[test]
fn lambda_of_cutmix_is_the_share_left_of_the_image() {
    let mix = mix(r#"{"kind": "cutmix", "alpha": 1.0}"#);
    for index in 0..500 {
        let draw = mix.draw(key(index), 4, 20, 30);
        let cut = draw.cut.unwrap();
        assert!(cut.x + cut.width <= 30 && cut.y + cut.height <= 20);
        let left = 1.0 - (cut.width * cut.height) as f32 / 600.0;
        assert!((draw.lambda - left).abs() < 1e-6);
    }
}

#[test]
fn partners_are_a_permutation_and_lambda_has_the_mean_of_its_distribution() {
    let mix = mix(r#"{"kind": "mixup", "alpha": 0.2}"#);
    let mut mean = 0.0;
    for index in 0..4000 {
        let draw = mix.draw(key(index), 5, 2, 2);
        let mut partners = draw.partners.clone();
        partners.sort_unstable();
        assert_eq!(partners, [0, 1, 2, 3, 4]);
        mean += draw.lambda / 4000.0;
    }
    // Beta(0.2, 0.2): mean 1/2, variance 1 / (4 · 1.4) = 0.18, so the mean of 4000 deviates by 0.007.
    assert!((mean - 0.5).abs() < 0.03, "{mean}");
    assert_eq!(mix.draw(key(3), 5, 2, 2), mix.draw(key(3), 5, 2, 2));
    assert_ne!(mix.draw(key(3), 5, 2, 2), mix.draw(key(4), 5, 2, 2));
}

#[test]
fn a_switch_chooses_cutmix_with_its_probability() {
    let text = r#"{"kind": "mixup-or-cutmix", "mixup_alpha": 0.8, "cutmix_alpha": 1, "switch_probability": 0.25}"#;
    let mix = mix(text);
    let cuts = (0..2000).filter(|&index| mix.draw(key(index), 2, 8, 8).cut.is_some()).count();
    // 500 expected, standard deviation √(2000 · 0.25 · 0.75) = 19.
    assert!((420..580).contains(&cuts), "{cuts}");
}

#[test]
fn settings_out_of_range_are_named() {
    let mix: BatchMix = serde_json::from_str(r#"{"kind": "mixup", "alpha": 0}"#).unwrap();
    let message = mix.validate().unwrap_err().to_string();
    assert_eq!(message, "augmentation `mixup`: `alpha` is 0, expected a number above 0 and up to 1000");
    let message = serde_json::from_str::<BatchMix>(r#"{"kind": "cutmix", "beta": 1}"#).unwrap_err().to_string();
    assert!(message.contains("unknown field `beta`, expected `alpha`"), "{message}");
}
