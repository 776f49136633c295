//! From fields to COPY's bytes.

use super::{Columns, CopyOptions, Format};

/// Writes rows in one of COPY's formats.
pub struct Writer {
    options: CopyOptions,
    force_quote: Vec<bool>,
}

impl Writer {
    /// A writer for columns of these names (FORCE_QUOTE refers to them).
    pub fn new(options: CopyOptions, names: &[&str]) -> Self {
        let forced = |name: &&str| match &options.force_quote {
            Columns::None => false,
            Columns::All => true,
            Columns::List(list) => list.iter().any(|c| c == name),
        };
        let force_quote = names.iter().map(forced).collect();
        Self { options, force_quote }
    }

    /// What goes before the first row: the header line, or the binary signature.
    pub fn start(&self, names: &[&str], out: &mut Vec<u8>) {
        match self.options.format {
            Format::Binary => out.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"),
            _ if self.options.header => {
                for (i, name) in names.iter().enumerate() {
                    if i > 0 {
                        out.push(self.options.delimiter);
                    }
                    match self.options.format {
                        Format::Csv => self.csv(name.as_bytes(), false, names.len() == 1, out),
                        _ => self.text(name.as_bytes(), out),
                    }
                }
                out.push(b'\n');
            }
            _ => {}
        }
    }

    /// What goes after the last row.
    pub fn end(&self, out: &mut Vec<u8>) {
        if self.options.format == Format::Binary {
            out.extend_from_slice(&(-1i16).to_be_bytes());
        }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.options.format
    }

    /// Starts a row.
    pub fn begin_row(&self, columns: usize, out: &mut Vec<u8>) {
        if self.options.format == Format::Binary {
            out.extend_from_slice(&(columns as i16).to_be_bytes());
        }
    }

    /// Writes field `i` of `columns`; `value` is text output or binary send form, `None` for NULL.
    pub fn field(&self, i: usize, columns: usize, value: Option<&[u8]>, out: &mut Vec<u8>) {
        if self.options.format == Format::Binary {
            match value {
                None => out.extend_from_slice(&(-1i32).to_be_bytes()),
                Some(v) => {
                    out.extend_from_slice(&(v.len() as i32).to_be_bytes());
                    out.extend_from_slice(v);
                }
            }
            return;
        }
        if i > 0 {
            out.push(self.options.delimiter);
        }
        match (value, self.options.format) {
            (None, _) => out.extend_from_slice(&self.options.null),
            (Some(v), Format::Csv) => self.csv(v, self.force_quote.get(i).copied().unwrap_or(false), columns == 1, out),
            (Some(v), _) => self.text(v, out),
        }
    }

    /// Ends a row.
    pub fn end_row(&self, out: &mut Vec<u8>) {
        if self.options.format != Format::Binary {
            out.push(b'\n');
        }
    }

    fn text(&self, value: &[u8], out: &mut Vec<u8>) {
        for &c in value {
            let escaped = match c {
                8 => b'b',
                12 => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                11 => b'v',
                b'\\' => b'\\',
                c if c == self.options.delimiter => c,
                c => {
                    out.push(c);
                    continue;
                }
            };
            out.extend_from_slice(&[b'\\', escaped]);
        }
    }

    fn csv(&self, value: &[u8], force: bool, only: bool, out: &mut Vec<u8>) {
        let o = &self.options;
        let special = |c: &u8| *c == o.delimiter || *c == o.quote || matches!(*c, b'\n' | b'\r');
        if !(force || value == o.null || value.iter().any(special) || (only && value == b"\\.")) {
            out.extend_from_slice(value);
            return;
        }
        out.push(o.quote);
        for &c in value {
            if c == o.quote || c == o.escape {
                out.push(o.escape);
            }
            out.push(c);
        }
        out.push(o.quote);
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_options;
    use super::*;

    #[test]
    fn text_and_csv_rows() {
        let write = |format, values: &[Option<&[u8]>]| {
            let base = parse_options(&[], false).unwrap();
            let base = if format == Format::Csv { CopyOptions { format, delimiter: b',', null: Vec::new(), ..base } } else { base };
            let writer = Writer::new(base, &["a", "b"]);
            let mut out = Vec::new();
            for (i, v) in values.iter().enumerate() {
                writer.field(i, values.len(), *v, &mut out);
            }
            writer.end_row(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(Format::Text, &[Some(b"a\tb\\"), None]), "a\\tb\\\\\t\\N\n");
        assert_eq!(write(Format::Csv, &[Some(b"a,\"b\""), Some(b""), None]), "\"a,\"\"b\"\"\",\"\",\n");
    }
}
