//! COPY FROM: rows in from the client or a file.
//!
//! A row goes straight from the stream's bytes into datums at their places in the table's row, is completed (defaults, generated
//! columns), filtered by WHERE, and handed to the table layer's bulk load; tables with deferrable uniqueness take INSERT's way.
//! Errors carry PostgreSQL's context: the line, and for what is wrong with the row itself its text or the column's.

use super::copy::{file_error, open_file, target_columns};
use super::exprs::SessionExprs;
use super::prepared::invalid_utf8;
use super::storage::with_modifier;
use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::{CatalogView, acl};
use crate::sql::catalog::objects::{Persistence, RelationRef};
use crate::sql::copy::{Columns, CopyOptions, FastInput, Format, Reader};
use crate::sql::ddl::find_relation;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::parser::ast::{CopySource, CopyStmt, CopyTarget};
use crate::sql::table::bulk::BulkRows;
use crate::sql::table::{Modifier, ModifyState, TableExprs, Target};
use crate::sql::types::{Datum, Oid, Type, io};
use crate::txn::{TableMode, Tag, WaitPolicy};
use crate::wire::Out;
use std::io::Read;
use std::sync::Arc;

/// Bytes parsed at a time.
const CHUNK: usize = 256 << 10;
/// Bytes of a value or line that messages show.
const SHOWN: usize = 100;

/// A column of the data.
struct Field {
    /// Position in the table.
    column: usize,
    ty: Type,
    fast: FastInput,
    force_not_null: bool,
    force_null: bool,
}

/// What turns fields into a row of the table.
struct Shape {
    relation: RelationRef,
    fields: Vec<Field>,
    /// Columns that are not in the data but may have a default.
    defaults: Vec<u16>,
    options: CopyOptions,
}

/// A COPY FROM in progress.
pub(super) struct Load {
    core: Arc<SessionCore>,
    shape: Shape,
    reader: Reader,
    condition: Option<CompiledExpr>,
    state: ModifyState,
    rows: Rows,
    row: Vec<Datum>,
    header_pending: bool,
    inserted: u64,
    /// FREEZE was asked for a table that others may see.
    cannot_freeze: bool,
}

/// How rows get into the table.
enum Rows {
    /// In bulk.
    Bulk(Box<BulkRows>),
    /// Like INSERT's.
    Single(Target),
}

fn flags(relation: &RelationRef, columns: &[usize], wanted: &Columns, what: &str) -> Result<Vec<bool>> {
    match wanted {
        Columns::None => Ok(vec![false; columns.len()]),
        Columns::All => Ok(vec![true; columns.len()]),
        Columns::List(names) => {
            let mut out = vec![false; columns.len()];
            for name in names {
                let at = columns
                    .iter()
                    .position(|&c| relation.columns[c].name == *name)
                    .ok_or_else(|| err!(SqlState::INVALID_COLUMN_REFERENCE, "{what} column \"{name}\" not referenced by COPY"))?;
                out[at] = true;
            }
            Ok(out)
        }
    }
}

/// The beginning of a text, at most `SHOWN` bytes, as PostgreSQL shows it.
fn clipped(text: &[u8]) -> String {
    if text.len() <= SHOWN {
        return String::from_utf8_lossy(text).into_owned();
    }
    let mut end = SHOWN;
    while end > 0 && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    format!("{}...", String::from_utf8_lossy(&text[..end]))
}

impl Shape {
    fn at_line(&self, line: u64) -> String {
        format!("COPY {}, line {line}", self.relation.name)
    }

    /// The context of an error about the row read last.
    fn context(&self, reader: &Reader) -> String {
        match reader.line_text() {
            _ if self.options.format == Format::Binary => self.at_line(reader.line),
            text => format!("{}: \"{}\"", self.at_line(reader.line), clipped(text)),
        }
    }

    fn value_context(&self, reader: &Reader, column: usize, text: Option<&[u8]>) -> String {
        let (line, name) = (self.at_line(reader.line), &self.relation.columns[column].name);
        match text {
            Some(text) => format!("{line}, column {name}: \"{}\"", clipped(text)),
            None => format!("{line}, column {name}: null input"),
        }
    }

    fn header(&self, reader: &Reader) -> Result<()> {
        if !self.options.header_match {
            return Ok(());
        }
        let bad = |message: String| SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message).context(self.context(reader));
        if reader.len() != self.fields.len() {
            let message = format!("wrong number of fields in header line: got {}, expected {}", reader.len(), self.fields.len());
            return Err(bad(message));
        }
        for (i, field) in self.fields.iter().enumerate() {
            let expected = &self.relation.columns[field.column].name;
            let got = reader.field(i).map(String::from_utf8_lossy);
            if got.as_deref() != Some(expected.as_str()) {
                let shown = got.map_or_else(|| "null value".to_owned(), |g| format!("\"{g}\""));
                return Err(bad(format!(
                    "column name mismatch in header line field {}: got {shown}, expected \"{expected}\"",
                    i + 1
                )));
            }
        }
        Ok(())
    }

    /// Puts the fields of the row read last into their places.
    fn convert(&self, cx: &io::IoContext<'_>, reader: &Reader, row: &mut [Datum]) -> Result<()> {
        if reader.len() != self.fields.len() {
            return Err(self.wrong_count(reader));
        }
        for (i, field) in self.fields.iter().enumerate() {
            let mut bytes = reader.field(i);
            if field.force_not_null && bytes.is_none() {
                bytes = Some(&self.options.null);
            }
            if field.force_null && reader.was_quoted(i) && bytes == Some(self.options.null.as_slice()) {
                bytes = None;
            }
            row[field.column] = match bytes {
                None => Datum::Null,
                Some(bytes) if self.options.format != Format::Binary => match field.fast.read(bytes) {
                    Some(datum) => datum,
                    None => self.slow(cx, reader, field, bytes)?,
                },
                Some(bytes) => {
                    let context = |e: SqlError| e.context(self.value_context(reader, field.column, None));
                    io::receive(cx, bytes, field.ty).map_err(context)?
                }
            };
        }
        Ok(())
    }

    fn slow(&self, cx: &io::IoContext<'_>, reader: &Reader, field: &Field, bytes: &[u8]) -> Result<Datum> {
        let invalid = |at: usize| invalid_utf8(bytes, at).context(self.at_line(reader.line));
        let text = std::str::from_utf8(bytes).map_err(|e| invalid(e.valid_up_to()))?;
        if let Some(at) = memchr::memchr(0, bytes) {
            return Err(invalid(at));
        }
        io::input(cx, text, field.ty).map_err(|e| e.context(self.value_context(reader, field.column, Some(bytes))))
    }

    #[cold]
    fn wrong_count(&self, reader: &Reader) -> SqlError {
        let expected = self.fields.len();
        let e = match self.fields.get(reader.len()) {
            _ if self.options.format == Format::Binary => {
                err!(SqlState::BAD_COPY_FILE_FORMAT, "row field count is {}, expected {expected}", reader.len())
            }
            None => err!(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column"),
            Some(field) => {
                let name = &self.relation.columns[field.column].name;
                err!(SqlState::BAD_COPY_FILE_FORMAT, "missing data for column \"{name}\"")
            }
        };
        e.context(self.context(reader))
    }
}

impl Load {
    /// Parses what was fed so far into the table.
    fn drain(&mut self) -> Result<()> {
        self.core.interrupt.check()?;
        let core = Arc::clone(&self.core);
        let Self { shape, reader, condition, state, rows, row, header_pending, inserted, .. } = self;
        let exprs = SessionExprs::new(&core);
        with_modifier(&core, state, |m| {
            let cx = m.cx.io;
            while reader.advance().map_err(|e| e.context(shape.at_line(reader.line)))? {
                if *header_pending {
                    *header_pending = false;
                    shape.header(reader)?;
                    continue;
                }
                shape.convert(cx, reader, row)?;
                let complete = |row: &mut Vec<Datum>, condition: &mut Option<CompiledExpr>| {
                    for &column in &shape.defaults {
                        row[usize::from(column)] = exprs.default_value(&shape.relation, column)?;
                    }
                    if let Some(condition) = condition
                        && !matches!(exprs.evaluate(|cx| condition.eval_row(cx, row))?, Datum::Bool(true))
                    {
                        return Ok(false);
                    }
                    exprs.generate(&shape.relation, row)?;
                    Ok(true)
                };
                if complete(row, condition).map_err(|e: SqlError| e.context(shape.context(reader)))? {
                    rows.add(m, shape, reader, row)?;
                    *inserted += 1;
                }
            }
            Ok(())
        })
    }

    fn finish(mut self) -> Result<u64> {
        self.reader.finish();
        self.drain()?;
        let Self { core, shape, mut rows, mut state, inserted, .. } = self;
        with_modifier(&core, &mut state, |m| {
            if let Rows::Bulk(bulk) = &mut rows {
                bulk.finish(m).map_err(|e| match bulk.failed_line() {
                    Some(line) => e.context(shape.at_line(line)),
                    None => e,
                })?;
            }
            m.finish()
        })?;
        Ok(inserted)
    }
}

impl Rows {
    fn add(&mut self, m: &mut Modifier<'_>, shape: &Shape, reader: &Reader, row: &[Datum]) -> Result<()> {
        match self {
            Self::Bulk(bulk) => bulk.add(m, row, reader.line).map_err(|e| match bulk.failed_line() {
                Some(line) => e.context(shape.at_line(line)),
                None => e.context(shape.context(reader)),
            }),
            Self::Single(target) => m.insert(target, row).map(drop).map_err(|e| e.context(shape.context(reader))),
        }
    }
}

impl SessionCore {
    /// Whether only the running transaction can reach a relation's storage, and made it.
    pub(super) fn made_storage_of(&self, relation: &RelationRef) -> Result<bool> {
        if relation.persistence == Persistence::Temporary {
            return Ok(false);
        }
        let slot = self.server.catalogs.database(self.entry.database)?;
        let published = Arc::clone(&slot.read());
        Ok(published.relation(relation.oid).is_none_or(|r| r.storage != relation.storage))
    }
}

impl Session {
    pub(super) fn begin_load(&self, stmt: &CopyStmt, options: CopyOptions) -> Result<Load> {
        let CopySource::Table { relation: name, columns } = &stmt.source else {
            return Err(SqlError::internal("COPY FROM a query"));
        };
        let relation = find_relation(&self.core, name)?;
        let positions = target_columns(&relation, columns)?;
        let numbers: Vec<u16> = positions.iter().map(|&p| p as u16).collect();
        self.core.view().check_relation(None, &relation, acl::INSERT, &numbers)?;
        let txn = self.core.txn()?;
        if txn.is_read_only() {
            return Err(err!(SqlState::READ_ONLY_SQL_TRANSACTION, "cannot execute COPY FROM in a read-only transaction"));
        }
        txn.lock(Tag::relation(relation.oid.0), TableMode::RowExclusive, WaitPolicy::Block)?;
        let condition = stmt.where_clause.as_ref().map(|e| SessionExprs::new(&self.core).condition(&relation, e)).transpose()?;
        let force_not_null = flags(&relation, &positions, &options.force_not_null, "FORCE_NOT_NULL")?;
        let force_null = flags(&relation, &positions, &options.force_null, "FORCE_NULL")?;
        let field = |(i, &column): (usize, &usize)| {
            let ty = relation.columns[column].ty;
            let (force_not_null, force_null) = (force_not_null[i], force_null[i]);
            Field { column, ty, fast: FastInput::of(ty), force_not_null, force_null }
        };
        let fields = positions.iter().enumerate().map(field).collect();
        let may_default = |c: &crate::sql::catalog::objects::Column| {
            !c.generated && (c.default.is_some() || c.identity.is_some() || c.ty.oid >= Oid::FIRST_NORMAL)
        };
        let absent = relation.live_columns().filter(|(i, c)| !positions.contains(i) && may_default(c));
        let defaults = absent.map(|(i, _)| i as u16).collect();
        let fresh = self.core.made_storage_of(&relation)?;
        let cannot_freeze = options.freeze && !fresh && relation.persistence != Persistence::Temporary;
        let mut state = ModifyState::default();
        let rows = with_modifier(&self.core, &mut state, |m| {
            let target = m.target(&relation)?;
            Ok(match BulkRows::suits(&target) {
                true => Rows::Bulk(Box::new(BulkRows::new(m, target, fresh))),
                false => Rows::Single(target),
            })
        })?;
        Ok(Load {
            core: Arc::clone(&self.core),
            row: vec![Datum::Null; relation.columns.len()],
            reader: Reader::new(options.clone()),
            header_pending: options.header,
            shape: Shape { relation, fields, defaults, options },
            condition,
            state,
            rows,
            inserted: 0,
            cannot_freeze,
        })
    }

    pub(super) async fn load(&mut self, mut load: Load, target: &CopyTarget, out: &mut Out) -> Result<u64> {
        match target {
            CopyTarget::File(path) => {
                let mut file = open_file(path)?;
                crate::txn::blocking::off_reactor(|| {
                    let mut chunk = vec![0; CHUNK];
                    loop {
                        let n = file.read(&mut chunk).map_err(|e| file_error("read from", path, &e, ""))?;
                        if n == 0 {
                            return load.finish();
                        }
                        load.reader.feed(&chunk[..n]);
                        load.drain()?;
                    }
                })
            }
            _ => {
                let binary = load.shape.options.format == Format::Binary;
                let mut source = out.copy_in(binary, load.shape.fields.len()).await?;
                if load.cannot_freeze {
                    let message =
                        "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction";
                    return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
                }
                let latin1 = load.shape.options.latin1 && !binary;
                let mut data = Vec::new();
                while source.gather(&mut data, CHUNK).await? {
                    if latin1 {
                        let wide: String = data.iter().map(|b| char::from(*b)).collect();
                        load.reader.feed(wide.as_bytes());
                    } else {
                        load.reader.feed(&data);
                    }
                    data.clear();
                    crate::txn::blocking::off_reactor(|| load.drain())?;
                }
                crate::txn::blocking::off_reactor(|| load.finish())
            }
        }
    }
}
