//! YOLOX: anchor points, SimOTA, a decoupled head (Ge et al. 2021, arXiv 2107.08430).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use losses::{BoxTarget, YoloxLoss};
use models::yolox::Yolox;
use models::{Network, YoloxOutput, decode_yolox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensor_backend::{AutodiffVisionBackend, VisionBackend};
use vision_types::{DetectedObject, Instance};

use super::{DetectorFamily, Settings};
use crate::config::ConfigTable;
use crate::task::Loss;
use crate::tasks::detection::task::DetectionTargets;

/// The family, see the [module](self).
pub(in crate::tasks::detection) struct YoloxFamily;

/// `[loss]` of YOLOX: IoU, objectness and classes, on the anchor points that SimOTA assigns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct YoloxLossSettings {
    /// When the loss on raw box sizes is added: `never`, `plain-epochs` or `always`.
    pub l1: L1Phase,
}

impl ConfigTable for YoloxLossSettings {}

/// When the loss on raw box sizes is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum L1Phase {
    /// Never.
    Never,
    /// In the last epochs, without mosaic (`augment.plain_epochs`), as in the paper.
    #[default]
    PlainEpochs,
    /// In every epoch.
    Always,
}

impl DetectorFamily for YoloxFamily {
    const NAME: &'static str = "yolox";
    const MASKS: bool = false;
    type Loss = YoloxLossSettings;
    type Network<B: Backend> = Yolox<B>;

    fn learn<B: AutodiffVisionBackend>(
        network: &Yolox<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
        settings: Settings<'_, YoloxLossSettings>,
    ) -> Loss<B> {
        let l1 = match settings.loss.l1 {
            L1Phase::Never => false,
            L1Phase::PlainEpochs => targets.plain_epoch,
            L1Phase::Always => true,
        };
        loss(network.forward(images), targets, YoloxLoss { classes: settings.classes, l1 })
    }

    fn judge<B: VisionBackend>(
        network: &Yolox<B>,
        images: Tensor<B, 4>,
        targets: &DetectionTargets,
        settings: Settings<'_, YoloxLossSettings>,
    ) -> (Loss<B>, Vec<Vec<DetectedObject>>) {
        let output = network.forward(images);
        let loss = loss(output.clone(), targets, YoloxLoss { classes: settings.classes, l1: false });
        (loss, objects(output, &settings))
    }

    fn answer<B: VisionBackend>(
        network: &Yolox<B>,
        images: Tensor<B, 4>,
        settings: Settings<'_, YoloxLossSettings>,
    ) -> Vec<Vec<DetectedObject>> {
        objects(network.forward(images), &settings)
    }
}

fn loss<B: VisionBackend>(output: YoloxOutput<B>, targets: &DetectionTargets, loss: YoloxLoss) -> Loss<B> {
    let target = |object: &Instance| BoxTarget { bbox: object.bbox, class: object.class };
    let boxes: Vec<Vec<BoxTarget>> =
        targets.objects.iter().map(|objects| objects.iter().map(target).collect()).collect();
    let terms = loss.forward(output.raw, &output.points, &boxes);
    let mut parts = vec![("loss_iou", terms.iou), ("loss_objectness", terms.objectness), ("loss_class", terms.class)];
    if loss.l1 {
        parts.push(("loss_l1", terms.l1));
    }
    Loss { total: terms.total, terms: parts }
}

fn objects<B: VisionBackend>(
    output: YoloxOutput<B>,
    settings: &Settings<'_, YoloxLossSettings>,
) -> Vec<Vec<DetectedObject>> {
    let [_, anchors, values] = output.raw.dims();
    let raw = output.raw.detach().into_data().convert::<f32>();
    let raw = raw.as_slice::<f32>().expect("converted to f32 just now");
    let Settings { classes, decode, .. } = *settings;
    let image = |values: &[f32]| {
        let candidates = decode_yolox(values, &output.points, classes, decode.score_threshold, decode.multi_label);
        decode.suppressed(candidates)
    };
    raw.chunks_exact(anchors * values).map(image).collect()
}
