//! Using the networks from another program: build one by name, print its summary, run it, read its weights.
//!
//! ```text
//! cargo run --release -p models --example build_by_name
//! cargo run --release -p models --example build_by_name -- resnet18-cifar 100 32
//! cargo run --release -p models --example build_by_name -- --list
//! ```

use std::error::Error;

use models::{ClassifierConfig, InputShape, Network, summary};
use tensor_backend::state_dict::state_dict;
use tensor_backend::{SelectedBackend, open_device, random};

/// Images in the batch that is run.
const BATCH: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "--list") {
        for card in ClassifierConfig::names() {
            println!("{:<15} {:>9} parameters  {:>9}  {}", card.name, card.parameters, card.input, card.description);
        }
        return Ok(());
    }
    let config = ClassifierConfig::named(arguments.first().map_or("resnet20", String::as_str))?;
    let card = config.card();
    let classes = arguments.get(1).map_or(Ok(card.classes), |argument| argument.parse())?;
    let size = arguments.get(2).map_or(Ok(card.input.height), |argument| argument.parse())?;
    let input = InputShape::new(card.input.channels, size, size);

    // The same seed gives the same weights on every machine.
    let device = open_device()?;
    random::seed(0, 0);
    let network = config.init::<SelectedBackend>(classes, input, &device)?;
    println!("{}", summary(&network, input));

    let images = random::normal([BATCH, input.channels, size, size], 0.0, 1.0, &device);
    let logits = network.forward(images);
    println!("\nlogits of {BATCH} random images: {:?}", logits.dims());
    println!("the last layer is `{}`; tensors as PyTorch names them:", config.head_prefixes().join("`, `"));
    for tensor in state_dict(&network).iter().take(4) {
        println!("  {} {:?}", tensor.name, tensor.shape);
    }
    Ok(())
}
