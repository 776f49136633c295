//! The compiled forms of expressions.

use super::in_list::InList;
use super::kernel::Kernel;
use super::subquery::SubPlan;
use crate::sql::catalog::objects::UserFunction;
use crate::sql::executor::batch::ColumnKind;
use crate::sql::expr::context::CallSite;
use crate::sql::expr::registry::{Function, ScalarFn};
use crate::sql::plan::{RowOp, SessionValue};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// An expression ready to run.
pub struct CompiledExpr {
    pub(crate) node: Node,
    /// Vector kind of its results.
    pub kind: ColumnKind,
    /// Type of its results.
    pub ty: Type,
}

/// What a call runs.
pub(crate) enum Target {
    Scalar(ScalarFn),
    Sql(&'static Function, &'static str),
    User(Arc<UserFunction>),
}

/// A function call.
pub(crate) struct CallNode {
    pub target: Target,
    pub strict: bool,
    pub volatile: bool,
    pub args: Vec<CompiledExpr>,
    pub site: CallSite,
    pub kernel: Option<Kernel>,
    /// Argument values of the row at hand.
    pub values: Vec<Datum>,
}

/// One subscript.
pub(crate) enum SubscriptNode {
    Index(CompiledExpr),
    Slice(Option<CompiledExpr>, Option<CompiledExpr>),
}

/// A domain's compiled checks, made on first use.
pub(crate) struct DomainChecks {
    pub name: SmolStr,
    pub schema: SmolStr,
    pub not_null: bool,
    pub checks: Vec<(SmolStr, CompiledExpr)>,
    /// The domain below this one.
    pub below: Option<Box<DomainChecks>>,
}

/// Forms of compiled expressions; they mirror `plan::ExprKind`.
pub(crate) enum Node {
    Const(Datum),
    /// A column of the input.
    Slot(usize),
    /// A value of an outer row.
    Outer(usize),
    Param(usize),
    CaseOperand,
    Value,
    Call(Box<CallNode>),
    And(Vec<CompiledExpr>),
    Or(Vec<CompiledExpr>),
    Not(Box<CompiledExpr>),
    IsNull {
        arg: Box<CompiledExpr>,
        negated: bool,
        row: bool,
    },
    BoolTest {
        arg: Box<CompiledExpr>,
        value: Option<bool>,
        negated: bool,
    },
    Distinct {
        eq: Box<CallNode>,
        negated: bool,
    },
    NullIf(Box<CallNode>),
    Case {
        operand: Option<Box<CompiledExpr>>,
        whens: Vec<(CompiledExpr, CompiledExpr)>,
        otherwise: Option<Box<CompiledExpr>>,
    },
    Coalesce(Vec<CompiledExpr>),
    MinMax {
        greatest: bool,
        args: Vec<CompiledExpr>,
    },
    InList(Box<InList>),
    /// The call's arguments are the left side and one array element.
    ArrayCompare {
        call: Box<CallNode>,
        any: bool,
        array: Box<CompiledExpr>,
    },
    Array {
        elements: Vec<CompiledExpr>,
        nested: bool,
        elem: Oid,
    },
    Row {
        fields: Vec<CompiledExpr>,
        ty: Oid,
        names: Arc<[SmolStr]>,
    },
    Field {
        arg: Box<CompiledExpr>,
        index: usize,
    },
    Subscript {
        arg: Box<CompiledExpr>,
        indices: Vec<SubscriptNode>,
    },
    SubscriptAssign {
        arg: Box<CompiledExpr>,
        indices: Vec<SubscriptNode>,
        value: Box<CompiledExpr>,
        elem: Oid,
    },
    FieldAssign {
        arg: Box<CompiledExpr>,
        index: usize,
        value: Box<CompiledExpr>,
    },
    RowCompare {
        op: RowOp,
        left: Vec<CompiledExpr>,
        right: Vec<CompiledExpr>,
    },
    Relabel(Box<CompiledExpr>),
    ViaIo {
        arg: Box<CompiledExpr>,
    },
    ArrayCoerce {
        arg: Box<CompiledExpr>,
        element: Box<CompiledExpr>,
        elem: Oid,
    },
    RowCoerce {
        arg: Box<CompiledExpr>,
        fields: Vec<CompiledExpr>,
    },
    Domain {
        arg: Box<CompiledExpr>,
        ty: Oid,
        checks: Option<Box<DomainChecks>>,
    },
    Subquery(Box<SubPlan>),
    SessionValue(SessionValue),
    NextVal(Oid),
    /// The key of a table's row that a cursor stands on.
    CurrentOf(SmolStr, Oid),
}

impl CompiledExpr {
    pub(crate) fn new(node: Node, ty: Type) -> Self {
        Self { node, kind: ColumnKind::of(ty.oid), ty }
    }

    /// A column of the input.
    pub fn slot(slot: usize, ty: Type) -> Self {
        Self::new(Node::Slot(slot), ty)
    }

    /// The input column this merely passes on.
    pub fn as_slot(&self) -> Option<usize> {
        match self.node {
            Node::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    /// Tells a call that answers a record which columns it is read as.
    pub fn tell_columns(&mut self, columns: Vec<(SmolStr, Type)>) {
        if let Node::Call(call) = &mut self.node {
            call.site.columns = columns;
        }
    }

    /// The constant this is.
    pub fn as_const(&self) -> Option<&Datum> {
        match &self.node {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }
}
