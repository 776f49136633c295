//! Text search configurations: which tokens are indexed, and how a token becomes a lexeme.

use super::tokens::Kind;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::expr::func::case::lower;
use crate::sql::types::{Datum, Oid, io};
use rust_stemmers::{Algorithm, Stemmer};

/// A configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Config {
    Simple,
    English,
}

/// `english.stop`
const STOP_WORDS: &str = " i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers \
herself it its itself they them their theirs themselves what which who whom this that these those am is are was were be been being \
have has had having do does did doing a an the and but if or because as until while of at by for with about against between into \
through during before after above below to from up down in out on off over under again further then once here there when where why \
how all any both each few more most other some such no nor not only own same so than too very s t can will just don should now ";

/// The default configuration's name, schema included.
fn default_name(cx: &FnCx<'_>) -> String {
    cx.session.setting("default_text_search_config").unwrap_or_else(|| "pg_catalog.simple".into())
}

impl Config {
    /// `default_text_search_config`
    pub fn default(cx: &FnCx<'_>) -> Result<Self> {
        Self::named(&default_name(cx))
    }

    /// The object `default_text_search_config` names.
    pub fn default_oid(cx: &FnCx<'_>) -> Result<Datum> {
        io::input(cx.io, &default_name(cx), Oid::REGCONFIG.into())
    }

    /// The configuration a regconfig argument names.
    pub fn of(cx: &FnCx<'_>, d: &Datum) -> Result<Self> {
        Self::named(&io::output_string(cx.io, d, Oid::REGCONFIG.into()))
    }

    fn named(name: &str) -> Result<Self> {
        match name.rsplit('.').next().unwrap_or(name) {
            "simple" | "3748" => Ok(Self::Simple),
            "english" => Ok(Self::English),
            other if other.chars().all(|c| c.is_ascii_digit()) => {
                Err(err!(SqlState::INTERNAL_ERROR, "cache lookup failed for text search configuration {other}"))
            }
            other => Err(SqlError::unsupported(format!("text search configuration \"{other}\""))),
        }
    }

    /// A token's lexeme: `None` when its kind is not indexed, `Some(None)` for a stop word.
    pub fn lexeme(self, kind: Kind, text: &str) -> Option<Option<String>> {
        if matches!(kind, Kind::Blank | Kind::Tag | Kind::Protocol | Kind::Entity) {
            return None;
        }
        let folded = lower(text, Oid::INVALID);
        let stemmed = matches!(
            kind,
            Kind::AsciiWord | Kind::Word | Kind::AsciiHyphen | Kind::Hyphen | Kind::HyphenAsciiPart | Kind::HyphenPart
        );
        if self == Self::Simple || !stemmed {
            return Some(Some(folded));
        }
        Some(stem(&folded))
    }
}

/// The English stem of a lower-case word; `None` for a stop word.
pub fn stem(word: &str) -> Option<String> {
    if STOP_WORDS.contains(&format!(" {word} ")) {
        return None;
    }
    Some(Stemmer::create(Algorithm::English).stem(word).into_owned())
}
