//! Changing data through views: the view's columns become expressions over its table (automatically updatable views).

use super::{Binder, Change, TargetEntry, plain_target};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::from::{rename, visible};
use crate::sql::binder::scope::{ColSource, Place, RteCol, RteKind, What};
use crate::sql::binder::view::parse_view;
use crate::sql::catalog::objects::{CheckOption, RelKind, RelationRef};
use crate::sql::parser::ast::{Alias, Distinct, FromItem, RangeVar, SelectBody, SelectCore, SelectStmt};
use crate::sql::plan::{Expr, ExprKind};

/// A view's parts over its table's entry.
struct ViewParts {
    exprs: Vec<Expr>,
    qual: Option<Expr>,
}

/// Which columns of a view can be changed through it; `None` for a view that is not automatically updatable.
pub fn updatable_columns(cx: &crate::sql::binder::BindContext<'_>, view: &RelationRef) -> Option<Vec<bool>> {
    let mut params = crate::sql::binder::Params::none();
    let mut binder = Binder::new(cx, &mut params);
    let target =
        binder.in_scope(crate::sql::binder::scope::Scope::new(), |b| b.view_target(view, None, Change::Delete, false)).ok()?;
    Some(target.map.iter().map(Option::is_some).collect())
}

impl Binder<'_> {
    /// The target behind a view. `row` for an entry of new rows, else the table is to be scanned. Errors: 55000.
    pub(super) fn view_target(
        &mut self,
        view: &RelationRef,
        alias: Option<&Alias>,
        change: Change,
        row: bool,
    ) -> Result<TargetEntry> {
        if self.views.contains(&view.oid) {
            let name = &view.name;
            return Err(err!(SqlState::INVALID_OBJECT_DEFINITION, "infinite recursion detected in rules for relation \"{name}\""));
        }
        let query = parse_view(view.view.as_ref().map_or("", |v| &v.sql))?;
        let (core, table) = updatable(&query).map_err(|detail| not_updatable(view, change, detail))?;
        self.views.push(view.oid);
        let role = self.role.replace(view.owner);
        let result = self.view_over(view, core, table, change, row);
        self.role = role;
        self.views.pop();
        let (inner, parts) = result.map_err(|mut e| {
            e.fields_mut().position = None;
            e
        })?;
        self.view_entry(view, alias, inner, parts)
    }

    fn view_over(
        &mut self,
        view: &RelationRef,
        core: &SelectCore,
        table: &RangeVar,
        change: Change,
        row: bool,
    ) -> Result<(TargetEntry, ViewParts)> {
        let relation = self.open_relation(table)?;
        self.use_relation(&relation, 2);
        let alias = table.alias.as_ref();
        let inner = match relation.kind {
            RelKind::View => self.view_target(&relation, alias, change, row)?,
            RelKind::Table if row => {
                let name = alias.map_or_else(|| relation.name.clone(), |a| a.name.clone());
                let (rte, _) = self.row_entry(&relation, name, alias.is_some());
                rename(&mut self.rtes[rte as usize].cols, alias)?;
                plain_target(&relation, rte)
            }
            RelKind::Table => {
                let rte = self.add_relation(RelationRef::clone(&relation), alias)?;
                plain_target(&relation, rte)
            }
            _ => {
                let detail = "Views that do not select from a single table or view are not automatically updatable.";
                return Err(not_updatable(view, change, detail));
            }
        };
        let ctes = std::mem::take(&mut self.ctes);
        let ns = std::mem::replace(&mut self.scope_mut().ns, vec![visible(inner.seen_rte)]);
        let barrier = std::mem::replace(&mut self.scope_mut().barrier, true);
        let parts = self.view_parts(core);
        self.scope_mut().barrier = barrier;
        self.scope_mut().ns = ns;
        self.ctes = ctes;
        let parts = parts?;
        self.check_calls(view, change, &parts)?;
        Ok((inner, parts))
    }

    fn view_parts(&mut self, core: &SelectCore) -> Result<ViewParts> {
        let mut targets = self.target_list(&core.targets, Place::SelectTarget)?;
        self.resolve_unknown_targets(&mut targets)?;
        for target in &mut targets {
            self.assign_collations(&mut target.expr)?;
        }
        let qual = core.where_clause.as_ref().map(|e| self.condition(e, Place::Where, "WHERE")).transpose()?;
        Ok(ViewParts { exprs: targets.into_iter().map(|t| t.expr).collect(), qual })
    }

    fn check_calls(&mut self, view: &RelationRef, change: Change, parts: &ViewParts) -> Result<()> {
        let mut detail = None;
        for e in &parts.exprs {
            self.visit_columns(e, &mut |col, _| match col.what {
                What::Aggregate | What::Grouping => {
                    detail = Some("Views that return aggregate functions are not automatically updatable.");
                }
                What::Window => detail = Some("Views that return window functions are not automatically updatable."),
                What::Srf(_) => detail = Some("Views that return set-returning functions are not automatically updatable."),
                What::Plain => {}
            });
        }
        match detail {
            Some(detail) => Err(not_updatable(view, change, detail)),
            None => Ok(()),
        }
    }

    /// The view's own entry: its columns as expressions over the table's.
    fn view_entry(
        &mut self,
        view: &RelationRef,
        alias: Option<&Alias>,
        inner: TargetEntry,
        parts: ViewParts,
    ) -> Result<TargetEntry> {
        let mut map = Vec::with_capacity(parts.exprs.len());
        let mut cols = Vec::with_capacity(parts.exprs.len());
        for (e, column) in parts.exprs.into_iter().zip(&view.columns) {
            let plain = match e.kind {
                ExprKind::Column(id) => {
                    let col = &self.cols[id.0 as usize];
                    (col.rte == inner.base_rte && col.attr != u16::MAX).then_some(col.attr)
                }
                _ => None,
            };
            // A table column shown twice can be changed through its first appearance only.
            map.push(plain.filter(|attr| !map.contains(&Some(*attr))));
            let source = ColSource::Merged(Box::new(e));
            cols.push(RteCol { name: column.name.clone(), ty: column.ty, collation: column.collation, source });
        }
        rename(&mut cols, alias)?;
        let name = alias.map_or_else(|| view.name.clone(), |a| a.name.clone());
        let seen_rte = self.add_rte(name, alias.is_some(), RteKind::Join, cols);
        let mut quals = inner.quals;
        let mut checks = inner.checks;
        let option = view.view.as_ref().and_then(|v| v.check_option);
        if option == Some(CheckOption::Cascaded) {
            checks = quals.clone();
        }
        if let Some(qual) = parts.qual {
            if option.is_some() {
                checks.push((view.name.clone(), qual.clone()));
            }
            quals.push((view.name.clone(), qual));
        }
        Ok(TargetEntry { base: inner.base, base_rte: inner.base_rte, seen_rte, seen: RelationRef::clone(view), map, quals, checks })
    }

    /// The table column a column of the target stands for. Errors: 0A000 for a view's computed column.
    pub(super) fn base_column(&self, target: &TargetEntry, column: usize, change: Change) -> Result<u16> {
        target.map.get(column).copied().flatten().ok_or_else(|| {
            let (name, view) = (&target.seen.columns[column].name, &target.seen.name);
            let verb = if change == Change::Insert { "insert into" } else { "update" };
            err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot {verb} column \"{name}\" of view \"{view}\"")
                .detail("View columns that are not columns of their base relation are not updatable.")
        })
    }
}

/// The one table of a view that can be changed through, or why it cannot.
fn updatable(query: &SelectStmt) -> Result<(&SelectCore, &RangeVar), &'static str> {
    if query.with.is_some() {
        return Err("Views containing WITH are not automatically updatable.");
    }
    if query.limit.count.is_some() || query.limit.offset.is_some() {
        return Err("Views containing LIMIT or OFFSET are not automatically updatable.");
    }
    let single = "Views that do not select from a single table or view are not automatically updatable.";
    let core = match &query.body {
        SelectBody::Select(core) => core,
        SelectBody::SetOperation(_) => {
            return Err("Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.");
        }
        SelectBody::Values(_) => return Err(single),
    };
    if core.distinct != Distinct::No {
        return Err("Views containing DISTINCT are not automatically updatable.");
    }
    if !core.group_by.is_empty() {
        return Err("Views containing GROUP BY are not automatically updatable.");
    }
    if core.having.is_some() {
        return Err("Views containing HAVING are not automatically updatable.");
    }
    match &core.from[..] {
        [FromItem::Table(table)] => Ok((core, table)),
        [FromItem::TableSample(_)] => Err("Views containing TABLESAMPLE are not automatically updatable."),
        _ => Err(single),
    }
}

fn not_updatable(view: &RelationRef, change: Change, detail: &str) -> SqlError {
    let name = &view.name;
    let (verb, doing, event) = match change {
        Change::Insert => ("insert into", "inserting into", "INSERT"),
        Change::Update => ("update", "updating", "UPDATE"),
        Change::Delete => ("delete from", "deleting from", "DELETE"),
    };
    let hint = format!(
        "To enable {doing} the view, provide an INSTEAD OF {event} trigger or an unconditional ON {event} DO INSTEAD rule."
    );
    err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot {verb} view \"{name}\"").detail(detail).hint(hint)
}
