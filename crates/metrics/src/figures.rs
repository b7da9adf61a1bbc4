//! All figures in one table: each metric declares its own in its file, and its list or this table joins them.

use crate::figure::{Figure, Shown};
use crate::metric::Direction;
use crate::{classification, objects, regression, segmentation};

/// The figures of every metric, in the order in which they are shown: those that classifiers and segmentation networks
/// are judged by, from their lists, and the `FIGURES` of other metrics.
const GROUPS: &[&[&[Figure]]] = &[
    classification::FIGURES,
    &[objects::MASK_FIGURES, objects::BOX_FIGURES],
    segmentation::FIGURES,
    &[regression::FIGURES, &[LOSS]],
];

/// What is minimised.
const LOSS: Figure = Figure::lower("loss").shown(Shown::Monitored);

/// Every figure, in the order in which they are shown.
pub fn figures() -> impl Iterator<Item = &'static Figure> {
    GROUPS.iter().copied().flatten().copied().flatten()
}

/// The figure called `name`; a leading split (`val.accuracy`) is ignored. `None` for an unknown name.
pub fn figure(name: &str) -> Option<&'static Figure> {
    let name = name.rsplit_once('.').map_or(name, |(_split, name)| name);
    figures().find(|figure| figure.is(name))
}

/// Which way the figure called `name` improves, for the figures of this crate and `loss`. A leading split
/// (`val.accuracy`) is ignored. `None` for an unknown name.
pub fn direction(name: &str) -> Option<Direction> {
    figure(name).map(|figure| figure.direction)
}

/// Those of `names` whose figures are shown at least at `least`, in the order of [`figures`]; each may have a leading
/// split.
pub fn shown<'a>(names: &[&'a str], least: Shown) -> Vec<&'a str> {
    let mut ranked: Vec<(usize, &str)> = names
        .iter()
        .filter_map(|name| {
            let bare = name.rsplit_once('.').map_or(*name, |(_split, bare)| bare);
            figures().position(|figure| figure.shown >= least && figure.is(bare)).map(|rank| (rank, *name))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_is_known_with_and_without_a_split() {
        assert_eq!(direction("accuracy"), Some(Direction::HigherIsBetter));
        assert_eq!(direction("val.loss"), Some(Direction::LowerIsBetter));
        assert_eq!(direction("test.top5"), Some(Direction::HigherIsBetter));
        assert_eq!(direction("val.ece"), Some(Direction::LowerIsBetter));
        assert_eq!(direction("topology"), None);
        assert_eq!(direction("lr"), None);
    }

    #[test]
    fn every_name_is_there_once() {
        for figure in figures() {
            assert_eq!(figures().filter(|other| other.name == figure.name).count(), 1, "{}", figure.name);
        }
    }

    #[test]
    fn figures_are_shown_in_the_order_of_the_table() {
        let names = ["val.loss", "val.ece", "val.ap50", "val.ap", "val.mean_iou", "lr"];
        assert_eq!(shown(&names, Shown::Epoch), ["val.ap", "val.ap50", "val.mean_iou", "val.loss"]);
        assert_eq!(shown(&names, Shown::Monitored), ["val.ap", "val.mean_iou", "val.loss"]);
        assert_eq!(shown(&["top5", "accuracy"], Shown::Epoch), ["accuracy", "top5"]);
    }
}
