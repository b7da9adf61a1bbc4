//! Facts that hold for any predictions.

use metrics::{ClassificationMetrics, ClassificationSummary, Metric};
use proptest::prelude::*;
use vision_types::{ClassNames, ClassScores};

type Samples = (usize, Vec<(ClassScores, usize)>);

/// 2 to 8 classes, 1 to 40 samples; scores in coarse steps, so ties are common.
fn samples() -> impl Strategy<Value = Samples> {
    (2_usize..=8).prop_flat_map(|classes| {
        let scores = prop::collection::vec(0_u8..=10, classes).prop_map(|steps| {
            let sum: f32 = steps.iter().map(|&step| f32::from(step) + 0.1).sum();
            ClassScores(steps.iter().map(|&step| (f32::from(step) + 0.1) / sum).collect())
        });
        (Just(classes), prop::collection::vec((scores, 0..classes), 1..40))
    })
}

fn evaluate(classes: usize, batches: &[&[(ClassScores, usize)]]) -> ClassificationSummary {
    let mut metrics = ClassificationMetrics::new(ClassNames::new((0..classes).map(|class| class.to_string())));
    for batch in batches {
        let (predictions, targets): (Vec<_>, Vec<_>) = batch.iter().cloned().unzip();
        metrics.update(&predictions, &targets).expect("valid batch");
    }
    metrics.summary()
}

proptest! {
    #[test]
    fn many_batches_equal_one_batch((classes, samples) in samples(), size in 1_usize..10) {
        let batches: Vec<_> = samples.chunks(size).collect();
        // Bit for bit: the same terms are summed in the same order.
        prop_assert_eq!(evaluate(classes, &batches), evaluate(classes, &[&samples]));
    }

    #[test]
    fn the_order_of_samples_does_not_matter((classes, samples) in samples(), seed in any::<u64>()) {
        let mut shuffled = samples.clone();
        let mut state = seed;
        for last in (1..shuffled.len()).rev() {
            // Knuth's 64-bit linear congruential generator (MMIX); any permutation will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(last, (state >> 33) as usize % (last + 1));
        }
        let (a, b) = (evaluate(classes, &[&samples]), evaluate(classes, &[&shuffled]));
        prop_assert_eq!(&a.confusion_matrix, &b.confusion_matrix);
        prop_assert_eq!(&a.per_class, &b.per_class);
        for (a, b) in a.scores.iter().zip(&b.scores) {
            let equal = match (a.value, b.value) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-12,
                (None, None) => true,
                _ => false,
            };
            prop_assert!(equal, "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn figures_stay_in_their_bounds((classes, samples) in samples()) {
        let summary = evaluate(classes, &[&samples]);
        for score in &summary.scores {
            let (low, high) = match score.name.as_str() {
                "cohen_kappa" | "matthews" => (-1.0, 1.0),
                "brier" => (0.0, 2.0),
                "log_loss" => (0.0, 53.0 * std::f64::consts::LN_2),
                _ => (0.0, 1.0),
            };
            if let Some(value) = score.value {
                prop_assert!((low - 1e-12..=high + 1e-12).contains(&value), "{:?}", score);
            }
        }
        let score = |name: &str| summary.score(name).expect("there are samples");
        for name in ["precision_micro", "recall_micro", "f1_micro", "recall_weighted"] {
            prop_assert!((score(name) - score("accuracy")).abs() <= 1e-12, "{} is not the accuracy", name);
        }
        prop_assert_eq!(summary.confusion_matrix.total() as usize, samples.len());
        prop_assert_eq!(summary.per_class.iter().map(|row| row.support).sum::<u64>() as usize, samples.len());
        if let Some(top5) = summary.score("top5") {
            prop_assert!(top5 >= score("accuracy"));
        }
    }

    #[test]
    fn truth_as_prediction_is_perfect((classes, samples) in samples()) {
        let perfect: Vec<_> = samples
            .into_iter()
            .map(|(_, target)| {
                let one_hot = (0..classes).map(|class| f32::from(u8::from(class == target))).collect();
                (ClassScores(one_hot), target)
            })
            .collect();
        let summary = evaluate(classes, &[&perfect]);
        for name in ["accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "pr_auc"] {
            prop_assert_eq!(summary.score(name), Some(1.0), "{}", name);
        }
        prop_assert_eq!(summary.score("brier"), Some(0.0));
        prop_assert_eq!(summary.score("ece"), Some(0.0));
        prop_assert!(summary.score("roc_auc").is_none_or(|area| area == 1.0));
        prop_assert!(summary.confusion_matrix.most_confused(1).is_empty());
    }
}
