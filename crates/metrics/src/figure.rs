//! A figure: its name, which way it improves, and where it is shown.

use crate::metric::Direction;

/// A figure of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Its name in lower snake case; a `#` at the end stands for a whole number.
    pub name: &'static str,
    /// Which way it improves.
    pub direction: Direction,
    /// Where it is shown.
    pub shown: Shown,
}

/// Where a figure is shown besides tables and files, which have all figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Nowhere else.
    Table,
    /// In the last lines of a run.
    Final,
    /// On the line of every epoch as well.
    Epoch,
    /// The same, and the best epoch is chosen by it, unless a configuration says otherwise.
    Monitored,
}

impl Figure {
    /// A figure that is better when higher, shown in tables alone.
    pub(crate) const fn higher(name: &'static str) -> Self {
        Self { name, direction: Direction::HigherIsBetter, shown: Shown::Table }
    }

    /// A figure that is better when lower, shown in tables alone.
    pub(crate) const fn lower(name: &'static str) -> Self {
        Self { name, direction: Direction::LowerIsBetter, shown: Shown::Table }
    }

    /// The same, shown elsewhere too.
    pub(crate) const fn shown(self, shown: Shown) -> Self {
        Self { shown, ..self }
    }

    /// Whether this is the figure called `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        match self.name.strip_suffix('#') {
            Some(start) => name.strip_prefix(start).is_some_and(|number| number.parse::<usize>().is_ok()),
            None => self.name == name,
        }
    }
}
