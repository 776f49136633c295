//! COPY: rows in from the client or a file, rows out to them.
//!
//! COPY FROM parses the stream into batches of rows and hands them to the bulk insert of the table layer, which does what
//! INSERT does: defaults, constraints, indexes.

use super::prepared::invalid_utf8;
use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Params;
use crate::sql::catalog::lookup::{CatalogView, acl};
use crate::sql::catalog::objects::{RelKind, RelationRef};
use crate::sql::copy::{self, Columns, CopyOptions, Format, Reader, Row, Writer};
use crate::sql::ddl::find_relation;
use crate::sql::parser::RawStatement;
use crate::sql::parser::ast::{CopySource, CopyStmt, CopyTarget};
use crate::sql::types::{Datum, Type, io};
use crate::txn::{TableMode, Tag, WaitPolicy};
use crate::wire::Out;
use smol_str::SmolStr;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Rows gathered before they are inserted.
const BATCH: usize = 1024;

/// A COPY FROM in progress.
struct Load {
    core: Arc<SessionCore>,
    relation: RelationRef,
    /// Table positions of the columns in the data.
    columns: Vec<usize>,
    types: Vec<Type>,
    reader: Reader,
    options: CopyOptions,
    inserter: super::storage::BulkInsert,
    rows: Vec<Vec<Datum>>,
    header_pending: bool,
    inserted: u64,
    force_not_null: Vec<bool>,
    force_null: Vec<bool>,
}

/// The columns COPY names, or all that are not generated. Errors: 42703, 42701, 42P10.
fn target_columns(relation: &RelationRef, names: &[SmolStr], is_from: bool) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok(relation.live_columns().filter(|(_, c)| !c.generated).map(|(i, _)| i).collect());
    }
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        let position = relation.column(name).ok_or_else(|| {
            err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", relation.name)
        })?;
        if is_from && relation.columns[position].generated {
            return Err(err!(SqlState::INVALID_COLUMN_REFERENCE, "column \"{name}\" is a generated column")
                .detail("Generated columns cannot be used in COPY."));
        }
        if out.contains(&position) {
            return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{name}\" specified more than once"));
        }
        out.push(position);
    }
    Ok(out)
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

impl Load {
    fn context(&self) -> String {
        format!("COPY {}, line {}", self.relation.name, self.reader.line)
    }

    fn value_context(&self, column: usize, text: Option<&[u8]>) -> String {
        let name = &self.relation.columns[column].name;
        match text {
            Some(t) => {
                let shown: String = String::from_utf8_lossy(t).chars().take(100).collect();
                let dots = if shown.len() < t.len() && shown.chars().count() == 100 { "..." } else { "" };
                format!("{}, column {name}: \"{shown}{dots}\"", self.context())
            }
            None => format!("{}, column {name}: null input", self.context()),
        }
    }

    /// Parses what was fed so far and inserts full batches.
    fn drain(&mut self) -> Result<()> {
        let core = Arc::clone(&self.core);
        let view = core.view();
        let state = core.io();
        let cx = state.context(core.transaction_start.load(Ordering::Relaxed), &*view);
        loop {
            if !self.reader.advance().map_err(|e| e.context(self.context()))? {
                break;
            }
            if self.header_pending {
                self.header_pending = false;
                self.header(self.reader.row())?;
                continue;
            }
            let datums = self.convert(&cx, self.reader.row())?;
            self.rows.push(datums);
            if self.rows.len() >= BATCH {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn header(&self, row: &Row) -> Result<()> {
        if !self.options.header_match {
            return Ok(());
        }
        if row.len() != self.columns.len() {
            let message = format!("wrong number of fields in header line: got {}, expected {}", row.len(), self.columns.len());
            return Err(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message).context(self.context()));
        }
        for (i, column) in self.columns.iter().enumerate() {
            let expected = &self.relation.columns[*column].name;
            let got = row.field(i).map(String::from_utf8_lossy);
            if got.as_deref() != Some(expected.as_str()) {
                let shown = got.map_or_else(|| "null value".to_owned(), |g| format!("\"{g}\""));
                let message = format!("column name mismatch in header line field {}: got {shown}, expected \"{expected}\"", i + 1);
                return Err(SqlError::new(SqlState::BAD_COPY_FILE_FORMAT, message).context(self.context()));
            }
        }
        Ok(())
    }

    fn convert(&self, cx: &io::IoContext<'_>, row: &Row) -> Result<Vec<Datum>> {
        let n = self.columns.len();
        if row.len() > n {
            let e = if self.options.format == Format::Binary {
                err!(SqlState::BAD_COPY_FILE_FORMAT, "row field count is {}, expected {n}", row.len())
            } else {
                err!(SqlState::BAD_COPY_FILE_FORMAT, "extra data after last expected column")
            };
            return Err(e.context(self.context()));
        }
        let mut out = Vec::with_capacity(n);
        for (i, &column) in self.columns.iter().enumerate() {
            if i >= row.len() {
                let name = &self.relation.columns[column].name;
                return Err(err!(SqlState::BAD_COPY_FILE_FORMAT, "missing data for column \"{name}\"").context(self.context()));
            }
            let mut field = row.field(i);
            if self.force_not_null[i] && field.is_none() {
                field = Some(b"");
            }
            if self.force_null[i] && row.was_quoted(i) && field == Some(self.options.null.as_slice()) {
                field = None;
            }
            out.push(match field {
                None => Datum::Null,
                Some(bytes) if self.options.format == Format::Binary => {
                    io::receive(cx, bytes, self.types[i]).map_err(|e| e.context(self.value_context(column, None)))?
                }
                Some(bytes) => {
                    let text =
                        std::str::from_utf8(bytes).map_err(|e| invalid_utf8(bytes, e.valid_up_to()).context(self.context()))?;
                    if let Some(at) = memchr::memchr(0, bytes) {
                        return Err(invalid_utf8(bytes, at).context(self.context()));
                    }
                    io::input(cx, text, self.types[i]).map_err(|e| e.context(self.value_context(column, Some(bytes))))?
                }
            });
        }
        Ok(out)
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.core.interrupt.check()?;
        let rows = std::mem::take(&mut self.rows);
        let context = self.context();
        let count = self.inserter.insert(&self.core, rows).map_err(|e| e.context(context))?;
        self.inserted += count;
        Ok(())
    }

    fn finish(mut self) -> Result<u64> {
        self.reader.finish();
        self.drain()?;
        self.flush()?;
        self.inserter.finish(&self.core)?;
        Ok(self.inserted)
    }
}

impl Session {
    /// COPY; answers the command tag.
    pub(super) async fn copy(&mut self, stmt: &CopyStmt, out: &mut Out) -> Result<String> {
        let options = copy::parse_options(&stmt.options, stmt.is_from)?;
        self.check_file_privilege(&stmt.target, stmt.is_from)?;
        let count = if stmt.is_from {
            let load = self.begin_load(stmt, options)?;
            self.load(load, &stmt.target, out).await?
        } else {
            self.unload(stmt, options, out).await?
        };
        Ok(format!("COPY {count}"))
    }

    fn check_file_privilege(&self, target: &CopyTarget, is_from: bool) -> Result<()> {
        let view = self.core.view();
        let (role, verb, preposition) = if is_from { (4569, "COPY", "from") } else { (4570, "COPY", "to") };
        match target {
            CopyTarget::Client => Ok(()),
            CopyTarget::Program(_) => Err(SqlError::unsupported("COPY with PROGRAM")),
            CopyTarget::File(_) if view.has_role_privileges(view.user, crate::sql::types::Oid(role)) => Ok(()),
            CopyTarget::File(_) => {
                let which = if is_from { "pg_read_server_files" } else { "pg_write_server_files" };
                let message = format!("must be superuser or have privileges of the {which} role to {verb} {preposition} a file");
                Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
                    .hint(format!("Anyone can COPY {} stdout or from stdin. psql's \\copy command also works for anyone.", "to")))
            }
        }
    }

    fn begin_load(&self, stmt: &CopyStmt, options: CopyOptions) -> Result<Load> {
        let CopySource::Table { relation: name, columns } = &stmt.source else {
            return Err(SqlError::internal("COPY FROM a query"));
        };
        let relation = find_relation(&self.core, name).map_err(|e| e.at(name.pos))?;
        if relation.kind != RelKind::Table {
            let what = match relation.kind {
                RelKind::View => "view",
                RelKind::MatView => "materialized view",
                RelKind::Sequence => "sequence",
                _ => "non-table relation",
            };
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot copy to {what} \"{}\"", relation.name));
        }
        let positions = target_columns(&relation, columns, true)?;
        let numbers: Vec<u16> = positions.iter().map(|&p| p as u16).collect();
        self.core.view().check_relation(None, &relation, acl::INSERT, &numbers)?;
        let txn = self.core.txn()?;
        if txn.is_read_only() {
            return Err(err!(SqlState::READ_ONLY_SQL_TRANSACTION, "cannot execute COPY FROM in a read-only transaction"));
        }
        txn.lock(Tag::relation(relation.oid.0), TableMode::RowExclusive, WaitPolicy::Block)?;
        Ok(Load {
            core: Arc::clone(&self.core),
            types: positions.iter().map(|&p| relation.columns[p].ty).collect(),
            force_not_null: flags(&relation, &positions, &options.force_not_null, "FORCE_NOT_NULL")?,
            force_null: flags(&relation, &positions, &options.force_null, "FORCE_NULL")?,
            inserter: super::storage::BulkInsert::new(&self.core, &relation, &positions, stmt.where_clause.as_ref())?,
            relation,
            columns: positions,
            reader: Reader::new(options.clone()),
            header_pending: options.header,
            options,
            rows: Vec::with_capacity(BATCH),
            inserted: 0,
        })
    }

    async fn load(&mut self, mut load: Load, target: &CopyTarget, out: &mut Out) -> Result<u64> {
        match target {
            CopyTarget::File(path) => {
                let mut file = open_file(path)?;
                crate::txn::blocking::off_reactor(|| {
                    let mut chunk = vec![0; 1 << 16];
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
                let binary = load.options.format == Format::Binary;
                let mut source = out.copy_in(binary, load.columns.len()).await?;
                let mut waiting = 0;
                while let Some(chunk) = source.next().await? {
                    load.reader.feed(&chunk);
                    waiting += chunk.len();
                    if waiting >= 1 << 16 {
                        waiting = 0;
                        crate::txn::blocking::off_reactor(|| load.drain())?;
                    }
                }
                crate::txn::blocking::off_reactor(|| load.finish())
            }
        }
    }

    async fn unload(&mut self, stmt: &CopyStmt, options: CopyOptions, out: &mut Out) -> Result<u64> {
        let raw = RawStatement { stmt: copy_query(&self.core, stmt)?, start: 0, end: 0 };
        let plan = Arc::new(self.core.plan(&raw, &mut Params::none())?);
        if plan.query.outputs.is_empty() {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "COPY query must have a RETURNING clause"));
        }
        let names: Vec<SmolStr> = plan.query.outputs.iter().map(|o| o.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(SmolStr::as_str).collect();
        let types: Vec<Type> = plan.query.outputs.iter().map(|o| o.ty).collect();
        check_force_quote(&options, &names)?;
        let writer = Writer::new(options, &names);
        let mut running = self.core.start(plan, Vec::new())?;
        let mut sink = Sink::open(&stmt.target, &writer, names.len(), out)?;
        let mut buffer = Vec::new();
        writer.start(&names, &mut buffer);
        let mut count = 0;
        loop {
            let core = Arc::clone(&self.core);
            let batch = crate::txn::blocking::off_reactor(|| core.next_batch(&mut running))?;
            let Some(batch) = batch else { break };
            let view = core.view();
            let state = core.io();
            let cx = state.context(core.transaction_start.load(Ordering::Relaxed), &*view);
            let mut value = Vec::new();
            for i in 0..batch.rows() {
                if !buffer.is_empty() && sink.wants_rows() {
                    sink.write(&buffer, out)?;
                    buffer.clear();
                }
                let at = batch.position(i);
                writer.begin_row(types.len(), &mut buffer);
                for (c, column) in batch.columns.iter().enumerate() {
                    let datum = column.get(at);
                    if datum.is_null() {
                        writer.field(c, types.len(), None, &mut buffer);
                        continue;
                    }
                    value.clear();
                    match writer.format() {
                        Format::Binary => io::send(&cx, &datum, types[c], &mut value)?,
                        _ => io::output(&cx, &datum, types[c], &mut value),
                    }
                    writer.field(c, types.len(), Some(&value), &mut buffer);
                }
                writer.end_row(&mut buffer);
                count += 1;
            }
            drop((view, state));
            sink.write(&buffer, out)?;
            buffer.clear();
            if sink.is_client() {
                out.flush_if_full().await?;
            }
        }
        writer.end(&mut buffer);
        sink.write(&buffer, out)?;
        sink.finish(out)?;
        Ok(count)
    }
}

fn check_force_quote(options: &CopyOptions, names: &[&str]) -> Result<()> {
    if let Columns::List(list) = &options.force_quote {
        for name in list {
            if !names.contains(&name.as_str()) {
                return Err(err!(SqlState::UNDEFINED_COLUMN, "FORCE_QUOTE column \"{name}\" not referenced by COPY"));
            }
        }
    }
    Ok(())
}

/// The query whose rows COPY TO sends: the one given, or a SELECT of the table's columns.
fn copy_query(core: &SessionCore, stmt: &CopyStmt) -> Result<crate::sql::parser::ast::Statement> {
    let (name, columns) = match &stmt.source {
        CopySource::Query(query) => return Ok((**query).clone()),
        CopySource::Table { relation, columns } => (relation, columns),
    };
    let relation = find_relation(core, name).map_err(|e| e.at(name.pos))?;
    let hint = "Try the COPY (SELECT ...) TO variant.";
    match relation.kind {
        RelKind::Table | RelKind::System => {}
        RelKind::View => return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot copy from view \"{}\"", relation.name).hint(hint)),
        RelKind::MatView => {
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot copy from materialized view \"{}\"", relation.name).hint(hint));
        }
        RelKind::Sequence => return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot copy from sequence \"{}\"", relation.name)),
        RelKind::Composite => {
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot copy from non-table relation \"{}\"", relation.name));
        }
    }
    let positions = target_columns(&relation, columns, false)?;
    let list: Vec<String> =
        positions.iter().map(|&p| super::view::quote_identifier(&relation.columns[p].name).into_owned()).collect();
    let view = core.view();
    let schema = view.schema_name(relation.schema).unwrap_or_default();
    let table = format!("{}.{}", super::view::quote_identifier(&schema), super::view::quote_identifier(&relation.name));
    let sql = format!("SELECT {} FROM ONLY {table}", list.join(", "));
    let mut parsed = crate::sql::parser::parse(&sql)?;
    parsed.pop().map(|r| r.stmt).ok_or_else(|| SqlError::internal("COPY made no query"))
}

fn file_error(action: &str, path: &str, e: &std::io::Error, purpose: &str) -> SqlError {
    let code = match e.kind() {
        std::io::ErrorKind::NotFound => SqlState::UNDEFINED_FILE,
        std::io::ErrorKind::PermissionDenied => SqlState::INSUFFICIENT_PRIVILEGE,
        std::io::ErrorKind::StorageFull => SqlState::DISK_FULL,
        _ => SqlState::IO_ERROR,
    };
    let reason = e.to_string();
    let reason = reason.split(" (os error").next().unwrap_or(&reason).to_owned();
    err!(code, "could not {action} file \"{path}\"{purpose}: {reason}")
}

fn open_file(path: &str) -> Result<std::fs::File> {
    let hint = "COPY FROM instructs the PostgreSQL server process to read a file. You may want a client-side facility such as psql's \\copy.";
    std::fs::File::open(path).map_err(|e| file_error("open", path, &e, " for reading").hint(hint))
}

/// Where COPY TO writes.
enum Sink {
    /// The client, one message a row.
    Client,
    /// A file of the server.
    File(std::io::BufWriter<std::fs::File>, String),
}

impl Sink {
    fn open(target: &CopyTarget, writer: &Writer, columns: usize, out: &mut Out) -> Result<Self> {
        match target {
            CopyTarget::File(path) => {
                if !std::path::Path::new(path).is_absolute() {
                    return Err(err!(SqlState::INVALID_NAME, "relative path not allowed for COPY to file"));
                }
                let file = std::fs::File::create(path).map_err(|e| {
                    let hint = "COPY TO instructs the PostgreSQL server process to write a file. You may want a client-side facility such as psql's \\copy.";
                    file_error("open", path, &e, " for writing").hint(hint)
                })?;
                Ok(Self::File(std::io::BufWriter::new(file), path.clone()))
            }
            _ => {
                out.copy_out(writer.format() == Format::Binary, columns);
                Ok(Self::Client)
            }
        }
    }

    fn is_client(&self) -> bool {
        matches!(self, Self::Client)
    }

    /// Clients get a message a row.
    fn wants_rows(&self) -> bool {
        self.is_client()
    }

    fn write(&mut self, bytes: &[u8], out: &mut Out) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self {
            Self::Client => {
                out.copy_data(|b| b.extend_from_slice(bytes));
                Ok(())
            }
            Self::File(file, path) => std::io::Write::write_all(file, bytes).map_err(|e| file_error("write to", path, &e, "")),
        }
    }

    fn finish(self, out: &mut Out) -> Result<()> {
        match self {
            Self::Client => {
                out.copy_done();
                Ok(())
            }
            Self::File(mut file, path) => std::io::Write::flush(&mut file).map_err(|e| file_error("write to", &path, &e, "")),
        }
    }
}
