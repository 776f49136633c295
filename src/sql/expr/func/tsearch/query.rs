//! Queries from text: to_tsquery keeps the operators, plainto and phraseto join the words, websearch reads search-engine syntax.
//!
//! A stop word inside a query leaves a gap: `fat <-> the <-> cat` becomes `fat <2> cat`.

use super::config::Config;
use super::tokens::tokens;
use crate::error::Result;
use crate::sql::types::tsearch::TsQuery;

/// A query while stop words are being removed: distances of removed neighbours add to the phrase operators around.
enum Cleaned {
    Gone,
    Kept(TsQuery),
}

/// The lexemes of one operand's text, joined as a phrase; `None` when only stop words remain.
fn operand(config: Config, text: &str, weights: u8, prefix: bool) -> Option<TsQuery> {
    let (mut parts, mut gap): (Vec<(TsQuery, u16)>, u16) = (Vec::new(), 1);
    for token in tokens(text) {
        match config.lexeme(token.kind, token.text) {
            None => {}
            Some(None) => gap += 1,
            Some(Some(lexeme)) => {
                parts.push((TsQuery::Lexeme(lexeme, weights, prefix), gap));
                gap = 1;
            }
        }
    }
    parts.into_iter().reduce(|(left, _), (right, gap)| (TsQuery::Phrase(Box::new(left), Box::new(right), gap), 1)).map(|(q, _)| q)
}

/// to_tsquery
pub fn from_operators(config: Config, text: &str) -> Result<TsQuery> {
    let raw = TsQuery::parse(text)?;
    let marked = lexize(config, raw);
    Ok(
        match marked.and_then(|q| match clean(q).0 {
            Cleaned::Kept(q) => Some(q),
            Cleaned::Gone => None,
        }) {
            Some(q) => q,
            None => TsQuery::Empty,
        },
    )
}

/// Replaces operands by their lexemes; `TsQuery::Empty` marks a stop word.
fn lexize(config: Config, q: TsQuery) -> Option<TsQuery> {
    let both = |a: TsQuery, b: TsQuery| {
        let mark = |q| lexize(config, q).unwrap_or(TsQuery::Empty);
        (Box::new(mark(a)), Box::new(mark(b)))
    };
    Some(match q {
        TsQuery::Empty => return None,
        TsQuery::Lexeme(text, weights, prefix) => operand(config, &text, weights, prefix).unwrap_or(TsQuery::Empty),
        TsQuery::Not(inner) => TsQuery::Not(Box::new(lexize(config, *inner).unwrap_or(TsQuery::Empty))),
        TsQuery::And(a, b) => {
            let (a, b) = both(*a, *b);
            TsQuery::And(a, b)
        }
        TsQuery::Or(a, b) => {
            let (a, b) = both(*a, *b);
            TsQuery::Or(a, b)
        }
        TsQuery::Phrase(a, b, n) => {
            let (a, b) = both(*a, *b);
            TsQuery::Phrase(a, b, n)
        }
    })
}

/// Removes stop words. The numbers are what a phrase operator to the left and to the right must add to its distance.
fn clean(q: TsQuery) -> (Cleaned, u16, u16) {
    match q {
        TsQuery::Empty => (Cleaned::Gone, 0, 0),
        leaf @ TsQuery::Lexeme(..) => (Cleaned::Kept(leaf), 0, 0),
        TsQuery::Not(inner) => match clean(*inner) {
            (Cleaned::Gone, l, r) => (Cleaned::Gone, l, r),
            (Cleaned::Kept(q), ..) => (Cleaned::Kept(TsQuery::Not(Box::new(q))), 0, 0),
        },
        TsQuery::And(a, b) => combine(*a, *b, None, TsQuery::And),
        TsQuery::Or(a, b) => combine(*a, *b, None, TsQuery::Or),
        TsQuery::Phrase(a, b, n) => combine(*a, *b, Some(n), |a, b| TsQuery::Phrase(a, b, n)),
    }
}

fn combine(
    a: TsQuery,
    b: TsQuery,
    distance: Option<u16>,
    make: impl Fn(Box<TsQuery>, Box<TsQuery>) -> TsQuery,
) -> (Cleaned, u16, u16) {
    let (left, left_add, left_right) = clean(a);
    let (right, right_left, right_add) = clean(b);
    let n = distance.unwrap_or(0);
    match (left, right) {
        (Cleaned::Gone, Cleaned::Gone) => {
            let total = left_add + n + right_left.max(right_add);
            if distance.is_some() {
                (Cleaned::Gone, total, total)
            } else {
                (Cleaned::Gone, left_add.max(right_add), left_add.max(right_add))
            }
        }
        (Cleaned::Gone, Cleaned::Kept(q)) if distance.is_some() => (Cleaned::Kept(q), left_add + n + right_left, right_add),
        (Cleaned::Gone, Cleaned::Kept(q)) => (Cleaned::Kept(q), right_left, right_add),
        (Cleaned::Kept(q), Cleaned::Gone) if distance.is_some() => (Cleaned::Kept(q), left_add, left_right + n + right_add),
        (Cleaned::Kept(q), Cleaned::Gone) => (Cleaned::Kept(q), left_add, left_right),
        (Cleaned::Kept(x), Cleaned::Kept(y)) => {
            let joined = match distance {
                Some(n) => TsQuery::Phrase(Box::new(x), Box::new(y), n + left_right + right_left),
                None => make(Box::new(x), Box::new(y)),
            };
            (Cleaned::Kept(joined), if distance.is_some() { left_add } else { 0 }, if distance.is_some() { right_add } else { 0 })
        }
    }
}

/// plainto_tsquery
pub fn all_words(config: Config, text: &str) -> TsQuery {
    let lexemes = tokens(text).into_iter().filter_map(|t| config.lexeme(t.kind, t.text).flatten());
    let all = lexemes.map(|l| TsQuery::Lexeme(l, 0, false));
    all.reduce(|a, b| TsQuery::And(Box::new(a), Box::new(b))).unwrap_or(TsQuery::Empty)
}

/// phraseto_tsquery
pub fn phrase(config: Config, text: &str) -> TsQuery {
    operand(config, text, 0, false).unwrap_or(TsQuery::Empty)
}

/// websearch_to_tsquery: words are joined by &, `or`, `-word`, and quoted phrases.
pub fn web(config: Config, text: &str) -> TsQuery {
    let (mut alternatives, mut current): (Vec<TsQuery>, Option<TsQuery>) = (Vec::new(), None);
    let mut rest = text.trim_start();
    let mut or_next = false;
    while !rest.is_empty() {
        let mut negated = false;
        while let Some(tail) = rest.strip_prefix('-') {
            negated = true;
            rest = tail.trim_start();
        }
        let piece;
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            piece = operand(config, &quoted[..end], 0, false);
            rest = quoted.get(end + 1..).unwrap_or("").trim_start();
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
            let word = &rest[..end];
            rest = rest[end..].trim_start();
            if word.eq_ignore_ascii_case("or") && current.is_some() && !rest.is_empty() && !negated {
                or_next = true;
                continue;
            }
            piece = operand(config, word, 0, false);
        }
        let Some(piece) = piece else { continue };
        let piece = if negated { TsQuery::Not(Box::new(piece)) } else { piece };
        current = Some(match current.take() {
            None => piece,
            Some(left) if std::mem::take(&mut or_next) => {
                alternatives.push(left);
                piece
            }
            Some(left) => TsQuery::And(Box::new(left), Box::new(piece)),
        });
    }
    alternatives.extend(current);
    alternatives.into_iter().reduce(|a, b| TsQuery::Or(Box::new(a), Box::new(b))).unwrap_or(TsQuery::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(q: &TsQuery) -> String {
        let mut out = Vec::new();
        q.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn queries() {
        let english = Config::English;
        assert_eq!(shown(&from_operators(english, "The & Fat & Rats").unwrap()), "'fat' & 'rat'");
        assert_eq!(shown(&phrase(english, "The cat and rats")), "'cat' <2> 'rat'");
        assert_eq!(shown(&from_operators(english, "fat <-> the <-> cat").unwrap()), "'fat' <2> 'cat'");
        assert_eq!(shown(&web(english, "\"lazy dog\" or -cat fox")), "'lazi' <-> 'dog' | !'cat' & 'fox'");
        assert_eq!(shown(&all_words(english, "The Fat Rats")), "'fat' & 'rat'");
    }
}
