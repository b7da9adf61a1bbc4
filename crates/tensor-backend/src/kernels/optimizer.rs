//! Optimiser steps in one pass over parameter, gradient and state.

use rayon::prelude::*;

use super::parallel::TASK_ELEMENTS;

/// Settings of a step of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub rate: f32,
    /// Factor of the velocity.
    pub momentum: f32,
    /// How much of the gradient the velocity leaves out.
    pub dampening: f32,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// Factor of the parameter that is added to its gradient.
    pub weight_decay: f32,
    /// Whether this is the first step, which starts the velocity at the gradient itself.
    pub first: bool,
}

/// One step of PyTorch's `SGD`: `g += weight_decay · p`; `v = momentum · v + (1 - dampening) · g` (`v = g` at first);
/// `p -= rate · (g + momentum · v)` with Nesterov's form, `rate · v` without.
///
/// # Panics
///
/// When the lengths differ.
pub fn sgd(parameter: &mut [f32], gradient: &[f32], velocity: &mut [f32], step: SgdStep) {
    assert!([gradient.len(), velocity.len()] == [parameter.len(); 2], "one gradient and velocity a parameter");
    let SgdStep { rate, momentum, dampening, nesterov, weight_decay, first } = step;
    let pieces = parameter.par_chunks_mut(TASK_ELEMENTS).zip(gradient.par_chunks(TASK_ELEMENTS));
    pieces.zip(velocity.par_chunks_mut(TASK_ELEMENTS)).for_each(|((parameter, gradient), velocity)| {
        for ((p, &g), v) in parameter.iter_mut().zip(gradient).zip(velocity) {
            let g = g + weight_decay * *p;
            let new = if first { g } else { momentum * *v + (1.0 - dampening) * g };
            *v = new;
            *p -= rate * if nesterov { g + momentum * new } else { new };
        }
    });
}

/// Settings of a step of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Learning rate.
    pub rate: f32,
    /// Decay of the mean of gradients.
    pub beta_1: f32,
    /// Decay of the mean of squared gradients.
    pub beta_2: f32,
    /// Added to the denominator.
    pub epsilon: f32,
    /// Factor of the parameter: added to its gradient (Adam), or taken off the parameter (`decoupled`, AdamW).
    pub weight_decay: f32,
    /// Whether the weight decay is AdamW's.
    pub decoupled: bool,
    /// Number of this step, from 1.
    pub number: u64,
}

/// One step of PyTorch's `Adam` or `AdamW`.
///
/// # Panics
///
/// When the lengths differ or the number is zero.
pub fn adam(parameter: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32], step: AdamStep) {
    let length = parameter.len();
    assert!([gradient.len(), mean.len(), square.len()] == [length; 3], "one gradient and state a parameter");
    assert!(step.number > 0, "steps count from 1");
    let AdamStep { rate, beta_1, beta_2, epsilon, weight_decay, decoupled, number } = step;
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(number as f64);
    let step_size = (f64::from(rate) / correction(beta_1)) as f32;
    let root = correction(beta_2).sqrt() as f32;
    let pieces = parameter.par_chunks_mut(TASK_ELEMENTS).zip(gradient.par_chunks(TASK_ELEMENTS));
    let states = mean.par_chunks_mut(TASK_ELEMENTS).zip(square.par_chunks_mut(TASK_ELEMENTS));
    pieces.zip(states).for_each(|((parameter, gradient), (mean, square))| {
        for (((p, &g), m), s) in parameter.iter_mut().zip(gradient).zip(mean).zip(square) {
            let g = if decoupled { g } else { g + weight_decay * *p };
            if decoupled {
                *p *= 1.0 - rate * weight_decay;
            }
            *m += (1.0 - beta_1) * (g - *m);
            *s = beta_2 * *s + (1.0 - beta_2) * g * g;
            *p -= step_size * *m / (s.sqrt() / root + epsilon);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sgd_takes_pytorchs_steps() {
        // p = 1, g = 0.5, rate 0.1, momentum 0.9, weight decay 0.2; by hand:
        // g₁ = 0.7, v₁ = 0.7, Nesterov p₁ = 1 - 0.1 · (0.7 + 0.63) = 0.867;
        // g₂ = 0.5 + 0.1734 = 0.6734, v₂ = 0.63 + 0.6734 = 1.3034, p₂ = 0.867 - 0.1 · (0.6734 + 1.17306) = 0.682354.
        let step =
            |first| SgdStep { rate: 0.1, momentum: 0.9, dampening: 0.0, nesterov: true, weight_decay: 0.2, first };
        let (mut parameter, mut velocity) = ([1.0f32], [f32::NAN]);
        sgd(&mut parameter, &[0.5], &mut velocity, step(true));
        assert!((parameter[0] - 0.867).abs() < 1e-6 && (velocity[0] - 0.7).abs() < 1e-6);
        sgd(&mut parameter, &[0.5], &mut velocity, step(false));
        assert!((parameter[0] - 0.682354).abs() < 1e-6 && (velocity[0] - 1.3034).abs() < 1e-6);
    }

    #[test]
    fn adam_takes_pytorchs_steps() {
        // With bias correction, the first step is rate · g / (|g| + ε): 0.01 down from 1 whatever g is.
        let step = AdamStep {
            rate: 0.01,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.1,
            decoupled: true,
            number: 1,
        };
        let (mut parameter, mut mean, mut square) = ([1.0f32], [0.0f32], [0.0f32]);
        adam(&mut parameter, &[4.0], &mut mean, &mut square, step);
        // AdamW first takes 0.01 · 0.1 of the parameter off.
        assert!((parameter[0] - (0.999 - 0.01)).abs() < 1e-6);
        assert!((mean[0] - 0.4).abs() < 1e-6 && (square[0] - 0.016).abs() < 1e-6);
        // Second step, g = -4: m = 0.36 - 0.4 = -0.04, v = 0.015984 + 0.016; m̂ = -0.04 / 0.19, v̂ = 0.031984 / 0.001999.
        adam(&mut parameter, &[-4.0], &mut mean, &mut square, AdamStep { number: 2, ..step });
        let expected = 0.989 * 0.999 + 0.01 * (0.04 / 0.19) / 16.0f64.sqrt();
        assert!((f64::from(parameter[0]) - expected).abs() < 1e-5, "{} instead of {expected}", parameter[0]);
    }
}
