//! From a stream of chunks to rows of raw fields.
//!
//! Chunks are cut anywhere. `feed` appends one; `advance` goes to the next row, or says that more input is needed; `finish` says
//! that the stream ended, after which a last line without newline counts. Fields come out unescaped; those that need no
//! unescaping are slices of the stream.

use super::{CopyOptions, Format};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use std::ops::Range;

/// Where a field's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the stream as it came.
    Input,
    /// Unescaped, in the row's own buffer.
    Own,
    /// Nowhere: NULL.
    Null,
}

/// A field of the row read last.
#[derive(Clone, Copy, Debug)]
struct Field {
    start: usize,
    end: usize,
    place: Place,
    /// It was quoted (csv).
    quoted: bool,
}

/// What ends lines in this stream: decided by the first line, then demanded of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eol {
    Lf,
    Cr,
    CrLf,
}

/// Cuts a stream into rows.
pub struct Reader {
    options: CopyOptions,
    input: Vec<u8>,
    at: usize,
    ended: bool,
    eol: Option<Eol>,
    /// `\.` was read: what follows is ignored.
    closed: bool,
    fields: Vec<Field>,
    /// Fields that had to be unescaped.
    own: Vec<u8>,
    /// The line of the row read last, without its end.
    text: Range<usize>,
    /// Line number of the row read last, from 1.
    pub line: u64,
    binary_started: bool,
    /// Largest line accepted: PostgreSQL's string buffer limit.
    limit: usize,
    /// Where the search for the line's end went on to, and whether inside quotes.
    scanned: usize,
    in_quotes: bool,
    /// A backslash (text) or quote (csv) was seen since the line began.
    special: bool,
}

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const MAX_LINE: usize = 0x3fff_ffff;

impl Reader {
    /// A reader of an empty stream.
    pub fn new(options: CopyOptions) -> Self {
        Self {
            options,
            input: Vec::new(),
            at: 0,
            ended: false,
            eol: None,
            closed: false,
            fields: Vec::new(),
            own: Vec::new(),
            text: 0..0,
            line: 0,
            binary_started: false,
            limit: MAX_LINE,
            scanned: 0,
            in_quotes: false,
            special: false,
        }
    }

    /// Appends a chunk.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.at > 0 && self.at >= self.input.len() / 2 {
            self.input.drain(..self.at);
            self.scanned = self.scanned.saturating_sub(self.at);
            self.at = 0;
        }
        self.input.extend_from_slice(chunk);
    }

    /// The stream ended.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// Goes to the next row; false when more input is needed or, after `finish`, at the end.
    pub fn advance(&mut self) -> Result<bool> {
        if self.closed {
            return Ok(false);
        }
        match self.options.format {
            Format::Binary => self.binary_row(),
            Format::Text | Format::Csv => self.line_row(),
        }
    }

    /// Number of fields of the row `advance` went to.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether that row has no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A field's bytes; `None` for NULL.
    #[inline]
    pub fn field(&self, i: usize) -> Option<&[u8]> {
        let field = self.fields[i];
        match field.place {
            Place::Input => Some(&self.input[field.start..field.end]),
            Place::Own => Some(&self.own[field.start..field.end]),
            Place::Null => None,
        }
    }

    /// Whether a csv field was quoted.
    pub fn was_quoted(&self, i: usize) -> bool {
        self.fields.get(i).is_some_and(|f| f.quoted)
    }

    /// The text of the line read last, for messages; empty for binary data.
    pub fn line_text(&self) -> &[u8] {
        self.input.get(self.text.clone()).unwrap_or_default()
    }

    fn line_row(&mut self) -> Result<bool> {
        let ending = if self.eol == Some(Eol::Lf) { b'\n' } else { b'\r' };
        let Some((line, next)) = self.find_line()? else { return Ok(false) };
        self.line += 1;
        if self.special && self.options.format == Format::Csv {
            // Line ends inside quotes count as PostgreSQL counts them: by the kind that ended the lines before.
            self.line += memchr::memchr_iter(ending, &self.input[line.clone()]).count() as u64;
        }
        let is_end = &self.input[line.clone()] == b"\\.";
        if is_end {
            self.closed = true;
            self.at = self.input.len();
            return Ok(false);
        }
        self.fields.clear();
        self.own.clear();
        self.text = line.clone();
        match self.options.format {
            Format::Csv => self.split_csv(line)?,
            _ => self.split_text(line),
        }
        self.at = next;
        self.scanned = next;
        self.in_quotes = false;
        self.special = false;
        Ok(true)
    }

    /// The range of the next line without its end, and where the one after begins.
    fn find_line(&mut self) -> Result<Option<(Range<usize>, usize)>> {
        let csv = self.options.format == Format::Csv;
        let (quote, escape) = (self.options.quote, self.options.escape);
        let start = self.at;
        let mut i = self.scanned.max(start);
        let n = self.input.len();
        let special = if csv { quote } else { b'\\' };
        while i < n {
            // Inside quotes an escape of its own kind matters, line ends do not.
            let found = match csv && self.in_quotes {
                true => memchr::memchr2(quote, escape, &self.input[i..]),
                false => memchr::memchr3(b'\n', b'\r', special, &self.input[i..]),
            };
            let Some(ahead) = found else {
                i = n;
                break;
            };
            i += ahead;
            let c = self.input[i];
            if (!csv && c == b'\\') || (csv && self.in_quotes && c == escape && escape != quote) {
                // The next byte goes with it: no newline or quote counts there. `\.` alone on a line is seen by the caller.
                self.special = true;
                if i + 1 >= n && !self.ended {
                    break;
                }
                i += 2;
                continue;
            }
            if csv && c == quote {
                self.special = true;
                self.in_quotes = !self.in_quotes;
                i += 1;
                continue;
            }
            if c == b'\r' && i + 1 >= n && !self.ended {
                break;
            }
            let crlf = c == b'\r' && self.input.get(i + 1) == Some(&b'\n');
            let kind = match (crlf, c) {
                (true, _) => Eol::CrLf,
                (false, b'\r') => Eol::Cr,
                (false, _) => Eol::Lf,
            };
            self.check_eol(kind)?;
            return Ok(Some((start..i, i + 1 + usize::from(crlf))));
        }
        self.scanned = i.min(n);
        if n - start > self.limit {
            return Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory").detail("A COPY line is longer than 1 GB."));
        }
        if self.ended && start < n {
            if csv && self.in_quotes {
                self.line += 1;
                return Err(bad("unterminated CSV quoted field"));
            }
            return Ok(Some((start..n, n)));
        }
        Ok(None)
    }

    fn check_eol(&mut self, kind: Eol) -> Result<()> {
        let Some(expected) = self.eol else {
            self.eol = Some(kind);
            return Ok(());
        };
        if expected == kind {
            return Ok(());
        }
        self.line += 1;
        let csv = self.options.format == Format::Csv;
        let (what, hint) = match (kind, csv) {
            (Eol::Cr | Eol::CrLf, false) => ("literal carriage return found in data", "Use \"\\r\" to represent carriage return."),
            (Eol::Cr | Eol::CrLf, true) => {
                ("unquoted carriage return found in data", "Use quoted CSV field to represent carriage return.")
            }
            (Eol::Lf, false) => ("literal newline found in data", "Use \"\\n\" to represent newline."),
            (Eol::Lf, true) => ("unquoted newline found in data", "Use quoted CSV field to represent newline."),
        };
        Err(bad(what).hint(hint))
    }

    /// Cuts a line without anything to unescape.
    fn split_plain(&mut self, line: Range<usize>) {
        let Self { input, fields, options, .. } = self;
        let null = options.null.as_slice();
        let bytes = &input[line.clone()];
        let mut push = |start: usize, end: usize| {
            let place = if bytes[start..end] == *null { Place::Null } else { Place::Input };
            fields.push(Field { start: line.start + start, end: line.start + end, place, quoted: false });
        };
        let mut start = 0;
        for end in memchr::memchr_iter(options.delimiter, bytes) {
            push(start, end);
            start = end + 1;
        }
        push(start, bytes.len());
    }

    fn split_text(&mut self, line: Range<usize>) {
        if !self.special {
            return self.split_plain(line);
        }
        let Self { input, fields, own, options, .. } = self;
        let (delimiter, null) = (options.delimiter, options.null.as_slice());
        let bytes = &input[line.clone()];
        let mut i = 0;
        loop {
            let (raw_start, start) = (i, own.len());
            let mut raw = true;
            loop {
                let ahead = memchr::memchr2(delimiter, b'\\', &bytes[i..]).unwrap_or(bytes.len() - i);
                if !raw {
                    own.extend_from_slice(&bytes[i..i + ahead]);
                }
                i += ahead;
                if i >= bytes.len() || bytes[i] == delimiter {
                    break;
                }
                if raw {
                    raw = false;
                    own.extend_from_slice(&bytes[raw_start..i]);
                }
                if i + 1 < bytes.len() {
                    i = unescape(bytes, i + 1, own);
                } else {
                    own.push(b'\\');
                    i += 1;
                }
            }
            let mut field = Field { start, end: own.len(), place: Place::Own, quoted: false };
            if &bytes[raw_start..i] == null {
                own.truncate(start);
                field.place = Place::Null;
            } else if raw {
                field = Field { start: line.start + raw_start, end: line.start + i, place: Place::Input, quoted: false };
            }
            fields.push(field);
            if i >= bytes.len() {
                return;
            }
            i += 1;
        }
    }

    fn split_csv(&mut self, line: Range<usize>) -> Result<()> {
        if !self.special {
            self.split_plain(line);
            return Ok(());
        }
        let Self { input, fields, own, options, .. } = self;
        let (delimiter, quote, escape) = (options.delimiter, options.quote, options.escape);
        let bytes = &input[line];
        let mut i = 0;
        loop {
            let start = own.len();
            let mut quoted = false;
            let mut inside = false;
            while i < bytes.len() {
                let c = bytes[i];
                if inside {
                    if c == escape && bytes.get(i + 1).is_some_and(|&next| next == quote || next == escape) {
                        own.push(bytes[i + 1]);
                        i += 2;
                        continue;
                    }
                    if c == quote {
                        inside = false;
                    } else {
                        own.push(c);
                    }
                } else if c == delimiter {
                    break;
                } else if c == quote {
                    (quoted, inside) = (true, true);
                } else {
                    own.push(c);
                }
                i += 1;
            }
            if inside {
                return Err(bad("unterminated CSV quoted field"));
            }
            let null = !quoted && own[start..] == *options.null;
            let place = if null { Place::Null } else { Place::Own };
            fields.push(Field { start, end: own.len(), place, quoted });
            if i >= bytes.len() {
                return Ok(());
            }
            i += 1;
        }
    }

    fn binary_row(&mut self) -> Result<bool> {
        if !self.binary_started {
            if !self.binary_header()? {
                return Ok(false);
            }
            self.binary_started = true;
        }
        let input = &self.input[self.at..];
        let Some(count) = int16(input, 0) else { return self.need("unexpected EOF in COPY data") };
        if count == -1 {
            self.closed = true;
            return Ok(false);
        }
        if count < 0 {
            return Err(bad("row field count is negative"));
        }
        let mut at = 2;
        self.fields.clear();
        for _ in 0..count {
            let Some(len) = int32(input, at) else { return self.need("unexpected EOF in COPY data") };
            at += 4;
            let start = self.at + at;
            let (place, len) = match len {
                -1 => (Place::Null, 0),
                len if len < 0 => return Err(bad("invalid field size")),
                len => (Place::Input, len as usize),
            };
            if at + len > input.len() {
                return self.need("unexpected EOF in COPY data");
            }
            self.fields.push(Field { start, end: start + len, place, quoted: false });
            at += len;
        }
        self.at += at;
        self.line += 1;
        Ok(true)
    }

    fn need(&self, message: &str) -> Result<bool> {
        if self.ended { Err(bad(message)) } else { Ok(false) }
    }

    fn binary_header(&mut self) -> Result<bool> {
        let input = &self.input[self.at..];
        let known = input.len().min(SIGNATURE.len());
        if input[..known] != SIGNATURE[..known] {
            return Err(bad("COPY file signature not recognized"));
        }
        let (Some(flags), Some(extension)) = (int32(input, 11), int32(input, 15)) else {
            return if self.ended { Err(bad("COPY file signature not recognized")) } else { Ok(false) };
        };
        if flags as u32 & 0xffff_0000 != 0 {
            return Err(bad("unrecognized critical flags in COPY file header"));
        }
        if extension < 0 {
            return Err(bad("invalid COPY file header (wrong length)"));
        }
        let end = 19 + extension as usize;
        if input.len() < end {
            return self.need("invalid COPY file header (wrong length)");
        }
        self.at += end;
        Ok(true)
    }
}

fn bad(message: &str) -> SqlError {
    SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message)
}

fn int16(bytes: &[u8], at: usize) -> Option<i16> {
    bytes.get(at..at + 2)?.try_into().ok().map(i16::from_be_bytes)
}

fn int32(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..at + 4)?.try_into().ok().map(i32::from_be_bytes)
}

/// Appends what the escape sequence after a backslash at `i` stands for; answers where it ends.
fn unescape(bytes: &[u8], i: usize, out: &mut Vec<u8>) -> usize {
    let digits = |radix: u32, start: usize, most: usize| {
        let mut value = 0u32;
        let mut n = 0;
        while n < most {
            let Some(d) = bytes.get(start + n).and_then(|b| (*b as char).to_digit(radix)) else { break };
            value = value * radix + d;
            n += 1;
        }
        (value as u8, n)
    };
    let c = bytes[i];
    let plain = match c {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'0'..=b'7' => {
            let (value, n) = digits(8, i, 3);
            out.push(value);
            return i + n;
        }
        b'x' => {
            let (value, n) = digits(16, i + 1, 2);
            out.push(if n > 0 { value } else { b'x' });
            return i + 1 + n;
        }
        other => other,
    };
    out.push(plain);
    i + 1
}

#[cfg(test)]
mod tests {
    use super::super::{CopyOptions, Format, parse_options};
    use super::*;

    fn rows(format: Format, chunks: &[&[u8]]) -> Result<Vec<Vec<Option<String>>>> {
        let options = CopyOptions { format, ..parse_options(&[], true).unwrap() };
        let options = match format {
            Format::Csv => CopyOptions { delimiter: b',', null: Vec::new(), ..options },
            _ => options,
        };
        let mut reader = Reader::new(options);
        let mut out = Vec::new();
        for (i, chunk) in chunks.iter().enumerate() {
            reader.feed(chunk);
            if i + 1 == chunks.len() {
                reader.finish();
            }
            while reader.advance()? {
                let text = |i| reader.field(i).map(|b| String::from_utf8_lossy(b).into_owned());
                out.push((0..reader.len()).map(text).collect());
            }
        }
        Ok(out)
    }

    #[test]
    fn text_rows_cut_anywhere() {
        let whole = b"1\ta\\tb\\\\\\x41\\101\n2\t\\N\n3\t\n\\.\nignored";
        let expected = vec![
            vec![Some("1".to_owned()), Some("a\tb\\AA".to_owned())],
            vec![Some("2".to_owned()), None],
            vec![Some("3".to_owned()), Some(String::new())],
        ];
        assert_eq!(rows(Format::Text, &[whole]).unwrap(), expected);
        for cut in 1..whole.len() {
            assert_eq!(rows(Format::Text, &[&whole[..cut], &whole[cut..]]).unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn csv_rows_cut_anywhere() {
        let whole = b"1,\"a,\"\"b\"\"\r\nc\"\r\n2,\r\n3,\"\"";
        let expected = vec![
            vec![Some("1".to_owned()), Some("a,\"b\"\r\nc".to_owned())],
            vec![Some("2".to_owned()), None],
            vec![Some("3".to_owned()), Some(String::new())],
        ];
        for cut in 1..whole.len() {
            assert_eq!(rows(Format::Csv, &[&whole[..cut], &whole[cut..]]).unwrap(), expected, "cut at {cut}");
        }
        assert_eq!(rows(Format::Csv, &[b"1,\"x"]).unwrap_err().message(), "unterminated CSV quoted field");
    }

    #[test]
    fn binary_rows() {
        let mut data = SIGNATURE.to_vec();
        data.extend_from_slice(&[0; 8]);
        data.extend_from_slice(b"\0\x02\0\0\0\x01x\xff\xff\xff\xff\xff\xff");
        assert_eq!(rows(Format::Binary, &[&data]).unwrap(), vec![vec![Some("x".to_owned()), None]]);
        assert!(rows(Format::Binary, &[&data[..data.len() - 3]]).is_err());
        assert!(rows(Format::Binary, &[b"PGCOPX"]).is_err());
    }
}
