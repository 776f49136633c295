//! Type modifiers: from the parenthesised list of a type name to `atttypmod`, and back.

use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::{Oid, Type};

/// Bits of an interval's field restriction (`INTERVAL DAY TO SECOND`), PostgreSQL's `INTERVAL_MASK`.
pub mod interval_mask {
    /// MONTH
    pub const MONTH: i32 = 1 << 1;
    /// YEAR
    pub const YEAR: i32 = 1 << 2;
    /// DAY
    pub const DAY: i32 = 1 << 3;
    /// HOUR
    pub const HOUR: i32 = 1 << 10;
    /// MINUTE
    pub const MINUTE: i32 = 1 << 11;
    /// SECOND
    pub const SECOND: i32 = 1 << 12;
    /// No restriction.
    pub const FULL_RANGE: i32 = 0x7FFF;
    /// No precision given.
    pub const FULL_PRECISION: i32 = 0xFFFF;
}

const MAX_ATTR_SIZE: i32 = 10 * 1024 * 1024;

fn ints(args: &[&str]) -> Result<Vec<i32>> {
    args.iter().map(|a| crate::sql::types::int::parse_i32(a)).collect()
}

/// Packs the modifiers of a built-in type into its typmod. For `interval` the list is field mask, then precision.
///
/// Errors: 22023 as PostgreSQL's `*typmodin` functions, 42601 for a type that takes none.
pub fn typmod_in(oid: Oid, args: &[&str]) -> Result<i32> {
    let oid = super::builtin_elem(oid).unwrap_or(oid);
    match oid {
        Oid::VARCHAR => length(args, "varchar", MAX_ATTR_SIZE, 4),
        Oid::BPCHAR => length(args, "char", MAX_ATTR_SIZE, 4),
        Oid::BIT => length(args, "bit", MAX_ATTR_SIZE * 8, 0),
        Oid::VARBIT => length(args, "varbit", MAX_ATTR_SIZE * 8, 0),
        Oid::NUMERIC => numeric(args),
        Oid::TIME => precision(args, "TIME", ""),
        Oid::TIMETZ => precision(args, "TIME", " WITH TIME ZONE"),
        Oid::TIMESTAMP => precision(args, "TIMESTAMP", ""),
        Oid::TIMESTAMPTZ => precision(args, "TIMESTAMP", " WITH TIME ZONE"),
        Oid::INTERVAL => interval(args),
        _ => {
            let name = super::format_type_be(&crate::sql::types::io::BuiltinTypes, oid);
            Err(err!(SqlState::SYNTAX_ERROR, "type modifier is not allowed for type \"{name}\""))
        }
    }
}

fn length(args: &[&str], name: &str, max: i32, header: i32) -> Result<i32> {
    let args = ints(args)?;
    let [n] = args[..] else {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid type modifier"));
    };
    if n < 1 {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "length for type {name} must be at least 1"));
    }
    if n > max {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "length for type {name} cannot exceed {max}"));
    }
    Ok(n + header)
}

fn numeric(args: &[&str]) -> Result<i32> {
    let args = ints(args)?;
    let (p, s) = match args[..] {
        [p] => (p, 0),
        [p, s] => (p, s),
        _ => return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid NUMERIC type modifier")),
    };
    if !(1..=1000).contains(&p) {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "NUMERIC precision {p} must be between 1 and 1000"));
    }
    if !(-1000..=1000).contains(&s) {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "NUMERIC scale {s} must be between -1000 and 1000"));
    }
    Ok(((p << 16) | (s & 0x7FF)) + 4)
}

fn precision(args: &[&str], name: &str, zone: &str) -> Result<i32> {
    let args = ints(args)?;
    let [p] = args[..] else {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid type modifier"));
    };
    if p < 0 {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "{name}({p}){zone} precision must not be negative"));
    }
    Ok(p.min(6))
}

fn interval(args: &[&str]) -> Result<i32> {
    let args = ints(args)?;
    let (mask, p) = match args[..] {
        [mask] => (mask, interval_mask::FULL_PRECISION),
        [mask, p] => (mask, p),
        _ => return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier")),
    };
    if interval_fields(mask).is_none() {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid INTERVAL type modifier"));
    }
    if args.len() == 1 {
        return Ok(if mask == interval_mask::FULL_RANGE { -1 } else { (mask << 16) | p });
    }
    if p < 0 {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "INTERVAL({p}) precision must not be negative"));
    }
    Ok((mask << 16) | p.min(6))
}

/// The words of an interval field restriction; empty for the full range, `None` for no such combination.
fn interval_fields(mask: i32) -> Option<&'static str> {
    use interval_mask::{DAY, FULL_RANGE, HOUR, MINUTE, MONTH, SECOND, YEAR};
    const NAMES: [(i32, &str); 14] = [
        (YEAR, " year"),
        (MONTH, " month"),
        (DAY, " day"),
        (HOUR, " hour"),
        (MINUTE, " minute"),
        (SECOND, " second"),
        (YEAR | MONTH, " year to month"),
        (DAY | HOUR, " day to hour"),
        (DAY | HOUR | MINUTE, " day to minute"),
        (DAY | HOUR | MINUTE | SECOND, " day to second"),
        (HOUR | MINUTE, " hour to minute"),
        (HOUR | MINUTE | SECOND, " hour to second"),
        (MINUTE | SECOND, " minute to second"),
        (FULL_RANGE, ""),
    ];
    NAMES.iter().find(|(m, _)| *m == mask).map(|(_, name)| *name)
}

/// The modifier as it follows the type's name, e.g. `(10,2)`; empty for none.
pub fn typmod_out(ty: Type) -> String {
    let t = ty.typmod;
    if t < 0 {
        return String::new();
    }
    match ty.oid {
        Oid::VARCHAR | Oid::BPCHAR if t > 4 => format!("({})", t - 4),
        Oid::BIT | Oid::VARBIT => format!("({t})"),
        Oid::NUMERIC if t >= 4 => {
            let (p, s) = crate::sql::types::numeric::typmod_parts(t);
            format!("({p},{s})")
        }
        Oid::TIME | Oid::TIMESTAMP => format!("({t}) without time zone"),
        Oid::TIMETZ | Oid::TIMESTAMPTZ => format!("({t}) with time zone"),
        Oid::INTERVAL => {
            let fields = interval_fields(t >> 16 & 0x7FFF).unwrap_or("");
            match t & 0xFFFF {
                interval_mask::FULL_PRECISION => fields.to_string(),
                p => format!("{fields}({p})"),
            }
        }
        _ => String::new(),
    }
}
