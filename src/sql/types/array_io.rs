//! Arrays as text (`{1,NULL,"a b"}`, `[0:1]={a,b}`) and in binary.

use super::array::{Array, Dim, MAX_DIMS, MAX_ELEMENTS};
use super::io::{IoContext, Reader, TypeKind, framed, invalid_binary, is_space, type_info};
use super::typename::format_type_be;
use super::{Datum, Oid, Type, family};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use std::io::Write;

#[cold]
fn malformed(text: &str, detail: impl Into<String>) -> SqlError {
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "malformed array literal: \"{text}\"").detail(detail)
}

#[cold]
pub(super) fn too_many_dims(n: usize) -> SqlError {
    err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "number of array dimensions ({n}) exceeds the maximum allowed ({MAX_DIMS})")
}

fn delimiter(cx: &IoContext<'_>, elem: Oid) -> Result<u8> {
    Ok(type_info(cx.types, elem)?.delim)
}

/// Parses array text; elements take the modifier. Errors: 22P02 `malformed array literal`, and the elements' own.
pub(super) fn input(cx: &IoContext<'_>, text: &str, elem: Type) -> Result<Datum> {
    let (stated, at) = parse_dimensions(text)?;
    let contents = Contents::parse(text, at, delimiter(cx, elem.oid)?)?;
    let dims = match stated {
        Some(dims) if dims.iter().map(|d| d.len).eq(contents.lengths.iter().copied()) => dims,
        Some(_) => return Err(malformed(text, "Specified array dimensions do not match array contents.")),
        None => contents.lengths.iter().map(|len| Dim { len: *len, lower: 1 }).collect(),
    };
    let read = |item: &Option<String>| match item {
        Some(s) => family::input(cx, s, elem),
        None => Ok(Datum::Null),
    };
    let values = contents.items.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Datum::Array(Array { elem: elem.oid, dims, values }.into()))
}

/// Reads a leading `[l:u][l:u]=`; also returns where the contents start.
fn parse_dimensions(text: &str) -> Result<(Option<Vec<Dim>>, usize)> {
    let bytes = text.as_bytes();
    let skip = |mut at: usize| {
        while bytes.get(at).is_some_and(|b| is_space(*b)) {
            at += 1;
        }
        at
    };
    let number_end = |at: usize| at + bytes[at..].iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+')).count();
    let mut dims = Vec::new();
    let mut at = skip(0);
    while bytes.get(at) == Some(&b'[') {
        at += 1;
        if dims.len() >= MAX_DIMS {
            return Err(too_many_dims(dims.len() + 1));
        }
        let mut end = number_end(at);
        if end == at {
            return Err(malformed(text, "\"[\" must introduce explicitly-specified array dimensions."));
        }
        let mut lower = 1;
        if bytes.get(end) == Some(&b':') {
            lower = bound(&text[at..end])?;
            at = end + 1;
            end = number_end(at);
            if end == at {
                return Err(malformed(text, "Missing array dimension value."));
            }
        }
        if bytes.get(end) != Some(&b']') {
            return Err(malformed(text, "Missing \"]\" after array dimensions."));
        }
        let upper = bound(&text[at..end])?;
        if upper < lower {
            return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound"));
        }
        // A nonsensical length never matches the contents.
        let len = upper.wrapping_sub(lower).wrapping_add(1);
        dims.push(Dim { len, lower });
        at = skip(end + 1);
    }
    if dims.is_empty() {
        return match bytes.get(at) {
            Some(b'{') => Ok((None, at)),
            _ => Err(malformed(text, "Array value must start with \"{\" or dimension information.")),
        };
    }
    if bytes.get(at) != Some(&b'=') {
        return Err(malformed(text, "Missing \"=\" after array dimensions."));
    }
    let at = skip(at + 1);
    if bytes.get(at) != Some(&b'{') {
        return Err(malformed(text, "Array contents must start with \"{\"."));
    }
    Ok((Some(dims), at))
}

fn bound(text: &str) -> Result<i32> {
    // As C's `atoi` reads: past 64 bits it stops at the limit, past 32 bits it wraps.
    let value = super::int::parse_i64(text).unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX });
    Ok(value as i32)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NoLevel,
    LevelStarted,
    ElemStarted,
    QuotedStarted,
    QuotedCompleted,
    ElemDelimited,
    LevelCompleted,
    LevelDelimited,
}

/// The braces' structure and the items inside, unquoted; `None` is NULL.
struct Contents {
    lengths: Vec<i32>,
    items: Vec<Option<String>>,
}

/// The walk over the characters after the dimensions.
struct Walk<'a> {
    text: &'a str,
    delimiter: u8,
    state: State,
    depth: usize,
    /// Items or sub-arrays seen so far in each open level, and how many the first one of each depth had.
    counts: [i32; MAX_DIMS],
    lengths: [Option<i32>; MAX_DIMS],
    deepest: usize,
    items: Vec<Option<String>>,
    item: String,
    /// Length of the item up to its last character that is not unescaped white space.
    keep: usize,
    literal: bool,
}

impl Contents {
    fn parse(text: &str, at: usize, delimiter: u8) -> Result<Self> {
        let mut walk = Walk {
            text,
            delimiter,
            state: State::NoLevel,
            depth: 0,
            counts: [0; MAX_DIMS],
            lengths: [None; MAX_DIMS],
            deepest: 0,
            items: Vec::new(),
            item: String::new(),
            keep: 0,
            literal: false,
        };
        let mut chars = text[at..].chars();
        loop {
            let Some(c) = chars.next() else { return Err(malformed(text, "Unexpected end of input.")) };
            if walk.step(c, &mut chars)? {
                break;
            }
        }
        if !chars.all(|c| c.is_ascii() && is_space(c as u8)) {
            return Err(malformed(text, "Junk after closing right brace."));
        }
        if walk.items.is_empty() {
            return Ok(Self { lengths: Vec::new(), items: walk.items });
        }
        Ok(Self { lengths: walk.lengths[..walk.deepest].iter().map(|n| n.unwrap_or(0)).collect(), items: walk.items })
    }
}

impl Walk<'_> {
    /// Takes one character; true when the outermost brace closed.
    fn step(&mut self, c: char, rest: &mut std::str::Chars<'_>) -> Result<bool> {
        use State::*;
        let quoted = self.state == QuotedStarted;
        match c {
            '\\' => {
                if !matches!(self.state, LevelStarted | ElemStarted | QuotedStarted | ElemDelimited) {
                    return Err(self.unexpected(c));
                }
                if !quoted {
                    self.state = ElemStarted;
                }
                let Some(escaped) = rest.next() else { return Err(malformed(self.text, "Unexpected end of input.")) };
                self.push(escaped, true);
            }
            '"' if quoted => self.state = QuotedCompleted,
            '"' => {
                if !matches!(self.state, LevelStarted | ElemDelimited) {
                    return Err(malformed(self.text, "Unexpected array element."));
                }
                self.state = QuotedStarted;
                self.literal = true;
                self.item.clear();
            }
            c if quoted => self.push(c, true),
            '{' => self.open()?,
            '}' => return self.close(),
            c if c as u32 == u32::from(self.delimiter) => self.delimit()?,
            c if c.is_ascii() && is_space(c as u8) => {
                if self.state == ElemStarted {
                    self.push(c, false);
                }
            }
            c => {
                if !matches!(self.state, LevelStarted | ElemStarted | ElemDelimited) {
                    return Err(malformed(self.text, "Unexpected array element."));
                }
                self.state = ElemStarted;
                self.item.push(c);
                self.keep = self.item.len();
            }
        }
        Ok(false)
    }

    fn unexpected(&self, c: char) -> SqlError {
        malformed(self.text, format!("Unexpected \"{c}\" character."))
    }

    fn push(&mut self, c: char, literal: bool) {
        self.item.push(c);
        if literal {
            self.literal = true;
            self.keep = self.item.len();
        }
    }

    fn open(&mut self) -> Result<()> {
        if !matches!(self.state, State::NoLevel | State::LevelStarted | State::LevelDelimited) {
            return Err(self.unexpected('{'));
        }
        self.state = State::LevelStarted;
        if self.depth >= MAX_DIMS {
            return Err(too_many_dims(self.depth + 1));
        }
        self.counts[self.depth] = 0;
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        Ok(())
    }

    fn close(&mut self) -> Result<bool> {
        use State::*;
        let empty = self.depth == 1 && self.state == LevelStarted;
        if !matches!(self.state, ElemStarted | QuotedCompleted | LevelCompleted) && !empty {
            return Err(self.unexpected('}'));
        }
        if matches!(self.state, ElemStarted | QuotedCompleted) {
            self.finish_item()?;
        }
        self.state = LevelCompleted;
        self.depth -= 1;
        let count = self.counts[self.depth];
        if *self.lengths[self.depth].get_or_insert(count) != count {
            return Err(malformed(self.text, "Multidimensional arrays must have sub-arrays with matching dimensions."));
        }
        if self.depth == 0 {
            return Ok(true);
        }
        self.counts[self.depth - 1] += 1;
        Ok(false)
    }

    fn delimit(&mut self) -> Result<()> {
        use State::*;
        match self.state {
            ElemStarted | QuotedCompleted => {
                self.finish_item()?;
                self.state = ElemDelimited;
            }
            LevelCompleted => self.state = LevelDelimited,
            _ => return Err(self.unexpected(char::from(self.delimiter))),
        }
        Ok(())
    }

    fn finish_item(&mut self) -> Result<()> {
        if self.depth != self.deepest {
            return Err(malformed(self.text, "Multidimensional arrays must have sub-arrays with matching dimensions."));
        }
        let mut item = std::mem::take(&mut self.item);
        if self.state == State::ElemStarted {
            item.truncate(self.keep);
        }
        let null = !self.literal && item.eq_ignore_ascii_case("null");
        self.items.push((!null).then_some(item));
        (self.keep, self.literal) = (0, false);
        self.counts[self.depth - 1] += 1;
        Ok(())
    }
}

/// Appends array text.
pub(super) fn output(cx: &IoContext<'_>, array: &Array, out: &mut Vec<u8>) {
    if array.values.is_empty() {
        return out.extend_from_slice(b"{}");
    }
    if array.dims.iter().any(|d| d.lower != 1) {
        for dim in &array.dims {
            let _ = write!(out, "[{}:{}]", dim.lower, dim.upper());
        }
        out.push(b'=');
    }
    let delimiter = delimiter(cx, array.elem).unwrap_or(b',');
    // How many elements apart each dimension's braces open and close.
    let mut spans: Vec<usize> = array
        .dims
        .iter()
        .rev()
        .scan(1, |n, d| {
            *n *= d.len as usize;
            Some(*n)
        })
        .collect();
    spans.reverse();
    let plain = matches!(
        array.elem,
        Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::FLOAT4 | Oid::FLOAT8 | Oid::NUMERIC | Oid::BOOL | Oid::OID | Oid::UUID
    );
    for (i, value) in array.values.iter().enumerate() {
        if i > 0 {
            out.push(delimiter);
        }
        out.extend(spans.iter().filter(|n| i % **n == 0).map(|_| b'{'));
        if value.is_null() {
            out.extend_from_slice(b"NULL");
        } else {
            let start = out.len();
            family::output(cx, value, Type::new(array.elem), out);
            if !plain {
                quote_from(out, start, delimiter);
            }
        }
        out.extend(spans.iter().filter(|n| (i + 1) % **n == 0).map(|_| b'}'));
    }
}

/// Quotes what was appended since `start` if array text needs it quoted.
fn quote_from(out: &mut Vec<u8>, start: usize, delimiter: u8) {
    let item = &out[start..];
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}') || *b == delimiter || is_space(*b);
    if item.is_empty() || item.eq_ignore_ascii_case(b"null") || item.iter().any(special) {
        let item = item.to_vec();
        out.truncate(start);
        write_quoted(&item, out);
    }
}

/// Appends an item in double quotes, with `"` and `\` escaped by a backslash.
fn write_quoted(item: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for b in item {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*b);
    }
    out.push(b'"');
}

/// Reads the binary form. Errors: 22P03, 42804 for another element type.
pub(super) fn receive(cx: &IoContext<'_>, reader: &mut Reader<'_>, elem: Type) -> Result<Datum> {
    let count = reader.i32()?;
    let flags = reader.i32()?;
    let found = Oid(reader.u32()?);
    let Some(count) = usize::try_from(count).ok() else {
        return Err(invalid_binary(format!("invalid number of dimensions: {count}")));
    };
    if count > MAX_DIMS {
        return Err(too_many_dims(count));
    }
    if !matches!(flags, 0 | 1) {
        return Err(invalid_binary("invalid array flags"));
    }
    if found != elem.oid {
        let (have, want) = (format_type_be(cx.types, found), format_type_be(cx.types, elem.oid));
        return Err(err!(
            SqlState::DATATYPE_MISMATCH,
            "binary data has array element type {found} ({have}) instead of expected {} ({want})",
            elem.oid
        ));
    }
    let mut dims = Vec::with_capacity(count);
    for _ in 0..count {
        dims.push(Dim { len: reader.i32()?, lower: reader.i32()? });
    }
    let total = dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(d.len).ok()?).filter(|n| *n <= MAX_ELEMENTS));
    let Some(total) = total else {
        return Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed ({MAX_ELEMENTS})"));
    };
    if dims.is_empty() || total == 0 {
        return Ok(Datum::Array(Array::empty(elem.oid).into()));
    }
    let mut values = Vec::with_capacity(total.min(1 << 16));
    for _ in 0..total {
        values.push(receive_framed(cx, reader, elem)?);
    }
    Ok(Datum::Array(Array { elem: elem.oid, dims, values }.into()))
}

/// Reads a length word and that many bytes as a value; -1 is NULL.
pub(super) fn receive_framed(cx: &IoContext<'_>, reader: &mut Reader<'_>, ty: Type) -> Result<Datum> {
    let len = reader.i32()?;
    if len == -1 {
        return Ok(Datum::Null);
    }
    let Ok(len) = usize::try_from(len) else { return Err(invalid_binary("insufficient data left in message")) };
    let mut part = Reader::new(reader.bytes(len)?);
    let value = family::receive(cx, &mut part, ty)?;
    if !part.is_empty() {
        return Err(invalid_binary("improper binary format in array element"));
    }
    Ok(value)
}

/// Appends the binary form.
pub(super) fn send(cx: &IoContext<'_>, array: &Array, out: &mut Vec<u8>) -> Result<()> {
    let nulls = array.values.iter().any(Datum::is_null);
    out.extend_from_slice(&(array.dims.len() as i32).to_be_bytes());
    out.extend_from_slice(&i32::from(nulls).to_be_bytes());
    out.extend_from_slice(&array.elem.0.to_be_bytes());
    for dim in &array.dims {
        out.extend_from_slice(&dim.len.to_be_bytes());
        out.extend_from_slice(&dim.lower.to_be_bytes());
    }
    for value in &array.values {
        if value.is_null() {
            out.extend_from_slice(&(-1i32).to_be_bytes());
        } else {
            framed(out, |out| family::send(cx, value, Type::new(array.elem), out))?;
        }
    }
    Ok(())
}

/// The element type of an array type, built in or not.
pub fn element_type(cx: &IoContext<'_>, ty: Oid) -> Option<Oid> {
    match type_info(cx.types, ty).ok()?.kind {
        TypeKind::Array(elem) => Some(elem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::io;

    fn show(text: &str, ty: Oid) -> String {
        let cx = IoContext::plain();
        match io::input(&cx, text, ty.into()) {
            Ok(d) => io::output_string(&cx, &d, ty.into()),
            Err(e) => format!("{}: {}", e.message(), e.fields().detail.clone().unwrap_or_default()),
        }
    }

    #[test]
    fn text_as_postgres() {
        let cases = [
            ("{}", "{}"),
            (" { a , \"b c\" ,NULL, \"null\",\"\" } ", "{a,\"b c\",NULL,\"null\",\"\"}"),
            ("{{1,2},{3,4}}", "{{1,2},{3,4}}"),
            ("[0:1]={a,b}", "[0:1]={a,b}"),
            ("[2]={a,b}", "{a,b}"),
            ("{a\\,b,c\\ }", "{\"a,b\",\"c \"}"),
            ("{\"a\\\"b\\\\\"}", "{\"a\\\"b\\\\\"}"),
            ("1,2", "malformed array literal: \"1,2\": Array value must start with \"{\" or dimension information."),
            ("{1,2", "malformed array literal: \"{1,2\": Unexpected end of input."),
            ("{1,2}x", "malformed array literal: \"{1,2}x\": Junk after closing right brace."),
            ("{,}", "malformed array literal: \"{,}\": Unexpected \",\" character."),
            ("{1,}", "malformed array literal: \"{1,}\": Unexpected \"}\" character."),
            (
                "{{1},{2,3}}",
                "malformed array literal: \"{{1},{2,3}}\": Multidimensional arrays must have sub-arrays with matching dimensions.",
            ),
            ("[1:3]={1,2}", "malformed array literal: \"[1:3]={1,2}\": Specified array dimensions do not match array contents."),
            ("{\"a\"b}", "malformed array literal: \"{\"a\"b}\": Unexpected array element."),
        ];
        for (text, expected) in cases {
            assert_eq!(show(text, Oid::TEXT_ARRAY), expected);
        }
        assert_eq!(show("{1,x}", Oid::INT4_ARRAY), "invalid input syntax for type integer: \"x\": ");
        assert_eq!(show("{{{1},{2}}}", Oid::INT4_ARRAY), "{{{1},{2}}}");
    }

    #[test]
    fn binary_round_trip() {
        let cx = IoContext::plain();
        let d = io::input(&cx, "[0:1][1:2]={{a,NULL},{\"\",d}}", Oid::TEXT_ARRAY.into()).unwrap();
        let mut bytes = Vec::new();
        io::send(&cx, &d, Oid::TEXT_ARRAY.into(), &mut bytes).unwrap();
        let back = io::receive(&cx, &bytes, Oid::TEXT_ARRAY.into()).unwrap();
        assert!(crate::sql::types::compare::equal(&d, &back));
        assert!(io::receive(&cx, &bytes, Oid::INT4_ARRAY.into()).is_err());
    }
}
