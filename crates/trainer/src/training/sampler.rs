//! In which order an epoch visits the samples.

use rand::RngExt;
use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::training::seeds::{Purpose, generator};

/// How samples are picked for an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Every sample once, in a new order each epoch.
    #[default]
    Shuffled,
    /// Every sample once, in the order of the data set.
    Sequential,
    /// Every class equally often: a class is drawn, then its next sample. Rare classes repeat within an epoch.
    ClassBalanced,
}

/// The sample numbers of `epoch`: a pure function of its arguments.
///
/// `classes` holds the class of every sample; only [`Sampling::ClassBalanced`] looks at it. Classes without samples are
/// left out.
pub fn order(sampling: Sampling, seed: u64, epoch: usize, classes: &[usize]) -> Vec<usize> {
    let mut generator = generator(seed, Purpose::SampleOrder, epoch as u64);
    let mut order: Vec<usize> = (0..classes.len()).collect();
    match sampling {
        Sampling::Sequential => order,
        Sampling::Shuffled => {
            order.shuffle(&mut generator);
            order
        }
        Sampling::ClassBalanced => {
            let class_count = classes.iter().max().map_or(0, |&largest| largest + 1);
            let mut by_class: Vec<Vec<usize>> = vec![Vec::new(); class_count];
            for (index, &class) in classes.iter().enumerate() {
                by_class[class].push(index);
            }
            by_class.retain(|members| !members.is_empty());
            for members in &mut by_class {
                members.shuffle(&mut generator);
            }
            let mut next = vec![0; by_class.len()];
            for slot in &mut order {
                let class = generator.random_range(0..by_class.len());
                let members = &mut by_class[class];
                if next[class] == members.len() {
                    members.shuffle(&mut generator);
                    next[class] = 0;
                }
                *slot = members[next[class]];
                next[class] += 1;
            }
            order
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_is_a_permutation_fixed_by_seed_and_epoch() {
        let classes = vec![0; 100];
        let mut first = order(Sampling::Shuffled, 3, 5, &classes);
        assert_eq!(first, order(Sampling::Shuffled, 3, 5, &classes));
        assert_ne!(first, order(Sampling::Shuffled, 3, 6, &classes));
        assert_ne!(first, order(Sampling::Shuffled, 4, 5, &classes));
        first.sort_unstable();
        assert_eq!(first, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn balanced_sampling_shows_a_rare_class_as_often_as_a_common_one() {
        // 990 of class 0, 10 of class 2, none of class 1.
        let classes: Vec<usize> = (0..1000).map(|index| if index < 990 { 0 } else { 2 }).collect();
        let picked = order(Sampling::ClassBalanced, 1, 0, &classes);
        let rare = picked.iter().filter(|&&index| classes[index] == 2).count();
        // 500 expected, standard deviation 16; five of them are 80.
        assert!(rare.abs_diff(500) < 80, "{rare} of 1000");
        // Within a class nothing repeats before everything was seen: about 500 draws cover all 10 rare samples.
        let seen: std::collections::HashSet<usize> = picked.iter().copied().filter(|&i| classes[i] == 2).collect();
        assert_eq!(seen.len(), 10);
    }
}
