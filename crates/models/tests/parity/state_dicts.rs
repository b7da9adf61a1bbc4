//! Names, shapes and parameter counts are PyTorch's.

use models::layers::without_random_values;
use models::{Classifier, ClassifierConfig, ClassifierName};
use serde::Deserialize;
use tensor_backend::state_dict::tensor_infos;

use super::B;

#[derive(Deserialize)]
struct Reference {
    name: ClassifierName,
    parameters: usize,
    /// `name 64x3x7x7`, without `num_batches_tracked`.
    tensors: Vec<String>,
}

#[test]
fn every_model_has_the_tensors_of_its_reference() {
    let references: Vec<Reference> =
        serde_json::from_str(include_str!("../fixtures/state_dicts.json")).expect("a valid fixture");
    assert_eq!(references.len(), ClassifierName::all().len(), "a reference for every model");
    for Reference { name, parameters, tensors } in references {
        let card = name.card();
        assert_eq!(card.parameters, parameters, "{name}");
        let network: Classifier<B> = without_random_values(|| {
            ClassifierConfig::from(name).init(card.classes, card.input, &Default::default()).expect("its own defaults")
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
