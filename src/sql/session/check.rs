//! `orbit-server check`: every table's rows against its indexes and constraints, in every database.

use super::server::Server;
use crate::error::Result;
use crate::sql::catalog::objects::RelKind;
use crate::sql::table::verify_table;
use std::fmt;
use std::sync::Arc;

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Tables looked at.
    pub tables: usize,
    /// Rows read.
    pub rows: u64,
    /// Index entries read.
    pub entries: u64,
    /// What is wrong, one line each.
    pub faults: Vec<String>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "fault: {fault}")?;
        }
        write!(f, "{} tables, {} rows, {} index entries, {} faults", self.tables, self.rows, self.entries, self.faults.len())
    }
}

/// Checks everything.
pub fn check_all(server: &Arc<Server>) -> Result<CheckReport> {
    let mut report = CheckReport::default();
    for database in server.catalogs.shared().databases().filter(|d| d.allow_connections) {
        let session = super::maintenance(server, database)?;
        let core = &*session.core;
        let view = core.view();
        for relation in view.catalog.relations().filter(|r| matches!(r.kind, RelKind::Table | RelKind::MatView)) {
            let exprs = super::exprs::SessionExprs::new(core);
            let found =
                super::storage::with_modifier(core, &mut Default::default(), |m| verify_table(m.cx, Some(&exprs), relation))?;
            report.tables += 1;
            report.rows += found.rows;
            report.entries += found.entries;
            report.faults.extend(found.faults.into_iter().map(|fault| format!("{}.{}: {fault}", database.name, relation.name)));
        }
    }
    Ok(report)
}
