//! The loss of YOLOX: boxes, objectness and classes of the anchor points that SimOTA assigns.
//!
//! Paper: Ge et al. 2021, "YOLOX: exceeding YOLO series in 2021", section 2.1. Behaviour as of Megvii's YOLOX 0.1.
//!
//! Value and gradient are computed together on the host, image by image in parallel: the assignment is made there anyhow,
//! and only a few hundred of the thousands of anchor points have more than one term. So it is on every backend, by plain
//! code on slices: a step waits for the device once, when the raw outputs are read, and sends back their gradient and
//! the five figures.

mod assignment;
mod terms;
#[cfg(test)]
mod tests;

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use tensor_backend::VisionBackend;
use tensor_backend::ops::known_gradient;
use vision_types::{AnchorPoint, BBox, ClassId};

use assignment::{Match, assign};
use terms::{Sums, image_sums};

/// Values of an anchor point before those of the classes: the box's x, y, w and h, and objectness.
const BOX_VALUES: usize = 5;

/// What the loss on boxes counts.
const IOU_WEIGHT: f64 = 5.0;

/// An object to be found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxTarget {
    /// Its box, in pixels of the network's input.
    pub bbox: BBox,
    /// Its class.
    pub class: ClassId,
}

/// The loss of YOLOX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YoloxLoss {
    /// Number of classes.
    pub classes: usize,
    /// Whether the absolute error of the raw box values is added, as in the paper's last epochs.
    pub l1: bool,
}

/// A loss and its parts, each `[1]`.
#[derive(Debug, Clone)]
pub struct YoloxTerms<B: VisionBackend> {
    /// What is minimised: the sum of the parts. It alone has a gradient.
    pub total: Tensor<B, 1>,
    /// Five times the sum of `1 - IoU²` of the assigned boxes, over the number of assigned anchor points.
    pub iou: Tensor<B, 1>,
    /// The binary cross-entropies of all objectnesses, over the number of assigned anchor points.
    pub objectness: Tensor<B, 1>,
    /// The binary cross-entropies of the assigned points' classes, whose target is the box's IoU, over their number.
    pub class: Tensor<B, 1>,
    /// The absolute errors of the assigned points' raw box values, over their number; zero unless asked for.
    pub l1: Tensor<B, 1>,
}

impl YoloxLoss {
    /// The loss of a batch.
    ///
    /// Boxes that are not finite or have no area are left out. Without any assigned anchor point the sums are divided by
    /// one. No finite outputs make it anything but a number; an objectness, or a value of an assigned point, that is not
    /// a number makes the total none either.
    ///
    /// Synchronises with the device once, to read `raw`; what it gives waits for nothing.
    ///
    /// # Shapes
    ///
    /// - `raw`: `[batch, anchors, 5 + classes]`: each point's box as [`AnchorPoint::decode`] reads it, then the logits of
    ///   objectness and of each class
    /// - `points`: one for each of the anchors
    /// - `boxes`: the objects in each image
    ///
    /// # Panics
    ///
    /// When the shapes disagree, or a class number is too large.
    pub fn forward<B: VisionBackend>(
        &self,
        raw: Tensor<B, 3>,
        points: &[AnchorPoint],
        boxes: &[Vec<BoxTarget>],
    ) -> YoloxTerms<B> {
        let [batch, anchors, values] = raw.dims();
        let expected = [boxes.len(), points.len(), BOX_VALUES + self.classes];
        assert_eq!(
            [batch, anchors, values],
            expected,
            "raw outputs need a list of boxes an image and a point an anchor"
        );
        let device = raw.device();
        let data = raw.clone().detach().into_data().convert::<f32>();
        let data = data.as_slice::<f32>().expect("converted to f32 just now");
        let HostLoss { parts, gradient } = self.on_host(data, points, boxes, B::ad_enabled(&device));

        let single = |value: f64| Tensor::<B, 1>::from_data(TensorData::from([value as f32]), &device);
        let total = single(parts.iou + parts.objectness + parts.class + parts.l1);
        let total = match gradient {
            Some(gradient) => {
                let gradient = Tensor::from_data(TensorData::new(gradient, [batch, anchors, values]), &device);
                known_gradient(raw, total, gradient)
            }
            None => total,
        };
        YoloxTerms {
            total,
            iou: single(parts.iou),
            objectness: single(parts.objectness),
            class: single(parts.class),
            l1: single(parts.l1),
        }
    }

    fn on_host(&self, raw: &[f32], points: &[AnchorPoint], boxes: &[Vec<BoxTarget>], with_gradient: bool) -> HostLoss {
        let per_image = points.len() * (BOX_VALUES + self.classes);
        let images: Vec<(&[f32], Vec<BoxTarget>)> = boxes
            .iter()
            .enumerate()
            .map(|(image, boxes)| (&raw[image * per_image..][..per_image], self.learnable(boxes)))
            .collect();
        let matches: Vec<Vec<Match>> =
            images.par_iter().map(|(raw, targets)| assign(raw, points, targets, self.classes)).collect();
        let assigned = matches.iter().map(Vec::len).sum::<usize>().max(1) as f64;

        let mut gradient = vec![0.0; if with_gradient { raw.len() } else { 0 }];
        let sums = |index: usize, gradient: Option<&mut [f32]>| {
            let (raw, targets) = &images[index];
            image_sums(self, raw, points, targets, &matches[index], gradient.map(|values| (values, assigned.recip())))
        };
        // A sum in the order of the images does not depend on the number of threads.
        let sums: Vec<Sums> = if with_gradient && per_image > 0 {
            let slices = gradient.par_chunks_exact_mut(per_image).enumerate();
            slices.map(|(index, gradient)| sums(index, Some(gradient))).collect()
        } else {
            (0..images.len()).into_par_iter().map(|index| sums(index, None)).collect()
        };
        let total = sums.iter().fold(Sums::default(), |total, image| total.plus(image));
        let parts = Sums {
            iou: IOU_WEIGHT * total.iou / assigned,
            objectness: total.objectness / assigned,
            class: total.class / assigned,
            l1: total.l1 / assigned,
        };
        HostLoss { parts, gradient: with_gradient.then_some(gradient) }
    }

    /// The boxes that something can be learnt from.
    fn learnable(&self, boxes: &[BoxTarget]) -> Vec<BoxTarget> {
        for target in boxes {
            assert!(target.class < self.classes, "class {} of {} classes", target.class, self.classes);
        }
        let finite = |bbox: BBox| [bbox.x1, bbox.y1, bbox.x2, bbox.y2].iter().all(|corner| corner.is_finite());
        boxes.iter().copied().filter(|target| finite(target.bbox) && target.bbox.is_valid()).collect()
    }
}

/// Weighted parts of the loss, and its gradient with respect to the raw outputs.
struct HostLoss {
    parts: Sums,
    gradient: Option<Vec<f32>>,
}
