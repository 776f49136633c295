//! ts_headline: a document, or the part of it around the matches, with the query's words marked.

use super::config::Config;
use super::functions::operands;
use super::tokens::{Kind, Token, tokens};
use crate::error::Result;
use crate::sql::expr::func::support::invalid_parameter;
use crate::sql::types::tsearch::TsQuery;

/// How a headline is cut and marked.
#[derive(Clone, Debug)]
pub struct Options {
    start: String,
    stop: String,
    max_words: usize,
    min_words: usize,
    highlight_all: bool,
    fragments: usize,
    delimiter: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start: "<b>".into(),
            stop: "</b>".into(),
            max_words: 35,
            min_words: 15,
            highlight_all: false,
            fragments: 0,
            delimiter: " ... ".into(),
        }
    }
}

impl Options {
    /// From `Name=value, Name=value`. Errors: 22023.
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = Self::default();
        for pair in split_pairs(text) {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            let number = || {
                value.parse::<usize>().map_err(|_| invalid_parameter(format!("invalid input syntax for type integer: \"{value}\"")))
            };
            match name.to_ascii_lowercase().as_str() {
                "startsel" => options.start = value.into(),
                "stopsel" => options.stop = value.into(),
                "maxwords" => options.max_words = number()?,
                "minwords" => options.min_words = number()?,
                "shortword" => {
                    number()?;
                }
                "maxfragments" => options.fragments = number()?,
                "fragmentdelimiter" => options.delimiter = value.into(),
                "highlightall" => {
                    options.highlight_all = matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "true" | "t" | "y" | "yes")
                }
                _ => return Err(invalid_parameter(format!("unrecognized headline parameter: \"{name}\""))),
            }
        }
        if !options.highlight_all && options.min_words >= options.max_words {
            return Err(invalid_parameter("MinWords should be less than MaxWords"));
        }
        if !options.highlight_all && options.min_words == 0 {
            return Err(invalid_parameter("MinWords should be positive"));
        }
        Ok(options)
    }
}

/// Pairs between commas, commas inside double quotes left alone.
fn split_pairs(text: &str) -> Vec<&str> {
    let (mut pairs, mut start, mut quoted) = (Vec::new(), 0, false);
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                pairs.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    pairs.push(&text[start..]);
    pairs
}

/// Compounds appear as their parts; the whole is left out.
fn shown(t: &Token<'_>) -> bool {
    !matches!(t.kind, Kind::AsciiHyphen | Kind::Hyphen | Kind::NumHyphen | Kind::Url)
}

fn is_word(t: &Token<'_>) -> bool {
    !matches!(t.kind, Kind::Blank | Kind::Tag | Kind::Protocol | Kind::Entity)
}

/// The marked text.
pub fn headline(config: Config, document: &str, q: &TsQuery, options: &Options) -> String {
    let wanted = operands(q);
    let hit = |t: &Token<'_>| {
        let Some(Some(lexeme)) = config.lexeme(t.kind, t.text) else { return false };
        wanted
            .iter()
            .any(|o| matches!(o, TsQuery::Lexeme(w, _, prefix) if *w == lexeme || (*prefix && lexeme.starts_with(w.as_str()))))
    };
    let all: Vec<Token<'_>> = tokens(document).into_iter().filter(shown).collect();
    let (from, to) = window(&all, &hit, options);
    let mut out = String::with_capacity(document.len() + 32);
    for t in &all[from..to] {
        if t.kind == Kind::Tag && !options.highlight_all {
            out.push(' ');
        } else if is_word(t) && hit(t) {
            out.push_str(&options.start);
            out.push_str(t.text);
            out.push_str(&options.stop);
        } else {
            out.push_str(t.text);
        }
    }
    out
}

/// Which tokens are shown: all, or up to `max_words` words from the first match on, filled up to `min_words` to the left.
fn window(all: &[Token<'_>], hit: &impl Fn(&Token<'_>) -> bool, options: &Options) -> (usize, usize) {
    let words: Vec<usize> = all.iter().enumerate().filter(|(_, t)| is_word(t)).map(|(i, _)| i).collect();
    if options.highlight_all || words.is_empty() {
        return (0, all.len());
    }
    let hits: Vec<usize> = words.iter().enumerate().filter(|(_, i)| hit(&all[**i])).map(|(n, _)| n).collect();
    let Some(&first) = hits.first() else {
        let last = words[options.min_words.min(words.len()) - 1];
        return (0, last + 1);
    };
    let last_hit = hits.iter().copied().take_while(|n| n - first < options.max_words).last().unwrap_or(first);
    let mut last = last_hit;
    while last + 1 < words.len() && last + 1 - first < options.min_words {
        last += 1;
    }
    let mut start = first;
    while start > 0 && last + 1 - start < options.min_words {
        start -= 1;
    }
    let from = if start == 0 { 0 } else { words[start] };
    let to = if last + 1 == words.len() { all.len() } else { words[last] + 1 };
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_matches() {
        let q = TsQuery::parse("cat & mat").unwrap();
        let text = headline(Config::English, "The fat cat sat on the mat", &q, &Options::default());
        assert_eq!(text, "The fat <b>cat</b> sat on the <b>mat</b>");
        assert!(Options::parse("MaxWords=5, MinWords=9").is_err());
    }
}
