//! What running expressions need beyond built-in code: domains' constraints, functions written in SQL, cursors.

use super::SessionCore;
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

/// Routines of one statement of a session.
pub struct SessionRoutines<'a> {
    core: &'a SessionCore,
    domains: Mutex<HashMap<Oid, Option<Arc<DomainDef>>>>,
}

impl<'a> SessionRoutines<'a> {
    /// For one statement.
    pub fn new(core: &'a SessionCore) -> Self {
        Self { core, domains: Mutex::default() }
    }

    fn load_domain(&self, ty: Oid) -> Result<Option<Arc<DomainDef>>> {
        let view = self.core.view();
        let Some(user) = view.catalog.user_type(ty) else { return Ok(None) };
        let UserTypeKind::Domain { base, not_null, .. } = &user.kind else { return Ok(None) };
        let checks = self.core.with_bind(|cx| binder::bind_domain_checks(cx, ty))?;
        Ok(Some(Arc::new(DomainDef {
            name: user.name.clone(),
            schema: view.catalog.schema(user.schema).map(|s| s.name.clone()).unwrap_or_default(),
            base: *base,
            not_null: *not_null,
            checks: checks.into_iter().filter_map(|c| Some((c.name, c.expr?))).collect(),
        })))
    }
}

impl Routines for SessionRoutines<'_> {
    fn call(&self, function: &Arc<UserFunction>, _args: &[Datum], _site: &CallSite) -> Result<Datum> {
        Err(SqlError::unsupported(format!("calling the {} function {}", function.language, function.name)))
    }

    fn call_set(&self, function: &Arc<UserFunction>, _args: &[Datum], _site: &CallSite) -> Result<RowIter> {
        Err(SqlError::unsupported(format!("calling the {} function {}", function.language, function.name)))
    }

    fn call_sql(&self, function: &'static Function, _body: &'static str, _args: &[Datum], _site: &CallSite) -> Result<Datum> {
        Err(SqlError::unsupported(format!("function {}", function.name)))
    }

    fn domain(&self, ty: Oid) -> Result<Option<Arc<DomainDef>>> {
        if let Some(known) = self.domains.lock().get(&ty) {
            return Ok(known.clone());
        }
        let loaded = self.load_domain(ty)?;
        self.domains.lock().insert(ty, loaded.clone());
        Ok(loaded)
    }

    fn cursor_row(&self, cursor: &str, _table: Oid) -> Result<Option<Datum>> {
        Err(SqlError::unsupported(format!("WHERE CURRENT OF {cursor}")))
    }
}
