//! Whether a vector matches a query, phrases by positions as in PostgreSQL's `TS_phrase_execute`.

use crate::sql::types::tsearch::{TsQuery, TsVector};

/// What a phrase's part found: the positions of its last word, or - negated - where it does not lie.
struct Places {
    positions: Vec<u16>,
    negated: bool,
    width: u16,
}

/// A lexeme's positions that have one of the wanted weights; `None` when it does not occur so.
fn find(v: &TsVector, lexeme: &str, weights: u8, prefix: bool) -> Option<Vec<u16>> {
    let start = v.lexemes.partition_point(|(l, _)| l.as_bytes() < lexeme.as_bytes());
    let (mut found, mut all) = (false, Vec::new());
    for (l, positions) in &v.lexemes[start..] {
        if !(l == lexeme || (prefix && l.starts_with(lexeme))) {
            break;
        }
        let wanted = positions.iter().filter(|(_, w)| weights == 0 || weights & (1 << w) != 0);
        let before = all.len();
        all.extend(wanted.map(|(p, _)| *p));
        found |= all.len() > before || (weights == 0 && positions.is_empty());
    }
    all.sort_unstable();
    all.dedup();
    found.then_some(all)
}

/// `@@`
pub fn matches(v: &TsVector, q: &TsQuery) -> bool {
    match q {
        TsQuery::Empty => false,
        TsQuery::Lexeme(lexeme, weights, prefix) => find(v, lexeme, *weights, *prefix).is_some(),
        TsQuery::Not(inner) => !matches(v, inner),
        TsQuery::And(a, b) => matches(v, a) && matches(v, b),
        TsQuery::Or(a, b) => matches(v, a) || matches(v, b),
        TsQuery::Phrase(..) => places(v, q).is_some_and(|p| p.negated || !p.positions.is_empty()),
    }
}

/// Where a phrase matches; `None` for nowhere.
fn places(v: &TsVector, q: &TsQuery) -> Option<Places> {
    match q {
        TsQuery::Empty => None,
        TsQuery::Lexeme(lexeme, weights, prefix) => {
            let positions = find(v, lexeme, *weights, *prefix)?;
            (!positions.is_empty()).then_some(Places { positions, negated: false, width: 0 })
        }
        TsQuery::Not(inner) => Some(match places(v, inner) {
            None => Places { positions: Vec::new(), negated: true, width: 0 },
            Some(p) => Places { negated: !p.negated, ..p },
        })
        .filter(|p| p.negated || !p.positions.is_empty()),
        TsQuery::Phrase(a, b, n) => {
            let (l, r) = (places(v, a)?, places(v, b)?);
            let width = n + l.width + r.width;
            both(&l, &r, n + r.width, 0, width)
        }
        TsQuery::And(a, b) => {
            let (l, r) = (places(v, a)?, places(v, b)?);
            let width = l.width.max(r.width);
            both(&l, &r, width - l.width, width - r.width, width)
        }
        TsQuery::Or(a, b) => {
            let nowhere = || Places { positions: Vec::new(), negated: false, width: 0 };
            let (l, r) = (places(v, a), places(v, b));
            if l.is_none() && r.is_none() {
                return None;
            }
            let (l, r) = (l.unwrap_or_else(nowhere), r.unwrap_or_else(nowhere));
            let width = l.width.max(r.width);
            either(&l, &r, width - l.width, width - r.width, width)
        }
    }
}

/// Positions of both sides moved to the end of the whole, kept as `keep(in left, in right)` says.
fn merged(l: &Places, r: &Places, left: u16, right: u16, keep: impl Fn(bool, bool) -> bool) -> Vec<u16> {
    let moved = |p: &Places, by: u16| p.positions.iter().map(|x| x.saturating_add(by)).collect::<Vec<_>>();
    let (a, b) = (moved(l, left), moved(r, right));
    let mut all: Vec<u16> = a.iter().chain(&b).copied().collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|x| keep(a.binary_search(x).is_ok(), b.binary_search(x).is_ok()));
    all
}

fn result(positions: Vec<u16>, negated: bool, width: u16) -> Option<Places> {
    (negated || !positions.is_empty()).then_some(Places { positions, negated, width })
}

fn both(l: &Places, r: &Places, left: u16, right: u16, width: u16) -> Option<Places> {
    match (l.negated, r.negated) {
        (true, true) => result(merged(l, r, left, right, |_, _| true), true, width),
        (true, false) => result(merged(l, r, left, right, |a, b| !a && b), false, width),
        (false, true) => result(merged(l, r, left, right, |a, b| a && !b), false, width),
        (false, false) => result(merged(l, r, left, right, |a, b| a && b), false, width),
    }
}

fn either(l: &Places, r: &Places, left: u16, right: u16, width: u16) -> Option<Places> {
    match (l.negated, r.negated) {
        (true, true) => result(merged(l, r, left, right, |a, b| a && b), true, width),
        (true, false) => result(merged(l, r, left, right, |a, b| a && !b), true, width),
        (false, true) => result(merged(l, r, left, right, |a, b| !a && b), true, width),
        (false, false) => result(merged(l, r, left, right, |_, _| true), false, width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_need_positions() {
        let yes = |v: &str, q: &str| matches(&TsVector::parse(v).unwrap(), &TsQuery::parse(q).unwrap());
        assert!(yes("fat:1 cat:2", "fat <-> cat"));
        assert!(!yes("fat cat", "fat <-> cat"));
        assert!(!yes("fat:1 cat:3", "fat <-> cat"));
        assert!(yes("a:1 b:2 c:3", "a <-> b <-> c"));
        assert!(yes("a:1A b:2", "a:A & !c"));
        assert!(!yes("a:1B", "a:A"));
        assert!(yes("superstar:1", "super:*"));
        assert!(yes("a:1 b:3", "a <2> (b | c)"));
    }
}
