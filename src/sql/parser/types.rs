//! Type names: SQL's own spellings, user types, arrays, modifiers.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

/// Bits of an INTERVAL modifier (`INTERVAL_MASK` of PostgreSQL's date/time fields).
mod field {
    pub const MONTH: i32 = 1 << 1;
    pub const YEAR: i32 = 1 << 2;
    pub const DAY: i32 = 1 << 3;
    pub const HOUR: i32 = 1 << 10;
    pub const MINUTE: i32 = 1 << 11;
    pub const SECOND: i32 = 1 << 12;
    pub const FULL_RANGE: i32 = 0x7FFF;
}

fn integer(value: i32, pos: usize) -> Expr {
    Expr::new(ExprNode::Literal(Literal::Integer(value)), pos)
}

impl Parser<'_> {
    /// `Typename`.
    pub fn type_name(&mut self) -> Result<TypeName> {
        let setof = self.eat(K::Setof);
        let mut name = self.simple_type_name()?;
        name.setof = setof;
        self.array_bounds(&mut name)?;
        Ok(name)
    }

    /// `func_type`: also `table.column%TYPE`.
    pub(super) fn func_type(&mut self) -> Result<TypeName> {
        let setof = self.eat(K::Setof);
        let pos = self.pos();
        let plain = super::names::is_type_function_name(self.tok.kind) && self.peek() == T::Ch(b'.');
        let mut name = if plain { self.generic_type(pos)? } else { self.simple_type_name()? };
        name.setof = setof;
        if plain && name.typmods.is_empty() && self.at_ch(b'%') {
            self.bump();
            self.expect(K::Type)?;
            name.pct_type = true;
            return Ok(name);
        }
        self.array_bounds(&mut name)?;
        Ok(name)
    }

    fn array_bounds(&mut self, name: &mut TypeName) -> Result<()> {
        if self.eat(K::Array) {
            let mut bound = -1;
            if self.eat_ch(b'[') {
                bound = self.iconst()?;
                self.expect_ch(b']')?;
            }
            name.array_bounds.push(bound);
            return Ok(());
        }
        while self.eat_ch(b'[') {
            let bound = if self.at_ch(b']') { -1 } else { self.iconst()? };
            self.expect_ch(b']')?;
            name.array_bounds.push(bound);
        }
        Ok(())
    }

    /// `SimpleTypename`.
    pub(super) fn simple_type_name(&mut self) -> Result<TypeName> {
        let pos = self.pos();
        let T::Kw(kw) = self.tok.kind else { return self.generic_type(pos) };
        match kw {
            K::Bit => self.bit_type(pos, true),
            K::Character | K::Char | K::Varchar | K::National | K::Nchar => self.character_type(pos, true),
            K::Interval => {
                self.bump();
                let mut name = TypeName::system("interval", pos);
                if self.at_ch(b'(') {
                    self.interval_precision(&mut name)?;
                } else {
                    self.interval_fields(&mut name)?;
                }
                Ok(name)
            }
            _ => self.numeric_or_datetime(kw, pos),
        }
    }

    /// The type of a constant: lengths that are not written mean no limit.
    pub(super) fn constant_type(&mut self) -> Result<TypeName> {
        let pos = self.pos();
        match self.kind() {
            T::Kw(K::Bit) => self.bit_type(pos, false),
            T::Kw(K::Character | K::Char | K::Varchar | K::National | K::Nchar) => self.character_type(pos, false),
            _ => self.simple_type_name(),
        }
    }

    fn numeric_or_datetime(&mut self, kw: K, pos: usize) -> Result<TypeName> {
        let fixed = match kw {
            K::Int | K::Integer => "int4",
            K::Smallint => "int2",
            K::Bigint => "int8",
            K::Real => "float4",
            K::Boolean => "bool",
            K::Float => return self.float_type(pos),
            K::Decimal | K::Dec | K::Numeric => {
                self.bump();
                let mut name = TypeName::system("numeric", pos);
                name.typmods = self.type_modifiers()?;
                return Ok(name);
            }
            K::Double if self.peek() == T::Kw(K::Precision) => {
                self.bump();
                "float8"
            }
            K::Timestamp | K::Time => return self.datetime_type(kw, pos),
            _ => return self.generic_type(pos),
        };
        self.bump();
        Ok(TypeName::system(fixed, pos))
    }

    /// A type by its own name.
    fn generic_type(&mut self, pos: usize) -> Result<TypeName> {
        let mut names = vec![self.type_function_name()?];
        while self.eat_ch(b'.') {
            names.push(self.col_label()?);
        }
        let mut name = TypeName::new(names, pos);
        name.typmods = self.type_modifiers()?;
        Ok(name)
    }

    fn type_modifiers(&mut self) -> Result<Vec<Expr>> {
        if self.at_ch(b'(') { self.paren_list(Self::expr) } else { Ok(Vec::new()) }
    }

    fn float_type(&mut self, pos: usize) -> Result<TypeName> {
        self.bump();
        let mut name = "float8";
        if self.eat_ch(b'(') {
            let at = self.pos();
            let bits = self.iconst()?;
            self.expect_ch(b')')?;
            let refuse = |message: &str| Err(err!(SqlState::INVALID_PARAMETER_VALUE, "{message}").at(at));
            match bits {
                ..1 => return refuse("precision for type float must be at least 1 bit"),
                1..=24 => name = "float4",
                25..=53 => {}
                _ => return refuse("precision for type float must be less than 54 bits"),
            }
        }
        Ok(TypeName::system(name, pos))
    }

    fn bit_type(&mut self, pos: usize, default_length: bool) -> Result<TypeName> {
        self.bump();
        let varying = self.eat(K::Varying);
        let mut name = TypeName::system(if varying { "varbit" } else { "bit" }, pos);
        name.typmods = self.type_modifiers()?;
        if name.typmods.is_empty() && !varying && default_length {
            name.typmods = vec![integer(1, pos)];
        }
        Ok(name)
    }

    fn character_type(&mut self, pos: usize, default_length: bool) -> Result<TypeName> {
        let kw = self.bump().kind;
        if kw == T::Kw(K::National) && self.one_of(&[K::Character, K::Char]).is_none() {
            return Err(self.unexpected());
        }
        let varying = kw == T::Kw(K::Varchar) || self.eat(K::Varying);
        let mut name = TypeName::system(if varying { "varchar" } else { "bpchar" }, pos);
        if self.eat_ch(b'(') {
            let at = self.pos();
            name.typmods = vec![integer(self.iconst()?, at)];
            self.expect_ch(b')')?;
        } else if !varying && default_length {
            name.typmods = vec![integer(1, pos)];
        }
        Ok(name)
    }

    fn datetime_type(&mut self, kw: K, pos: usize) -> Result<TypeName> {
        self.bump();
        let precision = self.opt_precision()?;
        let mut zoned = false;
        if self.kind() == T::WithLa && self.peek() == T::Kw(K::Time) {
            self.bump();
            self.bump();
            self.expect(K::Zone)?;
            zoned = true;
        } else if self.eat(K::Without) {
            self.expect(K::Time)?;
            self.expect(K::Zone)?;
        }
        let mut name = TypeName::system(
            match (kw, zoned) {
                (K::Timestamp, true) => "timestamptz",
                (K::Timestamp, false) => "timestamp",
                (_, true) => "timetz",
                (_, false) => "time",
            },
            pos,
        );
        name.typmods.extend(precision);
        Ok(name)
    }

    fn opt_precision(&mut self) -> Result<Option<Expr>> {
        if !self.eat_ch(b'(') {
            return Ok(None);
        }
        let at = self.pos();
        let precision = self.iconst()?;
        self.expect_ch(b')')?;
        Ok(Some(integer(precision, at)))
    }

    /// `INTERVAL(p)`.
    pub(super) fn interval_precision(&mut self, name: &mut TypeName) -> Result<()> {
        let pos = name.pos;
        name.typmods.push(integer(field::FULL_RANGE, pos));
        name.typmods.extend(self.opt_precision()?);
        Ok(())
    }

    /// `opt_interval`: YEAR, DAY TO SECOND(3) ...
    pub(super) fn interval_fields(&mut self, name: &mut TypeName) -> Result<()> {
        let pos = self.pos();
        const FIELDS: [K; 6] = [K::Year, K::Month, K::Day, K::Hour, K::Minute, K::Second];
        let Some(first) = self.one_of(&FIELDS) else { return Ok(()) };
        let mut mask = [field::YEAR, field::MONTH, field::DAY, field::HOUR, field::MINUTE, field::SECOND][first];
        let mut second = first == 5;
        if !second && first != 1 && self.eat(K::To) {
            let (words, bits): (&[K], &[i32]) = match first {
                0 => (&[K::Month], &[field::MONTH]),
                2 => (&[K::Hour, K::Minute, K::Second], &[field::HOUR, field::MINUTE, field::SECOND]),
                3 => (&[K::Minute, K::Second], &[field::MINUTE, field::SECOND]),
                _ => (&[K::Second], &[field::SECOND]),
            };
            let Some(last) = self.one_of(words) else { return Err(self.unexpected()) };
            const ORDER: [i32; 4] = [field::DAY, field::HOUR, field::MINUTE, field::SECOND];
            let to = bits[last];
            second = to == field::SECOND;
            mask |= to;
            // Everything between the two ends.
            let ends = (ORDER.iter().position(|&b| mask & b != 0), ORDER.iter().position(|&b| b == to));
            if let (Some(from), Some(to)) = ends {
                ORDER[from..=to].iter().for_each(|b| mask |= b);
            }
        }
        name.typmods.push(integer(mask, pos));
        if second {
            name.typmods.extend(self.opt_precision()?);
        }
        Ok(())
    }
}
