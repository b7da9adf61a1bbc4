//! Grid-Net: the cell that an object's middle lies in answers for it.
//!
//! After Redmon et al. 2016, "You only look once" (arXiv 1506.02640), section 2.2; objectness and classes by binary
//! cross-entropy.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation};
use models::Network;
use models::grid_net::{BOX_VALUES, GridNet, GridOutput, STRIDE};
use serde::{Deserialize, Serialize};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{BBox, DetectedObject, Instance};

use super::{DetectorFamily, Settings};
use crate::config::ConfigTable;
use crate::task::Loss;
use crate::tasks::detection::task::DetectionTargets;

/// The family, see the [module](self).
pub(in crate::tasks::detection) struct GridFamily;

/// `[loss]` of Grid-Net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GridLossSettings {
    /// Weight of the loss on boxes (λ_coord of the paper).
    pub box_weight: f64,
}

impl Default for GridLossSettings {
    fn default() -> Self {
        Self { box_weight: 5.0 }
    }
}

impl ConfigTable for GridLossSettings {
    fn problem(&self) -> Option<String> {
        (!(self.box_weight >= 0.0 && self.box_weight.is_finite()))
            .then(|| format!("loss.box_weight must not be negative, found {}", self.box_weight))
    }
}

impl DetectorFamily for GridFamily {
    const NAME: &'static str = "grid-net";
    const MASKS: bool = false;
    type Loss = GridLossSettings;
    type Network<B: Backend> = GridNet<B>;

    fn learn<B: AutodiffVisionBackend>(
        network: &GridNet<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
        settings: Settings<'_, GridLossSettings>,
    ) -> Loss<B> {
        loss(network.forward(images), targets, &settings)
    }

    fn judge<B: VisionBackend>(
        network: &GridNet<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
        settings: Settings<'_, GridLossSettings>,
    ) -> (Loss<B>, Vec<Vec<DetectedObject>>) {
        let output = network.forward(images);
        (loss(output.clone(), targets, &settings), objects(output, &settings))
    }

    fn answer<B: VisionBackend>(
        network: &GridNet<B>,
        images: Tensor<B, 4>,
        settings: Settings<'_, GridLossSettings>,
    ) -> Vec<Vec<DetectedObject>> {
        objects(network.forward(images), &settings)
    }
}

/// What the cells should answer: `[values, rows, columns]` of each image, and which cells answer for an object.
fn wanted(objects: &[Instance], classes: usize, [rows, columns]: [usize; 2]) -> (Vec<f32>, Vec<f32>) {
    let cells = rows * columns;
    let (mut values, mut taken) = (vec![0.0; (BOX_VALUES + classes) * cells], vec![0.0; cells]);
    for object in objects {
        let [x, y, width, height] = object.bbox.to_cxcywh().map(|value| value / STRIDE as f32);
        let (column, row) = ((x as usize).min(columns - 1), (y as usize).min(rows - 1));
        let cell = row * columns + column;
        if taken[cell] == 1.0 {
            continue;
        }
        taken[cell] = 1.0;
        let boxed = [x - column as f32, y - row as f32, width.max(1e-3).ln(), height.max(1e-3).ln(), 1.0];
        for (value, wanted) in boxed.into_iter().enumerate() {
            values[value * cells + cell] = wanted;
        }
        values[(BOX_VALUES + object.class) * cells + cell] = 1.0;
    }
    (values, taken)
}

fn loss<B: VisionBackend>(
    output: GridOutput<B>,
    targets: &DetectionTargets,
    settings: &Settings<'_, GridLossSettings>,
) -> Loss<B> {
    let [batch, values, rows, columns] = output.raw.dims();
    let device = output.raw.device();
    let (mut all, mut taken) = (Vec::new(), Vec::new());
    for objects in &targets.objects {
        let (values, cells) = wanted(objects, settings.classes, [rows, columns]);
        all.extend(values);
        taken.extend(cells);
    }
    let count = taken.iter().sum::<f32>().max(1.0);
    let wanted = Tensor::<B, 4>::from_data(TensorData::new(all, [batch, values, rows, columns]), &device);
    let taken = Tensor::<B, 4>::from_data(TensorData::new(taken, [batch, 1, rows, columns]), &device);

    let part = |tensor: &Tensor<B, 4>, first: usize, length: usize| tensor.clone().narrow(1, first, length);
    // ln (1 + e^x) - x t, the binary cross-entropy of logits.
    let entropy = |logits: Tensor<B, 4>, targets: Tensor<B, 4>| {
        activation::softplus(logits.clone(), 1.0) - logits * targets
    };
    let middles = activation::sigmoid(part(&output.raw, 0, 2)) - part(&wanted, 0, 2);
    let sizes = part(&output.raw, 2, 2) - part(&wanted, 2, 2);
    let boxes = ((middles.square().sum_dim(1) + sizes.square().sum_dim(1)) * taken.clone()).sum();
    let boxes = boxes.mul_scalar(f64::from(1.0 / count) * settings.loss.box_weight);
    let objectness = entropy(part(&output.raw, 4, 1), taken.clone()).sum().div_scalar(count);
    let classes = entropy(
        part(&output.raw, BOX_VALUES, settings.classes),
        part(&wanted, BOX_VALUES, settings.classes),
    );
    let classes = (classes.sum_dim(1) * taken).sum().div_scalar(count);
    Loss {
        total: boxes.clone() + objectness.clone() + classes.clone(),
        terms: vec![("loss_box", boxes), ("loss_objectness", objectness), ("loss_class", classes)],
    }
}

fn objects<B: VisionBackend>(
    output: GridOutput<B>,
    settings: &Settings<'_, GridLossSettings>,
) -> Vec<Vec<DetectedObject>> {
    let [_, values, rows, columns] = output.raw.dims();
    let raw = output.raw.detach().into_data().convert::<f32>();
    let raw = raw.as_slice::<f32>().expect("converted to f32 just now");
    let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    let cells = rows * columns;
    let image = |values: &[f32]| {
        let object = |cell: usize| {
            let value = |at: usize| values[at * cells + cell];
            let (class, logit) = (0..settings.classes)
                .map(|class| (class, value(BOX_VALUES + class)))
                .reduce(|best, found| if found.1 > best.1 { found } else { best })?;
            let score = sigmoid(value(4)) * sigmoid(logit);
            let (x, y) = ((cell % columns) as f32 + sigmoid(value(0)), (cell / columns) as f32 + sigmoid(value(1)));
            let [x, y, width, height] = [x, y, value(2).exp(), value(3).exp()].map(|length| length * STRIDE as f32);
            let bbox = BBox::from_cxcywh(x, y, width, height);
            let usable = score >= settings.decode.score_threshold && width.is_finite() && height.is_finite();
            usable.then(|| DetectedObject::new(bbox, class, score))
        };
        settings.decode.suppressed((0..cells).filter_map(object).collect())
    };
    raw.chunks_exact(values * cells).map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cell_of_the_middle_answers() {
        // A box of 64×32 pixels around (48, 16): the second of two cells in a row, in its middle.
        let object = Instance::from_box(BBox::from_xyxy(16.0, 0.0, 80.0, 32.0), 1);
        let (values, taken) = wanted(&[object], 2, [1, 3]);
        assert_eq!(taken, [0.0, 1.0, 0.0]);
        let cell: Vec<f32> = values.chunks_exact(3).map(|value| value[1]).collect();
        assert_eq!(cell, [0.5, 0.5, 2f32.ln(), 0.0, 1.0, 0.0, 1.0]);
    }
}
