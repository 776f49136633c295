//! FROM (transformFromClause): relations, subqueries, WITH references, samples, and how they join.

use super::Binder;
use super::scope::{ColSource, CteState, NsItem, Place, RteCol, RteKind};
use super::select::{Purpose, nothing};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::acl;
use crate::sql::catalog::objects::{RelKind, Relation, RelationRef};
use crate::sql::parser::ast::{self, Alias, FromItem, FromSubquery, RangeVar};
use crate::sql::plan::{CteId, Expr, JoinKind, Output, Rel, ScanColumn, TableSample};
use crate::sql::types::Oid;
use smallvec::SmallVec;
use smol_str::SmolStr;

/// FROM as a tree of joins over range table entries.
pub(super) enum FromTree {
    Nothing,
    Entry(u32),
    Join { kind: JoinKind, left: Box<FromTree>, right: Box<FromTree>, on: Vec<Expr>, lateral: bool },
}

pub(super) type Namespace = SmallVec<[NsItem; 4]>;

impl Binder<'_> {
    /// Binds FROM: the tree, with the level's namespace set.
    pub(super) fn bind_from(&mut self, items: &[FromItem]) -> Result<FromTree> {
        let mut tree = FromTree::Nothing;
        for item in items {
            tree = self.join_item(tree, item)?;
        }
        for item in &mut self.scope_mut().ns {
            item.lateral_only = false;
            item.lateral_ok = true;
        }
        Ok(tree)
    }

    /// Adds one more item of the comma list.
    pub(super) fn join_item(&mut self, tree: FromTree, item: &FromItem) -> Result<FromTree> {
        let (first_rte, refs) = (self.rtes.len() as u32, self.scope().lateral_refs.len());
        let (next, namespace) = self.range_item(item)?;
        self.check_conflicts(&self.scope().ns, &namespace)?;
        let scope = self.scope_mut();
        scope.ns.extend(namespace.into_iter().map(|i| NsItem { lateral_only: true, lateral_ok: true, ..i }));
        let lateral = scope.lateral_refs[refs..].iter().any(|r| *r < first_rte);
        Ok(match tree {
            FromTree::Nothing => next,
            left => FromTree::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(next), on: Vec::new(), lateral },
        })
    }

    /// `transformFromClauseItem`.
    pub(super) fn range_item(&mut self, item: &FromItem) -> Result<(FromTree, Namespace)> {
        let rte = match item {
            FromItem::Table(table) => self.range_table(table)?,
            FromItem::Subquery(sub) => self.range_subquery(sub)?,
            FromItem::Function(function) => self.range_function(function)?,
            FromItem::TableSample(sample) => self.range_sample(sample)?,
            FromItem::Join(join) => return self.nested(|b| b.range_join(join)),
            FromItem::XmlTable(table) => return Err(SqlError::unsupported("XMLTABLE").at(table.pos)),
        };
        Ok((FromTree::Entry(rte), SmallVec::from_slice(&[visible(rte)])))
    }

    /// Two entries of one name. Errors: 42712.
    pub(super) fn check_conflicts(&self, left: &[NsItem], right: &[NsItem]) -> Result<()> {
        for a in left.iter().filter(|i| i.rel_visible) {
            let one = &self.rtes[a.rte as usize];
            for b in right.iter().filter(|i| i.rel_visible) {
                let two = &self.rtes[b.rte as usize];
                if one.alias != two.alias {
                    continue;
                }
                // The same name from two schemas is no conflict until it is used.
                let (x, y) = (one.relation_oid(), two.relation_oid());
                if !one.aliased && !two.aliased && x.is_some() && y.is_some() && x != y {
                    continue;
                }
                return Err(err!(SqlState::DUPLICATE_ALIAS, "table name \"{}\" specified more than once", two.alias));
            }
        }
        Ok(())
    }

    /// A relation, view or WITH query by name.
    fn range_table(&mut self, table: &RangeVar) -> Result<u32> {
        if table.schema.is_none()
            && let Some(index) = self.find_cte(&table.name)
        {
            return self.range_cte(index, table);
        }
        let relation = self.open_relation(table)?;
        self.trace_relation(table.pos, relation.oid);
        self.use_relation(&relation, 0);
        match relation.kind {
            RelKind::View if relation.view.is_some() => self.range_view(&relation, table.alias.as_ref()),
            RelKind::Composite => {
                let name = &relation.name;
                Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot open relation \"{name}\"")
                    .detail("This operation is not supported for composite types."))
            }
            _ => self.add_relation(relation, table.alias.as_ref()),
        }
    }

    /// Looks a relation up. Errors: 42P01, 42809, 0A000.
    pub(super) fn open_relation(&self, table: &RangeVar) -> Result<RelationRef> {
        let catalog = self.cx.catalog;
        if let Some(db) = &table.catalog
            && db != catalog.database_name()
        {
            let schema = table.schema.as_deref().unwrap_or("");
            return Err(err!(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cross-database references are not implemented: \"{db}.{schema}.{}\"",
                table.name
            )
            .at(table.pos));
        }
        let found = match &table.schema {
            Some(schema) => match catalog.schema_oid(schema) {
                Some(oid) => {
                    catalog.check_schema(self.role, oid)?;
                    catalog.relation_in(oid, &table.name)
                }
                None => None,
            },
            None => catalog.search_path().iter().find_map(|s| catalog.relation_in(*s, &table.name)),
        };
        found.ok_or_else(|| self.no_relation(table))
    }

    #[cold]
    fn no_relation(&self, table: &RangeVar) -> SqlError {
        let catalog = self.cx.catalog;
        let name = match &table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name.to_string(),
        };
        let schemas: SmallVec<[Oid; 8]> = match &table.schema {
            Some(schema) => catalog.schema_oid(schema).into_iter().collect(),
            None => catalog.search_path().iter().copied().collect(),
        };
        if schemas.iter().any(|s| catalog.class_oid(*s, &table.name).is_some()) {
            return err!(SqlState::WRONG_OBJECT_TYPE, "cannot open relation \"{}\"", table.name)
                .detail("This operation is not supported for indexes.")
                .at(table.pos);
        }
        let error = err!(SqlState::UNDEFINED_TABLE, "relation \"{name}\" does not exist").at(table.pos);
        if table.schema.is_none() && self.is_future_cte(&table.name) {
            return error
                .detail(format!(
                    "There is a WITH item named \"{}\", but it cannot be referenced from this part of the query.",
                    table.name
                ))
                .hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.");
        }
        error
    }

    /// A range table entry over a relation.
    pub(super) fn add_relation(&mut self, relation: RelationRef, alias: Option<&Alias>) -> Result<u32> {
        let cols = self.relation_cols(&relation, alias)?;
        let name = alias.map_or_else(|| relation.name.clone(), |a| a.name.clone());
        let schema = self.cx.catalog.schema_name(relation.schema).unwrap_or_default();
        Ok(self.add_rte(name, alias.is_some(), RteKind::Relation { relation, schema, sample: None }, cols))
    }

    /// Columns of a relation, renamed by an alias list.
    pub(super) fn relation_cols(&self, relation: &Relation, alias: Option<&Alias>) -> Result<Vec<RteCol>> {
        let mut renames = alias.map_or(&[][..], |a| &a.columns).iter();
        let mut cols = Vec::with_capacity(relation.columns.len());
        for column in &relation.columns {
            let (name, source) = if column.dropped {
                (SmolStr::default(), ColSource::Dropped)
            } else {
                (renames.next().unwrap_or(&column.name).clone(), ColSource::Unused)
            };
            cols.push(RteCol { name, ty: column.ty, collation: column.collation, source });
        }
        if renames.next().is_some() {
            let live = relation.live_columns().count();
            return Err(too_many_aliases(alias, live));
        }
        Ok(cols)
    }

    /// A subquery in FROM.
    fn range_subquery(&mut self, sub: &FromSubquery) -> Result<u32> {
        let name = sub.alias.as_ref().map_or(SmolStr::new_static("unnamed_subquery"), |a| a.name.clone());
        self.pending_locks = self.locks_for(&name);
        let before = std::mem::replace(&mut self.scope_mut().lateral_active, sub.lateral);
        let bound = self.at_place(Place::FromSubselect, |b| b.select(&sub.query, Purpose::Sub));
        self.scope_mut().lateral_active = before;
        self.pending_locks.clear();
        let (rel, outputs) = bound?.into_exact();
        self.add_plan(rel, &outputs, name, sub.alias.as_ref(), None)
    }

    /// A range table entry over a plan's outputs.
    pub(super) fn add_plan(
        &mut self,
        rel: Rel,
        outputs: &[Output],
        name: SmolStr,
        alias: Option<&Alias>,
        view: Option<RelationRef>,
    ) -> Result<u32> {
        let mut cols = Self::output_cols(outputs);
        rename(&mut cols, alias)?;
        Ok(self.add_rte(name, alias.is_some(), RteKind::Plan { rel: Some(Box::new(rel)), view }, cols))
    }

    /// A reference to a WITH query.
    fn range_cte(&mut self, index: usize, table: &RangeVar) -> Result<u32> {
        self.check_cte_reference(index, table.pos)?;
        self.ctes[index].references += 1;
        self.scope_mut().self_reference |= self.ctes[index].state == CteState::Recursive;
        let (id, name): (CteId, SmolStr) = (self.ctes[index].id, self.ctes[index].name.clone());
        let columns = self.ctes[index].columns.clone();
        let mut outputs = Vec::with_capacity(columns.len());
        for column in columns {
            let output = self.new_output(column.name, column.ty, column.collation);
            if let ColSource::Id(source) = column.source {
                self.cols[output.id.0 as usize].origin = self.cols[source.0 as usize].origin;
                if let Some(shape) = self.shapes.get(&source.0).cloned() {
                    self.shapes.insert(output.id.0, shape);
                }
            }
            outputs.push(output);
        }
        let rel = Rel::CteScan { cte: id, columns: outputs.clone(), name: name.clone() };
        let alias = table.alias.as_ref();
        self.add_plan(rel, &outputs, alias.map_or(name, |a| a.name.clone()), alias, None)
    }

    fn range_sample(&mut self, sample: &ast::TableSample) -> Result<u32> {
        let rte = self.range_table(&sample.relation)?;
        let method = sample.method.last().cloned().unwrap_or_default();
        if !matches!(method.as_str(), "bernoulli" | "system") {
            return Err(err!(SqlState::UNDEFINED_OBJECT, "tablesample method {method} does not exist").at(sample.pos));
        }
        if sample.args.len() != 1 {
            let n = sample.args.len();
            return Err(err!(SqlState::INVALID_TABLESAMPLE_ARGUMENT, "tablesample method {method} requires 1 argument, not {n}")
                .at(sample.pos));
        }
        let argument = |b: &mut Self, e: &ast::Expr, ty: Oid, name: &str| -> Result<Expr> {
            let e = b.expr_at(e, Place::FromFunction)?;
            b.coerce_to_specific(e, ty, name)
        };
        let percent = argument(self, &sample.args[0], Oid::FLOAT4, "TABLESAMPLE")?;
        let seed = sample.repeatable.as_ref().map(|e| argument(self, e, Oid::FLOAT8, "REPEATABLE")).transpose()?;
        match &mut self.rtes[rte as usize].kind {
            RteKind::Relation { relation, sample: slot, .. } if matches!(relation.kind, RelKind::Table | RelKind::MatView) => {
                *slot = Some(Box::new(TableSample { method, percent, seed }));
                Ok(rte)
            }
            _ => Err(err!(SqlState::WRONG_OBJECT_TYPE, "TABLESAMPLE clause can only be applied to tables and materialized views")
                .at(sample.relation.pos)),
        }
    }

    /// The plan of FROM with the columns in use.
    pub(super) fn plan_from(&mut self, tree: FromTree) -> Result<Rel> {
        Ok(match tree {
            FromTree::Nothing => nothing(),
            FromTree::Entry(rte) => {
                self.check_reads(rte)?;
                self.rte_plan(rte)
            }
            FromTree::Join { kind, left, right, on, lateral } => {
                let left = Box::new(self.nested(|b| b.plan_from(*left))?);
                let right = Box::new(self.nested(|b| b.plan_from(*right))?);
                Rel::Join { kind, left, right, on, lateral }
            }
        })
    }

    /// SELECT privilege on what is read of a relation.
    pub(super) fn check_reads(&self, rte: u32) -> Result<()> {
        let entry = &self.rtes[rte as usize];
        let relation = match &entry.kind {
            RteKind::Relation { relation, .. } | RteKind::Plan { view: Some(relation), .. } => relation,
            _ => return Ok(()),
        };
        let mut columns: SmallVec<[u16; 16]> = SmallVec::new();
        let whole = entry.system.iter().any(|(w, _)| *w == ScanColumn::WholeRow);
        for (i, col) in entry.cols.iter().enumerate() {
            match col.source {
                ColSource::Id(_) => columns.push(i as u16),
                ColSource::Unused if whole => columns.push(i as u16),
                _ => {}
            }
        }
        self.cx.catalog.check_relation(self.role, relation, acl::SELECT, &columns)
    }
}

/// A namespace entry for an item of its own.
pub(super) fn visible(rte: u32) -> NsItem {
    NsItem { rte, rel_visible: true, cols_visible: true, lateral_only: false, lateral_ok: true }
}

/// Renames columns by an alias list. Errors: 42P10.
pub(super) fn rename(cols: &mut [RteCol], alias: Option<&Alias>) -> Result<()> {
    let names = alias.map_or(&[][..], |a| &a.columns);
    if names.len() > cols.len() {
        return Err(too_many_aliases(alias, cols.len()));
    }
    for (col, name) in cols.iter_mut().zip(names) {
        col.name = name.clone();
    }
    Ok(())
}

fn too_many_aliases(alias: Option<&Alias>, available: usize) -> SqlError {
    let (name, given) = alias.map_or(("", 0), |a| (a.name.as_str(), a.columns.len()));
    err!(SqlState::INVALID_COLUMN_REFERENCE, "table \"{name}\" has {available} columns available but {given} columns specified")
}
