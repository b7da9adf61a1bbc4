//! A figure: what it is called, which way it improves, and where people see it.

use crate::metric::Direction;

/// A figure of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Its name in lower snake case; a `#` at the end stands for a whole number.
    pub name: &'static str,
    /// Which way it improves.
    pub direction: Direction,
    /// Where people see it.
    pub shown: Shown,
}

/// Where people see a figure, besides tables and files, which have all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Nowhere else.
    Table,
    /// In the last lines of a run.
    Final,
    /// On the line of every epoch as well.
    Epoch,
    /// The same; and epochs are judged by it, unless a configuration says otherwise.
    Monitored,
}

impl Figure {
    /// A figure that rises, in tables alone.
    pub(crate) const fn higher(name: &'static str) -> Self {
        Self { name, direction: Direction::HigherIsBetter, shown: Shown::Table }
    }

    /// A figure that falls, in tables alone.
    pub(crate) const fn lower(name: &'static str) -> Self {
        Self { name, direction: Direction::LowerIsBetter, shown: Shown::Table }
    }

    /// The same, seen elsewhere too.
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
