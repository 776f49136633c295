//! Batches in temporary files: what sorts and hash tables write when memory runs out.
//!
//! A run is a sequence of batches, each a 4-byte length and its bytes:
//!
//! | part | bytes |
//! |---|---|
//! | rows, columns | 4 + 4 |
//! | per column: kind, form, has-NULLs | 1 + 1 + 1 |
//! | NULL flags, if any | rows |
//! | values: fixed-width little-endian; text as end offsets then bytes; others length-prefixed datums | |
//!
//! The file is unlinked as soon as it is open, so it disappears with the process whatever happens.

use super::batch::{ByteVec, Data};
use super::{Batch, Column, ColumnKind};
use crate::encoding::value;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static SERIAL: AtomicU64 = AtomicU64::new(0);

fn io_error(e: &std::io::Error) -> SqlError {
    let code = if e.raw_os_error() == Some(libc::ENOSPC) { SqlState::DISK_FULL } else { SqlState::IO_ERROR };
    crate::err!(code, "could not write to temporary file: {e}")
}

/// An anonymous file in the system's temporary folder.
fn temporary_file() -> Result<File> {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("orbit-spill-{}-{serial}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path).map_err(|e| io_error(&e))?;
    std::fs::remove_file(&path).map_err(|e| io_error(&e))?;
    Ok(file)
}

/// Writes a run.
pub struct RunWriter {
    out: BufWriter<File>,
    scratch: Vec<u8>,
}

impl RunWriter {
    /// A new, empty run. Errors: 53100, 58030.
    pub fn create() -> Result<Self> {
        Ok(Self { out: BufWriter::with_capacity(1 << 16, temporary_file()?), scratch: Vec::new() })
    }

    /// Appends the rows of a batch.
    pub fn write(&mut self, batch: &Batch) -> Result<()> {
        self.scratch.clear();
        encode(&mut self.scratch, batch)?;
        let len = self.scratch.len() as u32;
        self.out.write_all(&len.to_le_bytes()).and_then(|()| self.out.write_all(&self.scratch)).map_err(|e| io_error(&e))
    }

    /// Ends the run; it is read from its start.
    pub fn finish(self) -> Result<Run> {
        let mut file = self.out.into_inner().map_err(|e| io_error(e.error()))?;
        file.seek(SeekFrom::Start(0)).map_err(|e| io_error(&e))?;
        Ok(Run { input: BufReader::with_capacity(1 << 16, file), scratch: Vec::new() })
    }
}

/// Reads a run back.
pub struct Run {
    input: BufReader<File>,
    scratch: Vec<u8>,
}

impl Run {
    /// The next batch.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would hide the buffer's reuse")]
    pub fn next(&mut self) -> Result<Option<Batch>> {
        let mut len = [0; 4];
        match self.input.read_exact(&mut len) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(io_error(&e)),
        }
        self.scratch.resize(u32::from_le_bytes(len) as usize, 0);
        self.input.read_exact(&mut self.scratch).map_err(|e| io_error(&e))?;
        decode(&self.scratch).map(Some)
    }

    /// Starts over.
    pub fn rewind(&mut self) -> Result<()> {
        self.input.seek(SeekFrom::Start(0)).map(|_| ()).map_err(|e| io_error(&e))
    }
}

/// Batches kept in order: in memory up to a budget, further ones in a temporary file, any of them read as often as wanted.
#[derive(Clone, Default)]
pub struct BatchStore {
    slots: Vec<Slot>,
    memory: usize,
    file: Option<Arc<File>>,
    end: u64,
}

#[derive(Clone)]
enum Slot {
    Memory(Batch),
    /// Offset and length in the file.
    File(u64, usize),
}

impl BatchStore {
    /// Appends a batch; into the file if more than `budget` bytes would be held. Errors: 53100, 58030.
    pub fn push(&mut self, batch: Batch, budget: usize) -> Result<()> {
        let size = batch.memory();
        if self.file.is_none() && self.memory + size <= budget {
            self.memory += size;
            self.slots.push(Slot::Memory(batch));
            return Ok(());
        }
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(Arc::new(temporary_file()?)),
        };
        let mut bytes = Vec::new();
        encode(&mut bytes, &batch)?;
        file.write_all_at(&bytes, self.end).map_err(|e| io_error(&e))?;
        self.slots.push(Slot::File(self.end, bytes.len()));
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Number of batches.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The `i`-th batch, if there are so many.
    pub fn get(&self, i: usize) -> Result<Option<Batch>> {
        Ok(match (self.slots.get(i), &self.file) {
            (Some(Slot::Memory(batch)), _) => Some(batch.clone()),
            (Some(Slot::File(offset, len)), Some(file)) => {
                let mut bytes = vec![0; *len];
                file.read_exact_at(&mut bytes, *offset).map_err(|e| io_error(&e))?;
                Some(decode(&bytes)?)
            }
            _ => None,
        })
    }
}

const KINDS: [ColumnKind; 17] = [
    ColumnKind::Bool,
    ColumnKind::Int2,
    ColumnKind::Int4,
    ColumnKind::Int8,
    ColumnKind::Oid,
    ColumnKind::Date,
    ColumnKind::Time,
    ColumnKind::Timestamp,
    ColumnKind::TimestampTz,
    ColumnKind::Money,
    ColumnKind::Float4,
    ColumnKind::Float8,
    ColumnKind::Numeric,
    ColumnKind::Text,
    ColumnKind::Bpchar,
    ColumnKind::Bytea,
    ColumnKind::Datum,
];

fn encode(out: &mut Vec<u8>, batch: &Batch) -> Result<()> {
    let batch = batch.clone().compact();
    out.extend_from_slice(&(batch.len as u32).to_le_bytes());
    out.extend_from_slice(&(batch.columns.len() as u32).to_le_bytes());
    for column in &batch.columns {
        encode_column(out, &column.flatten())?;
    }
    Ok(())
}

fn encode_column(out: &mut Vec<u8>, column: &Column) -> Result<()> {
    out.push(KINDS.iter().position(|&k| k == column.kind()).unwrap_or(16) as u8);
    let spilled = matches!(column.data(), Data::Datum(_));
    out.push(spilled.into());
    out.push(column.validity().is_some().into());
    if let Some(valid) = column.validity() {
        out.extend(valid.iter().map(|&v| u8::from(v)));
    }
    match column.data() {
        Data::Bool(v) => out.extend(v.iter().map(|&b| u8::from(b))),
        Data::I16(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Data::I32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Data::I64(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Data::U32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Data::F32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Data::F64(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
        Data::Decimal(v, scale) => {
            out.extend_from_slice(&scale.to_le_bytes());
            v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        }
        Data::Bytes(v) => {
            v.offsets[1..].iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
            out.extend_from_slice(&v.bytes);
        }
        Data::Datum(v) => {
            for datum in v.iter() {
                let start = out.len();
                out.extend_from_slice(&[0; 4]);
                if !datum.is_null() {
                    value::encode(out, datum)?;
                }
                let len = (out.len() - start - 4) as u32;
                out[start..start + 4].copy_from_slice(&len.to_le_bytes());
            }
        }
        Data::Const(_) => {}
    }
    Ok(())
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(|| SqlError::internal("temporary file is damaged"))?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn many<const N: usize, T>(&mut self, n: usize, read: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        (0..n).map(|_| Ok(read(self.array()?))).collect()
    }
}

fn decode(bytes: &[u8]) -> Result<Batch> {
    let mut input = Input(bytes);
    let len = u32::from_le_bytes(input.array()?) as usize;
    let columns = u32::from_le_bytes(input.array()?) as usize;
    let columns = (0..columns).map(|_| decode_column(&mut input, len)).collect::<Result<Vec<_>>>()?;
    Ok(Batch::new(columns, len))
}

fn decode_column(input: &mut Input<'_>, len: usize) -> Result<Column> {
    let kind = KINDS.get(usize::from(input.byte()?)).copied().unwrap_or(ColumnKind::Datum);
    let spilled = input.byte()? == 1;
    let validity = match input.byte()? {
        0 => None,
        _ => Some(Arc::new(input.take(len)?.iter().map(|&b| b == 1).collect())),
    };
    if spilled {
        let mut values = Vec::with_capacity(len);
        for _ in 0..len {
            let size = u32::from_le_bytes(input.array()?) as usize;
            values.push(if size == 0 { Datum::Null } else { value::decode(input.take(size)?)? });
        }
        return Ok(Column::new(kind, Data::Datum(Arc::new(values)), None));
    }
    let data = match kind {
        ColumnKind::Bool => Data::Bool(Arc::new(input.take(len)?.iter().map(|&b| b == 1).collect())),
        ColumnKind::Int2 => Data::I16(Arc::new(input.many(len, i16::from_le_bytes)?)),
        ColumnKind::Int4 | ColumnKind::Date => Data::I32(Arc::new(input.many(len, i32::from_le_bytes)?)),
        ColumnKind::Oid => Data::U32(Arc::new(input.many(len, u32::from_le_bytes)?)),
        ColumnKind::Float4 => Data::F32(Arc::new(input.many(len, f32::from_le_bytes)?)),
        ColumnKind::Float8 => Data::F64(Arc::new(input.many(len, f64::from_le_bytes)?)),
        ColumnKind::Numeric => {
            let scale = u16::from_le_bytes(input.array()?);
            Data::Decimal(Arc::new(input.many(len, i64::from_le_bytes)?), scale)
        }
        ColumnKind::Text | ColumnKind::Bpchar | ColumnKind::Bytea => {
            let mut offsets = vec![0];
            offsets.extend(input.many(len, u32::from_le_bytes)?);
            let size = offsets.last().copied().unwrap_or(0) as usize;
            Data::Bytes(Arc::new(ByteVec { offsets, bytes: input.take(size)?.to_vec() }))
        }
        _ => Data::I64(Arc::new(input.many(len, i64::from_le_bytes)?)),
    };
    Ok(Column::new(kind, data, validity))
}
