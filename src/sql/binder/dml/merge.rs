//! MERGE: the joined rows and what each WHEN does with them.

use super::assign::Value;
use super::insert::ColumnValues;
use super::{Binder, Change, TargetEntry};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::binder::Bound;
use crate::sql::binder::scope::{NsItem, Place};
use crate::sql::catalog::lookup::acl;
use crate::sql::catalog::objects::RelKind;
use crate::sql::parser::ast::{self, MergeStmt};
use crate::sql::plan::{Expr, JoinKind, MergeAction, MergeWhen, Modify, ModifyAction, Rel, ScanColumn};

impl Binder<'_> {
    pub(crate) fn merge(&mut self, stmt: &MergeStmt) -> Result<Bound> {
        if let Some(with) = &stmt.with
            && with.recursive
        {
            return Err(err!(SqlState::SYNTAX_ERROR, "WITH RECURSIVE is not supported for MERGE statement"));
        }
        self.modify_level(stmt.with.as_deref(), |b| b.merge_body(stmt))
    }

    fn merge_body(&mut self, stmt: &MergeStmt) -> Result<Modify> {
        let mut final_when = [false, false];
        for when in &stmt.whens {
            let slot = &mut final_when[usize::from(when.matched)];
            if *slot {
                let message = "unreachable WHEN clause specified after unconditional WHEN clause";
                return Err(err!(SqlState::SYNTAX_ERROR, "{message}"));
            }
            *slot = when.condition.is_none();
        }
        let relation = self.target_relation(&stmt.relation)?;
        if relation.kind != RelKind::Table {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot execute MERGE on relation \"{}\"", relation.name)
                .detail("This operation is not supported for views."));
        }
        let alias = stmt.relation.alias.as_ref();
        let target = self.scanned_target(&relation, alias, Change::Update)?;
        let (source_tree, namespace) = self.range_item(&stmt.source)?;
        let target_name = self.rtes[target.seen_rte as usize].alias.clone();
        for item in namespace.iter().filter(|i| i.rel_visible) {
            if self.rtes[item.rte as usize].alias == target_name {
                return Err(err!(SqlState::DUPLICATE_ALIAS, "name \"{target_name}\" specified more than once")
                    .detail("The name is used both as MERGE target table and data source."));
            }
        }
        self.scope_mut().ns.extend(namespace.iter().copied());
        self.release_target();
        let on = self.condition(&stmt.on, Place::JoinOn, "JOIN/ON")?;
        let both: Vec<NsItem> = self.scope().ns.clone();
        let source_only: Vec<NsItem> = both.iter().filter(|i| i.rte != target.seen_rte).copied().collect();
        let mut whens = Vec::with_capacity(stmt.whens.len());
        for when in &stmt.whens {
            self.only(if when.matched { &both } else { &source_only });
            let condition = when.condition.as_ref().map(|e| self.condition(e, Place::MergeWhen, "WHEN")).transpose()?;
            let action = self.merge_action(&target, &when.action)?;
            whens.push(MergeWhen { matched: when.matched, condition, action });
        }
        self.check_target_reads(&target)?;
        let (_, new_row) = self.row_entry(&target.base, target_name, alias.is_some());
        let rules = self.row_rules(&target.base, &new_row, Vec::new())?;
        let row_key = self.rte_system(target.base_rte, ScanColumn::RowKey);
        let old_row = self.all_columns(target.base_rte);
        let left = Box::new(self.plan_from(source_tree)?);
        let right = Box::new(self.rte_plan(target.base_rte));
        let kind = if stmt.whens.iter().any(|w| !w.matched) { JoinKind::Left } else { JoinKind::Inner };
        let on = crate::sql::binder::join::conjuncts(on);
        let source = Rel::Join { kind, left, right, on, lateral: false };
        Ok(Modify {
            relation: target.base,
            action: ModifyAction::Merge { row_key, old_row, whens },
            source,
            returning: Vec::new(),
            new_row,
            checks: rules.checks,
            generated: rules.generated,
            index_exprs: rules.index_exprs,
            table_oid_col: None,
        })
    }

    fn merge_action(&mut self, target: &TargetEntry, action: &ast::MergeAction) -> Result<MergeAction> {
        Ok(match action {
            ast::MergeAction::Nothing => MergeAction::Nothing,
            ast::MergeAction::Delete => {
                self.check_target_privilege(target, acl::DELETE, &[])?;
                MergeAction::Delete
            }
            ast::MergeAction::Update(set) => {
                let set = self.set_list(target, set, None)?;
                let columns: Vec<u16> = set.iter().map(|(a, _)| *a).collect();
                self.check_target_privilege(target, acl::UPDATE, &columns)?;
                MergeAction::Update(set)
            }
            ast::MergeAction::Insert { columns, overriding, values } => {
                let columns = self.insert_columns(target, columns)?;
                self.check_target_privilege(target, acl::INSERT, &[])?;
                self.merge_insert(target, columns, *overriding, values.as_deref())?
            }
        })
    }

    fn merge_insert(
        &mut self,
        target: &TargetEntry,
        columns: Vec<super::insert::IntoColumn<'_>>,
        overriding: Option<ast::Overriding>,
        values: Option<&[ast::Expr]>,
    ) -> Result<MergeAction> {
        let mut cells: Vec<ColumnValues> = Vec::new();
        if let Some(values) = values {
            let place = self.enter(Place::ValuesSingle);
            if values.len() > columns.len() {
                let pos = values[columns.len()].location();
                return Err(err!(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns").at(pos));
            }
            if values.len() < columns.len() && columns.iter().any(|c| c.pos > 0) {
                let pos = columns[values.len()].pos;
                return Err(err!(SqlState::SYNTAX_ERROR, "INSERT has more target columns than expressions").at(pos));
            }
            let row = values.iter().map(|e| self.value(e)).collect::<Result<Vec<Value>>>()?;
            self.insert_row(target, &columns, row, 0, &mut cells)?;
            self.enter(place);
        }
        let mut out: Vec<Option<Expr>> = Vec::with_capacity(target.base.columns.len());
        for attr in 0..target.base.columns.len() {
            let given = cells.iter().position(|c| c.attr as usize == attr).map(|i| cells.swap_remove(i));
            let value = match given.and_then(|c| c.cells.into_iter().next()) {
                Some(cell) if !Self::check_inserted(target, attr as u16, cell.is_none(), overriding)? => cell,
                _ if target.base.columns[attr].dropped => None,
                _ => self.column_default(&target.base, attr)?,
            };
            out.push(value);
        }
        Ok(MergeAction::Insert(out))
    }
}
