//! Cross-entropy of softmax probabilities with a target distribution, row by row.

use crate::elementary::exponential;

/// Row `i`'s loss is `-Σ_j targets[i, j] · log softmax(logits[i])_j`.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn softmax_cross_entropy(logits: &[f32], targets: &[f32], losses: &mut [f32]) {
    let classes = columns(logits, targets, losses.len());
    let rows = logits.chunks_exact(classes).zip(targets.chunks_exact(classes));
    for ((logits, targets), loss) in rows.zip(losses) {
        let (most, sum) = normaliser(logits);
        // Σ t · (log sum - (x - most)): small and large logits alike lose nothing to cancellation.
        let log_sum = f64::from(sum).ln();
        let terms = logits.iter().zip(targets);
        *loss = terms.map(|(&x, &t)| f64::from(t) * (log_sum - f64::from(x - most))).sum::<f64>() as f32;
    }
}

/// The gradient of the logits, `gradients[i] · (softmax(logits[i]) · Σ_j targets[i, j] - targets[i])`.
///
/// # Panics
///
/// When the lengths do not agree.
pub fn softmax_cross_entropy_gradient(logits: &[f32], targets: &[f32], gradients: &[f32], target: &mut [f32]) {
    let classes = columns(logits, targets, gradients.len());
    assert_eq!(target.len(), logits.len(), "gradient of the logits");
    let rows = logits.chunks_exact(classes).zip(targets.chunks_exact(classes));
    for (((logits, targets), gradient), target) in rows.zip(gradients).zip(target.chunks_exact_mut(classes)) {
        let (most, sum) = normaliser(logits);
        let mass = targets.iter().sum::<f32>() / sum;
        for ((target, &x), &t) in target.iter_mut().zip(logits).zip(targets) {
            *target = gradient * (exponential(x - most) * mass - t);
        }
    }
}

fn columns(logits: &[f32], targets: &[f32], rows: usize) -> usize {
    assert_eq!(logits.len(), targets.len(), "as many targets as logits");
    assert!(rows > 0 && logits.len().is_multiple_of(rows) && !logits.is_empty(), "{rows} rows");
    logits.len() / rows
}

/// The largest logit, and the sum of `exp(x - largest)`.
fn normaliser(logits: &[f32]) -> (f32, f32) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (most, logits.iter().map(|&x| exponential(x - most)).sum())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Numbers, relative_error};
    use super::*;

    #[test]
    fn losses_and_gradients_equal_their_definition() {
        let (rows, classes) = (5, 13);
        let mut numbers = Numbers::new(8);
        let logits: Vec<f32> = numbers.values(rows * classes).iter().map(|value| value * 20.0 + 300.0).collect();
        let targets: Vec<f32> = numbers.values(rows * classes).iter().map(|value| value.abs()).collect();
        let gradients = numbers.values(rows);
        let (mut losses, mut found) = (vec![0.0; rows], vec![0.0; logits.len()]);
        softmax_cross_entropy(&logits, &targets, &mut losses);
        softmax_cross_entropy_gradient(&logits, &targets, &gradients, &mut found);
        let (mut expected, mut expected_gradient) = (vec![], vec![]);
        for (row, &gradient) in gradients.iter().enumerate() {
            let range = row * classes..(row + 1) * classes;
            let (x, t) = (&logits[range.clone()], &targets[range]);
            let log_sum = x.iter().map(|&x| (f64::from(x) - 300.0).exp()).sum::<f64>().ln() + 300.0;
            let mass: f64 = t.iter().map(|&t| f64::from(t)).sum();
            expected.push(x.iter().zip(t).map(|(&x, &t)| f64::from(t) * (log_sum - f64::from(x))).sum::<f64>());
            for (&x, &t) in x.iter().zip(t) {
                let probability = (f64::from(x) - log_sum).exp();
                expected_gradient.push(f64::from(gradient) * (probability * mass - f64::from(t)));
            }
        }
        assert!(relative_error(&losses, &expected) < 1e-6);
        assert!(relative_error(&found, &expected_gradient) < 1e-6);
    }
}
