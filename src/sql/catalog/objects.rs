//! Schema objects as the binder, planner and executor see them. Immutable behind `Arc`; a DDL statement makes new ones.
//!
//! Persisted as JSON (one key an object in the `pg_tables` keyspace), so fields can be added with `#[serde(default)]`.

use crate::sql::types::{Oid, Type};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::sync::Arc;

/// Key prefix of a table's or index's entries in the `pg_data` keyspace; changes on TRUNCATE and rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StorageId(pub u32);

/// `pg_class.relkind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelKind {
    /// Ordinary table.
    Table,
    /// View: its query is expanded where it is used.
    View,
    /// Materialised view: stored like a table.
    MatView,
    /// Sequence.
    Sequence,
    /// Composite type's row.
    Composite,
    /// pg_catalog or information_schema relation answered by code.
    System,
}

/// `pg_class.relpersistence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Persistence {
    /// Logged and durable.
    Permanent,
    /// Treated as permanent for durability; remembered for dumps.
    Unlogged,
    /// Belongs to one session.
    Temporary,
}

/// A relation: table, view, sequence...
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relation {
    /// `pg_class.oid`
    pub oid: Oid,
    /// Schema.
    pub schema: Oid,
    /// Name.
    pub name: SmolStr,
    /// Owning role.
    pub owner: Oid,
    /// What it is.
    pub kind: RelKind,
    /// Persistence.
    pub persistence: Persistence,
    /// Row type (`pg_class.reltype`) and its array type.
    pub row_type: Oid,
    /// Array type over the row type.
    pub row_array_type: Oid,
    /// Columns in attribute order, dropped ones included (attnum = position + 1).
    pub columns: Vec<Column>,
    /// Where rows live (tables, materialised views).
    pub storage: StorageId,
    /// Indexes; the primary key's (if any) is the clustering one and has index number 0 within `storage`.
    pub indexes: Vec<Index>,
    /// Table constraints other than NOT NULL.
    pub constraints: Vec<Constraint>,
    /// The defining query of a view or materialised view.
    pub view: Option<ViewDef>,
    /// Sequence parameters.
    pub sequence: Option<SequenceDef>,
    /// Storage parameters (`WITH (...)`) as given; hints only.
    pub options: Vec<(SmolStr, SmolStr)>,
    /// Grants: None for the default.
    pub acl: Option<Vec<AclItem>>,
    /// ON COMMIT action of a temporary table.
    pub on_commit: OnCommit,
    /// Whether a materialised view holds data.
    pub populated: bool,
    /// What is kept for other programs to read.
    #[serde(default)]
    pub notes: RelationNotes,
}

impl Relation {
    /// A relation of which no more is said: without columns, row type and storage of its own.
    pub fn new(oid: Oid, schema: Oid, name: impl Into<SmolStr>, owner: Oid, kind: RelKind) -> Self {
        Self {
            oid,
            schema,
            name: name.into(),
            owner,
            kind,
            persistence: Persistence::Permanent,
            row_type: Oid::INVALID,
            row_array_type: Oid::INVALID,
            columns: Vec::new(),
            storage: StorageId(0),
            indexes: Vec::new(),
            constraints: Vec::new(),
            view: None,
            sequence: None,
            options: Vec::new(),
            acl: None,
            on_commit: OnCommit::PreserveRows,
            populated: true,
            notes: RelationNotes::default(),
        }
    }
}

/// Marks on a relation that no answer depends on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RelationNotes {
    /// CLUSTER ON: the index.
    pub clustered_on: Option<Oid>,
    /// REPLICA IDENTITY: `n`, `f` or `i`; None for the default.
    pub replica_identity: Option<char>,
    /// REPLICA IDENTITY USING INDEX.
    pub replica_index: Option<Oid>,
    /// CREATE TABLE OF: the composite type, to which the columns are tied.
    #[serde(default)]
    pub of_type: Option<Oid>,
}

/// What happens to a temporary table at COMMIT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnCommit {
    /// Nothing.
    #[default]
    PreserveRows,
    /// Emptied.
    DeleteRows,
    /// Dropped.
    Drop,
}

/// A column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    /// Name; dropped columns keep PostgreSQL's `........pg.dropped.N........`.
    pub name: SmolStr,
    /// Type and modifier.
    pub ty: Type,
    /// Collation, `INVALID` for types without.
    pub collation: Oid,
    /// NOT NULL.
    pub not_null: bool,
    /// Default expression as SQL text (deparsed), None for NULL.
    pub default: Option<DefaultDef>,
    /// Identity.
    pub identity: Option<Identity>,
    /// GENERATED ALWAYS AS (...) STORED: `default` holds the expression.
    pub generated: bool,
    /// Dropped; its place in old rows stays.
    pub dropped: bool,
    /// Value for rows written before the column was added (text output form), when it was added with a constant default.
    pub missing: Option<String>,
    /// `attstorage` letter given explicitly.
    pub storage: Option<char>,
    /// Compression method given explicitly.
    pub compression: Option<SmolStr>,
    /// Statistics target given explicitly.
    pub statistics: Option<i32>,
    /// `attoptions`: `n_distinct` and `n_distinct_inherited`.
    #[serde(default)]
    pub options: Vec<(SmolStr, SmolStr)>,
    /// Column grants.
    pub acl: Option<Vec<AclItem>>,
}

impl Column {
    /// A column of which no more is said.
    pub fn new(name: impl Into<SmolStr>, ty: Type, collation: Oid) -> Self {
        Self {
            name: name.into(),
            ty,
            collation,
            not_null: false,
            default: None,
            identity: None,
            generated: false,
            dropped: false,
            missing: None,
            storage: None,
            compression: None,
            statistics: None,
            options: Vec::new(),
            acl: None,
        }
    }
}

/// A default or generation expression.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DefaultDef {
    /// `pg_attrdef.oid`
    pub oid: Oid,
    /// SQL text as pg_get_expr prints it; parsed and bound when used.
    pub sql: String,
}

/// Identity kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// GENERATED ALWAYS
    Always,
    /// GENERATED BY DEFAULT
    ByDefault,
}

/// An index. `number` distinguishes its keys within the table's storage id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    /// `pg_class.oid` of the index.
    pub oid: Oid,
    /// Name (same schema as the table).
    pub name: SmolStr,
    /// Index number in the key: 0 for the clustering primary key.
    pub number: u16,
    /// UNIQUE.
    pub unique: bool,
    /// Backs the PRIMARY KEY.
    pub primary: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
    /// Key columns.
    pub keys: Vec<IndexKey>,
    /// INCLUDE columns (positions in the table).
    pub include: Vec<u16>,
    /// Partial index predicate as SQL text.
    pub predicate: Option<String>,
    /// Access method as asked for (btree, hash, gin ...): all are stored ordered.
    pub method: SmolStr,
    /// Constraint it belongs to.
    pub constraint: Option<Oid>,
    /// Storage parameters.
    pub options: Vec<(SmolStr, SmolStr)>,
}

impl Index {
    /// Whether it has entries. The methods for containment and search have no counterpart among ordered keys: such an index is
    /// kept in the catalog and finds nothing.
    pub fn is_stored(&self) -> bool {
        match self.method.as_str() {
            "gin" | "gist" | "spgist" => false,
            "brin" => self.keys.iter().all(|k| k.ty.oid != Oid::BOX),
            _ => true,
        }
    }
}

/// One key column of an index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndexKey {
    /// Column position, or None for an expression.
    pub column: Option<u16>,
    /// Expression as SQL text.
    pub expr: Option<String>,
    /// Type of the key.
    pub ty: Type,
    /// Collation.
    pub collation: Oid,
    /// Operator class given explicitly.
    pub opclass: Option<SmolStr>,
    /// DESC.
    pub desc: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// A table constraint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Constraint {
    /// `pg_constraint.oid`
    pub oid: Oid,
    /// Name.
    pub name: SmolStr,
    /// What it demands.
    pub kind: ConstraintKind,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// False after NOT VALID.
    pub validated: bool,
    /// NO INHERIT.
    pub no_inherit: bool,
}

/// What a constraint demands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ConstraintKind {
    /// CHECK (SQL text), and the columns it mentions.
    Check { sql: String, columns: Vec<u16> },
    /// PRIMARY KEY through an index.
    PrimaryKey { index: Oid },
    /// UNIQUE through an index.
    Unique { index: Oid },
    /// FOREIGN KEY.
    ForeignKey(ForeignKey),
    /// EXCLUDE: its index and the operator of each key.
    Exclude { index: Oid, operators: Vec<Oid> },
}

/// A foreign key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Referencing columns (positions).
    pub columns: Vec<u16>,
    /// Referenced table.
    pub target: Oid,
    /// Referenced columns (positions).
    pub target_columns: Vec<u16>,
    /// The unique index of the target it relies on.
    pub target_index: Oid,
    /// ON UPDATE.
    pub on_update: FkAction,
    /// ON DELETE.
    pub on_delete: FkAction,
    /// MATCH FULL.
    pub match_full: bool,
    /// ON DELETE SET NULL/DEFAULT (columns): empty for all.
    pub delete_set_columns: Vec<u16>,
}

/// Referential actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FkAction {
    /// NO ACTION
    NoAction,
    /// RESTRICT
    Restrict,
    /// CASCADE
    Cascade,
    /// SET NULL
    SetNull,
    /// SET DEFAULT
    SetDefault,
}

/// A view's query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ViewDef {
    /// SQL text with every name resolved and qualified, bound again where the view is used.
    pub sql: String,
    /// WITH CHECK OPTION.
    pub check_option: Option<CheckOption>,
    /// Relations, functions and types it depends on.
    pub depends: Vec<Oid>,
}

/// WITH CHECK OPTION kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckOption {
    /// LOCAL
    Local,
    /// CASCADED
    Cascaded,
}

/// Sequence parameters; the current value lives in `pg_metadata`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SequenceDef {
    /// smallint, integer or bigint.
    pub ty: Oid,
    /// START
    pub start: i64,
    /// INCREMENT
    pub increment: i64,
    /// MINVALUE
    pub min: i64,
    /// MAXVALUE
    pub max: i64,
    /// CACHE
    pub cache: i64,
    /// CYCLE
    pub cycle: bool,
    /// OWNED BY table and column position.
    pub owned_by: Option<(Oid, u16)>,
    /// Backs an identity column.
    pub identity: bool,
}

/// One grant: to whom, what, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclItem {
    /// Role, `INVALID` for PUBLIC.
    pub grantee: Oid,
    /// Who granted.
    pub grantor: Oid,
    /// Privilege bits, PostgreSQL's ACL_* order (`arwdDxtXUCTc`), lower 16; grant options in the upper 16.
    pub bits: u32,
}

/// A schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schema {
    /// `pg_namespace.oid`
    pub oid: Oid,
    /// Name.
    pub name: SmolStr,
    /// Owning role.
    pub owner: Oid,
    /// Grants.
    pub acl: Option<Vec<AclItem>>,
}

/// A role (shared by all databases).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// `pg_authid.oid`
    pub oid: Oid,
    /// Name.
    pub name: SmolStr,
    /// SUPERUSER
    pub superuser: bool,
    /// INHERIT
    pub inherit: bool,
    /// CREATEROLE
    pub create_role: bool,
    /// CREATEDB
    pub create_db: bool,
    /// LOGIN
    pub login: bool,
    /// REPLICATION
    pub replication: bool,
    /// BYPASSRLS
    pub bypass_rls: bool,
    /// CONNECTION LIMIT
    pub connection_limit: i32,
    /// SCRAM verifier.
    pub password: Option<String>,
    /// VALID UNTIL, as timestamptz microseconds.
    pub valid_until: Option<i64>,
    /// Roles it is a member of: (role, admin option, grantor).
    pub member_of: Vec<(Oid, bool, Oid)>,
    /// ALTER ROLE ... SET.
    pub settings: Vec<(SmolStr, String)>,
}

/// A database (shared).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Database {
    /// `pg_database.oid`
    pub oid: Oid,
    /// Name.
    pub name: SmolStr,
    /// Owning role.
    pub owner: Oid,
    /// datistemplate
    pub is_template: bool,
    /// datallowconn
    pub allow_connections: bool,
    /// datconnlimit
    pub connection_limit: i32,
    /// Grants.
    pub acl: Option<Vec<AclItem>>,
    /// ALTER DATABASE ... SET.
    pub settings: Vec<(SmolStr, String)>,
    /// ALTER DEFAULT PRIVILEGES in this database.
    #[serde(default)]
    pub default_acls: Vec<DefaultAcl>,
}

/// What objects a role makes have granted from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultAcl {
    /// The role.
    pub role: Oid,
    /// Only in this schema; `INVALID` for all.
    pub schema: Oid,
    /// Letter of the kind of objects: `r`, `S`, `f`, `T`, `n`.
    pub kind: char,
    /// The grants.
    pub acl: Vec<AclItem>,
}

/// A user-defined type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserType {
    /// `pg_type.oid`
    pub oid: Oid,
    /// Its array type.
    pub array_oid: Oid,
    /// Schema.
    pub schema: Oid,
    /// Name.
    pub name: SmolStr,
    /// Owning role.
    pub owner: Oid,
    /// What it is.
    pub kind: UserTypeKind,
    /// Grants.
    pub acl: Option<Vec<AclItem>>,
}

/// Kinds of user-defined types.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum UserTypeKind {
    /// Enum: labels in sort order.
    Enum(Vec<EnumLabel>),
    /// Domain over a base type.
    Domain { base: Type, not_null: bool, default: Option<String>, checks: Vec<DomainCheck>, collation: Oid },
    /// Composite: the fields are the columns of this relation (kind `Composite`).
    Composite { relation: Oid },
    /// Range over a subtype, with its multirange type.
    Range { subtype: Type, multirange: Oid, multirange_array: Oid, multirange_name: SmolStr, collation: Oid },
    /// Declared but not defined yet.
    Shell,
}

/// A domain's CHECK.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainCheck {
    /// `pg_constraint.oid`
    pub oid: Oid,
    /// Name.
    pub name: SmolStr,
    /// SQL text over VALUE.
    pub sql: String,
    /// False after NOT VALID.
    pub validated: bool,
}

/// An enum label.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnumLabel {
    /// `pg_enum.oid`
    pub oid: Oid,
    /// Sort position.
    pub order: f32,
    /// Text.
    pub label: SmolStr,
}

fn parallel_unsafe() -> char {
    'u'
}

/// A user-defined function or procedure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserFunction {
    /// `pg_proc.oid`
    pub oid: Oid,
    /// Schema.
    pub schema: Oid,
    /// Name.
    pub name: SmolStr,
    /// Owning role.
    pub owner: Oid,
    /// Language name: `sql`, `plpgsql`.
    pub language: SmolStr,
    /// Input argument types (IN, INOUT, VARIADIC).
    pub arg_types: Vec<Oid>,
    /// All arguments: mode (`i`,`o`,`b`,`v`,`t`), name, type.
    pub all_args: Vec<(char, SmolStr, Oid)>,
    /// Defaults of the last input arguments as SQL text.
    pub defaults: Vec<String>,
    /// Result type.
    pub returns: Oid,
    /// Returns a set.
    pub returns_set: bool,
    /// `f` function, `p` procedure.
    pub kind: char,
    /// Variadic element type or INVALID.
    pub variadic: Oid,
    /// STRICT.
    pub strict: bool,
    /// `i`, `s`, `v`.
    pub volatility: char,
    /// Body.
    pub body: String,
    /// COST, where one was given.
    #[serde(default)]
    pub cost: Option<f32>,
    /// ROWS, where given.
    #[serde(default)]
    pub rows: Option<f32>,
    /// PARALLEL: `u`, `r`, `s`.
    #[serde(default = "parallel_unsafe")]
    pub parallel: char,
    /// LEAKPROOF.
    #[serde(default)]
    pub leakproof: bool,
    /// SECURITY DEFINER.
    pub security_definer: bool,
    /// SET clauses.
    pub settings: Vec<(SmolStr, String)>,
    /// Grants.
    pub acl: Option<Vec<AclItem>>,
}

impl Column {
    /// An option of `ALTER COLUMN SET (...)`.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl Relation {
    /// Live columns with their positions.
    pub fn live_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, c)| !c.dropped)
    }

    /// The position of a live column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| !c.dropped && c.name == name)
    }

    /// The clustering primary key's index.
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes.iter().find(|i| i.primary)
    }
}

/// Shared relation handle.
pub type RelationRef = Arc<Relation>;
