//! Expressions, function calls, window definitions, type names.

use super::{SelectStmt, SmolStr};

/// An expression with the location PostgreSQL gives its node (an operator's own position, a function's name, `::`).
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub node: ExprNode,
    pub pos: usize,
}

/// What an expression is. Long chains of AND / OR are flat lists.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprNode {
    /// `a`, `t.a`, `s.t.a`, `t.*`.
    Column(ColumnRef),
    /// `$1`.
    Param(i32),
    Literal(Literal),
    /// `expr[1].field`, `(row).*`.
    Indirection {
        base: Box<Expr>,
        path: Vec<Indirection>,
    },
    /// `expr::type`, `CAST(expr AS type)`, `type 'literal'`.
    Cast {
        arg: Box<Expr>,
        type_name: Box<TypeName>,
    },
    /// `expr COLLATE name`; `pos` is at COLLATE.
    Collate {
        arg: Box<Expr>,
        collation: QualNameParts,
    },
    Function(Box<FunctionCall>),
    /// Prefix operators have no `left`.
    Operator {
        op: OperatorName,
        left: Option<Box<Expr>>,
        right: Box<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// `left op ANY | SOME | ALL (array)`.
    OpArray {
        op: OperatorName,
        quantifier: Quantifier,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `left IS [NOT] DISTINCT FROM right`; the operator is `=`.
    IsDistinct {
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
    },
    /// `NULLIF(left, right)`; the operator is `=`.
    NullIf {
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `left [NOT] IN (list)`; the operator is `=`, negated `<>`.
    InList {
        left: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    /// `left [NOT] LIKE | ILIKE | SIMILAR TO right`; `op` is `~~`, `!~~`, `~~*`, `!~~*`, `~`, `!~`. With ESCAPE, `right` is a
    /// call of `pg_catalog.like_escape`; SIMILAR TO always has a call of `pg_catalog.similar_to_escape`.
    Like {
        kind: LikeKind,
        negated: bool,
        op: OperatorName,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Between {
        arg: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
        symmetric: bool,
    },
    /// `IS [NOT] NULL`, also ISNULL / NOTNULL.
    NullTest {
        arg: Box<Expr>,
        negated: bool,
    },
    BooleanTest {
        arg: Box<Expr>,
        test: BooleanTest,
    },
    Case(Box<CaseExpr>),
    Coalesce(Vec<Expr>),
    Greatest(Vec<Expr>),
    Least(Vec<Expr>),
    /// `ROW(a, b)` when `explicit`, else `(a, b)`.
    Row {
        fields: Vec<Expr>,
        explicit: bool,
    },
    /// `ARRAY[...]`, nested lists are `Array` too.
    Array(Vec<Expr>),
    /// `(SELECT ...)`, EXISTS, ARRAY(SELECT ...), `x op ANY (SELECT ...)`, `x IN (SELECT ...)`.
    SubLink(Box<SubLink>),
    /// CURRENT_DATE and the like.
    SqlValue {
        function: SqlValueFunction,
        precision: Option<i32>,
    },
    /// `GROUPING(a, b)`.
    Grouping(Vec<Expr>),
    Xml(Box<XmlExpr>),
    /// `WHERE CURRENT OF cursor`.
    CurrentOf(SmolStr),
    /// DEFAULT in VALUES lists and SET clauses.
    Default,
}

/// Parts of a qualified name where its own position is not needed.
pub type QualNameParts = Vec<SmolStr>;

/// COLLATE: the name and its position.
pub type CollateName = (QualNameParts, usize);

impl Expr {
    /// A node at a position.
    pub fn new(node: ExprNode, pos: usize) -> Self {
        Self { node, pos }
    }

    /// The leftmost position of the whole expression, as PostgreSQL's `exprLocation` finds it for type errors.
    pub fn location(&self) -> usize {
        let mut expr = self;
        let mut loc = self.pos;
        loop {
            let next = match &expr.node {
                ExprNode::Cast { arg, type_name } => {
                    loc = loc.min(type_name.pos);
                    arg
                }
                ExprNode::Indirection { base: arg, .. }
                | ExprNode::Collate { arg, .. }
                | ExprNode::NullTest { arg, .. }
                | ExprNode::BooleanTest { arg, .. }
                | ExprNode::Between { arg, .. }
                | ExprNode::Operator { left: Some(arg), .. }
                | ExprNode::OpArray { left: arg, .. }
                | ExprNode::IsDistinct { left: arg, .. }
                | ExprNode::InList { left: arg, .. }
                | ExprNode::Like { left: arg, .. } => arg,
                ExprNode::And(list) | ExprNode::Or(list) if !list.is_empty() => &list[0],
                ExprNode::Function(call) if !call.args.is_empty() => &call.args[0].value,
                ExprNode::SubLink(link) if link.test.is_some() => match &link.test {
                    Some(test) => test,
                    None => return loc,
                },
                _ => return loc,
            };
            expr = next;
            loc = loc.min(expr.pos);
        }
    }
}

/// `a.b.c` or `a.b.*`; a bare `*` has no names.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRef {
    pub names: Vec<SmolStr>,
    pub star: bool,
}

/// A literal as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Fits i32.
    Integer(i32),
    /// Every other number: digits as written, with a leading `-` when a minus was folded in.
    Float(SmolStr),
    /// Escapes already resolved.
    String(SmolStr),
    /// `B'...'` as `b...`, `X'...'` as `x...`.
    BitString(SmolStr),
    Boolean(bool),
    Null,
}

/// One step of `expr.field[1][2:3].*`.
#[derive(Debug, Clone, PartialEq)]
pub enum Indirection {
    Field(SmolStr),
    Star,
    Index(Box<Expr>),
    Slice(Option<Box<Expr>>, Option<Box<Expr>>),
}

/// An operator, qualified by `OPERATOR(schema.op)` when `schema` is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorName {
    /// More than one part only for `OPERATOR(db.schema.op)`.
    pub qualifier: Option<Box<[SmolStr]>>,
    pub symbol: SmolStr,
}

impl OperatorName {
    /// An unqualified operator.
    pub fn bare(symbol: &str) -> Self {
        Self { qualifier: None, symbol: SmolStr::new(symbol) }
    }

    /// Whether the operator is exactly this symbol, unqualified.
    pub fn is(&self, symbol: &str) -> bool {
        self.qualifier.is_none() && self.symbol == symbol
    }
}

/// ANY and SOME are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikeKind {
    Like,
    ILike,
    Similar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BooleanTest {
    IsTrue,
    IsNotTrue,
    IsFalse,
    IsNotFalse,
    IsUnknown,
    IsNotUnknown,
}

/// `CASE [arg] WHEN ... THEN ... ELSE ... END`.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseExpr {
    pub arg: Option<Expr>,
    pub whens: Vec<CaseWhen>,
    pub default: Option<Expr>,
}

/// `pos` is at WHEN.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseWhen {
    pub condition: Expr,
    pub result: Expr,
    pub pos: usize,
}

/// A query inside an expression. The expression's `pos` is PostgreSQL's: the `(` of scalar ones, the operator or IN of tests.
#[derive(Debug, Clone, PartialEq)]
pub struct SubLink {
    pub kind: SubLinkKind,
    /// Left side of ANY / ALL / IN.
    pub test: Option<Expr>,
    /// `None` for IN (which means `=`).
    pub op: Option<OperatorName>,
    pub query: SelectStmt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubLinkKind {
    Exists,
    Any,
    All,
    Scalar,
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlValueFunction {
    CurrentDate,
    CurrentTime,
    CurrentTimestamp,
    LocalTime,
    LocalTimestamp,
    CurrentRole,
    CurrentUser,
    User,
    SessionUser,
    CurrentCatalog,
    CurrentSchema,
}

/// Whether a call was written as a call or in SQL's own syntax (EXTRACT(... FROM ...), AT TIME ZONE), for printing it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallForm {
    #[default]
    Explicit,
    SqlSyntax,
}

/// A function, aggregate or window function call; `Expr::pos` is at the name (or at AT, OVERLAPS ... for SQL syntax).
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionCall {
    /// `pg_catalog` is there for SQL-syntax forms.
    pub name: Vec<SmolStr>,
    /// For WITHIN GROUP, only the direct arguments.
    pub args: Vec<FunctionArg>,
    /// ORDER BY inside the call, or the WITHIN GROUP order.
    pub order_by: Vec<SortBy>,
    pub filter: Option<Box<Expr>>,
    pub over: Option<Box<WindowDef>>,
    pub within_group: bool,
    /// `f(*)`.
    pub star: bool,
    pub distinct: bool,
    /// The last argument is marked VARIADIC.
    pub variadic: bool,
    pub form: CallForm,
}

/// An argument; `name` for `name => value`, then `pos` is at the name, otherwise at the value.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionArg {
    pub name: Option<SmolStr>,
    pub value: Expr,
    pub pos: usize,
}

/// `expr ASC | DESC | USING op NULLS FIRST | LAST`; `pos` is at the USING operator.
#[derive(Debug, Clone, PartialEq)]
pub struct SortBy {
    pub expr: Expr,
    pub direction: SortDirection,
    pub nulls: NullsOrder,
    pub pos: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortDirection {
    Default,
    Asc,
    Desc,
    Using(OperatorName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NullsOrder {
    #[default]
    Default,
    First,
    Last,
}

/// A window: an entry of the WINDOW clause (`name` is its name), `OVER name` (`name`, nothing else), or `OVER (...)`.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowDef {
    pub name: Option<SmolStr>,
    /// The existing window this one copies: `OVER (w ORDER BY x)`.
    pub ref_name: Option<SmolStr>,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortBy>,
    /// `None` when no frame was written (RANGE UNBOUNDED PRECEDING .. CURRENT ROW).
    pub frame: Option<Box<WindowFrame>>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WindowFrame {
    pub mode: FrameMode,
    pub start: FrameBound,
    /// CURRENT ROW when BETWEEN was not written.
    pub end: FrameBound,
    /// Whether BETWEEN was written.
    pub between: bool,
    pub exclusion: FrameExclusion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameMode {
    Range,
    Rows,
    Groups,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FrameExclusion {
    #[default]
    NoOthers,
    CurrentRow,
    Group,
    Ties,
}

/// XML constructors and predicates.
#[derive(Debug, Clone, PartialEq)]
pub struct XmlExpr {
    pub op: XmlOp,
    /// Element or PI name.
    pub name: Option<SmolStr>,
    /// XMLATTRIBUTES / XMLFOREST values (`name` may be absent).
    pub named_args: Vec<super::Target>,
    pub args: Vec<Expr>,
    /// DOCUMENT rather than CONTENT (XMLPARSE, XMLSERIALIZE).
    pub document: bool,
    /// PRESERVE WHITESPACE of XMLPARSE.
    pub preserve_whitespace: bool,
    /// XMLSERIALIZE's AS type.
    pub type_name: Option<TypeName>,
    /// XMLROOT's STANDALONE.
    pub standalone: Option<XmlStandalone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmlOp {
    Concat,
    Element,
    Forest,
    Parse,
    Pi,
    Root,
    Serialize,
    IsDocument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmlStandalone {
    Yes,
    No,
    NoValue,
    Omitted,
}

/// A type as written. SQL's own spellings are resolved to `pg_catalog` names (`int` -> `pg_catalog.int4`).
#[derive(Debug, Clone, PartialEq)]
pub struct TypeName {
    pub names: Vec<SmolStr>,
    pub setof: bool,
    /// `table.column%TYPE`.
    pub pct_type: bool,
    /// Modifiers as written: integers, also words for user types; INTERVAL fields are a mask as in PostgreSQL.
    pub typmods: Vec<Expr>,
    /// One entry a dimension, -1 when no bound was written.
    pub array_bounds: Vec<i32>,
    pub pos: usize,
}

impl TypeName {
    /// An unqualified or qualified name without modifiers.
    pub fn new(names: Vec<SmolStr>, pos: usize) -> Self {
        Self { names, setof: false, pct_type: false, typmods: Vec::new(), array_bounds: Vec::new(), pos }
    }

    /// `pg_catalog.name`.
    pub fn system(name: &str, pos: usize) -> Self {
        Self::new(vec![SmolStr::new_static("pg_catalog"), SmolStr::new(name)], pos)
    }
}

impl FunctionCall {
    /// A plain call.
    pub fn new(name: Vec<SmolStr>, args: Vec<FunctionArg>) -> Self {
        Self {
            name,
            args,
            order_by: Vec::new(),
            filter: None,
            over: None,
            within_group: false,
            star: false,
            distinct: false,
            variadic: false,
            form: CallForm::Explicit,
        }
    }
}
