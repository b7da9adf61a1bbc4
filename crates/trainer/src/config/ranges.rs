//! Every number of a configuration has a range: no value ends in a panic.

use std::panic::catch_unwind;
use std::path::Path;

use tensor_backend::{SelectedBackend, TrainingBackend};
use toml::Value;
use vision_types::ClassNames;

use super::{AnyRunConfig, ConfigVisitor, RunConfig};
use crate::tasks::{InferenceOn, TrainingOn};
use crate::training::schedule::{Position, Schedule};

/// Checks the network and makes the task, and what the loop makes of numbers.
struct Make;

impl ConfigVisitor<TrainingBackend, SelectedBackend> for Make {
    type Output = Result<(), String>;

    fn visit<K: TrainingOn<TrainingBackend> + InferenceOn<SelectedBackend>>(
        self,
        config: RunConfig<K>,
    ) -> Result<(), String> {
        let classes = ClassNames::new((0..10).map(|class| format!("class {class}")));
        K::check_model(&config.model, classes.len(), config.input.shape()).map_err(|error| error.to_string())?;
        K::task(&config, classes).map_err(|error| error.to_string())?;
        let options = crate::run::fit_options(&config, Default::default());
        let steps_per_epoch = options.steps_per_epoch(1000);
        let warmup = (config.optim.warmup_epochs * steps_per_epoch as f64).round() as u64;
        let schedule = Schedule::new(config.schedule, warmup, config.optim.warmup_start);
        let total_steps = steps_per_epoch * options.epochs as u64;
        for step in [0, 1, total_steps / 2, total_steps.saturating_sub(1)] {
            let factor = schedule.factor(Position { step, steps_per_epoch, total_steps });
            if !(factor >= 0.0 && factor.is_finite()) {
                return Err(format!("step {step} of {total_steps} has the factor {factor}"));
            }
        }
        Ok(())
    }
}

/// What the number `value` could be mistaken for.
fn extremes(value: &Value) -> Vec<Value> {
    match value {
        Value::Integer(_) => [0, -1, 1, 100_000_000, i64::MAX].map(Value::Integer).to_vec(),
        _ => [0.0, -1.0, 1e-300, 1e300, f64::INFINITY, f64::NAN].map(Value::Float).to_vec(),
    }
}

/// Places of all numbers below `value`: keys and positions.
fn numbers(value: &Value, path: Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        Value::Integer(_) | Value::Float(_) => found.push(path),
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| numbers(value, [&path[..], std::slice::from_ref(key)].concat(), found))
        }
        Value::Array(array) => array
            .iter()
            .enumerate()
            .for_each(|(at, value)| numbers(value, [&path[..], &[at.to_string()]].concat(), found)),
        _ => {}
    }
}

fn at<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(value, |value, part| match value {
        Value::Table(table) => table.get_mut(part).expect("a key found before"),
        Value::Array(array) => &mut array[part.parse::<usize>().expect("a position found before")],
        _ => unreachable!("only tables and arrays have parts"),
    })
}

#[test]
fn no_number_ends_in_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut changed = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of the recipes") {
        let path = entry.expect("readable").path();
        let name = path.display().to_string();
        let config = AnyRunConfig::read(&path, &[]).expect("a valid recipe");
        let original: Value = toml::from_str(&config.to_toml().expect("TOML")).expect("TOML");
        let mut places = Vec::new();
        numbers(&original, Vec::new(), &mut places);
        for place in places {
            let key = place.join(".");
            for new in extremes(at(&mut original.clone(), &place)) {
                let mut config = original.clone();
                *at(&mut config, &place) = new.clone();
                let text = toml::to_string(&config).expect("TOML");
                let outcome = catch_unwind(|| match AnyRunConfig::parse(&text, &name, &[]) {
                    Ok(config) => config.visit::<TrainingBackend, SelectedBackend, _>(Make),
                    Err(error) => Err(error.to_string()),
                });
                let outcome = outcome.unwrap_or_else(|_| panic!("{name}: {key} = {new} ends in a panic"));
                // A factor that is no number is a fault; everything else that is wrong has been said in words.
                let silent = matches!(&outcome, Err(message) if message.contains("has the factor"));
                assert!(!silent, "{name}: {key} = {new}: {outcome:?}");
                changed += 1;
            }
        }
    }
    assert!(changed > 1000, "{changed} changes");
}
