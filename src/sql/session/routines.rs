//! What running expressions need beyond built-in code: domains' constraints, functions written in SQL, cursors.

use super::SessionCore;
use super::sql_function::{self, SqlFunction};
use crate::error::{Result, SqlError};
use crate::sql::binder;
use crate::sql::catalog::objects::{UserFunction, UserTypeKind};
use crate::sql::executor::context::{DomainDef, Routines, RowIter};
use crate::sql::expr::context::CallSite;
use crate::sql::expr::registry::Function;
use crate::sql::types::{Datum, Oid};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Functions prepared so far, by OID and actual argument types.
type PreparedFunctions = HashMap<(Oid, Vec<Oid>), Arc<SqlFunction>>;

/// Routines of one statement of a session.
pub struct SessionRoutines<'a> {
    core: &'a SessionCore,
    domains: Mutex<HashMap<Oid, Option<Arc<DomainDef>>>>,
    /// Bodies of functions met, by function and argument types.
    functions: Mutex<PreparedFunctions>,
}

impl<'a> SessionRoutines<'a> {
    /// For one statement.
    pub fn new(core: &'a SessionCore) -> Self {
        Self { core, domains: Mutex::default(), functions: Mutex::default() }
    }

    /// A body, prepared at its first call.
    fn prepared(&self, key: (Oid, Vec<Oid>), make: impl FnOnce() -> Result<SqlFunction>) -> Result<Arc<SqlFunction>> {
        if let Some(known) = self.functions.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        self.functions.lock().insert(key, Arc::clone(&made));
        Ok(made)
    }

    fn user(&self, function: &UserFunction, site: &CallSite) -> Result<Arc<SqlFunction>> {
        if function.language != "sql" {
            return Err(SqlError::unsupported(format!("calling the {} function {}", function.language, function.name)));
        }
        let key = (function.oid, site.arg_types.iter().map(|t| t.oid).collect());
        self.prepared(key, || sql_function::prepare(self.core, &function.body, &sql_function::signature(function, Some(site))))
    }

    fn load_domain(&self, ty: Oid) -> Result<Option<Arc<DomainDef>>> {
        let view = self.core.view();
        let Some(user) = view.catalog.user_type(ty) else { return Ok(None) };
        let UserTypeKind::Domain { base, not_null, .. } = &user.kind else { return Ok(None) };
        let checks = self.core.with_bind(|cx| binder::bind_domain_checks(cx, ty))?;
        Ok(Some(Arc::new(DomainDef {
            name: crate::sql::types::typename::format_type_be(&*view, ty).into(),
            schema: view.catalog.schema(user.schema).map(|s| s.name.clone()).unwrap_or_default(),
            base: *base,
            not_null: *not_null,
            checks: checks.into_iter().filter_map(|c| Some((c.name, c.expr?))).collect(),
        })))
    }
}

impl Routines for SessionRoutines<'_> {
    fn call(&self, function: &Arc<UserFunction>, args: &[Datum], site: &CallSite) -> Result<Datum> {
        sql_function::within(self.core, function, || self.user(function, site)?.call(self.core, args))
    }

    fn call_set(&self, function: &Arc<UserFunction>, args: &[Datum], site: &CallSite) -> Result<RowIter> {
        let rows = sql_function::within(self.core, function, || self.user(function, site)?.run(self.core, args, false))?;
        Ok(Box::new(rows.into_iter().map(|value| Ok(vec![value]))))
    }

    fn call_sql(&self, function: &'static Function, body: &'static str, args: &[Datum], site: &CallSite) -> Result<Datum> {
        let key = (function.oid, site.arg_types.iter().map(|t| t.oid).collect());
        let signature = || sql_function::builtin_signature(function, site);
        self.prepared(key, || sql_function::prepare(self.core, body, &signature()))?.call(self.core, args)
    }

    fn domain(&self, ty: Oid) -> Result<Option<Arc<DomainDef>>> {
        if let Some(known) = self.domains.lock().get(&ty) {
            return Ok(known.clone());
        }
        let loaded = self.load_domain(ty)?;
        self.domains.lock().insert(ty, loaded.clone());
        Ok(loaded)
    }

    fn cursor_row(&self, cursor: &str, table: Oid) -> Result<Option<Datum>> {
        let listing = self.core.listing.lock();
        let listed = listing.cursors.iter().find(|c| c.name == cursor).ok_or_else(|| super::cursor::no_cursor(cursor))?;
        let name = || self.core.view().catalog.relation(table).map(|r| r.name.clone()).unwrap_or_default();
        listed.row_of(table, name)
    }
}
