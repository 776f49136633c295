//! COPY's options, checked as PostgreSQL's ProcessCopyOptions checks them.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::parser::ast::{DefElem, DefValue};
use crate::sql::session::settings::parse_bool;
use smol_str::SmolStr;

/// Data formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Tab-separated with backslash escapes.
    #[default]
    Text,
    /// Comma-separated with quotes.
    Csv,
    /// PGCOPY.
    Binary,
}

/// A list of columns, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// None given.
    #[default]
    None,
    /// `*`
    All,
    /// By name.
    List(Vec<SmolStr>),
}

/// What WITH (...) asked for.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// FORMAT
    pub format: Format,
    /// DELIMITER
    pub delimiter: u8,
    /// NULL
    pub null: Vec<u8>,
    /// HEADER
    pub header: bool,
    /// HEADER MATCH
    pub header_match: bool,
    /// QUOTE (csv)
    pub quote: u8,
    /// ESCAPE (csv)
    pub escape: u8,
    /// FORCE_QUOTE (csv, TO)
    pub force_quote: Columns,
    /// FORCE_NOT_NULL (csv, FROM)
    pub force_not_null: Columns,
    /// FORCE_NULL (csv, FROM)
    pub force_null: Columns,
    /// FREEZE: only for a table of the transaction's own.
    pub freeze: bool,
    /// ENCODING 'LATIN1': a byte a character.
    pub latin1: bool,
}

#[derive(Default)]
struct Raw {
    format: Option<Format>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<(bool, bool)>,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Columns,
    force_not_null: Columns,
    force_null: Columns,
    freeze: Option<bool>,
    encoding: Option<(String, usize)>,
}

fn text(option: &DefElem) -> Result<String> {
    match &option.value {
        Some(DefValue::String(s)) => Ok(s.to_string()),
        Some(DefValue::Float(s)) => Ok(s.to_string()),
        Some(DefValue::Integer(i)) => Ok(i.to_string()),
        Some(DefValue::Boolean(b)) => Ok(b.to_string()),
        Some(DefValue::Name(n)) => Ok(n.to_string()),
        Some(DefValue::TypeName(t)) => Ok(t.names.last().map(ToString::to_string).unwrap_or_default()),
        _ => Err(err!(SqlState::SYNTAX_ERROR, "{} requires a parameter", option.name)),
    }
}

fn boolean(option: &DefElem) -> Result<bool> {
    match &option.value {
        None => Ok(true),
        Some(DefValue::Boolean(b)) => Ok(*b),
        Some(DefValue::Integer(i @ (0 | 1))) => Ok(*i == 1),
        Some(_) => {
            parse_bool(&text(option)?).ok_or_else(|| err!(SqlState::SYNTAX_ERROR, "{} requires a Boolean value", option.name))
        }
    }
}

fn columns(option: &DefElem) -> Result<Columns> {
    match &option.value {
        Some(DefValue::Star) => Ok(Columns::All),
        Some(DefValue::List(list)) => {
            let name = |v: &DefValue| match v {
                DefValue::String(s) => Some(s.clone()),
                DefValue::Name(n) => Some(n.last().clone()),
                DefValue::TypeName(t) => t.names.last().cloned(),
                _ => None,
            };
            Ok(Columns::List(list.iter().filter_map(name).collect()))
        }
        _ => Err(invalid(format!("argument to option \"{}\" must be a list of column names", option.name)).at(option.pos)),
    }
}

fn invalid(message: String) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn once<T>(slot: &mut Option<T>, value: T, pos: usize) -> Result<()> {
    if slot.replace(value).is_some() {
        return Err(err!(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(pos));
    }
    Ok(())
}

/// Checks the options of a COPY. Errors: 42601, 22023, 0A000 as PostgreSQL gives them.
pub fn parse_options(list: &[DefElem], is_from: bool) -> Result<CopyOptions> {
    let mut raw = Raw::default();
    for option in list {
        read(&mut raw, option, is_from)?;
    }
    check(raw, is_from)
}

fn read(raw: &mut Raw, option: &DefElem, is_from: bool) -> Result<()> {
    let pos = option.pos;
    match option.name.as_str() {
        "format" => {
            let format = match text(option)?.as_str() {
                "text" => Format::Text,
                "csv" => Format::Csv,
                "binary" => Format::Binary,
                other => return Err(invalid(format!("COPY format \"{other}\" not recognized")).at(pos)),
            };
            once(&mut raw.format, format, pos)
        }
        "freeze" => once(&mut raw.freeze, boolean(option)?, pos),
        "delimiter" => once(&mut raw.delimiter, text(option)?, pos),
        "null" => once(&mut raw.null, text(option)?, pos),
        "header" => {
            let value = match &option.value {
                Some(DefValue::String(s)) if s.eq_ignore_ascii_case("match") => {
                    if !is_from {
                        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot use \"match\" with HEADER in COPY TO"));
                    }
                    (true, true)
                }
                _ => match boolean(option) {
                    Ok(b) => (b, false),
                    Err(_) => return Err(err!(SqlState::SYNTAX_ERROR, "{} requires a Boolean value or \"match\"", option.name)),
                },
            };
            once(&mut raw.header, value, pos)
        }
        "quote" => once(&mut raw.quote, text(option)?, pos),
        "escape" => once(&mut raw.escape, text(option)?, pos),
        "encoding" => once(&mut raw.encoding, (text(option)?, pos), pos),
        "force_quote" => {
            raw.force_quote = columns(option)?;
            Ok(())
        }
        "force_not_null" => {
            raw.force_not_null = columns(option)?;
            Ok(())
        }
        "force_null" => {
            raw.force_null = columns(option)?;
            Ok(())
        }
        other => Err(err!(SqlState::SYNTAX_ERROR, "option \"{other}\" not recognized").at(pos)),
    }
}

/// PostgreSQL's other encodings, as their names are compared.
const ENCODINGS: &[&str] = &[
    "sqlascii",
    "latin2",
    "latin3",
    "latin4",
    "latin5",
    "latin6",
    "latin7",
    "latin8",
    "latin9",
    "latin10",
    "win1250",
    "win1251",
    "win1252",
    "win1253",
    "win1254",
    "win1255",
    "win1256",
    "win1257",
    "win1258",
    "win866",
    "win874",
    "koi8r",
    "koi8u",
    "koi8",
    "iso88592",
    "iso88595",
    "iso88596",
    "iso88597",
    "iso88598",
    "eucjp",
    "euccn",
    "euckr",
    "euctw",
    "eucjis2004",
    "muleinternal",
    "sjis",
    "big5",
    "gbk",
    "uhc",
    "gb18030",
    "johab",
    "shiftjis2004",
    "windows1252",
    "tcvn",
    "abc",
    "alt",
    "win",
    "mskanji",
];

fn refuse(message: &str) -> SqlError {
    SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

fn check(raw: Raw, is_from: bool) -> Result<CopyOptions> {
    let format = raw.format.unwrap_or_default();
    let (csv, binary) = (format == Format::Csv, format == Format::Binary);
    for (given, word) in [(raw.delimiter.is_some(), "DELIMITER"), (raw.null.is_some(), "NULL")] {
        if binary && given {
            return Err(err!(SqlState::SYNTAX_ERROR, "cannot specify {word} in BINARY mode"));
        }
    }
    let delimiter = raw.delimiter.unwrap_or_else(|| if csv { "," } else { "\t" }.into());
    let null = raw.null.unwrap_or_else(|| if csv { "" } else { "\\N" }.into());
    let quote = one_byte(raw.quote.as_deref(), csv, "quote", b'"')?;
    let escape = one_byte(raw.escape.as_deref(), csv, "escape", quote)?;
    if delimiter.len() != 1 {
        return Err(refuse("COPY delimiter must be a single one-byte character"));
    }
    let delimiter = delimiter.as_bytes()[0];
    if matches!(delimiter, b'\r' | b'\n') {
        return Err(invalid("COPY delimiter cannot be newline or carriage return".into()));
    }
    if null.contains(['\r', '\n']) {
        return Err(invalid("COPY null representation cannot use newline or carriage return".into()));
    }
    if !csv && (delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit() || matches!(delimiter, b'\\' | b'.')) {
        return Err(invalid(format!("COPY delimiter cannot be \"{}\"", delimiter as char)));
    }
    let (header, header_match) = raw.header.unwrap_or_default();
    if binary && header {
        return Err(refuse("cannot specify HEADER in BINARY mode"));
    }
    if csv && delimiter == quote {
        return Err(invalid("COPY delimiter and quote must be different".into()));
    }
    for (set, word, from_only) in [
        (raw.force_quote != Columns::None, "force quote", Some(false)),
        (raw.force_not_null != Columns::None, "force not null", Some(true)),
        (raw.force_null != Columns::None, "force null", Some(true)),
    ] {
        if set && !csv {
            return Err(refuse(&format!("COPY {word} available only in CSV mode")));
        }
        if set && from_only != Some(is_from) {
            let side = if is_from { "COPY TO" } else { "COPY FROM" };
            return Err(refuse(&format!("COPY {word} only available using {side}")));
        }
    }
    if null.as_bytes().contains(&delimiter) {
        return Err(refuse("COPY delimiter must not appear in the NULL specification"));
    }
    if csv && null.as_bytes().contains(&quote) {
        return Err(refuse("CSV quote character must not appear in the NULL specification"));
    }
    let mut latin1 = false;
    if let Some((encoding, encoding_pos)) = raw.encoding {
        let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match plain.as_str() {
            "utf8" | "unicode" => {}
            "latin1" | "iso88591" => latin1 = true,
            known if ENCODINGS.contains(&known) => return Err(SqlError::unsupported(format!("COPY encoding \"{encoding}\""))),
            _ => return Err(invalid("argument to option \"encoding\" must be a valid encoding name".into()).at(encoding_pos)),
        }
    }
    Ok(CopyOptions {
        format,
        delimiter,
        null: null.into_bytes(),
        header,
        header_match,
        quote,
        escape,
        force_quote: raw.force_quote,
        force_not_null: raw.force_not_null,
        force_null: raw.force_null,
        freeze: raw.freeze.unwrap_or(false),
        latin1,
    })
}

fn one_byte(given: Option<&str>, csv: bool, word: &str, default: u8) -> Result<u8> {
    match given {
        None => Ok(default),
        Some(_) if !csv => Err(refuse(&format!("COPY {word} available only in CSV mode"))),
        Some(s) if s.len() == 1 => Ok(s.as_bytes()[0]),
        Some(_) => Err(refuse(&format!("COPY {word} must be a single one-byte character"))),
    }
}
