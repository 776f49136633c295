//! A query level's state: its range table, what is visible by name, and the calls lifted out of its expressions.

use super::{Binder, output_ref};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::objects::RelationRef;
use crate::sql::plan::{
    AggCall, Callee, ColId, CteId, Expr, ExprKind, Output, Rel, Scan, ScanColumn, TableSample, WindowCall, WindowSpec,
};
use crate::sql::types::{Oid, Type};
use smallvec::SmallVec;
use smol_str::SmolStr;

/// What a `ColId` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A column of a range table entry or an output.
    Plain,
    /// An aggregate's result.
    Aggregate,
    /// GROUPING(...)
    Grouping,
    /// A window function's result.
    Window,
    /// A set-returning function's column; nested calls have higher levels.
    Srf(u8),
}

/// The side table's entry of one `ColId`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Col {
    /// Query level it belongs to: length of the scope stack.
    pub depth: u32,
    pub what: What,
    /// Range table entry and column position there, when it is one.
    pub rte: u32,
    pub attr: u16,
    /// Table and attribute number it comes from unchanged.
    pub origin: Option<(Oid, i16)>,
}

/// A range table entry.
#[derive(Debug)]
pub(super) struct Rte {
    /// Name it is known by.
    pub alias: SmolStr,
    /// Whether an alias was written.
    pub aliased: bool,
    pub kind: RteKind,
    pub cols: Vec<RteCol>,
    /// System columns, row key, whole row: allocated when used.
    pub system: SmallVec<[(ScanColumn, ColId); 2]>,
    /// Query level.
    pub depth: u32,
}

/// Kinds of range table entries.
#[derive(Debug)]
pub(super) enum RteKind {
    /// A stored or system relation.
    Relation { relation: RelationRef, schema: SmolStr, sample: Option<Box<TableSample>> },
    /// Anything with a plan of its own; a view keeps its relation for whole-row references.
    Plan { rel: Option<Box<Rel>>, view: Option<RelationRef> },
    /// A function with one scalar or composite result: `composite` is the whole row's type.
    Function { rel: Option<Box<Rel>>, whole: WholeRow },
    /// A join with merged columns or an alias.
    Join,
    /// The target of a data-modifying statement as seen by ON CONFLICT's `excluded`: no plan.
    Row { relation: RelationRef },
}

/// What a whole-row reference to a function in FROM means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WholeRow {
    /// The scalar itself.
    Scalar,
    /// A named composite type.
    Composite(Oid),
    /// An anonymous record.
    Record,
}

/// A column of a range table entry.
#[derive(Clone, Debug)]
pub(super) struct RteCol {
    pub name: SmolStr,
    pub ty: Type,
    pub collation: Oid,
    pub source: ColSource,
}

/// Where a column's value is.
#[derive(Clone, Debug)]
pub(super) enum ColSource {
    /// Not referenced so far.
    Unused,
    /// Allocated.
    Id(ColId),
    /// A dropped column.
    Dropped,
    /// A join's column that is another entry's.
    Ref(u32, u16),
    /// A join's merged column.
    Merged(Box<Expr>),
}

/// One entry of the namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct NsItem {
    pub rte: u32,
    pub rel_visible: bool,
    pub cols_visible: bool,
    pub lateral_only: bool,
    pub lateral_ok: bool,
}

/// Where an expression stands (`ParseExprKind`): decides what it may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    None,
    Other,
    JoinOn,
    FromSubselect,
    FromFunction,
    Where,
    Having,
    Filter,
    WindowPartition,
    WindowOrder,
    WindowFrameRange,
    WindowFrameRows,
    WindowFrameGroups,
    SelectTarget,
    UpdateSource,
    MergeWhen,
    GroupBy,
    OrderBy,
    DistinctOn,
    Limit,
    Offset,
    Returning,
    Values,
    ValuesSingle,
    CheckConstraint,
    DomainCheck,
    ColumnDefault,
    FunctionDefault,
    IndexExpression,
    IndexPredicate,
    AlterColTransform,
    ExecuteParameter,
    TriggerWhen,
    CallArgument,
    CopyWhere,
    GeneratedColumn,
}

impl Place {
    /// `ParseExprKindName`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None | Self::Other => "unknown expression kind",
            Self::JoinOn => "JOIN/ON",
            Self::FromSubselect => "sub-SELECT in FROM",
            Self::FromFunction => "function in FROM",
            Self::Where => "WHERE",
            Self::Having => "HAVING",
            Self::Filter => "FILTER",
            Self::WindowPartition => "window PARTITION BY",
            Self::WindowOrder => "window ORDER BY",
            Self::WindowFrameRange => "window RANGE",
            Self::WindowFrameRows => "window ROWS",
            Self::WindowFrameGroups => "window GROUPS",
            Self::SelectTarget => "SELECT",
            Self::UpdateSource => "UPDATE",
            Self::MergeWhen => "MERGE WHEN",
            Self::GroupBy => "GROUP BY",
            Self::OrderBy => "ORDER BY",
            Self::DistinctOn => "DISTINCT ON",
            Self::Limit => "LIMIT",
            Self::Offset => "OFFSET",
            Self::Returning => "RETURNING",
            Self::Values | Self::ValuesSingle => "VALUES",
            Self::CheckConstraint | Self::DomainCheck => "CHECK",
            Self::ColumnDefault | Self::FunctionDefault => "DEFAULT",
            Self::IndexExpression => "index expression",
            Self::IndexPredicate => "index predicate",
            Self::AlterColTransform => "USING",
            Self::ExecuteParameter => "EXECUTE",
            Self::TriggerWhen => "WHEN",
            Self::CallArgument => "CALL",
            Self::CopyWhere => "WHERE",
            Self::GeneratedColumn => "GENERATED AS",
        }
    }
}

impl Place {
    /// The place as messages about calls that may not stand there name it.
    pub fn long_name(self) -> &'static str {
        match self {
            Self::JoinOn => "JOIN conditions",
            Self::FromFunction => "functions in FROM",
            Self::MergeWhen => "MERGE WHEN conditions",
            Self::CheckConstraint | Self::DomainCheck => "check constraints",
            Self::ColumnDefault | Self::FunctionDefault => "DEFAULT expressions",
            Self::IndexExpression => "index expressions",
            Self::IndexPredicate => "index predicates",
            Self::AlterColTransform => "transform expressions",
            Self::ExecuteParameter => "EXECUTE parameters",
            Self::TriggerWhen => "trigger WHEN conditions",
            Self::CallArgument => "CALL arguments",
            Self::CopyWhere => "COPY FROM WHERE conditions",
            Self::GeneratedColumn => "column generation expressions",
            _ => self.name(),
        }
    }
}

/// A set-returning call lifted out of an expression.
#[derive(Clone, Debug)]
pub(super) struct Srf {
    pub output: Output,
    pub level: u8,
    pub call: Expr,
}

/// A window of this level, by name or from an OVER clause.
#[derive(Clone, Debug)]
pub(super) struct NamedWindow {
    pub name: Option<SmolStr>,
    pub spec: WindowSpec,
    /// A frame was written.
    pub framed: bool,
}

/// A query level.
#[derive(Debug)]
pub(super) struct Scope {
    pub ns: Vec<NsItem>,
    pub rtes: Vec<u32>,
    pub place: Place,
    pub lateral_active: bool,
    /// Entries referenced sideways while FROM is bound.
    pub lateral_refs: Vec<u32>,
    /// Names do not reach further out (views, stored expressions).
    pub barrier: bool,
    pub aggs: Vec<(Output, AggCall)>,
    pub groupings: Vec<(Output, Vec<Expr>, Option<u32>)>,
    pub windows: Vec<NamedWindow>,
    pub calls: Vec<(Output, WindowCall)>,
    pub srfs: Vec<Srf>,
    /// Target of INSERT, UPDATE, DELETE, MERGE.
    pub target: Option<u32>,
    /// Type of VALUE in a domain's CHECK.
    pub value: Option<Type>,
    /// FOR UPDATE and the like of this level, with what outer levels pass down.
    pub locking: super::locking::Pushed,
    /// Reads the recursive query whose term this is.
    pub self_reference: bool,
    /// Entries that an outer join may turn to NULLs.
    pub nullable: Vec<u32>,
}

impl Scope {
    pub fn new() -> Self {
        Self {
            ns: Vec::new(),
            rtes: Vec::new(),
            place: Place::None,
            lateral_active: false,
            lateral_refs: Vec::new(),
            barrier: false,
            aggs: Vec::new(),
            groupings: Vec::new(),
            windows: Vec::new(),
            calls: Vec::new(),
            srfs: Vec::new(),
            target: None,
            value: None,
            locking: Vec::new(),
            self_reference: false,
            nullable: Vec::new(),
        }
    }
}

/// A WITH query in sight.
#[derive(Clone, Debug)]
pub(super) struct CteEntry {
    pub id: CteId,
    pub name: SmolStr,
    pub columns: Vec<RteCol>,
    pub references: usize,
    pub state: CteState,
    /// A data-modifying one: it may lack RETURNING.
    pub returns: bool,
}

/// How far a WITH query is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CteState {
    /// Known by name only: a later sibling.
    Forward,
    /// Its own non-recursive term is being bound.
    Opening,
    /// Its recursive term is being bound.
    Recursive,
    /// Done.
    Ready,
}

impl Binder<'_> {
    pub(super) fn scope(&self) -> &Scope {
        &self.scopes[self.scopes.len() - 1]
    }

    pub(super) fn scope_mut(&mut self) -> &mut Scope {
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// Sets where the next expressions stand, answering the former place.
    pub(super) fn enter(&mut self, place: Place) -> Place {
        std::mem::replace(&mut self.scope_mut().place, place)
    }

    /// Runs `f` with expressions standing at `place`.
    pub(super) fn at_place<T>(&mut self, place: Place, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.enter(place);
        let result = f(self);
        self.enter(before);
        result
    }

    /// Adds a range table entry to the current level.
    pub(super) fn add_rte(&mut self, alias: SmolStr, aliased: bool, kind: RteKind, cols: Vec<RteCol>) -> u32 {
        let rte = self.rtes.len() as u32;
        let depth = self.scopes.len() as u32;
        for (i, col) in cols.iter().enumerate() {
            if let ColSource::Id(id) = col.source {
                let entry = &mut self.cols[id.0 as usize];
                (entry.depth, entry.rte, entry.attr, entry.what) = (depth, rte, i as u16, What::Plain);
            }
        }
        self.rtes.push(Rte { alias, aliased, kind, cols, system: SmallVec::new(), depth });
        self.scope_mut().rtes.push(rte);
        rte
    }

    /// Columns of an entry from a plan's outputs, renamed by an alias list.
    pub(super) fn output_cols(outputs: &[Output]) -> Vec<RteCol> {
        let col = |o: &Output| RteCol { name: o.name.clone(), ty: o.ty, collation: o.collation, source: ColSource::Id(o.id) };
        outputs.iter().map(col).collect()
    }

    /// A column of an entry as an expression, allocating it on first use.
    pub(super) fn rte_column(&mut self, rte: u32, attr: usize) -> Expr {
        let col = &self.rtes[rte as usize].cols[attr];
        let (ty, collation) = (col.ty, col.collation);
        let id = match &col.source {
            ColSource::Id(id) => *id,
            ColSource::Merged(e) => return (**e).clone(),
            ColSource::Ref(r, c) => return self.rte_column(*r, *c as usize),
            ColSource::Dropped => return Expr::constant(crate::sql::types::Datum::Null, ty),
            ColSource::Unused => self.allocate(rte, attr),
        };
        let mut e = Expr::column(id, ty);
        e.collation = collation;
        e
    }

    fn allocate(&mut self, rte: u32, attr: usize) -> ColId {
        let id = ColId(self.cols.len() as u32);
        let entry = &mut self.rtes[rte as usize];
        entry.cols[attr].source = ColSource::Id(id);
        let origin = match &entry.kind {
            RteKind::Relation { relation, .. } | RteKind::Row { relation } => Some((relation.oid, attr as i16 + 1)),
            _ => None,
        };
        self.cols.push(Col { depth: entry.depth, what: What::Plain, rte, attr: attr as u16, origin });
        id
    }

    /// A system column, row key or whole row of a relation.
    pub(super) fn rte_system(&mut self, rte: u32, what: ScanColumn) -> ColId {
        let entry = &self.rtes[rte as usize];
        if let Some((_, id)) = entry.system.iter().find(|(w, _)| *w == what) {
            return *id;
        }
        let depth = entry.depth;
        let id = ColId(self.cols.len() as u32);
        self.cols.push(Col { depth, what: What::Plain, rte, attr: u16::MAX, origin: None });
        self.rtes[rte as usize].system.push((what, id));
        id
    }

    /// The plan of a range table entry with the columns in use; call once, when all references are known.
    pub(super) fn rte_plan(&mut self, rte: u32) -> Rel {
        let entry = &mut self.rtes[rte as usize];
        let system = std::mem::take(&mut entry.system);
        match &mut entry.kind {
            RteKind::Relation { relation, schema, sample } => {
                let mut columns = Vec::with_capacity(entry.cols.len());
                for (i, col) in entry.cols.iter().enumerate() {
                    if let ColSource::Id(id) = col.source {
                        let output = Output { id, name: col.name.clone(), ty: col.ty, collation: col.collation };
                        columns.push((output, ScanColumn::Column(i as u16)));
                    }
                }
                for (what, id) in system {
                    let (name, ty) = system_output(what, relation.row_type);
                    columns.push((Output { id, name: SmolStr::new_static(name), ty: ty.into(), collation: Oid::INVALID }, what));
                }
                Rel::Scan(Scan {
                    relation: RelationRef::clone(relation),
                    schema: schema.clone(),
                    alias: entry.alias.clone(),
                    columns,
                    rte,
                    sample: sample.take(),
                })
            }
            RteKind::Plan { rel, .. } | RteKind::Function { rel, .. } => {
                let rel = rel.take().map_or(Rel::Empty { columns: Vec::new() }, |r| *r);
                match system.first() {
                    Some((_, whole)) => self.with_whole_row(rte, rel, *whole),
                    None => rel,
                }
            }
            RteKind::Join | RteKind::Row { .. } => Rel::Empty { columns: Vec::new() },
        }
    }

    /// Adds the whole row as a column of its own, so that an outer join above makes it NULL as a whole.
    fn with_whole_row(&mut self, rte: u32, rel: Rel, whole: ColId) -> Rel {
        let entry = &self.rtes[rte as usize];
        let mut exprs: Vec<(Output, Expr)> = Vec::with_capacity(entry.cols.len() + 1);
        for col in &entry.cols {
            if let ColSource::Id(id) = col.source {
                let output = Output { id, name: col.name.clone(), ty: col.ty, collation: col.collation };
                exprs.push((output.clone(), output_ref(&output)));
            }
        }
        let row = self.row_of(rte);
        let output = Output { id: whole, name: entry.alias.clone(), ty: row.ty, collation: Oid::INVALID };
        exprs.push((output, row));
        Rel::Project { input: Box::new(rel), exprs }
    }

    /// ROW(all columns) of an entry, typed as its composite type or record.
    pub(super) fn row_of(&self, rte: u32) -> Expr {
        let entry = &self.rtes[rte as usize];
        let mut fields = Vec::with_capacity(entry.cols.len());
        let mut names = Vec::with_capacity(entry.cols.len());
        for col in &entry.cols {
            let e = match &col.source {
                ColSource::Id(id) => Expr::column(*id, col.ty),
                _ => continue,
            };
            fields.push(e);
            names.push(col.name.clone());
        }
        Expr::new(ExprKind::Row { fields, names }, self.whole_row_type(rte))
    }

    /// Type of a whole-row reference.
    pub(super) fn whole_row_type(&self, rte: u32) -> Oid {
        match &self.rtes[rte as usize].kind {
            RteKind::Relation { relation, .. } | RteKind::Row { relation } | RteKind::Plan { view: Some(relation), .. } => {
                relation.row_type
            }
            RteKind::Function { whole: WholeRow::Composite(oid), .. } => *oid,
            _ => Oid::RECORD,
        }
    }

    /// Whether an expression contains a set-returning call's column of the current level.
    pub(super) fn srf_level(&self, e: &Expr) -> u8 {
        if self.scope().srfs.is_empty() {
            return 0;
        }
        let mut level = 0;
        self.visit_columns(e, &mut |col, _| {
            if let What::Srf(l) = col.what
                && col.depth as usize == self.scopes.len()
            {
                level = level.max(l);
            }
        });
        level
    }

    /// Calls `f` for every column an expression refers to, in subqueries too.
    pub(super) fn visit_columns(&self, e: &Expr, f: &mut dyn FnMut(&Col, ColId)) {
        match &e.kind {
            ExprKind::Column(id) => f(&self.cols[id.0 as usize], *id),
            ExprKind::Subquery(sub) => sub.plan.each_expr(&mut |inner| self.visit_columns(inner, f)),
            _ => {}
        }
        e.each_child(&mut |child| self.visit_columns(child, f));
    }

    /// Records a set-returning call of the current level and answers its column.
    pub(super) fn lift_srf(
        &mut self,
        callee: Callee,
        args: Vec<Expr>,
        ty: Type,
        collation: Oid,
        pos: usize,
        name: &str,
    ) -> Result<Expr> {
        let level = 1 + args.iter().map(|a| self.srf_level(a)).max().unwrap_or(0);
        let call = Expr { kind: ExprKind::SetReturning { callee, args }, ty, collation, pos: Some(pos as u32) };
        let id = self.new_col(What::Srf(level));
        let output = Output { id, name: name.into(), ty, collation };
        self.scope_mut().srfs.push(Srf { output, level, call });
        let mut e = Expr::column(id, ty);
        e.collation = collation;
        e.pos = Some(pos as u32);
        Ok(e)
    }

    /// Counts a relation as used with a table lock mode.
    pub(super) fn use_relation(&mut self, relation: &RelationRef, mode: u8) {
        use crate::sql::catalog::objects::Persistence;
        self.uses_temp |= relation.persistence == Persistence::Temporary;
        match self.relations.iter_mut().find(|(r, _)| r.oid == relation.oid) {
            Some((_, m)) => *m = (*m).max(mode),
            None => self.relations.push((RelationRef::clone(relation), mode)),
        }
    }

    /// Errors of a place that allows no variables. Errors: 42P10.
    pub(super) fn check_variable_free(&self, e: &Expr, what: &str) -> Result<()> {
        let mut found = false;
        let depth = self.scopes.len() as u32;
        self.visit_columns(e, &mut |col, _| found |= col.depth == depth);
        if found {
            let error = err!(SqlState::INVALID_COLUMN_REFERENCE, "argument of {what} must not contain variables");
            return Err(super::same::at(error, super::same::first_column(e)));
        }
        Ok(())
    }
}

/// Name and type of what a scan reads besides columns.
fn system_output(what: ScanColumn, row_type: Oid) -> (&'static str, Oid) {
    match what {
        ScanColumn::TableOid => ("tableoid", Oid::OID),
        ScanColumn::Ctid => ("ctid", Oid::TID),
        ScanColumn::Xmin => ("xmin", Oid::XID),
        ScanColumn::Xmax => ("xmax", Oid::XID),
        ScanColumn::Cmin => ("cmin", Oid::CID),
        ScanColumn::Cmax => ("cmax", Oid::CID),
        ScanColumn::RowKey => ("row key", Oid::BYTEA),
        ScanColumn::WholeRow | ScanColumn::Column(_) => ("whole row", row_type),
    }
}

/// A system column by name.
pub(super) fn system_column(name: &str) -> Option<(ScanColumn, Oid)> {
    let column = match name {
        "tableoid" => ScanColumn::TableOid,
        "ctid" => ScanColumn::Ctid,
        "xmin" => ScanColumn::Xmin,
        "xmax" => ScanColumn::Xmax,
        "cmin" => ScanColumn::Cmin,
        "cmax" => ScanColumn::Cmax,
        _ => return None,
    };
    Some((column, system_output(column, Oid::INVALID).1))
}
