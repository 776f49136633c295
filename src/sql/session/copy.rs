//! COPY: what both directions share, and rows out to the client or a file. `load` is the way in.

use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Params;
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{RelKind, RelationRef};
use crate::sql::copy::{self, Columns, CopyOptions, Format, Writer};
use crate::sql::ddl::find_relation;
use crate::sql::parser::RawStatement;
use crate::sql::parser::ast::{CopySource, CopyStmt, CopyTarget};
use crate::sql::types::{Type, io};
use crate::wire::Out;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The columns COPY names, or all that are not generated. Errors: 42703, 42701, 42P10.
pub(super) fn target_columns(relation: &RelationRef, names: &[SmolStr]) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok(relation.live_columns().filter(|(_, c)| !c.generated).map(|(i, _)| i).collect());
    }
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        let position = relation.column(name).ok_or_else(|| {
            err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", relation.name)
        })?;
        if relation.columns[position].generated {
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

impl Session {
    /// COPY; answers the command tag.
    pub(super) async fn copy(&mut self, stmt: &CopyStmt, out: &mut Out) -> Result<String> {
        let options = copy::parse_options(&stmt.options, stmt.is_from)?;
        self.check_file_privilege(&stmt.target, stmt.is_from)?;
        let count = if stmt.is_from {
            if let Some(refusal) = self.unfit_target(stmt)? {
                // Found out when rows were already asked for: those that come are passed over.
                if matches!(stmt.target, CopyTarget::Client) {
                    let _ = out.copy_in(false, 0).await?;
                }
                return Err(refusal);
            }
            let load = self.begin_load(stmt, options)?;
            self.load(load, &stmt.target, out).await?
        } else {
            self.unload(stmt, options, out).await?
        };
        Ok(format!("COPY {count}"))
    }

    /// What keeps COPY FROM from filling a relation that is no table.
    fn unfit_target(&self, stmt: &CopyStmt) -> Result<Option<SqlError>> {
        let CopySource::Table { relation: name, .. } = &stmt.source else { return Ok(None) };
        let relation = find_relation(&self.core, name)?;
        let what = match relation.kind {
            RelKind::Table => return Ok(None),
            RelKind::View => "view",
            RelKind::MatView => "materialized view",
            RelKind::Sequence => "sequence",
            _ => "non-table relation",
        };
        let e = err!(SqlState::WRONG_OBJECT_TYPE, "cannot copy to {what} \"{}\"", relation.name);
        let hint = "To enable copying to a view, provide an INSTEAD OF INSERT trigger.";
        Ok(Some(if what == "view" { e.hint(hint) } else { e }))
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
        let latin1 = options.latin1 && options.format != Format::Binary;
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
                    sink.write(&buffer, latin1, out)?;
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
            sink.write(&buffer, latin1, out)?;
            buffer.clear();
            if sink.is_client() {
                out.flush_if_full().await?;
            }
        }
        writer.end(&mut buffer);
        sink.write(&buffer, latin1, out)?;
        sink.finish(out)?;
        Ok(count)
    }
}

/// Characters as bytes. Errors: 22P05 for one LATIN1 does not have.
fn to_latin1(bytes: &[u8]) -> Result<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let narrow = |c: char| {
        u8::try_from(u32::from(c)).map_err(|_| {
            let mut utf8 = [0; 4];
            let shown: Vec<String> = c.encode_utf8(&mut utf8).bytes().map(|b| format!("0x{b:02x}")).collect();
            err!(
                SqlState::UNTRANSLATABLE_CHARACTER,
                "character with byte sequence {} in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
                shown.join(" ")
            )
        })
    };
    text.chars().map(narrow).collect()
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
    let relation = find_relation(core, name)?;
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
    let positions = target_columns(&relation, columns)?;
    let list: Vec<String> =
        positions.iter().map(|&p| super::view::quote_identifier(&relation.columns[p].name).into_owned()).collect();
    let view = core.view();
    let schema = view.schema_name(relation.schema).unwrap_or_default();
    let table = format!("{}.{}", super::view::quote_identifier(&schema), super::view::quote_identifier(&relation.name));
    let sql = format!("SELECT {} FROM ONLY {table}", list.join(", "));
    let mut parsed = crate::sql::parser::parse(&sql)?;
    parsed.pop().map(|r| r.stmt).ok_or_else(|| SqlError::internal("COPY made no query"))
}

pub(super) fn file_error(action: &str, path: &str, e: &std::io::Error, purpose: &str) -> SqlError {
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

pub(super) fn open_file(path: &str) -> Result<std::fs::File> {
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

    fn write(&mut self, bytes: &[u8], latin1: bool, out: &mut Out) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let narrow = if latin1 { Some(to_latin1(bytes)?) } else { None };
        let bytes = narrow.as_deref().unwrap_or(bytes);
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
