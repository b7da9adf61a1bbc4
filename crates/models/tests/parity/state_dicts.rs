//! Names, shapes and parameter counts are PyTorch's.

use models::layers::without_random_values;
use models::{ClassifierConfig, ClassifierNetwork};
use serde::Deserialize;
use tensor_backend::state_dict::tensor_infos;

use super::B;

#[derive(Deserialize)]
struct Reference {
    name: String,
    parameters: usize,
    /// `name 64x3x7x7`, without `num_batches_tracked`.
    tensors: Vec<String>,
}

/// Models that the fixture has a reference of.
const MODELS: usize = 33;

#[test]
fn every_model_has_the_tensors_of_its_reference() {
    let references: Vec<Reference> =
        serde_json::from_str(include_str!("../fixtures/state_dicts.json")).expect("a valid fixture");
    let mut names: Vec<&str> = references.iter().map(|reference| reference.name.as_str()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), MODELS, "a reference for every model of a published implementation");
    for Reference { name, parameters, tensors } in references {
        let config = ClassifierConfig::named(&name).expect("a model");
        let card = config.card();
        assert_eq!(card.parameters, parameters, "{name}");
        let network: ClassifierNetwork<B> = without_random_values(|| {
            config.init(card.classes, card.input, &Default::default()).expect("its own defaults")
        });
        let found: Vec<String> = tensor_infos(&network)
            .iter()
            .map(|info| {
                let shape: Vec<String> = info.shape.iter().map(usize::to_string).collect();
                format!("{} {}", info.name, shape.join("x"))
            })
            .collect();
        assert_eq!(found, tensors, "{name}");
    }
}
