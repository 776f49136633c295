//! Built-in functions, operators, casts and aggregates.
//!
//! Signatures are PostgreSQL 15's own (`catalog/data/*.tsv`: OIDs, argument types, strictness, volatility); what runs is found by
//! the function's internal symbol (`pg_proc.prosrc`). A family file lists `("int4pl", int4pl)` pairs; a function of PostgreSQL's
//! without an implementation here is left out of the registry, and so out of `pg_proc`: it does not exist for users.

use crate::error::Result;
use crate::sql::expr::context::FnCx;
use crate::sql::types::{Datum, Oid};
use std::collections::HashMap;
use std::sync::OnceLock;

/// A scalar function on values. Strict functions never see NULL arguments.
pub type ScalarFn = fn(&mut FnCx<'_>, &[Datum]) -> Result<Datum>;

/// A set-returning function: all its rows. One datum per output column (one for scalar sets).
pub type SetFn = fn(&mut FnCx<'_>, &[Datum]) -> Result<Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>>;

/// How a function runs.
#[derive(Clone, Copy)]
pub enum Implementation {
    /// Scalar code.
    Scalar(ScalarFn),
    /// Set-returning code.
    Set(SetFn),
    /// An aggregate, by the symbol of its transition function (see `expr::aggregate`).
    Aggregate,
    /// A window function, by its own symbol (see the window operator).
    Window,
    /// A built-in whose body is SQL text.
    Sql(&'static str),
}

/// A built-in function: one row of `pg_proc`.
pub struct Function {
    /// `pg_proc.oid`
    pub oid: Oid,
    /// Name.
    pub name: &'static str,
    /// Input argument types.
    pub args: Vec<Oid>,
    /// Result type.
    pub returns: Oid,
    /// Returns a set.
    pub returns_set: bool,
    /// STRICT.
    pub strict: bool,
    /// `i`, `s`, `v`
    pub volatility: char,
    /// `f`, `a`, `w`, `p`
    pub kind: char,
    /// Element type of the VARIADIC last argument; `INVALID` if none.
    pub variadic: Oid,
    /// How many of the last arguments have defaults.
    pub default_count: usize,
    /// Defaults' text as pg_get_expr prints it.
    pub defaults: &'static str,
    /// All arguments' types, modes and names where there are OUT arguments or names.
    pub all_args: Vec<(char, &'static str, Oid)>,
    /// Internal symbol (`pg_proc.prosrc`).
    pub symbol: &'static str,
    /// `pg_proc.proparallel`
    pub parallel: char,
    /// `pg_proc.procost`
    pub cost: f64,
    /// `pg_proc.prorows`
    pub rows: f64,
    /// The code.
    pub implementation: Implementation,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.name, self.oid)
    }
}

/// One row of `pg_operator` whose function exists.
#[derive(Debug)]
pub struct Operator {
    /// `pg_operator.oid`
    pub oid: Oid,
    /// Symbol.
    pub name: &'static str,
    /// Left operand, `INVALID` for a prefix operator.
    pub left: Oid,
    /// Right operand.
    pub right: Oid,
    /// Result.
    pub result: Oid,
    /// Function.
    pub function: &'static Function,
    /// Commutator.
    pub commutator: Oid,
    /// Negator.
    pub negator: Oid,
    /// Can merge join.
    pub merges: bool,
    /// Can hash join.
    pub hashes: bool,
}

/// One row of `pg_cast`.
#[derive(Debug)]
pub struct Cast {
    /// `pg_cast.oid`
    pub oid: Oid,
    /// From.
    pub source: Oid,
    /// To.
    pub target: Oid,
    /// Function, None for binary-coercible or I/O casts.
    pub function: Option<&'static Function>,
    /// `i` implicit, `a` assignment, `e` explicit.
    pub context: char,
    /// `f` function, `b` binary, `i` input/output.
    pub method: char,
}

/// One row of `pg_aggregate`.
#[derive(Debug)]
pub struct Aggregate {
    /// The aggregate's function.
    pub function: Oid,
    /// `n` normal, `o` ordered-set, `h` hypothetical-set.
    pub kind: char,
    /// Number of direct arguments.
    pub direct_args: usize,
    /// Symbol of the transition function: names the implementation.
    pub transition: &'static str,
    /// Symbol of the final function, empty if none.
    pub final_fn: &'static str,
    /// The sort operator of min and max (`pg_aggregate.aggsortop`).
    pub sort_op: Oid,
}

/// All built-ins, built once.
pub struct Registry {
    functions: Vec<Function>,
    by_oid: HashMap<Oid, usize>,
    by_name: HashMap<&'static str, Vec<usize>>,
    symbols: HashMap<u32, &'static str>,
    operators: OnceLock<Operators>,
    aggregates: HashMap<Oid, Aggregate>,
}

struct Operators {
    operators: Vec<Operator>,
    by_oid: HashMap<Oid, usize>,
    by_name: HashMap<&'static str, Vec<usize>>,
    casts: HashMap<(Oid, Oid), Cast>,
}

/// The registry.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::load)
}

const PROC: &str = include_str!("../catalog/data/proc.tsv");
const PROC_SQL: &str = include_str!("../catalog/data/proc_sql.tsv");
const OPERATOR: &str = include_str!("../catalog/data/operator.tsv");
const CAST: &str = include_str!("../catalog/data/cast.tsv");
const AGGREGATE: &str = include_str!("../catalog/data/aggregate.tsv");

fn oid(field: &str) -> Oid {
    Oid(field.parse().unwrap_or(0))
}

fn oids(field: &str) -> Vec<Oid> {
    field.split_ascii_whitespace().map(oid).collect()
}

fn flag(field: &str) -> bool {
    field == "t"
}

fn letter(field: &str) -> char {
    field.chars().next().unwrap_or(' ')
}

impl Registry {
    fn load() -> Self {
        let code = super::implementations();
        let mut symbols = HashMap::new();
        let mut functions = Vec::with_capacity(3000);
        for line in PROC.lines() {
            let f: Vec<&'static str> = line.split('\t').collect();
            symbols.insert(oid(f[0]).0, f[13]);
            if let Some(function) = internal_function(&f, &code) {
                functions.push(function);
            }
        }
        for line in PROC_SQL.lines() {
            let f: Vec<&'static str> = line.split('\t').collect();
            let native = code.get(format!("{}/{}", f[1], f[2]).as_str()).copied();
            if native.is_some() || super::sql_body_is_available(f[1]) {
                functions.push(sql_function(&f, native));
            }
        }
        let by_oid = functions.iter().enumerate().map(|(i, f)| (f.oid, i)).collect();
        let mut by_name: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (i, f) in functions.iter().enumerate() {
            by_name.entry(f.name).or_default().push(i);
        }
        let aggregates = load_aggregates(&symbols);
        Self { functions, by_oid, by_name, symbols, operators: OnceLock::new(), aggregates }
    }

    /// Every function.
    pub fn functions(&'static self) -> impl Iterator<Item = &'static Function> {
        self.functions.iter()
    }

    /// A function by OID.
    pub fn function(&'static self, oid: Oid) -> Option<&'static Function> {
        self.by_oid.get(&oid).map(|&i| &self.functions[i])
    }

    /// Functions of a name (all live in pg_catalog).
    pub fn functions_named(&'static self, name: &str) -> impl Iterator<Item = &'static Function> {
        self.by_name.get(name).into_iter().flatten().map(|&i| &self.functions[i])
    }

    /// The internal symbol of any PostgreSQL function, implemented or not.
    pub fn symbol(&self, oid: Oid) -> Option<&'static str> {
        self.symbols.get(&oid.0).copied()
    }

    /// An aggregate's properties.
    pub fn aggregate(&'static self, function: Oid) -> Option<&'static Aggregate> {
        self.aggregates.get(&function)
    }

    fn loaded(&'static self) -> &'static Operators {
        self.operators.get_or_init(|| Operators::load(self))
    }

    /// Every operator.
    pub fn operators(&'static self) -> impl Iterator<Item = &'static Operator> {
        self.loaded().operators.iter()
    }

    /// An operator by OID.
    pub fn operator(&'static self, oid: Oid) -> Option<&'static Operator> {
        let loaded = self.loaded();
        loaded.by_oid.get(&oid).map(|&i| &loaded.operators[i])
    }

    /// Operators of a symbol.
    pub fn operators_named(&'static self, name: &str) -> impl Iterator<Item = &'static Operator> {
        let loaded = self.loaded();
        loaded.by_name.get(name).into_iter().flatten().map(|&i| &loaded.operators[i])
    }

    /// The cast from `source` to `target`, if `pg_cast` has one.
    pub fn cast(&'static self, source: Oid, target: Oid) -> Option<&'static Cast> {
        self.loaded().casts.get(&(source, target))
    }

    /// Every cast.
    pub fn casts(&'static self) -> impl Iterator<Item = &'static Cast> {
        self.loaded().casts.values()
    }
}

fn internal_function(f: &[&'static str], code: &HashMap<&'static str, Implementation>) -> Option<Function> {
    let kind = letter(f[7]);
    let implementation = match kind {
        'a' if super::aggregate_is_available(f[1], &oids(f[2])) => Implementation::Aggregate,
        'w' if super::window_is_available(f[13]) => Implementation::Window,
        'a' | 'w' => return None,
        _ => *code.get(f[13])?,
    };
    let args = oids(f[2]);
    let all_types = if f[10].is_empty() { args.clone() } else { oids(f[10]) };
    let modes: Vec<char> = f[11].split_ascii_whitespace().map(letter).collect();
    let names: Vec<&'static str> = if f[12].is_empty() { Vec::new() } else { f[12].split(',').collect() };
    let all_args = (0..all_types.len())
        .map(|i| (modes.get(i).copied().unwrap_or('i'), names.get(i).copied().unwrap_or(""), all_types[i]))
        .collect();
    Some(Function {
        oid: oid(f[0]),
        name: f[1],
        args,
        returns: oid(f[3]),
        returns_set: flag(f[4]),
        strict: flag(f[5]),
        volatility: letter(f[6]),
        kind,
        variadic: oid(f[8]),
        default_count: f[9].parse().unwrap_or(0),
        defaults: f[20],
        all_args,
        symbol: f[13],
        parallel: letter(f[14]),
        cost: f[16].parse().unwrap_or(1.0),
        rows: f[17].parse().unwrap_or(0.0),
        implementation,
    })
}

/// A function whose body is SQL text in PostgreSQL: native code, keyed `name/argument OIDs`, goes before the text.
fn sql_function(f: &[&'static str], native: Option<Implementation>) -> Function {
    let args = oids(f[2]);
    let mut all_args: Vec<(char, &'static str, Oid)> = args.iter().map(|&t| ('i', "", t)).collect();
    if f[1] == "_pg_expandarray" {
        all_args.extend([('o', "x", Oid::ANYELEMENT), ('o', "n", Oid::INT4)]);
    }
    Function {
        oid: oid(f[0]),
        name: f[1],
        args,
        returns: oid(f[3]),
        returns_set: flag(f[4]),
        strict: flag(f[5]),
        volatility: letter(f[6]),
        kind: letter(f[7]),
        variadic: Oid::INVALID,
        default_count: 0,
        defaults: "",
        all_args,
        symbol: f[1],
        parallel: 's',
        cost: 100.0,
        rows: 1000.0,
        implementation: native.unwrap_or(Implementation::Sql(f[8])),
    }
}

fn load_aggregates(symbols: &HashMap<u32, &'static str>) -> HashMap<Oid, Aggregate> {
    AGGREGATE
        .lines()
        .map(|line| {
            let f: Vec<&'static str> = line.split('\t').collect();
            let symbol = |field: &str| symbols.get(&oid(field).0).copied().unwrap_or("");
            let aggregate = Aggregate {
                function: oid(f[0]),
                kind: letter(f[1]),
                direct_args: f[2].parse().unwrap_or(0),
                transition: symbol(f[3]),
                final_fn: symbol(f[4]),
                sort_op: oid(f[15]),
            };
            (aggregate.function, aggregate)
        })
        .collect()
}

impl Operators {
    fn load(registry: &'static Registry) -> Self {
        let mut operators = Vec::with_capacity(800);
        for line in OPERATOR.lines() {
            let f: Vec<&'static str> = line.split('\t').collect();
            let Some(function) = registry.function(oid(f[5])) else { continue };
            operators.push(Operator {
                oid: oid(f[0]),
                name: f[1],
                left: oid(f[2]),
                right: oid(f[3]),
                result: oid(f[4]),
                function,
                commutator: oid(f[6]),
                negator: oid(f[7]),
                merges: flag(f[9]),
                hashes: flag(f[10]),
            });
        }
        let by_oid = operators.iter().enumerate().map(|(i, o)| (o.oid, i)).collect();
        let mut by_name: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (i, o) in operators.iter().enumerate() {
            by_name.entry(o.name).or_default().push(i);
        }
        let mut casts = HashMap::new();
        for line in CAST.lines() {
            let f: Vec<&'static str> = line.split('\t').collect();
            let function = registry.function(oid(f[3]));
            if oid(f[3]).is_valid() && function.is_none() {
                continue;
            }
            let cast = Cast {
                oid: oid(f[0]),
                source: oid(f[1]),
                target: oid(f[2]),
                function,
                context: letter(f[4]),
                method: letter(f[5]),
            };
            casts.insert((cast.source, cast.target), cast);
        }
        Self { operators, by_oid, by_name, casts }
    }
}
