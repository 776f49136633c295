//! Polymorphic types: anyelement and its family, anycompatible and its family (parse_coerce.c).

use super::Binder;
use super::coerce::Context;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Oid;
use smallvec::SmallVec;

/// `IsPolymorphicType`.
pub(super) fn is_polymorphic(oid: Oid) -> bool {
    is_family1(oid) || is_family2(oid)
}

fn is_family1(oid: Oid) -> bool {
    matches!(oid, Oid::ANYELEMENT | Oid::ANYARRAY | Oid::ANYNONARRAY | Oid::ANYENUM | Oid::ANYRANGE | Oid::ANYMULTIRANGE)
}

fn is_family2(oid: Oid) -> bool {
    matches!(
        oid,
        Oid::ANYCOMPATIBLE
            | Oid::ANYCOMPATIBLEARRAY
            | Oid::ANYCOMPATIBLENONARRAY
            | Oid::ANYCOMPATIBLERANGE
            | Oid::ANYCOMPATIBLEMULTIRANGE
    )
}

/// What one family's arguments say.
#[derive(Default)]
struct Family {
    elem: Oid,
    array: Oid,
    range: Oid,
    multirange: Oid,
    have: bool,
    anynonarray: bool,
    anyenum: bool,
}

type TypeVec = SmallVec<[Oid; 8]>;

impl Binder<'_> {
    fn array_elem_of(&self, array: Oid) -> Option<Oid> {
        self.element_type(self.base_oid(array))
    }

    /// `check_generic_type_consistency`: whether the actual types fit the declared polymorphic ones.
    pub(super) fn generics_consistent(&self, actual: &[Oid], declared: &[Oid]) -> bool {
        let mut one = Family::default();
        let mut two = Family::default();
        let mut compatible: TypeVec = SmallVec::new();
        for (&actual, &decl) in actual.iter().zip(declared) {
            let slot = match decl {
                Oid::ANYELEMENT | Oid::ANYNONARRAY | Oid::ANYENUM => {
                    one.anynonarray |= decl == Oid::ANYNONARRAY;
                    one.anyenum |= decl == Oid::ANYENUM;
                    if actual == Oid::UNKNOWN {
                        continue;
                    }
                    if one.elem.is_valid() && actual != one.elem {
                        return false;
                    }
                    one.elem = actual;
                    continue;
                }
                Oid::ANYCOMPATIBLE | Oid::ANYCOMPATIBLENONARRAY => {
                    two.anynonarray |= decl == Oid::ANYCOMPATIBLENONARRAY;
                    if actual != Oid::UNKNOWN {
                        compatible.push(actual);
                    }
                    continue;
                }
                Oid::ANYARRAY => &mut one.array,
                Oid::ANYRANGE => &mut one.range,
                Oid::ANYMULTIRANGE => &mut one.multirange,
                Oid::ANYCOMPATIBLEARRAY => {
                    if actual == Oid::UNKNOWN {
                        continue;
                    }
                    let Some(elem) = self.array_elem_of(actual) else { return false };
                    compatible.push(elem);
                    continue;
                }
                Oid::ANYCOMPATIBLERANGE => &mut two.range,
                Oid::ANYCOMPATIBLEMULTIRANGE => &mut two.multirange,
                _ => continue,
            };
            if actual == Oid::UNKNOWN {
                continue;
            }
            let actual = self.base_oid(actual);
            if slot.is_valid() && *slot != actual {
                return false;
            }
            *slot = actual;
        }
        self.family1_consistent(&mut one) && self.family2_consistent(&two, &compatible)
    }

    fn family1_consistent(&self, f: &mut Family) -> bool {
        if f.array.is_valid() {
            if f.array == Oid::ANYARRAY {
                return true;
            }
            let Some(elem) = self.element_type(f.array) else { return false };
            if f.elem.is_valid() && elem != f.elem {
                return false;
            }
            f.elem = elem;
        }
        if f.multirange.is_valid() {
            let desc = self.desc(f.multirange);
            if desc.kind != b'm' || (f.range.is_valid() && f.range != desc.subtype) {
                return false;
            }
            f.range = desc.subtype;
        }
        if f.range.is_valid() {
            let desc = self.desc(f.range);
            if desc.kind != b'r' || (f.elem.is_valid() && f.elem != desc.subtype) {
                return false;
            }
            f.elem = desc.subtype;
        }
        if f.anynonarray && f.elem.is_valid() && self.array_elem_of(f.elem).is_some() {
            return false;
        }
        !(f.anyenum && f.elem.is_valid() && self.desc(f.elem).kind != b'e')
    }

    fn family2_consistent(&self, f: &Family, actual: &[Oid]) -> bool {
        let mut range_elem = None;
        let mut range = f.range;
        if f.multirange.is_valid() {
            let desc = self.desc(f.multirange);
            if desc.kind != b'm' || (range.is_valid() && range != desc.subtype) {
                return false;
            }
            range = desc.subtype;
        }
        if range.is_valid() {
            let desc = self.desc(range);
            if desc.kind != b'r' {
                return false;
            }
            range_elem = Some(desc.subtype);
        }
        if actual.is_empty() {
            return true;
        }
        let types: SmallVec<[(Oid, Option<u32>); 8]> = actual.iter().map(|t| (*t, None)).collect();
        let Ok(common) = self.common_type_opt(&types) else { return false };
        if range_elem.is_some_and(|e| e != common) {
            return false;
        }
        if f.anynonarray && self.array_elem_of(common).is_some() {
            return false;
        }
        actual.iter().all(|t| self.can_coerce(*t, common, Context::Implicit))
    }

    /// `enforce_generic_type_consistency`: makes declared types concrete and answers the concrete result type.
    pub(super) fn resolve_generics(&self, actual: &[Oid], declared: &mut [Oid], returns: Oid, allow_poly: bool) -> Result<Oid> {
        if !is_polymorphic(returns) && !declared.iter().any(|t| is_polymorphic(*t)) {
            return Ok(returns);
        }
        let mut one = Family::default();
        let mut two = Family::default();
        let mut compatible: SmallVec<[(Oid, Option<u32>); 8]> = SmallVec::new();
        let mut unknowns = false;
        for (&actual, &decl) in actual.iter().zip(declared.iter()) {
            if is_family1(decl) {
                one.have = true;
                one.anynonarray |= decl == Oid::ANYNONARRAY;
                one.anyenum |= decl == Oid::ANYENUM;
            } else if is_family2(decl) {
                two.have = true;
                two.anynonarray |= decl == Oid::ANYCOMPATIBLENONARRAY;
            } else {
                continue;
            }
            if actual == Oid::UNKNOWN || (allow_poly && decl == actual) {
                unknowns = true;
                continue;
            }
            match decl {
                Oid::ANYELEMENT | Oid::ANYNONARRAY | Oid::ANYENUM => self.set(&mut one.elem, actual, "anyelement")?,
                Oid::ANYARRAY => self.set(&mut one.array, self.base_oid(actual), "anyarray")?,
                Oid::ANYRANGE => self.set(&mut one.range, self.base_oid(actual), "anyrange")?,
                Oid::ANYMULTIRANGE => self.set(&mut one.multirange, self.base_oid(actual), "anymultirange")?,
                Oid::ANYCOMPATIBLERANGE => self.set(&mut two.range, self.base_oid(actual), "anycompatiblerange")?,
                Oid::ANYCOMPATIBLEMULTIRANGE => self.set(&mut two.multirange, self.base_oid(actual), "anycompatiblemultirange")?,
                Oid::ANYCOMPATIBLEARRAY => match self.array_elem_of(actual) {
                    Some(elem) => compatible.push((elem, None)),
                    None => return Err(self.not_array("anycompatiblearray", actual)),
                },
                _ => compatible.push((actual, None)),
            }
        }
        if one.have || is_family1(returns) {
            self.settle_family1(&mut one)?;
        }
        if two.have || is_family2(returns) {
            self.settle_family2(&mut two, &compatible)?;
        }
        let _ = unknowns;
        for decl in declared.iter_mut() {
            if let Some(concrete) = self.concrete(*decl, &one, &two)? {
                *decl = concrete;
            }
        }
        Ok(self.concrete(returns, &one, &two)?.unwrap_or(returns))
    }

    fn set(&self, slot: &mut Oid, actual: Oid, name: &str) -> Result<()> {
        if slot.is_valid() && *slot != actual {
            return Err(err!(SqlState::DATATYPE_MISMATCH, "arguments declared \"{name}\" are not all alike").detail(format!(
                "{} versus {}",
                self.type_text(*slot),
                self.type_text(actual)
            )));
        }
        *slot = actual;
        Ok(())
    }

    fn not_array(&self, name: &str, actual: Oid) -> SqlError {
        let text = self.type_text(actual);
        err!(SqlState::DATATYPE_MISMATCH, "argument declared {name} is not an array but type {text}")
    }

    fn inconsistent(&self, a: &str, b: &str, x: Oid, y: Oid) -> SqlError {
        err!(SqlState::DATATYPE_MISMATCH, "argument declared {a} is not consistent with argument declared {b}").detail(format!(
            "{} versus {}",
            self.type_text(x),
            self.type_text(y)
        ))
    }

    fn settle_family1(&self, f: &mut Family) -> Result<()> {
        if f.array.is_valid() && f.array != Oid::ANYARRAY {
            let Some(elem) = self.element_type(f.array) else { return Err(self.not_array("anyarray", f.array)) };
            if f.elem.is_valid() && elem != f.elem {
                return Err(self.inconsistent("anyarray", "anyelement", f.array, f.elem));
            }
            f.elem = elem;
        }
        self.settle_ranges(f, "anyrange", "anymultirange", "anyelement")?;
        if !f.elem.is_valid() && f.array != Oid::ANYARRAY {
            return Err(err!(SqlState::DATATYPE_MISMATCH, "could not determine polymorphic type because input has type unknown"));
        }
        if f.anynonarray && self.array_elem_of(f.elem).is_some() {
            let text = self.type_text(f.elem);
            return Err(err!(SqlState::DATATYPE_MISMATCH, "type matched to anynonarray is an array type: {text}"));
        }
        if f.anyenum && self.desc(self.base_oid(f.elem)).kind != b'e' {
            let text = self.type_text(f.elem);
            return Err(err!(SqlState::DATATYPE_MISMATCH, "type matched to anyenum is not an enum type: {text}"));
        }
        Ok(())
    }

    fn settle_ranges(&self, f: &mut Family, range_name: &str, multirange_name: &str, elem_name: &str) -> Result<()> {
        if f.multirange.is_valid() {
            let desc = self.desc(f.multirange);
            if desc.kind != b'm' {
                let text = self.type_text(f.multirange);
                return Err(err!(
                    SqlState::DATATYPE_MISMATCH,
                    "argument declared {multirange_name} is not a multirange type but type {text}"
                ));
            }
            if f.range.is_valid() && f.range != desc.subtype {
                return Err(self.inconsistent(multirange_name, range_name, f.multirange, f.range));
            }
            f.range = desc.subtype;
        }
        if f.range.is_valid() {
            let desc = self.desc(f.range);
            if desc.kind != b'r' {
                let text = self.type_text(f.range);
                return Err(err!(
                    SqlState::DATATYPE_MISMATCH,
                    "argument declared {range_name} is not a range type but type {text}"
                ));
            }
            if f.elem.is_valid() && f.elem != desc.subtype {
                return Err(self.inconsistent(range_name, elem_name, f.range, f.elem));
            }
            f.elem = desc.subtype;
            f.multirange = desc.multirange;
        }
        Ok(())
    }

    fn settle_family2(&self, f: &mut Family, actual: &[(Oid, Option<u32>)]) -> Result<()> {
        self.settle_ranges(f, "anycompatiblerange", "anycompatiblemultirange", "anycompatible")?;
        let range_elem = f.elem;
        let common = match self.common_type_opt(actual) {
            Ok(common) if !actual.is_empty() => common,
            Ok(_) if range_elem.is_valid() => range_elem,
            Ok(_) => Oid::TEXT,
            Err((a, b, _)) => {
                return Err(err!(SqlState::DATATYPE_MISMATCH, "arguments of anycompatible family cannot be cast to a common type")
                    .detail(format!("{} versus {}", self.type_text(a), self.type_text(b))));
            }
        };
        if !actual.iter().all(|(t, _)| self.can_coerce(*t, common, Context::Implicit)) {
            return Err(err!(SqlState::DATATYPE_MISMATCH, "arguments of anycompatible family cannot be cast to a common type"));
        }
        if range_elem.is_valid() && range_elem != common {
            let text = self.type_text(f.range);
            let error = err!(
                SqlState::DATATYPE_MISMATCH,
                "anycompatiblerange type {text} does not match anycompatible type {}",
                self.type_text(common)
            );
            return Err(error);
        }
        if f.anynonarray && self.array_elem_of(common).is_some() {
            let text = self.type_text(common);
            return Err(err!(SqlState::DATATYPE_MISMATCH, "type matched to anycompatiblenonarray is an array type: {text}"));
        }
        f.elem = common;
        Ok(())
    }

    fn concrete(&self, decl: Oid, one: &Family, two: &Family) -> Result<Option<Oid>> {
        let f = if is_family1(decl) {
            one
        } else if is_family2(decl) {
            two
        } else {
            return Ok(None);
        };
        let found = match decl {
            Oid::ANYARRAY if f.array.is_valid() => f.array,
            Oid::ANYARRAY | Oid::ANYCOMPATIBLEARRAY => match self.array_type(f.elem) {
                Some(array) => array,
                None => {
                    let text = self.type_text(f.elem);
                    return Err(err!(SqlState::UNDEFINED_OBJECT, "could not find array type for data type {text}"));
                }
            },
            Oid::ANYRANGE | Oid::ANYCOMPATIBLERANGE => {
                if !f.range.is_valid() {
                    return Err(undetermined(if decl == Oid::ANYRANGE { "anyrange" } else { "anycompatiblerange" }));
                }
                f.range
            }
            Oid::ANYMULTIRANGE | Oid::ANYCOMPATIBLEMULTIRANGE => {
                if !f.multirange.is_valid() {
                    return Err(undetermined(if decl == Oid::ANYMULTIRANGE { "anymultirange" } else { "anycompatiblemultirange" }));
                }
                f.multirange
            }
            _ => f.elem,
        };
        Ok(Some(found))
    }
}

fn undetermined(name: &str) -> SqlError {
    err!(SqlState::DATATYPE_MISMATCH, "could not determine polymorphic type {name} because input has type unknown")
}
