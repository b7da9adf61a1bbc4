//! Losses of boxes by how they overlap their targets.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tensor_backend::VisionBackend;

use crate::elementwise::assert_same_shape;

/// Added to divisors against division by zero, as in torchvision's `ops`.
const EPSILON: f64 = 1e-7;

/// How the overlap of a box with its target becomes a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BoxLoss {
    /// `1 - IoU²`: YOLOX's (Ge et al. 2021; reference: Megvii's YOLOX, `yolox/models/losses.py`).
    IouSquared,
    /// `1 - IoU + (hull - union) / hull`, hull being the smallest box around both (Rezatofighi et al. 2019;
    /// torchvision's `generalized_box_iou_loss`).
    Giou,
    /// `1 - IoU + (distance of the centres / diagonal of the hull)²` (Zheng et al. 2020; torchvision's
    /// `distance_box_iou_loss`).
    Diou,
    /// The same, and a term for the difference of the aspect ratios (Zheng et al. 2020; torchvision's
    /// `complete_box_iou_loss`).
    Ciou,
}

/// Corners and area of boxes, each `[n]`.
struct Corners<B: VisionBackend> {
    x1: Tensor<B, 1>,
    y1: Tensor<B, 1>,
    x2: Tensor<B, 1>,
    y2: Tensor<B, 1>,
}

impl<B: VisionBackend> Corners<B> {
    fn of_xyxy(boxes: Tensor<B, 2>) -> Self {
        let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|column| boxes.clone().narrow(1, column, 1).squeeze_dim::<1>(1));
        Self { x1, y1, x2, y2 }
    }

    fn width(&self) -> Tensor<B, 1> {
        self.x2.clone() - self.x1.clone()
    }

    fn height(&self) -> Tensor<B, 1> {
        self.y2.clone() - self.y1.clone()
    }

    fn area(&self) -> Tensor<B, 1> {
        self.width() * self.height()
    }

    /// Area shared with `other`.
    fn intersection(&self, other: &Self) -> Tensor<B, 1> {
        let shared = |low: (&Tensor<B, 1>, &Tensor<B, 1>), high: (&Tensor<B, 1>, &Tensor<B, 1>)| {
            let low = low.0.clone().max_pair(low.1.clone());
            (high.0.clone().min_pair(high.1.clone()) - low).clamp_min(0.0)
        };
        shared((&self.x1, &other.x1), (&self.x2, &other.x2)) * shared((&self.y1, &other.y1), (&self.y2, &other.y2))
    }

    /// The smallest box around both.
    fn hull(&self, other: &Self) -> Self {
        Self {
            x1: self.x1.clone().min_pair(other.x1.clone()),
            y1: self.y1.clone().min_pair(other.y1.clone()),
            x2: self.x2.clone().max_pair(other.x2.clone()),
            y2: self.y2.clone().max_pair(other.y2.clone()),
        }
    }

    /// Twice the centre.
    fn doubled_centre(&self) -> [Tensor<B, 1>; 2] {
        [self.x1.clone() + self.x2.clone(), self.y1.clone() + self.y2.clone()]
    }
}

impl BoxLoss {
    /// The loss of each box, with corners `x1 ≤ x2` and `y1 ≤ y2`. Boxes of no area have finite losses.
    ///
    /// # Shapes
    ///
    /// - `outputs`, `targets`: `[n, 4]`, upper left and lower right corners `(x1, y1, x2, y2)`
    /// - output: `[n]`
    ///
    /// # Panics
    ///
    /// When the shapes disagree.
    pub fn losses_xyxy<B: VisionBackend>(self, outputs: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 1> {
        assert_same_shape(&outputs, &targets);
        assert_eq!(outputs.dims()[1], 4, "a box has four numbers, found {:?}", outputs.dims());
        let (found, target) = (Corners::of_xyxy(outputs), Corners::of_xyxy(targets));
        let intersection = found.intersection(&target);
        let union = found.area() + target.area() - intersection.clone();
        let iou = intersection / (union.clone() + EPSILON);
        match self {
            Self::IouSquared => -iou.square() + 1.0,
            Self::Giou => {
                let hull = found.hull(&target).area();
                -iou + 1.0 + (hull.clone() - union) / (hull + EPSILON)
            }
            Self::Diou => -iou + 1.0 + distance(&found, &target),
            Self::Ciou => {
                let aspect = aspect(&found, &target);
                let weight = aspect.clone() / (-iou.clone() + 1.0 + aspect.clone() + EPSILON);
                -iou + 1.0 + distance(&found, &target) + weight.detach() * aspect
            }
        }
    }
}

/// Squared distance of the centres over the squared diagonal of the hull.
fn distance<B: VisionBackend>(found: &Corners<B>, target: &Corners<B>) -> Tensor<B, 1> {
    let hull = found.hull(target);
    let diagonal = hull.width().square() + hull.height().square();
    let ([x, y], [target_x, target_y]) = (found.doubled_centre(), target.doubled_centre());
    ((x - target_x).square() + (y - target_y).square()) / 4.0 / (diagonal + EPSILON)
}

/// `4 / π² · (atan(w / h) - atan(w' / h'))²`.
fn aspect<B: VisionBackend>(found: &Corners<B>, target: &Corners<B>) -> Tensor<B, 1> {
    const SCALE: f64 = 4.0 / (std::f64::consts::PI * std::f64::consts::PI);
    let angle = |corners: &Corners<B>| (corners.width() / (corners.height() + EPSILON)).atan();
    (angle(target) - angle(found)).square() * SCALE
}
