//! Prints what a classifier answers to given pixels, with weights from a file of any format.
//!
//! ```text
//! cargo run --release -p trainer --features cpu --example logits -- resnet18 weights.pth images.safetensors
//! ```
//!
//! `images.safetensors` has one tensor `images` of shape `[batch, 3, height, width]`, normalised. The logits are printed
//! as JSON, a list an image. Options of the model may follow as JSON: `'{"auxiliary_head": true}'`.

use std::error::Error;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use models::{ClassifierConfig, InputShape, Network};
use tensor_backend::{SelectedBackend, open_device};
use trainer::weights::initial::{InitConfig, load};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(name), Some(weights), Some(images)) = (arguments.first(), arguments.get(1), arguments.get(2)) else {
        return Err("expected MODEL WEIGHTS IMAGES [OPTIONS]".into());
    };
    let mut model: serde_json::Value = match arguments.get(3) {
        Some(options) => serde_json::from_str(options)?,
        None => serde_json::json!({}),
    };
    model["name"] = name.as_str().into();
    let model: ClassifierConfig = serde_json::from_value(model)?;

    let file = weights_io::read(Path::new(images), None)?;
    let [images] = &file.tensors[..] else { return Err("expected one tensor".into()) };
    let [batch, channels, height, width] = images.shape[..] else { return Err("expected four dimensions".into()) };
    let device = open_device()?;
    let classes = model.card().classes;
    let network = models::layers::without_random_values(|| {
        model.init::<SelectedBackend>(classes, InputShape::new(channels, height, width), &device)
    })?;
    let init = InitConfig { from: Some(weights.into()), ..InitConfig::default() };
    let (network, _) = load(network, &init)?;
    let pixels = TensorData::new(images.to_f32(), [batch, channels, height, width]);
    let logits = network.forward(Tensor::from_data(pixels, &device));
    let logits: Vec<f32> = logits.into_data().to_vec().map_err(|error| format!("{error:?}"))?;
    println!("{}", serde_json::to_string(&logits.chunks(classes).collect::<Vec<_>>())?);
    Ok(())
}
