//! Dispatch from a type to its family's input and output; a `match` and nothing more.

use super::bit::BitString;
use super::inet::{self, Inet};
use super::io::{IoContext, Reader, TypeKind, invalid_binary, type_info, utf8};
use super::tsearch::{TsQuery, TsVector};
use super::{Datum, Oid, Type, array_io, bytea, datetime, float, geo, int, json, money, range_io, record, sysid, text};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::numeric::Numeric;

/// See `io::input`.
pub(super) fn input(cx: &IoContext<'_>, s: &str, ty: Type) -> Result<Datum> {
    Ok(match ty.oid {
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME | Oid::UNKNOWN | Oid::CSTRING | Oid::REFCURSOR | Oid::XML => {
            return text::input(s, ty);
        }
        Oid::INT4 => Datum::Int4(int::parse_i32(s)?),
        Oid::INT8 => Datum::Int8(int::parse_i64(s)?),
        Oid::INT2 => Datum::Int2(int::parse_i16(s)?),
        Oid::BOOL => Datum::Bool(text::bool_in(s)?),
        Oid::FLOAT4 => Datum::Float4(float::parse_f32(s)?),
        Oid::FLOAT8 => Datum::Float8(float::parse_f64(s)?),
        Oid::NUMERIC => Datum::Numeric(Numeric::parse(s)?.apply_typmod(ty.typmod)?),
        Oid::BYTEA => Datum::bytea(&bytea::parse(s)?),
        Oid::UUID => Datum::Uuid(bytea::parse_uuid(s)?.into()),
        Oid::CHAR => Datum::Char(text::char_in(s)),
        Oid::JSON => {
            json::validate(s)?;
            Datum::text(s)
        }
        Oid::JSONB => Datum::Jsonb(Jsonb::parse(s)?.into()),
        Oid::JSONPATH => Datum::text(super::jsonpath::Path::parse(s)?.to_string()),
        Oid::OID => Datum::Oid(sysid::parse_oid(s)?),
        Oid::XID | Oid::CID => Datum::Oid(Oid(sysid::parse_xid(s) as u32)),
        Oid::XID8 => Datum::U64(sysid::parse_xid(s)),
        Oid::PG_LSN => Datum::U64(sysid::parse_lsn(s)?),
        Oid::TID => {
            let (block, offset) = sysid::parse_tid(s)?;
            Datum::Tid(block, offset)
        }
        Oid::INT2VECTOR => Datum::Array(sysid::parse_vector(s, Oid::INT2)?.into()),
        Oid::OIDVECTOR => Datum::Array(sysid::parse_vector(s, Oid::OID)?.into()),
        Oid::DATE => Datum::Date(datetime::parse_date(cx, s)?),
        Oid::TIME => Datum::Time(datetime::parse_time(cx, s, ty.typmod)?),
        Oid::TIMETZ => {
            let (time, west) = datetime::parse_timetz(cx, s, ty.typmod)?;
            Datum::TimeTz(time, west)
        }
        Oid::TIMESTAMP => Datum::Timestamp(datetime::parse_timestamp(cx, s, ty.typmod)?),
        Oid::TIMESTAMPTZ => Datum::TimestampTz(datetime::parse_timestamptz(cx, s, ty.typmod)?),
        Oid::INTERVAL => Datum::Interval(datetime::parse_interval(s, cx.interval_style, ty.typmod)?),
        Oid::BIT | Oid::VARBIT => Datum::Bit(BitString::parse(s)?.apply_typmod(ty)?.into()),
        Oid::MONEY => Datum::Money(money::parse(s)?),
        Oid::INET => Datum::Inet(Inet::parse_inet(s)?.into()),
        Oid::CIDR => Datum::Inet(Inet::parse_cidr(s)?.into()),
        Oid::MACADDR => Datum::MacAddr(inet::parse_macaddr(s)?),
        Oid::MACADDR8 => Datum::MacAddr(inet::parse_macaddr8(s)?),
        Oid::POINT | Oid::LSEG | Oid::PATH | Oid::BOX | Oid::POLYGON | Oid::LINE | Oid::CIRCLE => {
            Datum::Geo(geo::parse(s, ty.oid)?.into())
        }
        Oid::TSVECTOR => Datum::TsVector(TsVector::parse(s)?.into()),
        Oid::TSQUERY => Datum::TsQuery(TsQuery::parse(s)?.into()),
        Oid::RECORD => return record::input(cx, s, ty.oid),
        Oid::VOID => Datum::text(""),
        reg if sysid::is_reg(reg) => Datum::Oid(sysid::parse_reg(cx, s, reg)?),
        _ => return input_by_kind(cx, s, ty),
    })
}

fn input_by_kind(cx: &IoContext<'_>, s: &str, ty: Type) -> Result<Datum> {
    let found = type_info(cx.types, ty.oid)?;
    match found.kind {
        TypeKind::Array(elem) => array_io::input(cx, s, Type { oid: elem, typmod: ty.typmod }),
        TypeKind::Domain(base) => input(cx, s, base),
        TypeKind::Composite(_) => record::input(cx, s, ty.oid),
        TypeKind::Range { subtype } => Ok(Datum::Range(range_io::parse_range(cx, s, ty.oid, subtype)?.into())),
        TypeKind::Multirange { range } => Ok(Datum::Multirange(range_io::parse_multirange(cx, s, ty.oid, range)?.into())),
        TypeKind::Enum => match cx.types.enum_value(ty.oid, s) {
            Some(value) => Ok(Datum::Enum(value)),
            None => Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input value for enum {}: \"{s}\"", found.name)),
        },
        TypeKind::Pseudo => Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot accept a value of type {}", found.name)),
        TypeKind::Base => Err(SqlError::unsupported(format!("text input of type {}", found.name))),
    }
}

/// See `io::output`.
pub(super) fn output(cx: &IoContext<'_>, value: &Datum, ty: Type, out: &mut Vec<u8>) {
    match value {
        Datum::Null => {}
        Datum::Text(v) => out.extend_from_slice(v.as_bytes()),
        Datum::Int4(v) => int::write(*v, out),
        Datum::Int8(v) => int::write(*v, out),
        Datum::Int2(v) => int::write(*v, out),
        Datum::Bool(v) => out.push(if *v { b't' } else { b'f' }),
        Datum::Float4(v) => float::write_f32(*v, cx.extra_float_digits, out),
        Datum::Float8(v) => float::write_f64(*v, cx.extra_float_digits, out),
        Datum::Numeric(v) => v.write(out),
        Datum::Bytea(v) => bytea::write(v, cx.bytea_output, out),
        Datum::Uuid(v) => bytea::write_uuid(v, out),
        Datum::Char(v) => text::char_out(*v, out),
        Datum::Jsonb(v) => v.write(out),
        Datum::Oid(v) if sysid::is_reg(ty.oid) => sysid::write_reg(cx, *v, ty.oid, out),
        Datum::Oid(v) => int::write(v.0, out),
        Datum::U64(v) if ty.oid == Oid::PG_LSN => sysid::write_lsn(*v, out),
        Datum::U64(v) => int::write(*v, out),
        Datum::Tid(block, offset) => sysid::write_tid(*block, *offset, out),
        Datum::Date(v) => datetime::write_date(*v, cx.date_style, out),
        Datum::Time(v) => datetime::write_time(*v, out),
        Datum::TimeTz(v, west) => datetime::write_timetz(*v, *west, out),
        Datum::Timestamp(v) => datetime::write_timestamp(*v, cx.date_style, out),
        Datum::TimestampTz(v) => datetime::write_timestamptz(*v, cx.date_style, cx.time_zone, out),
        Datum::Interval(v) => datetime::write_interval(v, cx.interval_style, out),
        Datum::Array(v) if matches!(ty.oid, Oid::INT2VECTOR | Oid::OIDVECTOR) => sysid::write_vector(v, out),
        Datum::Array(v) => array_io::output(cx, v, out),
        Datum::Enum(v) => match cx.types.enum_label(v.label) {
            Some(label) => out.extend_from_slice(label.as_bytes()),
            None => int::write(v.label.0, out),
        },
        Datum::Record(v) => record::output(cx, v, out),
        Datum::Bit(v) => v.write(out),
        Datum::Inet(v) => v.write(ty.oid == Oid::CIDR, out),
        Datum::MacAddr(v) => inet::write_mac(v, if ty.oid == Oid::MACADDR { 6 } else { 8 }, out),
        Datum::Money(v) => money::write(*v, out),
        Datum::Range(v) => range_io::write_range(cx, v, out),
        Datum::Multirange(v) => range_io::write_multirange(cx, v, out),
        Datum::TsVector(v) => v.write(out),
        Datum::TsQuery(v) => v.write(out),
        Datum::Geo(v) => geo::write(v, cx.extra_float_digits, out),
    }
}

/// See `io::receive`.
pub(super) fn receive(cx: &IoContext<'_>, r: &mut Reader<'_>, ty: Type) -> Result<Datum> {
    Ok(match ty.oid {
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME | Oid::UNKNOWN | Oid::CSTRING | Oid::REFCURSOR | Oid::XML => {
            return text::input(r.text()?, ty);
        }
        Oid::INT4 => Datum::Int4(r.i32()?),
        Oid::INT8 => Datum::Int8(r.i64()?),
        Oid::INT2 => Datum::Int2(r.i16()?),
        Oid::BOOL => Datum::Bool(r.u8()? != 0),
        Oid::FLOAT4 => Datum::Float4(r.f32()?),
        Oid::FLOAT8 => Datum::Float8(r.f64()?),
        Oid::NUMERIC => Datum::Numeric(Numeric::receive(r)?.apply_typmod(ty.typmod)?),
        Oid::BYTEA => Datum::bytea(r.remaining()),
        Oid::UUID => Datum::Uuid(<[u8; 16]>::try_from(r.bytes(16)?).unwrap_or_default().into()),
        Oid::CHAR => Datum::Char(r.u8()?),
        Oid::JSON => {
            let s = r.text()?;
            json::validate(s)?;
            Datum::text(s)
        }
        Oid::JSONB => Datum::Jsonb(Jsonb::receive(r)?.into()),
        Oid::OID | Oid::XID | Oid::CID => Datum::Oid(Oid(r.u32()?)),
        Oid::XID8 | Oid::PG_LSN => Datum::U64(r.u64()?),
        Oid::TID => Datum::Tid(r.u32()?, r.u16()?),
        Oid::DATE => Datum::Date(datetime::receive_date(r)?),
        Oid::TIME => Datum::Time(datetime::receive_time(r, ty.typmod)?),
        Oid::TIMETZ => {
            let (time, west) = datetime::receive_timetz(r, ty.typmod)?;
            Datum::TimeTz(time, west)
        }
        Oid::TIMESTAMP => Datum::Timestamp(datetime::receive_timestamp(r, ty.typmod)?),
        Oid::TIMESTAMPTZ => Datum::TimestampTz(datetime::receive_timestamp(r, ty.typmod)?),
        Oid::INTERVAL => Datum::Interval(datetime::receive_interval(r, ty.typmod)?),
        Oid::BIT | Oid::VARBIT => Datum::Bit(BitString::receive(r, ty)?.into()),
        Oid::MONEY => Datum::Money(r.i64()?),
        Oid::INET => Datum::Inet(Inet::receive(r, false)?.into()),
        Oid::CIDR => Datum::Inet(Inet::receive(r, true)?.into()),
        Oid::MACADDR | Oid::MACADDR8 => {
            let bytes = r.remaining();
            let mut mac = [0; 8];
            match (bytes.len(), ty.oid) {
                (6, _) | (8, Oid::MACADDR8) => mac[..bytes.len()].copy_from_slice(bytes),
                _ => return Err(invalid_binary("incorrect binary data format")),
            }
            let short = ty.oid == Oid::MACADDR8 && bytes.len() == 6;
            Datum::MacAddr(if short { inet::to_macaddr8(&mac) } else { mac })
        }
        Oid::POINT | Oid::LSEG | Oid::PATH | Oid::BOX | Oid::POLYGON | Oid::LINE | Oid::CIRCLE => {
            Datum::Geo(geo::receive(r, ty.oid)?.into())
        }
        Oid::TSVECTOR => Datum::TsVector(TsVector::receive(r)?.into()),
        Oid::TSQUERY => Datum::TsQuery(TsQuery::receive(r)?.into()),
        Oid::RECORD => return record::receive(cx, r, ty.oid),
        Oid::INT2VECTOR => return array_io::receive(cx, r, Type::new(Oid::INT2)),
        Oid::OIDVECTOR => return array_io::receive(cx, r, Type::new(Oid::OID)),
        Oid::VOID => Datum::text(""),
        reg if sysid::is_reg(reg) => Datum::Oid(Oid(r.u32()?)),
        _ => return receive_by_kind(cx, r, ty),
    })
}

fn receive_by_kind(cx: &IoContext<'_>, r: &mut Reader<'_>, ty: Type) -> Result<Datum> {
    let found = type_info(cx.types, ty.oid)?;
    match found.kind {
        TypeKind::Array(elem) => array_io::receive(cx, r, Type { oid: elem, typmod: ty.typmod }),
        TypeKind::Domain(base) => receive(cx, r, base),
        TypeKind::Composite(_) => record::receive(cx, r, ty.oid),
        TypeKind::Range { subtype } => Ok(Datum::Range(range_io::receive_range(cx, r, ty.oid, subtype)?.into())),
        TypeKind::Multirange { range } => Ok(Datum::Multirange(range_io::receive_multirange(cx, r, ty.oid, range)?.into())),
        TypeKind::Enum => input_by_kind(cx, utf8(r.remaining())?, ty),
        TypeKind::Pseudo => Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot accept a value of type {}", found.name)),
        TypeKind::Base => Err(no_binary(&found.name, "input")),
    }
}

/// See `io::send`.
pub(super) fn send(cx: &IoContext<'_>, value: &Datum, ty: Type, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Datum::Text(v) => out.extend_from_slice(v.as_bytes()),
        Datum::Int4(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Int8(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Int2(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Bool(v) => out.push(u8::from(*v)),
        Datum::Float4(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Float8(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Numeric(v) => v.send(out),
        Datum::Bytea(v) => out.extend_from_slice(v),
        Datum::Uuid(v) => out.extend_from_slice(v.as_slice()),
        Datum::Char(v) => out.push(*v),
        Datum::Jsonb(v) => v.send(out),
        Datum::Oid(v) => out.extend_from_slice(&v.0.to_be_bytes()),
        Datum::U64(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Tid(block, offset) => {
            out.extend_from_slice(&block.to_be_bytes());
            out.extend_from_slice(&offset.to_be_bytes());
        }
        Datum::Date(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::TimeTz(v, west) => {
            out.extend_from_slice(&v.to_be_bytes());
            out.extend_from_slice(&west.to_be_bytes());
        }
        Datum::Interval(v) => datetime::send_interval(v, out),
        Datum::Array(v) => return array_io::send(cx, v, out),
        Datum::Enum(_) => output(cx, value, ty, out),
        Datum::Record(v) => return record::send(cx, v, out),
        Datum::Bit(v) => v.send(out),
        Datum::Inet(v) => v.send(ty.oid == Oid::CIDR, out),
        Datum::MacAddr(v) => out.extend_from_slice(if ty.oid == Oid::MACADDR { &v[..6] } else { v }),
        Datum::Money(v) => out.extend_from_slice(&v.to_be_bytes()),
        Datum::Range(v) => return range_io::send_range(cx, v, out),
        Datum::Multirange(v) => return range_io::send_multirange(cx, v, out),
        Datum::TsVector(v) => v.send(out),
        Datum::TsQuery(v) => v.send(out),
        Datum::Geo(v) => geo::send(v, out),
        Datum::Null => return Err(no_binary(&type_info(cx.types, ty.oid)?.name, "output")),
    }
    Ok(())
}

#[cold]
fn no_binary(ty: &str, direction: &str) -> SqlError {
    err!(SqlState::UNDEFINED_FUNCTION, "no binary {direction} function available for type {ty}")
}
