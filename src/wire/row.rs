//! RowDescription and DataRow, written in place.
//!
//! A row goes straight into the connection's buffer: [`DataRow::begin`] leaves room for the length, every column is written
//! where it will be sent from, and lengths are patched afterwards. Nothing is built elsewhere and copied.
//!
//! ```text
//! DataRow:  'D' | i32 length | i16 columns | per column: i32 length (-1 for NULL) | bytes
//! ```

use super::encode::{begin, finish, put_cstr};
use crate::err;
use crate::error::{Result, SqlState};
use bytes::{BufMut, BytesMut};

/// One result column as RowDescription tells it.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Column name.
    pub name: &'a str,
    /// `pg_class.oid` of the table it comes from, or 0.
    pub table: u32,
    /// Attribute number in that table, or 0.
    pub column: i16,
    /// `pg_type.oid`.
    pub type_oid: u32,
    /// `pg_type.typlen`.
    pub type_len: i16,
    /// Type modifier, -1 for none.
    pub typmod: i32,
    /// 0 text, 1 binary.
    pub format: i16,
}

/// A RowDescription being written.
pub struct RowDescription<'a> {
    buf: &'a mut BytesMut,
    start: usize,
}

impl<'a> RowDescription<'a> {
    /// Starts a description of `columns` columns.
    pub fn begin(buf: &'a mut BytesMut, columns: usize) -> Self {
        let start = begin(buf, b'T');
        buf.put_i16(columns as i16);
        Self { buf, start }
    }

    /// Adds the next column.
    pub fn field(&mut self, f: &Field<'_>) -> &mut Self {
        put_cstr(self.buf, f.name);
        self.buf.put_u32(f.table);
        self.buf.put_i16(f.column);
        self.buf.put_u32(f.type_oid);
        self.buf.put_i16(f.type_len);
        self.buf.put_i32(f.typmod);
        self.buf.put_i16(f.format);
        self
    }

    /// Ends the message.
    pub fn finish(self) {
        finish(self.buf, self.start);
    }
}

/// Largest message body sent: PostgreSQL's string buffer limit.
const MAX_ROW: usize = 0x3fff_ffff;

/// A DataRow being written. Call [`DataRow::null`], [`DataRow::bytes`] or [`DataRow::column`] once per column, then `finish`.
pub struct DataRow<'a> {
    buf: &'a mut BytesMut,
    start: usize,
}

impl<'a> DataRow<'a> {
    /// Starts a row of `columns` columns.
    #[inline]
    pub fn begin(buf: &'a mut BytesMut, columns: usize) -> Self {
        let start = begin(buf, b'D');
        buf.put_i16(columns as i16);
        Self { buf, start }
    }

    /// The next column is NULL.
    #[inline]
    pub fn null(&mut self) {
        self.buf.put_i32(-1);
    }

    /// The next column is these bytes.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.buf.put_i32(value.len() as i32);
        self.buf.put_slice(value);
    }

    /// The next column is what `write` appends to the buffer.
    #[inline]
    pub fn column<R>(&mut self, write: impl FnOnce(&mut BytesMut) -> R) -> R {
        let at = self.buf.len();
        self.buf.put_i32(0);
        let result = write(self.buf);
        let len = (self.buf.len() - at - 4) as i32;
        self.buf[at..at + 4].copy_from_slice(&len.to_be_bytes());
        result
    }

    /// Like [`DataRow::begin`]/[`DataRow::finish`] in pieces, where a closure does not fit: returns the mark to hand to
    /// [`DataRow::end_column`] after appending to [`DataRow::buffer`].
    #[inline]
    pub fn begin_column(&mut self) -> usize {
        self.buf.put_i32(0);
        self.buf.len()
    }

    /// Ends a column begun with [`DataRow::begin_column`].
    #[inline]
    pub fn end_column(&mut self, mark: usize) {
        let len = (self.buf.len() - mark) as i32;
        self.buf[mark - 4..mark].copy_from_slice(&len.to_be_bytes());
    }

    /// The buffer, to append a column's bytes between `begin_column` and `end_column`.
    #[inline]
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.buf
    }

    /// Ends the row. A row over 1 GiB is taken back and refused with 54000.
    #[inline]
    pub fn finish(self) -> Result<()> {
        if self.buf.len() - self.start > MAX_ROW {
            return self.too_large();
        }
        finish(self.buf, self.start);
        Ok(())
    }

    /// Takes the row back, as if it had not been begun: a column's output function failed.
    pub fn discard(self) {
        self.buf.truncate(self.start);
    }

    #[cold]
    fn too_large(self) -> Result<()> {
        let size = self.buf.len() - self.start;
        self.buf.truncate(self.start);
        Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
            .detail(format!("A row of {size} bytes exceeds the limit of {MAX_ROW} bytes of one message.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_laid_out_as_the_protocol_says() {
        let mut buf = BytesMut::new();
        let mut row = DataRow::begin(&mut buf, 3);
        row.bytes(b"ab");
        row.null();
        row.column(|b| b.put_slice(b"xyz"));
        row.finish().unwrap();
        assert_eq!(&buf[..], b"D\0\0\0\x17\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x03xyz");
    }

    #[test]
    fn a_discarded_row_leaves_nothing() {
        let mut buf = BytesMut::from(&b"before"[..]);
        let mut row = DataRow::begin(&mut buf, 1);
        row.bytes(b"half");
        row.discard();
        assert_eq!(&buf[..], b"before");
    }
}
