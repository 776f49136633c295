//! Matching by sets of ends, then dividing the match among the groups.
//!
//! `reach(node, starts)` is the set of byte offsets where a match of `node` beginning at one of `starts` can end. The whole
//! match's end is the largest (or smallest) of them; `divide(node, from, to)` then hands parts of that span down, each part
//! trying its preferred length first and taking the first that leaves the rest possible.

use super::Captures;
use super::ast::{Anchor, Node, Preference};
use super::class::is_word;
use crate::sql::expr::func::case::{lower_char, upper_char};

/// One text to match against.
pub struct Matcher<'t> {
    text: &'t str,
    groups: usize,
    icase: bool,
    newline_anchors: bool,
}

/// Sorted, without duplicates.
type Offsets = Vec<usize>;

fn normalise(mut offsets: Offsets) -> Offsets {
    if !offsets.is_sorted_by(|a, b| a < b) {
        offsets.sort_unstable();
        offsets.dedup();
    }
    offsets
}

impl<'t> Matcher<'t> {
    /// Over a text.
    pub fn new(text: &'t str, groups: usize, icase: bool, newline_anchors: bool) -> Self {
        Self { text, groups, icase, newline_anchors }
    }

    /// A match that begins at `at`.
    pub fn match_at(&self, root: &Node, at: usize, captures: bool) -> Option<Captures> {
        let mut ends = self.reach(root, &[at]);
        if root.preference() != Preference::Shorter {
            ends.reverse();
        }
        let divide = (captures && root.has_groups()) || root.has_backrefs();
        for end in ends {
            let mut found = vec![None; if captures || divide { self.groups + 1 } else { 1 }];
            found[0] = Some((at, end));
            if !divide || self.divide(root, at, end, &mut found) {
                return Some(found);
            }
        }
        None
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    fn char_before(&self, at: usize) -> Option<char> {
        self.text[..at].chars().next_back()
    }

    fn same(&self, a: char, b: char) -> bool {
        a == b || (self.icase && (lower_char(a) == lower_char(b) || upper_char(a) == upper_char(b)))
    }

    fn holds(&self, anchor: Anchor, at: usize) -> bool {
        let before = self.char_before(at);
        let after = self.char_at(at);
        let (word_before, word_after) = (before.is_some_and(is_word), after.is_some_and(is_word));
        match anchor {
            Anchor::TextStart => before.is_none(),
            Anchor::TextEnd => after.is_none(),
            Anchor::LineStart => before.is_none() || (self.newline_anchors && before == Some('\n')),
            Anchor::LineEnd => after.is_none() || (self.newline_anchors && after == Some('\n')),
            Anchor::WordStart => !word_before && word_after,
            Anchor::WordEnd => word_before && !word_after,
            Anchor::WordEdge => word_before != word_after,
            Anchor::NotWordEdge => word_before == word_after,
        }
    }

    fn looks(&self, ahead: bool, node: &Node, at: usize) -> bool {
        if ahead {
            return !self.reach(node, &[at]).is_empty();
        }
        let starts: Offsets = (0..=at).filter(|i| self.text.is_char_boundary(*i)).collect();
        self.reach(node, &starts).binary_search(&at).is_ok()
    }

    /// Where matches of `node` from these starts can end.
    fn reach(&self, node: &Node, starts: &[usize]) -> Offsets {
        match node {
            Node::Empty => starts.to_vec(),
            Node::Char(want) => self.step(starts, |c| self.same(*want, c)),
            Node::Class(class) => self.step(starts, |c| class.contains(c, self.icase)),
            Node::Anchor(anchor) => starts.iter().copied().filter(|at| self.holds(*anchor, *at)).collect(),
            Node::Look { ahead, negated, node } => {
                starts.iter().copied().filter(|at| self.looks(*ahead, node, *at) != *negated).collect()
            }
            Node::Group(_, inner) | Node::Backref(_, inner) => self.reach(inner, starts),
            Node::Concat(parts) => self.reach_all(parts, starts),
            Node::Alt(parts) => normalise(parts.iter().flat_map(|part| self.reach(part, starts)).collect()),
            Node::Repeat { node, min, max, .. } => self.repeat(node, *min, *max, starts),
        }
    }

    fn reach_all(&self, parts: &[Node], starts: &[usize]) -> Offsets {
        let mut at = starts.to_vec();
        for part in parts {
            if at.is_empty() {
                break;
            }
            at = self.reach(part, &at);
        }
        at
    }

    fn step(&self, starts: &[usize], accepts: impl Fn(char) -> bool) -> Offsets {
        starts.iter().filter_map(|&at| self.char_at(at).filter(|c| accepts(*c)).map(|c| at + c.len_utf8())).collect()
    }

    fn repeat(&self, node: &Node, min: u32, max: Option<u32>, starts: &[usize]) -> Offsets {
        let mut frontier = starts.to_vec();
        for _ in 0..min {
            frontier = self.reach(node, &frontier);
            if frontier.is_empty() {
                return frontier;
            }
        }
        let mut seen = hashbrown::HashSet::<usize>::new();
        let mut all = frontier.clone();
        seen.extend(&frontier);
        let mut left = max.map_or(u32::MAX, |m| m - min);
        while left > 0 && !frontier.is_empty() {
            frontier = self.reach(node, &frontier);
            frontier.retain(|at| seen.insert(*at));
            all.extend_from_slice(&frontier);
            left -= 1;
        }
        normalise(all)
    }

    fn reaches(&self, node: &Node, from: usize, to: usize) -> bool {
        self.reach(node, &[from]).binary_search(&to).is_ok()
    }

    /// Fills in the groups of a match of `node` known to be able to span exactly this; false if a back reference forbids it.
    fn divide(&self, node: &Node, from: usize, to: usize, found: &mut Captures) -> bool {
        if !node.has_groups() {
            return true;
        }
        match node {
            Node::Group(number, inner) => {
                if !self.divide(inner, from, to, found) {
                    return false;
                }
                found[*number] = Some((from, to));
                true
            }
            Node::Backref(number, _) => found[*number].is_some_and(|(a, b)| self.same_text(a, b, from, to)),
            Node::Concat(parts) => self.divide_concat(parts, from, to, found),
            Node::Alt(parts) => parts.iter().any(|part| {
                let saved = found.clone();
                let fits = self.reaches(part, from, to) && self.divide(part, from, to, found);
                if !fits {
                    *found = saved;
                }
                fits
            }),
            Node::Repeat { node, min, max, .. } => self.divide_repeat(node, *min, *max, from, to, found),
            _ => true,
        }
    }

    fn same_text(&self, a: usize, b: usize, from: usize, to: usize) -> bool {
        let (first, second) = (&self.text[a..b], &self.text[from..to]);
        first == second
            || (self.icase
                && first.chars().count() == second.chars().count()
                && first.chars().zip(second.chars()).all(|(x, y)| self.same(x, y)))
    }

    fn ordered_ends(&self, parts: &[Node], from: usize, to: usize) -> Offsets {
        let mut ends = self.reach_all(parts, &[from]);
        ends.retain(|end| *end <= to);
        if parts.iter().fold(Preference::None, |p, n| p.or(n.preference())) != Preference::Shorter {
            ends.reverse();
        }
        ends
    }

    /// How many leading parts are one unit: plain parts of one preference go together, as nothing inside them is recorded.
    fn unit(parts: &[Node]) -> usize {
        let plain = parts.iter().take_while(|p| !p.has_groups()).count();
        let mut seen = Preference::None;
        let uniform = parts[..plain].iter().all(|p| {
            let preference = p.preference();
            let fits = preference == Preference::None || seen == Preference::None || preference == seen;
            seen = seen.or(preference);
            fits
        });
        if uniform && plain > 0 { plain } else { 1 }
    }

    fn divide_concat(&self, parts: &[Node], from: usize, to: usize, found: &mut Captures) -> bool {
        if !parts.iter().any(Node::has_groups) {
            return self.reach_all(parts, &[from]).binary_search(&to).is_ok();
        }
        if let [only] = parts {
            return self.divide(only, from, to, found);
        }
        let (first, rest) = parts.split_at(Self::unit(parts));
        for middle in self.ordered_ends(first, from, to) {
            if self.reach_all(rest, &[middle]).binary_search(&to).is_err() {
                continue;
            }
            let saved = found.clone();
            let fits = first.iter().all(|part| !part.has_groups() || self.divide(part, from, middle, found));
            if fits && self.divide_concat(rest, middle, to, found) {
                return true;
            }
            *found = saved;
        }
        false
    }

    fn divide_repeat(&self, node: &Node, min: u32, max: Option<u32>, from: usize, to: usize, found: &mut Captures) -> bool {
        if from == to && min == 0 {
            return true;
        }
        let left = |n: Option<u32>| n.map(|m| m.saturating_sub(1));
        if max == Some(0) {
            return from == to;
        }
        for middle in self.ordered_ends(std::slice::from_ref(node), from, to) {
            let advances = middle > from || min > 0;
            if !advances || !self.repeat(node, min.saturating_sub(1), left(max), &[middle]).contains(&to) {
                continue;
            }
            let saved = found.clone();
            let fits = self.divide(node, from, middle, found)
                && (middle == to && min <= 1 || self.divide_repeat(node, min.saturating_sub(1), left(max), middle, to, found));
            if fits {
                return true;
            }
            *found = saved;
        }
        false
    }
}
