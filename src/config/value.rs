//! Kinds of configuration values: reading one from TOML, from text (environment, flags), and writing it back.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use toml_edit::Value;

/// A value a key can have.
pub trait Setting: Sized {
    /// Reads a TOML value; the error says what was expected.
    fn from_toml(value: &Value) -> Result<Self, String>;
    /// Reads the text of an environment variable or flag.
    fn from_text(text: &str) -> Result<Self, String>;
    /// The value as TOML.
    fn to_toml(&self) -> String;
}

impl Setting for bool {
    fn from_toml(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "expected true or false".to_owned())
    }
    fn from_text(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        }
    }
    fn to_toml(&self) -> String {
        self.to_string()
    }
}

macro_rules! integers {
    ($($ty:ty),*) => {$(
        impl Setting for $ty {
            fn from_toml(value: &Value) -> Result<Self, String> {
                let range = || format!("expected a whole number from {} to {}", <$ty>::MIN, <$ty>::MAX);
                value.as_integer().and_then(|n| n.try_into().ok()).ok_or_else(range)
            }
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| format!("expected a whole number from {} to {}", <$ty>::MIN, <$ty>::MAX))
            }
            fn to_toml(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

integers!(u16, u32, i32);

impl Setting for String {
    fn from_toml(value: &Value) -> Result<Self, String> {
        value.as_str().map(str::to_owned).ok_or_else(|| "expected a string".to_owned())
    }
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn to_toml(&self) -> String {
        Value::from(self.as_str()).to_string()
    }
}

impl Setting for PathBuf {
    fn from_toml(value: &Value) -> Result<Self, String> {
        String::from_toml(value).map(Into::into)
    }
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
    fn to_toml(&self) -> String {
        Value::from(self.to_string_lossy().as_ref()).to_string()
    }
}

/// A number of bytes: an integer, or text with a unit (`64MB`; kB, MB, GB, TB are powers of 1024, as in PostgreSQL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// The number.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const SIZES: [(&str, u64); 5] = [("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40), ("B", 1)];

impl Setting for Bytes {
    fn from_toml(value: &Value) -> Result<Self, String> {
        match (value.as_integer(), value.as_str()) {
            (Some(n), _) => u64::try_from(n).map(Self).map_err(|_| EXPECTED_SIZE.to_owned()),
            (_, Some(text)) => Self::from_text(text),
            _ => Err(EXPECTED_SIZE.to_owned()),
        }
    }
    fn from_text(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let scale = if unit.is_empty() { Some(1) } else { SIZES.iter().find(|(u, _)| *u == unit).map(|(_, s)| *s) };
        let size = scale.and_then(|s| number.parse::<u64>().ok()?.checked_mul(s));
        size.map(Self).ok_or_else(|| EXPECTED_SIZE.to_owned())
    }
    fn to_toml(&self) -> String {
        match SIZES[..4].iter().rev().find(|(_, scale)| self.0 > 0 && self.0.is_multiple_of(*scale)) {
            Some((unit, scale)) => format!("\"{}{unit}\"", self.0 / scale),
            None => self.0.to_string(),
        }
    }
}

const EXPECTED_SIZE: &str = "expected a number of bytes, or text such as \"64MB\" (units B, kB, MB, GB, TB)";

/// A span of time: an integer of seconds, or text with a unit (`500ms`, `60s`, `5min`); 0 where it means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Setting for Time {
    fn from_toml(value: &Value) -> Result<Self, String> {
        match (value.as_integer(), value.as_str()) {
            (Some(n), _) => u64::try_from(n).map(|n| Self(Duration::from_secs(n))).map_err(|_| EXPECTED_TIME.to_owned()),
            (_, Some(text)) => Self::from_text(text),
            _ => Err(EXPECTED_TIME.to_owned()),
        }
    }
    fn from_text(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let scale = if unit.is_empty() { Some(1000) } else { TIMES.iter().find(|(u, _)| *u == unit).map(|(_, s)| *s) };
        let millis = scale.and_then(|s| number.parse::<u64>().ok()?.checked_mul(s));
        millis.map(|m| Self(Duration::from_millis(m))).ok_or_else(|| EXPECTED_TIME.to_owned())
    }
    fn to_toml(&self) -> String {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        match TIMES.iter().rev().find(|(_, scale)| millis > 0 && millis.is_multiple_of(*scale)) {
            Some((unit, scale)) => format!("\"{}{unit}\"", millis / scale),
            None => "0".to_owned(),
        }
    }
}

const EXPECTED_TIME: &str = "expected a number of seconds, or text such as \"500ms\" (units ms, s, min, h, d)";

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..at], text[at..].trim_start())
}

/// A setting that is one of a few words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            const WORDS: &[(&str, $name)] = &[$(($word, $name::$variant)),*];

            /// The word that names it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl Setting for $name {
            fn from_toml(value: &Value) -> Result<Self, String> {
                Self::from_text(value.as_str().unwrap_or_default())
            }
            fn from_text(text: &str) -> Result<Self, String> {
                let found = Self::WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(text));
                found.map(|(_, v)| *v).ok_or_else(|| one_of(text, Self::WORDS.iter().map(|(w, _)| *w)))
            }
            fn to_toml(&self) -> String {
                format!("\"{}\"", self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                <Self as Setting>::from_text(text)
            }
        }
    };
}

fn one_of<'a>(text: &str, words: impl Iterator<Item = &'a str> + Clone) -> String {
    let list: Vec<String> = words.clone().map(|w| format!("\"{w}\"")).collect();
    match super::nearest(text, words) {
        Some(near) => format!("expected one of {} (did you mean \"{near}\"?)", list.join(", ")),
        None => format!("expected one of {}", list.join(", ")),
    }
}

words! {
    /// The store under the tables.
    Provider {
        /// RocksDB, on disk.
        RocksDb = "rocksdb",
        /// In memory: gone when the server stops.
        Memory = "memory",
    }
}

words! {
    /// Block compression.
    Compression {
        /// None.
        None = "none",
        /// LZ4: fast.
        Lz4 = "lz4",
    }
}

words! {
    /// How log lines look.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_what_they_write() {
        for text in ["0", "1000", "\"64MB\"", "\"1GB\"", "\"3kB\""] {
            let v: Value = text.parse().unwrap();
            assert_eq!(Bytes::from_toml(&v).unwrap().to_toml(), text);
        }
        for text in ["0", "\"1500ms\"", "\"1min\"", "\"7s\"", "\"2d\""] {
            let v: Value = text.parse().unwrap();
            assert_eq!(Time::from_toml(&v).unwrap().to_toml(), text);
        }
        assert_eq!(Bytes::from_text("10 MB"), Ok(Bytes(10 << 20)));
        assert!(Bytes::from_text("10mb").is_err() && Bytes::from_text("-1").is_err() && Time::from_text("1 year").is_err());
    }

    #[test]
    fn a_wrong_word_is_told_the_nearest_right_one() {
        assert_eq!(Provider::from_text("RocksDB"), Ok(Provider::RocksDb));
        let e = Provider::from_text("rockdb").unwrap_err();
        assert_eq!(e, "expected one of \"rocksdb\", \"memory\" (did you mean \"rocksdb\"?)");
    }
}
