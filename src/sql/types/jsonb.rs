//! jsonb: parsed JSON with PostgreSQL's key order (length, then bytes) and last-key-wins duplicates.

use super::io::{Reader, invalid_binary};
use super::numeric::Numeric;
use crate::error::Result;
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Jsonb {
    /// null
    Null,
    /// true, false
    Bool(bool),
    /// A number, with its display scale
    Number(Numeric),
    /// A string
    String(SmolStr),
    /// An array
    Array(Vec<Jsonb>),
    /// An object: unique keys in jsonb order
    Object(Vec<(SmolStr, Jsonb)>),
}

/// The order of keys inside an object: shorter first, then by bytes.
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

impl Jsonb {
    /// An object from pairs in any order; of duplicate keys the last stays.
    pub fn object(mut pairs: Vec<(SmolStr, Jsonb)>) -> Self {
        pairs.sort_by(|a, b| compare_keys(&a.0, &b.0));
        pairs.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                std::mem::swap(next, kept);
            }
            same
        });
        Self::Object(pairs)
    }

    /// Parses JSON text. Errors: 22P02.
    pub fn parse(text: &str) -> Result<Self> {
        super::json::parse_jsonb(text)
    }

    /// `jsonb_typeof`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Whether neither array nor object.
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// The value of an object's key.
    pub fn get(&self, key: &str) -> Option<&Jsonb> {
        let Self::Object(pairs) = self else { return None };
        pairs.binary_search_by(|(k, _)| compare_keys(k, key)).ok().map(|i| &pairs[i].1)
    }

    /// An array's element; negative positions count from the end.
    pub fn at(&self, position: i64) -> Option<&Jsonb> {
        let Self::Array(values) = self else { return None };
        let at = if position < 0 { position + values.len() as i64 } else { position };
        usize::try_from(at).ok().and_then(|i| values.get(i))
    }

    /// `?`: whether the string is a key of the object, an element of the array, or the string itself.
    pub fn exists(&self, key: &str) -> bool {
        match self {
            Self::Object(_) => self.get(key).is_some(),
            Self::Array(values) => values.iter().any(|v| matches!(v, Self::String(s) if s == key)),
            Self::String(s) => s == key,
            _ => false,
        }
    }

    /// `@>`: whether `inner`'s structure is contained. At the top an array contains a scalar that is one of its elements.
    pub fn contains(&self, inner: &Jsonb) -> bool {
        match (self, inner) {
            (Self::Array(values), scalar) if scalar.is_scalar() => values.iter().any(|v| v.equal(scalar)),
            _ => self.contains_nested(inner),
        }
    }

    fn contains_nested(&self, inner: &Jsonb) -> bool {
        match (self, inner) {
            (Self::Object(_), Self::Object(wanted)) => {
                wanted.iter().all(|(k, want)| self.get(k).is_some_and(|have| have.contains_nested(want)))
            }
            (Self::Array(have), Self::Array(wanted)) => wanted.iter().all(|want| have.iter().any(|h| h.contains_nested(want))),
            (a, b) if a.is_scalar() && b.is_scalar() => a.equal(b),
            _ => false,
        }
    }

    /// Whether equal by value.
    pub fn equal(&self, other: &Jsonb) -> bool {
        self.compare_inner(other).is_eq()
    }

    /// jsonb's btree order: Object > Array > Boolean > Number > String > Null; an empty array at the top is less than a scalar.
    pub fn compare(&self, other: &Jsonb) -> Ordering {
        let empty = |v: &Self| matches!(v, Self::Array(values) if values.is_empty());
        // A scalar document is stored as an array of one, so it takes an array's rank against objects.
        match (self.is_scalar(), other.is_scalar()) {
            (true, false) if empty(other) => Ordering::Greater,
            (false, true) if empty(self) => Ordering::Less,
            _ => self.compare_inner(other),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::String(_) => 1,
            Self::Number(_) => 2,
            Self::Bool(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
        }
    }

    fn compare_inner(&self, other: &Jsonb) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Array(a), Self::Array(b)) => {
                let elements = || a.iter().zip(b).map(|(x, y)| x.compare_inner(y)).find(|o| o.is_ne());
                a.len().cmp(&b.len()).then_with(|| elements().unwrap_or(Ordering::Equal))
            }
            (Self::Object(a), Self::Object(b)) => {
                let pair = |((k, v), (l, w)): (&(SmolStr, Jsonb), &(SmolStr, Jsonb))| {
                    k.as_bytes().cmp(l.as_bytes()).then_with(|| v.compare_inner(w))
                };
                let pairs = || a.iter().zip(b).map(pair).find(|o| o.is_ne());
                a.len().cmp(&b.len()).then_with(|| pairs().unwrap_or(Ordering::Equal))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Appends the canonical text: `{"a": 1, "b": [true, null]}`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(v) => out.extend_from_slice(if *v { b"true" } else { b"false" }),
            Self::Number(n) => n.write(out),
            Self::String(s) => super::json::write_string(s, out),
            Self::Array(values) => {
                out.push(b'[');
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(b", ");
                    }
                    value.write(out);
                }
                out.push(b']');
            }
            Self::Object(pairs) => {
                out.push(b'{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(b", ");
                    }
                    super::json::write_string(key, out);
                    out.extend_from_slice(b": ");
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// Appends `jsonb_pretty`'s text: four blanks a level.
    pub fn write_pretty(&self, level: usize, out: &mut Vec<u8>) {
        fn line(level: usize, out: &mut Vec<u8>) {
            out.push(b'\n');
            out.extend(std::iter::repeat_n(b' ', level * 4));
        }
        match self {
            Self::Array(values) => {
                out.push(b'[');
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    line(level + 1, out);
                    value.write_pretty(level + 1, out);
                }
                line(level, out);
                out.push(b']');
            }
            Self::Object(pairs) => {
                out.push(b'{');
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    line(level + 1, out);
                    super::json::write_string(key, out);
                    out.extend_from_slice(b": ");
                    value.write_pretty(level + 1, out);
                }
                line(level, out);
                out.push(b'}');
            }
            scalar => scalar.write(out),
        }
    }

    /// Reads the binary form: a version byte, then text.
    pub fn receive(reader: &mut Reader<'_>) -> Result<Self> {
        let version = reader.u8()?;
        if version != 1 {
            return Err(invalid_binary(format!("unsupported jsonb version number {version}")));
        }
        Self::parse(reader.text()?)
    }

    /// Appends the binary form.
    pub fn send(&self, out: &mut Vec<u8>) {
        out.push(1);
        self.write(out);
    }
}

impl std::fmt::Display for Jsonb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl Hash for Jsonb {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(v) => v.hash(state),
            Self::Number(n) => n.hash(state),
            Self::String(s) => s.as_str().hash(state),
            Self::Array(values) => values.hash(state),
            Self::Object(pairs) => {
                for (k, v) in pairs {
                    k.as_str().hash(state);
                    v.hash(state);
                }
            }
        }
    }
}

impl PartialEq for Jsonb {
    fn eq(&self, other: &Self) -> bool {
        self.equal(other)
    }
}

impl Eq for Jsonb {}

#[cfg(test)]
mod tests {
    use super::*;

    fn j(text: &str) -> Jsonb {
        Jsonb::parse(text).unwrap()
    }

    #[test]
    fn canonical_text() {
        assert_eq!(
            j("{\"bb\":1,\"a\":[1,2.50, null],\"bb\":\"x\\u00e9\\n\"}").to_string(),
            "{\"a\": [1, 2.50, null], \"bb\": \"xé\\n\"}"
        );
        assert_eq!(j("1e3").to_string(), "1000");
        let mut out = Vec::new();
        j("{\"a\":[1,{}]}").write_pretty(0, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "{\n    \"a\": [\n        1,\n        {\n        }\n    ]\n}");
    }

    #[test]
    fn order_and_containment() {
        let sorted = ["[]", "null", "\"a\"", "1", "false", "true", "[1]", "[1, 2]", "{}", "{\"a\": 1}"];
        for pair in sorted.windows(2) {
            assert_eq!(j(pair[0]).compare(&j(pair[1])), Ordering::Less, "{pair:?}");
        }
        assert!(j("[1,2,[3]]").contains(&j("[2]")) && j("[1,2]").contains(&j("1")) && !j("1").contains(&j("[1]")));
        assert!(j("{\"a\":{\"b\":[1,2]}}").contains(&j("{\"a\":{\"b\":[2]}}")) && !j("[[1,2]]").contains(&j("[1]")));
        assert!(j("[\"a\"]").exists("a") && j("{\"a\":1}").exists("a") && j("\"a\"").exists("a"));
        assert!(j("1.0").equal(&j("1")));
    }
}
