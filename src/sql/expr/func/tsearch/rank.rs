//! ts_rank: how often and how close the query's lexemes occur, as PostgreSQL's `tsrank.c` computes it.

use super::functions::operands;
use crate::sql::types::tsearch::{MAX_POSITION, TsQuery, TsVector};

/// Default weights of D, C, B, A.
pub const WEIGHTS: [f32; 4] = [0.1, 0.2, 0.4, 1.0];

type Positions = Vec<(u16, u8)>;

/// A query's distinct lexemes.
fn items(q: &TsQuery) -> Vec<(&str, bool)> {
    let mut all: Vec<(&str, bool)> = operands(q)
        .into_iter()
        .filter_map(|o| if let TsQuery::Lexeme(w, _, p) = o { Some((w.as_str(), *p)) } else { None })
        .collect();
    all.sort_by(|a, b| a.0.len().cmp(&b.0.len()).then(a.0.cmp(b.0)));
    all.dedup_by_key(|(w, _)| *w);
    all
}

/// Occurrences of a lexeme (several for a prefix); those without positions count as one of weight D.
fn entries(v: &TsVector, (word, prefix): (&str, bool)) -> Vec<(Positions, bool)> {
    let hits = v.lexemes.iter().filter(|(l, _)| l == word || (prefix && l.starts_with(word)));
    hits.map(|(_, p)| if p.is_empty() { (vec![(MAX_POSITION - 1, 0)], true) } else { (p.clone(), false) }).collect()
}

/// The rank. `normalization` is a bit mask as in ts_rank's documentation.
pub fn rank(weights: [f32; 4], v: &TsVector, q: &TsQuery, normalization: i32) -> f32 {
    let close = matches!(q, TsQuery::And(..) | TsQuery::Phrase(..));
    let mut result = if close { by_distance(weights, v, q) } else { by_count(weights, v, q) };
    if result < 0.0 {
        result = 1e-20;
    }
    let length = || v.lexemes.iter().map(|(_, p)| p.len().max(1)).sum::<usize>();
    if normalization & 1 != 0 && !v.lexemes.is_empty() {
        result /= (((length() + 1) as f64).ln() / 2f64.ln()) as f32;
    }
    if normalization & 2 != 0 && length() > 0 {
        result /= length() as f32;
    }
    if normalization & 8 != 0 && !v.lexemes.is_empty() {
        result /= v.lexemes.len() as f32;
    }
    if normalization & 16 != 0 && !v.lexemes.is_empty() {
        result /= (((v.lexemes.len() + 1) as f64).ln() / 2f64.ln()) as f32;
    }
    if normalization & 32 != 0 {
        result /= result + 1.0;
    }
    result
}

fn by_count(weights: [f32; 4], v: &TsVector, q: &TsQuery) -> f32 {
    let items = items(q);
    let mut result = 0f32;
    for item in &items {
        for (positions, _) in entries(v, *item) {
            let (mut sum, mut best, mut best_at) = (0f32, -1f32, 0usize);
            for (j, (_, weight)) in positions.iter().enumerate() {
                let w = weights[usize::from(*weight & 3)];
                sum += w / ((j + 1) * (j + 1)) as f32;
                if w > best {
                    (best, best_at) = (w, j);
                }
            }
            // The sum of 1/i^2 is at most pi^2/6.
            result += ((f64::from(best) + f64::from(sum) - f64::from(best) / ((best_at + 1) * (best_at + 1)) as f64)
                / 1.644_934_066_85) as f32;
        }
    }
    if items.is_empty() { result } else { result / items.len() as f32 }
}

fn word_distance(distance: i32) -> f32 {
    if distance > 100 {
        return 1e-30;
    }
    (1.0 / (1.005 + 0.05 * f64::from((distance as f32) / 1.5 - 2.0).exp())) as f32
}

fn by_distance(weights: [f32; 4], v: &TsVector, q: &TsQuery) -> f32 {
    let items = items(q);
    if items.len() < 2 {
        return by_count(weights, v, q);
    }
    let mut seen: Vec<Option<(Positions, bool)>> = vec![None; items.len()];
    let mut result = -1f32;
    for (i, item) in items.iter().enumerate() {
        for entry in entries(v, *item) {
            seen[i] = Some(entry.clone());
            for (earlier, no_positions) in seen[..i].iter().flatten() {
                for (p, w) in &entry.0 {
                    for (other, other_weight) in earlier {
                        let mut distance = (i32::from(*p) - i32::from(*other)).abs();
                        if distance == 0 && !(entry.1 || *no_positions) {
                            continue;
                        }
                        if distance == 0 {
                            distance = MAX_POSITION.into();
                        }
                        let (a, b) = (weights[usize::from(*w & 3)], weights[usize::from(*other_weight & 3)]);
                        let current = f64::from(a * b * word_distance(distance)).sqrt() as f32;
                        result = if result < 0.0 { current } else { 1.0 - (1.0 - result) * (1.0 - current) };
                    }
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks() {
        let rank = |v: &str, q: &str| rank(WEIGHTS, &TsVector::parse(v).unwrap(), &TsQuery::parse(q).unwrap(), 0);
        assert_eq!(format!("{:.6}", rank("a:1A b:2", "a")), "0.607927");
        assert_eq!(format!("{:.6}", rank("a:1 b:2", "a & b")), "0.099103");
    }
}
