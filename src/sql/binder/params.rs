//! Statement parameters `$n`: given types, or types found from where the parameters stand.

use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::{Oid, Type};

/// The parameters of a statement. Types of INVALID or UNKNOWN OID are inferred when `variable`.
#[derive(Clone, Debug, Default)]
pub struct Params {
    slots: Vec<Slot>,
    variable: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    ty: Type,
    /// References that have not met a type, and the place of one of them.
    open: usize,
    pos: usize,
    used: bool,
}

impl Slot {
    fn new(ty: Type) -> Self {
        let ty = if ty.oid.is_valid() { ty } else { Type::new(Oid::UNKNOWN) };
        Self { ty, open: 0, pos: 0, used: false }
    }
}

impl Params {
    /// No parameters: `$1` is an error.
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly these parameters.
    pub fn fixed(types: impl IntoIterator<Item = Type>) -> Self {
        Self { slots: types.into_iter().map(Slot::new).collect(), variable: false }
    }

    /// Parse and PREPARE: as many parameters as are mentioned; the given types (INVALID for unsaid) come first.
    pub fn inferred(types: impl IntoIterator<Item = Oid>) -> Self {
        Self { slots: types.into_iter().map(|oid| Slot::new(Type::new(oid))).collect(), variable: true }
    }

    /// The type of each parameter.
    pub fn types(&self) -> Vec<Type> {
        self.slots.iter().map(|s| s.ty).collect()
    }

    /// A reference `$number`; its 0-based index and type (UNKNOWN when open).
    pub(super) fn reference(&mut self, number: i32, pos: usize) -> Result<(usize, Type)> {
        let missing = || err!(SqlState::UNDEFINED_PARAMETER, "there is no parameter ${number}").at(pos);
        let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).ok_or_else(missing)?;
        if index >= self.slots.len() {
            if !self.variable || number > i32::from(u16::MAX) {
                return Err(missing());
            }
            self.slots.resize(index + 1, Slot::new(Type::new(Oid::UNKNOWN)));
        }
        let slot = &mut self.slots[index];
        slot.used = true;
        if slot.ty.oid == Oid::UNKNOWN {
            slot.open += 1;
            slot.pos = pos;
        }
        Ok((index, slot.ty))
    }

    /// An open reference meets a type. Answers the parameter's type. Errors: 42P08.
    pub(super) fn resolve(&mut self, index: usize, target: Oid, pos: Option<u32>, text: impl Fn(Oid) -> String) -> Result<Type> {
        let slot = &mut self.slots[index];
        slot.open = slot.open.saturating_sub(1);
        if slot.ty.oid == Oid::UNKNOWN {
            slot.ty = Type::new(target);
        } else if slot.ty.oid != target {
            let error = err!(SqlState::AMBIGUOUS_PARAMETER, "inconsistent types deduced for parameter ${}", index + 1)
                .detail(format!("{} versus {}", text(slot.ty.oid), text(target)));
            return Err(super::same::at(error, pos));
        }
        Ok(slot.ty)
    }

    /// Errors: 42P18 for a parameter without type, 42P08 for one that was typed in one place and not in another.
    pub(super) fn check(&self) -> Result<()> {
        if !self.variable {
            return Ok(());
        }
        for (i, slot) in self.slots.iter().enumerate() {
            if slot.ty.oid == Oid::UNKNOWN {
                return Err(err!(SqlState::INDETERMINATE_DATATYPE, "could not determine data type of parameter ${}", i + 1));
            }
            if slot.open > 0 {
                let error = err!(SqlState::AMBIGUOUS_PARAMETER, "could not determine data type of parameter ${}", i + 1);
                return Err(error.at(slot.pos));
            }
        }
        Ok(())
    }
}
