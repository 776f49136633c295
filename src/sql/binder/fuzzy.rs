//! "Perhaps you meant": the nearest column names for an unknown one (`updateFuzzyAttrMatchState`).

use super::scope::{ColSource, Rte, RteKind, system_column};

const MAX_DISTANCE: usize = 3;

/// The best one or two columns seen so far.
pub(super) struct Suggestions {
    distance: usize,
    first: Option<(u32, Option<usize>)>,
    second: Option<(u32, usize)>,
}

impl Suggestions {
    pub fn new() -> Self {
        Self { distance: MAX_DISTANCE + 1, first: None, second: None }
    }

    /// Looks through an entry; true when it has exactly this column, so that only visibility was the problem.
    pub fn scan(&mut self, rte: u32, entry: &Rte, rel: Option<&str>, column: &str) -> bool {
        let penalty = rel.map_or(0, |rel| distance(rel, &entry.alias).min(MAX_DISTANCE + 2));
        let mut exact = matches!(entry.kind, RteKind::Relation { .. }) && system_column(column).is_some();
        for (i, col) in entry.cols.iter().enumerate() {
            if matches!(col.source, ColSource::Dropped) {
                continue;
            }
            exact |= col.name == column;
            self.update(penalty, rte, i, &col.name, column);
        }
        if exact && penalty == 0 {
            self.first = Some((rte, None));
            self.second = None;
            return true;
        }
        false
    }

    fn update(&mut self, penalty: usize, rte: u32, attr: usize, actual: &str, wanted: &str) {
        if penalty > self.distance {
            return;
        }
        let d = distance(actual, wanted);
        if d > wanted.len() / 2 {
            return;
        }
        let d = d + penalty;
        if d < self.distance {
            self.distance = d;
            self.first = Some((rte, Some(attr)));
            self.second = None;
        } else if d == self.distance {
            if self.second.is_some() {
                // Too many equally near names: that near is no hint.
                self.first = None;
                self.second = None;
                self.distance = d.saturating_sub(1);
            } else if self.first.is_some() {
                self.second = Some((rte, attr));
            } else if d <= MAX_DISTANCE {
                self.first = Some((rte, Some(attr)));
            }
        }
    }

    /// The HINT, if any.
    pub fn hint(&self, rtes: &[Rte], column: &str) -> Option<String> {
        let (rte, attr) = self.first?;
        let entry = &rtes[rte as usize];
        let Some(attr) = attr else {
            return Some(format!(
                "There is a column named \"{column}\" in table \"{}\", but it cannot be referenced from this part of the query.",
                entry.alias
            ));
        };
        let first = format!("\"{}.{}\"", entry.alias, entry.cols[attr].name);
        match self.second {
            None => Some(format!("Perhaps you meant to reference the column {first}.")),
            Some((rte, attr)) => {
                let entry = &rtes[rte as usize];
                let name = &entry.cols[attr].name;
                Some(format!("Perhaps you meant to reference the column {first} or the column \"{}.{name}\".", entry.alias))
            }
        }
    }
}

fn distance(a: &str, b: &str) -> usize {
    strsim::levenshtein(a, b)
}
