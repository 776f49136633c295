//! Row values: any column in O(1), borrowed from the block, none of the others decoded.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version (low 4 bits); `80`: variable offsets are 4 bytes wide, not 2; `40`: a null bitmap follows |
//! | 2 | number of columns the row was written with |
//! | ⌈n/8⌉ | null bitmap (bit set: NULL), only when some column is NULL |
//! | fixed | fixed-width columns, little endian, at offsets known from the layout; NULLs keep their room |
//! | 2 or 4 each | where each variable-width column ends, counted from the first one's start |
//! | rest | variable-width columns |
//!
//! A [`RowLayout`] is built once from the table's column kinds. A row written before `ADD COLUMN` has fewer columns than the
//! layout and answers [`Cell::Missing`] for the others: the caller fills in their default. A dropped column stays in the
//! layout with its old kind and is written as NULL. Columns whose value stands in the key are [`PhysKind::Unstored`].
//!
//! ```
//! use orbit_server::encoding::{PhysKind, RowLayout, RowReader};
//! use orbit_server::sql::types::Datum;
//! let layout = RowLayout::new(&[PhysKind::Int4, PhysKind::Text]);
//! let mut row = Vec::new();
//! layout.encode(&[Datum::Int4(7), Datum::text("seven")], &mut row)?;
//! let reader = RowReader::new(&layout, &row)?;
//! assert_eq!((reader.fixed_i32(0), reader.bytes(1)?), (7, &b"seven"[..]));
//! # Ok::<(), orbit_server::error::SqlError>(())
//! ```

use super::{PhysKind, damaged, numeric, value};
use crate::error::{Result, SqlError};
use crate::sql::types::datum::EnumValue;
use crate::sql::types::interval::Interval;
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

const VERSION: u8 = 1;
const VERSION_MASK: u8 = 0x0f;
const WIDE: u8 = 0x80;
const HAS_NULLS: u8 = 0x40;
const HEADER: usize = 3;

/// Where a column stands in a row.
#[derive(Clone, Copy, Debug)]
struct Slot {
    kind: PhysKind,
    /// Fixed: offset in the fixed area. Variable: ordinal among the variable columns.
    at: u32,
    variable: bool,
}

/// The shape of a table's rows; see the module's description.
#[derive(Clone, Debug)]
pub struct RowLayout {
    slots: Vec<Slot>,
    /// Bytes of the fixed area and number of variable columns in a row of `n` columns.
    sizes: Vec<(u32, u32)>,
}

impl RowLayout {
    /// The layout of rows with these columns.
    pub fn new(kinds: &[PhysKind]) -> Self {
        let (mut fixed, mut variable) = (0u32, 0u32);
        let mut slots = Vec::with_capacity(kinds.len());
        let mut sizes = vec![(0, 0)];
        for &kind in kinds {
            match kind.width() {
                Some(width) => {
                    slots.push(Slot { kind, at: fixed, variable: false });
                    fixed += width as u32;
                }
                None => {
                    slots.push(Slot { kind, at: variable, variable: true });
                    variable += 1;
                }
            }
            sizes.push((fixed, variable));
        }
        Self { slots, sizes }
    }

    /// Where column `i` stands in most rows.
    pub fn place(&self, i: usize) -> CellPlace {
        let columns = self.slots.len();
        let (fixed, variable) = self.sizes[columns];
        let table = HEADER + fixed as usize;
        let ordinal = self.slots[i].at as usize;
        CellPlace {
            columns: (columns as u16).to_le_bytes(),
            bitmap: columns.div_ceil(8),
            column: i,
            at: if self.slots[i].variable { table + 2 * ordinal } else { HEADER + ordinal },
            first: ordinal == 0,
            least: table + 2 * variable as usize,
        }
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The kind of column `i`.
    pub fn kind(&self, i: usize) -> PhysKind {
        self.slots[i].kind
    }

    /// Appends the row's bytes to `out`. `values` has one entry a column; those of unstored columns are ignored.
    pub fn encode(&self, values: &[Datum], out: &mut Vec<u8>) -> Result<()> {
        if values.len() != self.slots.len() {
            return Err(SqlError::internal(format!("row of {} columns for a layout of {}", values.len(), self.slots.len())));
        }
        let start = out.len();
        let nulls = self.slots.iter().zip(values).any(|(s, v)| v.is_null() && s.kind != PhysKind::Unstored);
        out.push(VERSION | if nulls { HAS_NULLS } else { 0 });
        out.extend_from_slice(&(values.len() as u16).to_le_bytes());
        if nulls {
            self.put_bitmap(values, out);
        }
        for (slot, value) in self.slots.iter().zip(values) {
            if let (false, Some(width)) = (slot.variable, slot.kind.width()) {
                put_fixed(out, slot.kind, value, width)?;
            }
        }
        self.put_variable(values, out, start)
    }

    fn put_bitmap(&self, values: &[Datum], out: &mut Vec<u8>) {
        let at = out.len();
        out.resize(at + values.len().div_ceil(8), 0);
        for (i, (slot, value)) in self.slots.iter().zip(values).enumerate() {
            if value.is_null() && slot.kind != PhysKind::Unstored {
                out[at + i / 8] |= 1 << (i % 8);
            }
        }
    }

    /// Writes the offset table with room for 2-byte offsets, and widens it where the row turns out larger.
    fn put_variable(&self, values: &[Datum], out: &mut Vec<u8>, start: usize) -> Result<()> {
        let count = self.sizes[values.len()].1 as usize;
        let table = out.len();
        out.resize(table + 2 * count, 0);
        let base = out.len();
        let mut ends: smallvec::SmallVec<[usize; 16]> = smallvec::SmallVec::with_capacity(count);
        for (slot, value) in self.slots.iter().zip(values).filter(|(s, _)| s.variable) {
            put_var(out, slot.kind, value)?;
            ends.push(out.len() - base);
        }
        if ends.last().is_none_or(|end| *end <= usize::from(u16::MAX)) {
            for (i, end) in ends.iter().enumerate() {
                out[table + 2 * i..table + 2 * i + 2].copy_from_slice(&(*end as u16).to_le_bytes());
            }
            return Ok(());
        }
        if ends.last().is_some_and(|end| *end > u32::MAX as usize) {
            return Err(crate::err!(crate::error::SqlState::PROGRAM_LIMIT_EXCEEDED, "row is too big"));
        }
        out[start] |= WIDE;
        let wide: Vec<u8> = ends.iter().flat_map(|end| (*end as u32).to_le_bytes()).collect();
        out.splice(table..base, wide);
        Ok(())
    }
}

#[cold]
fn mismatch(kind: PhysKind, value: &Datum) -> SqlError {
    SqlError::internal(format!("column of kind {kind:?} got {value:?}"))
}

fn put_fixed(out: &mut Vec<u8>, kind: PhysKind, value: &Datum, width: usize) -> Result<()> {
    match (kind, value) {
        (PhysKind::Unstored, _) => {}
        (_, Datum::Null) => out.resize(out.len() + width, 0),
        (PhysKind::Bool, Datum::Bool(v)) => out.push(u8::from(*v)),
        (PhysKind::Char, Datum::Char(v)) => out.push(*v),
        (PhysKind::Int2, Datum::Int2(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::Int4, Datum::Int4(v)) | (PhysKind::Date, Datum::Date(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::Float4, Datum::Float4(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::Oid, Datum::Oid(v)) => out.extend_from_slice(&v.0.to_le_bytes()),
        (PhysKind::Int8, Datum::Int8(v))
        | (PhysKind::Time, Datum::Time(v))
        | (PhysKind::Timestamp, Datum::Timestamp(v))
        | (PhysKind::TimestampTz, Datum::TimestampTz(v))
        | (PhysKind::Money, Datum::Money(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::Float8, Datum::Float8(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::U64, Datum::U64(v)) => out.extend_from_slice(&v.to_le_bytes()),
        (PhysKind::MacAddr, Datum::MacAddr(v)) => out.extend_from_slice(v),
        (PhysKind::Uuid, Datum::Uuid(v)) => out.extend_from_slice(&v[..]),
        (PhysKind::Tid, Datum::Tid(block, offset)) => {
            out.extend_from_slice(&block.to_le_bytes());
            out.extend_from_slice(&offset.to_le_bytes());
        }
        (PhysKind::TimeTz, Datum::TimeTz(micros, zone)) => {
            out.extend_from_slice(&micros.to_le_bytes());
            out.extend_from_slice(&zone.to_le_bytes());
        }
        (PhysKind::Enum, Datum::Enum(v)) => {
            out.extend_from_slice(&v.label.0.to_le_bytes());
            out.extend_from_slice(&v.order.to_le_bytes());
        }
        (PhysKind::Interval, Datum::Interval(v)) => {
            out.extend_from_slice(&v.micros.to_le_bytes());
            out.extend_from_slice(&v.days.to_le_bytes());
            out.extend_from_slice(&v.months.to_le_bytes());
        }
        (kind, value) => return Err(mismatch(kind, value)),
    }
    Ok(())
}

fn put_var(out: &mut Vec<u8>, kind: PhysKind, value: &Datum) -> Result<()> {
    match (kind, value) {
        (_, Datum::Null) => {}
        (PhysKind::Text | PhysKind::Bpchar, Datum::Text(s)) => out.extend_from_slice(s.as_bytes()),
        (PhysKind::Bytea, Datum::Bytea(b)) => out.extend_from_slice(b),
        (PhysKind::Numeric, Datum::Numeric(n)) => numeric::put(out, n),
        (kind, value) if PhysKind::of_datum(value) == Some(kind) => value::encode(out, value)?,
        (kind, value) => return Err(mismatch(kind, value)),
    }
    Ok(())
}

/// One column of a row, as far as the row knows it.
#[derive(Clone, Debug)]
pub enum Cell {
    /// The value, NULL included.
    Value(Datum),
    /// The row was written before the column was added: the caller fills in the column's default.
    Missing,
}

/// Where a column stands in rows of the common shape: written with every column of the layout, with offsets of two bytes. Reads
/// one column of many rows without taking each row apart.
#[derive(Clone, Copy, Debug)]
pub struct CellPlace {
    columns: [u8; 2],
    /// Bytes of the null bitmap, in rows that have one.
    bitmap: usize,
    column: usize,
    /// Without a bitmap: where a fixed column's bytes are, or a variable one's end offset.
    at: usize,
    /// The first variable column.
    first: bool,
    /// Shortest row without a bitmap; a row's variable columns begin there.
    least: usize,
}

/// What a [`CellPlace`] finds in a row.
pub enum Common<T> {
    /// The value.
    Value(T),
    /// NULL.
    Null,
    /// The row has another shape.
    Other,
}

impl CellPlace {
    /// How far the row's columns are moved by its null bitmap; `None` for a row of another shape.
    #[inline]
    fn shift(&self, row: &[u8]) -> Option<usize> {
        let &[flags, low, high, ..] = row else { return None };
        let shift = match flags {
            VERSION => 0,
            f if f == VERSION | HAS_NULLS => self.bitmap,
            _ => return None,
        };
        ([low, high] == self.columns && row.len() >= self.least + shift).then_some(shift)
    }

    #[inline]
    fn is_null(&self, row: &[u8], shift: usize) -> bool {
        shift != 0 && row[HEADER + self.column / 8] & (1 << (self.column % 8)) != 0
    }

    /// The bytes of a fixed column of `N` bytes.
    #[inline]
    pub fn fixed<const N: usize>(&self, row: &[u8]) -> Common<[u8; N]> {
        let Some(shift) = self.shift(row) else { return Common::Other };
        if self.is_null(row, shift) {
            return Common::Null;
        }
        match row[self.at + shift..].first_chunk::<N>() {
            Some(bytes) => Common::Value(*bytes),
            None => Common::Other,
        }
    }

    /// The bytes of a variable column.
    #[inline]
    pub fn bytes<'a>(&self, row: &'a [u8]) -> Common<&'a [u8]> {
        let Some(shift) = self.shift(row) else { return Common::Other };
        if self.is_null(row, shift) {
            return Common::Null;
        }
        let end = |at: usize| usize::from(u16::from_le_bytes([row[at], row[at + 1]]));
        let at = self.at + shift;
        let start = if self.first { 0 } else { end(at - 2) };
        match row[self.least + shift..].get(start..end(at)) {
            Some(bytes) => Common::Value(bytes),
            None => Common::Other,
        }
    }
}

/// A row's bytes, ready for access by column.
#[derive(Clone, Copy, Debug)]
pub struct RowReader<'a> {
    layout: &'a RowLayout,
    bytes: &'a [u8],
    /// Columns in the row.
    count: usize,
    fixed_at: usize,
    table_at: usize,
    var_at: usize,
    flags: u8,
}

impl<'a> RowReader<'a> {
    /// Checks the row's frame: afterwards fixed-width columns can be read without further checks.
    #[inline]
    pub fn new(layout: &'a RowLayout, bytes: &'a [u8]) -> Result<Self> {
        let &[flags, low, high, ..] = bytes else {
            return Err(damaged("row is too short"));
        };
        let count = usize::from(u16::from_le_bytes([low, high]));
        if flags & VERSION_MASK != VERSION || count > layout.len() {
            return Err(bad_header(flags, count, layout));
        }
        let (fixed, variable) = layout.sizes[count];
        let fixed_at = HEADER + if flags & HAS_NULLS != 0 { count.div_ceil(8) } else { 0 };
        let table_at = fixed_at + fixed as usize;
        let var_at = table_at + variable as usize * if flags & WIDE != 0 { 4 } else { 2 };
        if bytes.len() < var_at {
            return Err(damaged("row is too short"));
        }
        Ok(Self { layout, bytes, count, fixed_at, table_at, var_at, flags })
    }

    /// Number of columns the row was written with.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the row was written before column `i` was added.
    #[inline]
    pub fn is_missing(&self, i: usize) -> bool {
        i >= self.count
    }

    /// Whether column `i` is NULL in the row. False for missing and unstored columns.
    #[inline]
    pub fn is_null(&self, i: usize) -> bool {
        self.flags & HAS_NULLS != 0 && i < self.count && self.bytes[HEADER + i / 8] & (1 << (i % 8)) != 0
    }

    /// The `N` bytes of fixed-width column `i`. The caller knows that the column is stored, present and `N` bytes wide (zeroes
    /// where it is NULL); panics if that is wrong, which no stored bytes can bring about.
    #[inline]
    pub fn fixed<const N: usize>(&self, i: usize) -> [u8; N] {
        let slot = self.layout.slots[i];
        assert!(i < self.count && slot.kind.width() == Some(N), "column {i} read with the wrong width");
        let at = self.fixed_at + slot.at as usize;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at..at + N]);
        bytes
    }

    /// Column `i` of a kind of 2 bytes.
    #[inline]
    pub fn fixed_i16(&self, i: usize) -> i16 {
        i16::from_le_bytes(self.fixed(i))
    }

    /// Column `i` of a kind of 4 bytes (integer, date).
    #[inline]
    pub fn fixed_i32(&self, i: usize) -> i32 {
        i32::from_le_bytes(self.fixed(i))
    }

    /// Column `i` of a kind of 8 bytes (bigint, time, timestamps, money).
    #[inline]
    pub fn fixed_i64(&self, i: usize) -> i64 {
        i64::from_le_bytes(self.fixed(i))
    }

    /// Column `i`, a real.
    #[inline]
    pub fn fixed_f32(&self, i: usize) -> f32 {
        f32::from_le_bytes(self.fixed(i))
    }

    /// Column `i`, a double precision.
    #[inline]
    pub fn fixed_f64(&self, i: usize) -> f64 {
        f64::from_le_bytes(self.fixed(i))
    }

    /// Column `i`, a boolean.
    #[inline]
    pub fn fixed_bool(&self, i: usize) -> bool {
        self.fixed::<1>(i)[0] != 0
    }

    fn end(&self, ordinal: usize) -> usize {
        if self.flags & WIDE != 0 {
            let at = self.table_at + 4 * ordinal;
            u32::from_le_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]]) as usize
        } else {
            let at = self.table_at + 2 * ordinal;
            usize::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]))
        }
    }

    /// The stored bytes of variable-width column `i` (empty where it is NULL). The caller knows that the column is of variable
    /// width and present; panics if that is wrong.
    #[inline]
    pub fn bytes(&self, i: usize) -> Result<&'a [u8]> {
        let slot = self.layout.slots[i];
        assert!(i < self.count && slot.variable, "column {i} is not a variable one of the row");
        let ordinal = slot.at as usize;
        let start = if ordinal == 0 { 0 } else { self.end(ordinal - 1) };
        let body = &self.bytes[self.var_at..];
        body.get(start..self.end(ordinal)).ok_or_else(|| damaged("row offsets"))
    }

    /// Text column `i`.
    #[inline]
    pub fn text(&self, i: usize) -> Result<&'a str> {
        std::str::from_utf8(self.bytes(i)?).map_err(|_| damaged("text is not UTF-8"))
    }

    /// Column `i` as a datum; [`Cell::Missing`] where the row is older than the column. Unstored columns answer NULL.
    pub fn datum(&self, i: usize) -> Result<Cell> {
        if i >= self.count {
            return Ok(Cell::Missing);
        }
        if self.is_null(i) {
            return Ok(Cell::Value(Datum::Null));
        }
        self.present(i).map(Cell::Value)
    }

    fn present(&self, i: usize) -> Result<Datum> {
        Ok(match self.layout.slots[i].kind {
            PhysKind::Unstored => Datum::Null,
            PhysKind::Bool => Datum::Bool(self.fixed_bool(i)),
            PhysKind::Char => Datum::Char(self.fixed::<1>(i)[0]),
            PhysKind::Int2 => Datum::Int2(self.fixed_i16(i)),
            PhysKind::Int4 => Datum::Int4(self.fixed_i32(i)),
            PhysKind::Int8 => Datum::Int8(self.fixed_i64(i)),
            PhysKind::Float4 => Datum::Float4(self.fixed_f32(i)),
            PhysKind::Float8 => Datum::Float8(self.fixed_f64(i)),
            PhysKind::Oid => Datum::Oid(Oid(u32::from_le_bytes(self.fixed(i)))),
            PhysKind::Date => Datum::Date(self.fixed_i32(i)),
            PhysKind::Time => Datum::Time(self.fixed_i64(i)),
            PhysKind::Timestamp => Datum::Timestamp(self.fixed_i64(i)),
            PhysKind::TimestampTz => Datum::TimestampTz(self.fixed_i64(i)),
            PhysKind::Money => Datum::Money(self.fixed_i64(i)),
            PhysKind::U64 => Datum::U64(u64::from_le_bytes(self.fixed(i))),
            PhysKind::MacAddr => Datum::MacAddr(self.fixed(i)),
            PhysKind::Uuid => Datum::Uuid(Arc::new(self.fixed(i))),
            PhysKind::Tid => {
                let [a, b, c, d, e, f] = self.fixed(i);
                Datum::Tid(u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]))
            }
            PhysKind::Enum => {
                let [a, b, c, d, e, f, g, h] = self.fixed(i);
                let label = Oid(u32::from_le_bytes([a, b, c, d]));
                Datum::Enum(EnumValue { label, order: f32::from_le_bytes([e, f, g, h]) })
            }
            PhysKind::TimeTz => {
                let (micros, zone) = split::<8, 4, 12>(self.fixed(i));
                Datum::TimeTz(i64::from_le_bytes(micros), i32::from_le_bytes(zone))
            }
            PhysKind::Interval => {
                let (micros, rest) = split::<8, 8, 16>(self.fixed(i));
                let (days, months) = split::<4, 4, 8>(rest);
                Datum::Interval(Interval {
                    micros: i64::from_le_bytes(micros),
                    days: i32::from_le_bytes(days),
                    months: i32::from_le_bytes(months),
                })
            }
            PhysKind::Text | PhysKind::Bpchar => Datum::Text(self.text(i)?.into()),
            PhysKind::Bytea => Datum::Bytea(self.bytes(i)?.into()),
            PhysKind::Numeric => Datum::Numeric(numeric::get(self.bytes(i)?)?),
            kind => {
                let datum = value::decode(self.bytes(i)?)?;
                if PhysKind::of_datum(&datum) != Some(kind) {
                    return Err(damaged("value of another kind than its column"));
                }
                datum
            }
        })
    }
}

fn split<const A: usize, const B: usize, const N: usize>(bytes: [u8; N]) -> ([u8; A], [u8; B]) {
    let (mut a, mut b) = ([0; A], [0; B]);
    a.copy_from_slice(&bytes[..A]);
    b.copy_from_slice(&bytes[A..]);
    (a, b)
}

#[cold]
fn bad_header(flags: u8, count: usize, layout: &RowLayout) -> SqlError {
    if flags & VERSION_MASK != VERSION {
        return damaged("row version");
    }
    damaged(&format!("row of {count} columns in a table of {}", layout.len()))
}

/// A stored numeric as mantissa and scale, where the mantissa fits a word.
#[inline]
pub fn numeric_small(bytes: &[u8]) -> Result<Option<(i64, u16)>> {
    numeric::small(bytes)
}
