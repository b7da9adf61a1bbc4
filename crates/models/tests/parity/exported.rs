//! Against seeded PyTorch networks with the full gradient of every parameter, exported by
//! `export_torch.py --full FOLDER` into the folder that `OKULO_TORCH_EXPORT` names. The files are too large to commit.

use std::collections::HashMap;
use std::path::Path;

use burn::module::AutodiffModule;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};
use models::layers::without_random_values;
use models::{ClassifierConfig, ClassifierNetwork, InputShape, Network};
use safetensors::SafeTensors;
use tensor_backend::state_dict::{NamedTensor, load_state_dict, state_dict};

use super::digest::norm;
use super::gradients::gradients;
use super::{B, GRADIENT_TOLERANCE, LOGIT_TOLERANCE, RUNNING_TOLERANCE};

struct Export {
    model: ClassifierConfig,
    tensors: HashMap<String, NamedTensor>,
}

impl Export {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        let model = &header.metadata().as_ref().expect("metadata")["model"];
        let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let tensors = tensors.iter().map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("4 bytes")));
            let tensor = NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values: values.collect() };
            (name.to_owned(), tensor)
        });
        Self { model: serde_json::from_str(model).expect("a valid config"), tensors: tensors.collect() }
    }

    /// Tensors whose name begins with `prefix`, without it.
    fn below(&self, prefix: &str) -> Vec<NamedTensor> {
        let named = self.tensors.values().filter_map(|tensor| {
            let name = tensor.name.strip_prefix(prefix)?.to_owned();
            Some(NamedTensor { name, ..tensor.clone() })
        });
        named.collect()
    }
}

fn greatest_difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

fn relative_difference(found: &[f32], expected: &[f32], reference: f64) -> f64 {
    let difference: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
    norm(&difference) / reference
}

#[test]
fn seeded_networks_with_full_gradients() {
    let Some(folder) = std::env::var_os("OKULO_TORCH_EXPORT") else {
        println!("skipped: OKULO_TORCH_EXPORT names no folder");
        return;
    };
    let entries = std::fs::read_dir(&folder).expect("OKULO_TORCH_EXPORT names a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    paths.sort();
    assert!(!paths.is_empty(), "no .safetensors file in {}", folder.display());
    for path in paths {
        check(&Export::read(&path));
    }
}

fn check(export: &Export) {
    let device = Default::default();
    let name = export.model.name();
    let images = &export.tensors["images"];
    let [batch, channels, height, width] = *images.shape else { panic!("images have four dimensions") };
    let classes = export.tensors["training_logits"].shape[1];
    let input = InputShape::new(channels, height, width);
    let network: ClassifierNetwork<B> =
        without_random_values(|| export.model.init(classes, input, &device)).expect("a valid config");
    let network = load_state_dict(network, &export.below("state.")).expect("PyTorch's names and shapes");
    let images =
        Tensor::<B, 4>::from_data(TensorData::new(images.values.clone(), [batch, channels, height, width]), &device);

    let found: Vec<f32> = network.valid().forward(images.clone().inner()).into_data().to_vec().expect("f32");
    let inference = greatest_difference(&found, &export.tensors["inference_logits"].values);

    let logits = network.forward(images);
    let found: Vec<f32> = logits.clone().into_data().to_vec().expect("f32");
    let training = greatest_difference(&found, &export.tensors["training_logits"].values);

    // Cross-entropy, averaged over the batch.
    let mut one_hot = vec![0.0f32; batch * classes];
    for (row, label) in export.tensors["labels"].values.iter().enumerate() {
        one_hot[row * classes + *label as usize] = -1.0 / batch as f32;
    }
    let one_hot = Tensor::from_data(TensorData::new(one_hot, [batch, classes]), &device);
    let backward = (log_softmax(logits, 1) * one_hot).sum().backward();
    let found = gradients(&network, &backward);
    assert_eq!(found.len(), export.below("gradient.").len(), "{name}");
    let mut greatest = (0.0, String::new());
    let mut weight_norm = 0.0;
    for (parameter, gradient) in &found {
        let expected = &export.tensors[&format!("gradient.{parameter}")].values;
        let own = norm(expected);
        // The bias of a convolution before batch normalisation has no effect in training: its gradient is rounding.
        let vanishes = parameter.ends_with(".bias") && own < VANISHING * weight_norm;
        let reference = if vanishes { weight_norm } else { own };
        let difference = relative_difference(gradient, expected, reference);
        assert!(difference <= GRADIENT_TOLERANCE, "{name}: the gradient of {parameter} differs by {difference:e}");
        if difference > greatest.0 {
            greatest = (difference, parameter.clone());
        }
        weight_norm = own;
    }

    let state = state_dict(&network);
    let mut running: f64 = 0.0;
    for expected in export.below("running.") {
        let tensor = state.iter().find(|tensor| tensor.name == expected.name).expect("statistics of this name");
        let difference = relative_difference(&tensor.values, &expected.values, norm(&expected.values));
        assert!(difference <= RUNNING_TOLERANCE, "{name}: {} differs by {difference:e}", expected.name);
        running = running.max(difference);
    }
    println!(
        "{name}: {} parameters; inference logits {inference:.2e}, training logits {training:.2e} (absolute); \
         gradients {:.2e} ({}), running statistics {running:.2e} (relative)",
        found.len(),
        greatest.0,
        greatest.1
    );
    assert!(inference <= LOGIT_TOLERANCE, "{name}: inference logits differ by {inference:e}");
    assert!(training <= LOGIT_TOLERANCE, "{name}: training logits differ by {training:e}");
}

/// A float32 gradient this much smaller than that of the layer's weight is rounding.
const VANISHING: f64 = 1e-5;
