//! Other names of the same tensors.
//!
//! Names of the networks here are those of one reference each: torchvision's for ResNet, akamaster's for the CIFAR
//! ResNets. Others call the same layers something else: a part of the name for a part, tried only where the network has
//! no tensor of the given name and has one of the other, which the file does not offer itself.

use std::collections::HashSet;

use weights_io::WeightTensor;

/// Parts of names that mean the same layer.
const ALIASES: [(&str, &str); 2] = [
    // The 1×1 convolution beside a residual block: kuangliu and akamaster say `shortcut`, torchvision, timm and chenyaofo
    // `downsample`.
    ("shortcut", "downsample"),
    // The last dense layer: kuangliu and akamaster say `linear`, torchvision, timm and chenyaofo `fc`.
    ("linear", "fc"),
];

/// Where a classifier's layers lie in networks that are built on one.
const BACKBONE: &str = "backbone.";

/// Gives tensors of `offered` the names that the network has for them; says how many were renamed.
pub(super) fn rename(offered: &mut [WeightTensor], network: &HashSet<&str>) -> usize {
    let given: HashSet<String> = offered.iter().map(|tensor| tensor.name.clone()).collect();
    let mut renamed = 0;
    for tensor in offered.iter_mut().filter(|tensor| !network.contains(tensor.name.as_str())) {
        let others = [other_name(&tensor.name), format!("{BACKBONE}{}", tensor.name)];
        if let Some(other) = others.into_iter().find(|name| network.contains(name.as_str()) && !given.contains(name)) {
            tensor.name = other;
            renamed += 1;
        }
    }
    renamed
}

/// `name` with every part that has another name replaced by it.
fn other_name(name: &str) -> String {
    let part = |part| {
        ALIASES.into_iter().find_map(|(one, other)| match part {
            _ if part == one => Some(other),
            _ if part == other => Some(one),
            _ => None,
        })
    };
    name.split('.').map(|name| part(name).unwrap_or(name)).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_changed_only_into_one_that_is_missing() {
        let tensor = |name: &str| WeightTensor::from_f32(name, &[1], &[0.0]);
        let network = HashSet::from(["layer2.0.downsample.0.weight", "fc.weight", "fc.bias", "linear_probe.weight"]);
        let mut offered =
            ["layer2.0.shortcut.0.weight", "linear.weight", "linear.bias", "fc.bias", "linear_probe.weight"]
                .map(tensor);
        assert_eq!(rename(&mut offered, &network), 2);
        let names = offered.map(|tensor| tensor.name);
        // `linear.bias` stays: the file has an `fc.bias` of its own.
        let expected = ["layer2.0.downsample.0.weight", "fc.weight", "linear.bias", "fc.bias", "linear_probe.weight"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_classifier_becomes_a_backbone() {
        let network = HashSet::from(["backbone.conv1.weight", "backbone.bn1.bias", "decoder.0.conv1.weight"]);
        let mut offered =
            ["conv1.weight", "bn1.bias", "fc.weight"].map(|name| WeightTensor::from_f32(name, &[1], &[0.0]));
        assert_eq!(rename(&mut offered, &network), 2);
        assert_eq!(offered.map(|tensor| tensor.name), ["backbone.conv1.weight", "backbone.bn1.bias", "fc.weight"]);
    }
}
