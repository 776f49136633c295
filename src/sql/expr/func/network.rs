//! inet, cidr, macaddr, macaddr8: containment, parts, masks, arithmetic, casts.

use super::support::*;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::inet::{Inet, to_macaddr8};
use std::net::IpAddr;
use std::sync::Arc;

fn n(d: &Datum) -> &Inet {
    d.as_inet()
}

fn inet(v: Inet) -> Result<Datum> {
    Ok(Datum::Inet(Arc::new(v)))
}

fn mac(d: &Datum) -> [u8; 8] {
    match d {
        Datum::MacAddr(v) => *v,
        _ => [0; 8],
    }
}

fn mac_of(v: [u8; 8], len: usize) -> Result<Datum> {
    let mut v = v;
    v[len..].fill(0);
    Ok(Datum::MacAddr(v))
}

fn mac2(a: &[Datum], len: usize, op: fn(u8, u8) -> u8) -> Result<Datum> {
    let (x, y) = (mac(&a[0]), mac(&a[1]));
    mac_of(std::array::from_fn(|i| op(x[i], y[i])), len)
}

/// Network functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("network_sub", |_, a| boolean(n(&a[1]).contains(n(&a[0])))),
    f("network_subeq", |_, a| boolean(n(&a[1]).contains_or_equals(n(&a[0])))),
    f("network_sup", |_, a| boolean(n(&a[0]).contains(n(&a[1])))),
    f("network_supeq", |_, a| boolean(n(&a[0]).contains_or_equals(n(&a[1])))),
    f("network_overlap", |_, a| boolean(n(&a[0]).overlaps(n(&a[1])))),
    f("inetnot", |_, a| inet(n(&a[0]).with_number(!n(&a[0]).number()))),
    f("inetand", |_, a| combine(a, "AND", |x, y| x & y)),
    f("inetor", |_, a| combine(a, "OR", |x, y| x | y)),
    f("inetpl", |_, a| moved(n(&a[0]), a[1].as_int8().into())),
    f("int8pl_inet/20 869", |_, a| moved(n(&a[1]), a[0].as_int8().into())),
    f("inetmi_int8", |_, a| moved(n(&a[0]), -i128::from(a[1].as_int8()))),
    f("inetmi", |_, a| difference(n(&a[0]), n(&a[1]))),
    f("inet_to_cidr", |_, a| inet(n(&a[0]).network())),
    f("network_show", |_, a| text(format!("{}/{}", n(&a[0]).addr, n(&a[0]).bits))),
    f("network_host", |_, a| text(n(&a[0]).addr.to_string())),
    f("inet_abbrev", |_, a| {
        let v = n(&a[0]);
        text(if v.bits == v.max_bits() { v.addr.to_string() } else { format!("{}/{}", v.addr, v.bits) })
    }),
    f("cidr_abbrev", |_, a| text(abbreviated(n(&a[0])))),
    f("inet_set_masklen", |_, a| inet(with_mask(n(&a[0]), a[1].as_int4())?)),
    f("cidr_set_masklen", |_, a| inet(with_mask(n(&a[0]), a[1].as_int4())?.network())),
    f("network_network", |_, a| inet(n(&a[0]).network())),
    f("network_broadcast", |_, a| inet(n(&a[0]).broadcast())),
    f("network_netmask", |_, a| inet(n(&a[0]).netmask())),
    f("network_hostmask", |_, a| inet(n(&a[0]).hostmask())),
    f("network_masklen", |_, a| Ok(Datum::Int4(n(&a[0]).bits.into()))),
    f("network_family", |_, a| Ok(Datum::Int4(if n(&a[0]).addr.is_ipv4() { 4 } else { 6 }))),
    f("inet_same_family", |_, a| boolean(n(&a[0]).addr.is_ipv4() == n(&a[1]).addr.is_ipv4())),
    f("inet_merge", |_, a| merge(n(&a[0]), n(&a[1]))),
    f("macaddr_not", |_, a| mac_of(mac(&a[0]).map(|v| !v), 6)),
    f("macaddr_and", |_, a| mac2(a, 6, |x, y| x & y)),
    f("macaddr_or", |_, a| mac2(a, 6, |x, y| x | y)),
    f("macaddr8_not", |_, a| mac_of(mac(&a[0]).map(|v| !v), 8)),
    f("macaddr8_and", |_, a| mac2(a, 8, |x, y| x & y)),
    f("macaddr8_or", |_, a| mac2(a, 8, |x, y| x | y)),
    f("macaddr_trunc", |_, a| mac_of(mac(&a[0]), 3)),
    f("macaddr8_trunc", |_, a| mac_of(mac(&a[0]), 3)),
    f("macaddr8_set7bit", |_, a| {
        let mut v = mac(&a[0]);
        v[0] |= 2;
        Ok(Datum::MacAddr(v))
    }),
    f("macaddrtomacaddr8", |_, a| Ok(Datum::MacAddr(to_macaddr8(&mac(&a[0]))))),
    f("macaddr8tomacaddr", |_, a| {
        let [x, y, z, 0xff, 0xfe, p, q, r] = mac(&a[0]) else {
            return Err(SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "macaddr8 data out of range to convert to macaddr")
                .hint(
                    "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example \
                 xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
                ));
        };
        Ok(Datum::MacAddr([x, y, z, p, q, r, 0, 0]))
    }),
];

#[cold]
fn result_out_of_range() -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range")
}

fn combine(a: &[Datum], verb: &str, op: fn(u128, u128) -> u128) -> Result<Datum> {
    let (x, y) = (n(&a[0]), n(&a[1]));
    if x.addr.is_ipv4() != y.addr.is_ipv4() {
        return Err(invalid_parameter(format!("cannot {verb} inet values of different sizes")));
    }
    inet(Inet { bits: x.bits.max(y.bits), ..x.with_number(op(x.number(), y.number())) })
}

fn moved(v: &Inet, by: i128) -> Result<Datum> {
    let limit = if v.addr.is_ipv4() { u128::from(u32::MAX) } else { u128::MAX };
    let number = if by < 0 { v.number().checked_sub(by.unsigned_abs()) } else { v.number().checked_add(by.unsigned_abs()) };
    inet(v.with_number(number.filter(|n| *n <= limit).ok_or_else(result_out_of_range)?))
}

fn difference(x: &Inet, y: &Inet) -> Result<Datum> {
    if x.addr.is_ipv4() != y.addr.is_ipv4() {
        return Err(invalid_parameter("cannot subtract inet values of different sizes"));
    }
    let gap = i128::try_from(x.number().abs_diff(y.number())).map_err(|_| result_out_of_range())?;
    let signed = if x.number() < y.number() { -gap } else { gap };
    i64::try_from(signed).map(Datum::Int8).map_err(|_| result_out_of_range())
}

fn with_mask(v: &Inet, bits: i32) -> Result<Inet> {
    let bits = if bits == -1 { v.max_bits().into() } else { bits };
    match u8::try_from(bits) {
        Ok(bits) if bits <= v.max_bits() => Ok(Inet { bits, ..*v }),
        _ => Err(invalid_parameter(format!("invalid mask length: {bits}"))),
    }
}

/// The smallest network that includes both.
fn merge(x: &Inet, y: &Inet) -> Result<Datum> {
    if x.addr.is_ipv4() != y.addr.is_ipv4() {
        return Err(invalid_parameter("cannot merge addresses from different families"));
    }
    let unused = 128 - u32::from(x.max_bits());
    let common = (x.number() ^ y.number()).leading_zeros() - unused;
    let bits = common.min(x.bits.into()).min(y.bits.into()) as u8;
    inet(Inet { bits, ..*x }.network())
}

/// Only the parts of the address the mask covers.
fn abbreviated(v: &Inet) -> String {
    let bits = usize::from(v.bits);
    match v.addr {
        IpAddr::V4(addr) => {
            let octets: Vec<String> = addr.octets()[..bits.div_ceil(8).max(1)].iter().map(u8::to_string).collect();
            format!("{}/{bits}", octets.join("."))
        }
        IpAddr::V6(addr) if bits == 0 || bits > 112 => format!("{addr}/{bits}"),
        IpAddr::V6(addr) => {
            let groups: Vec<String> = addr.segments()[..bits.div_ceil(16)].iter().map(|g| format!("{g:x}")).collect();
            format!("{}/{bits}", groups.join(":"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(s: &str) -> Inet {
        Inet::parse_inet(s).unwrap()
    }

    #[test]
    fn networks() {
        let Ok(Datum::Inet(merged)) = merge(&v("192.168.1.5/24"), &v("192.168.2.5/24")) else { panic!("no address") };
        assert_eq!(*merged, v("192.168.0.0/22"));
        assert_eq!(abbreviated(&v("10.1.0.0/16")), "10.1/16");
        assert_eq!(with_mask(&v("10.0.0.1"), 33).unwrap_err().message(), "invalid mask length: 33");
        assert!(moved(&v("255.255.255.255"), 1).is_err());
    }
}
