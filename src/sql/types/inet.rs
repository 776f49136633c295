//! Network addresses: `inet`, `cidr`, `macaddr` and `macaddr8`.

use super::bytea::write_hex;
use super::io::{Reader, invalid_binary, invalid_syntax};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP address with netmask length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inet {
    /// Address, IPv4 or IPv6.
    pub addr: IpAddr,
    /// Netmask length in bits.
    pub bits: u8,
}

impl Inet {
    /// Bits of an address of this family.
    pub fn max_bits(&self) -> u8 {
        if self.addr.is_ipv4() { 32 } else { 128 }
    }

    /// The address as a number, IPv4 in the low 32 bits.
    pub fn number(&self) -> u128 {
        match self.addr {
            IpAddr::V4(a) => u32::from(a).into(),
            IpAddr::V6(a) => a.into(),
        }
    }

    /// The same family and netmask with another address.
    #[must_use]
    pub fn with_number(&self, n: u128) -> Self {
        let addr = match self.addr {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(n as u32)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(n)),
        };
        Self { addr, bits: self.bits }
    }

    /// The netmask's bits as a number.
    pub fn mask(&self) -> u128 {
        let max = u32::from(self.max_bits());
        let all = if max == 32 { u128::from(u32::MAX) } else { u128::MAX };
        let host = max - u32::from(self.bits);
        if host == 0 {
            all
        } else if host == 128 {
            0
        } else {
            all & !((1u128 << host) - 1)
        }
    }

    /// The network: host bits zero.
    #[must_use]
    pub fn network(&self) -> Self {
        self.with_number(self.number() & self.mask())
    }

    /// The broadcast address: host bits one.
    #[must_use]
    pub fn broadcast(&self) -> Self {
        let all = Self { bits: 0, ..*self }.hostmask_number();
        self.with_number((self.number() | !self.mask()) & all)
    }

    fn hostmask_number(&self) -> u128 {
        let all = if self.max_bits() == 32 { u128::from(u32::MAX) } else { u128::MAX };
        all & !self.mask()
    }

    /// The inverted netmask as a host address.
    #[must_use]
    pub fn hostmask(&self) -> Self {
        Self { bits: self.max_bits(), ..self.with_number(self.hostmask_number()) }
    }

    /// The netmask as a host address.
    #[must_use]
    pub fn netmask(&self) -> Self {
        Self { bits: self.max_bits(), ..self.with_number(self.mask()) }
    }

    /// `>>=`: whether the other address or network lies within this network.
    pub fn contains_or_equals(&self, other: &Self) -> bool {
        self.addr.is_ipv4() == other.addr.is_ipv4()
            && self.bits <= other.bits
            && self.number() & self.mask() == other.number() & self.mask()
    }

    /// `>>`
    pub fn contains(&self, other: &Self) -> bool {
        self.bits < other.bits && self.contains_or_equals(other)
    }

    /// `&&`
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains_or_equals(other) || other.contains_or_equals(self)
    }

    /// Parses `inet` text. Errors: 22P02.
    pub fn parse_inet(text: &str) -> Result<Self> {
        parse(text, false).ok_or_else(|| invalid_syntax("inet", text))
    }

    /// Parses `cidr` text. Errors: 22P02.
    pub fn parse_cidr(text: &str) -> Result<Self> {
        let found = parse(text, true).ok_or_else(|| invalid_syntax("cidr", text))?;
        if found.number() & !found.mask() != 0 {
            return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid cidr value: \"{text}\"")
                .detail("Value has bits set to right of mask."));
        }
        Ok(found)
    }

    /// Appends the text; `cidr` always shows its netmask length.
    pub fn write(&self, cidr: bool, out: &mut Vec<u8>) {
        self.write_host(out);
        if cidr || self.bits != self.max_bits() {
            let _ = write!(out, "/{}", self.bits);
        }
    }

    /// Appends the address alone.
    pub fn write_host(&self, out: &mut Vec<u8>) {
        match self.addr {
            // An all-zero prefix of exactly six words shows the rest as IPv4.
            IpAddr::V6(a) if a.octets()[..12] == [0; 12] && a.segments()[6] != 0 => {
                let o = a.octets();
                let _ = write!(out, "::{}.{}.{}.{}", o[12], o[13], o[14], o[15]);
            }
            addr => {
                let _ = write!(out, "{addr}");
            }
        }
    }

    /// Reads the binary form. Errors: 22P03.
    pub fn receive(r: &mut Reader<'_>, cidr: bool) -> Result<Self> {
        let name = if cidr { "cidr" } else { "inet" };
        let (family, bits, _is_cidr, len) = (r.u8()?, r.u8()?, r.u8()?, r.u8()?);
        let bad = |what: &str| invalid_binary(format!("invalid {what} in external \"{name}\" value"));
        let max = match family {
            2 => 32,
            3 => 128,
            _ => return Err(bad("address family")),
        };
        if bits > max {
            return Err(bad("bits"));
        }
        if len != max / 8 {
            return Err(bad("length"));
        }
        let bytes = r.bytes(usize::from(len))?;
        let addr = match <[u8; 4]>::try_from(bytes) {
            Ok(v4) => IpAddr::V4(v4.into()),
            Err(_) => IpAddr::V6(<[u8; 16]>::try_from(bytes).unwrap_or_default().into()),
        };
        let found = Self { addr, bits };
        if cidr && found.number() & !found.mask() != 0 {
            return Err(invalid_binary("invalid external \"cidr\" value").detail("Value has bits set to right of mask."));
        }
        Ok(found)
    }

    /// Appends the binary form.
    pub fn send(&self, cidr: bool, out: &mut Vec<u8>) {
        let family = if self.addr.is_ipv4() { 2 } else { 3 };
        out.extend_from_slice(&[family, self.bits, u8::from(cidr), self.max_bits() / 8]);
        match self.addr {
            IpAddr::V4(a) => out.extend_from_slice(&a.octets()),
            IpAddr::V6(a) => out.extend_from_slice(&a.octets()),
        }
    }
}

fn parse(text: &str, cidr: bool) -> Option<Inet> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) if !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit()) => {
            (address, Some(bits.parse::<u16>().ok()?))
        }
        Some(_) => return None,
        None => (text, None),
    };
    if address.contains(':') {
        let addr: Ipv6Addr = address.parse().ok()?;
        let bits = u8::try_from(bits.unwrap_or(128)).ok().filter(|b| *b <= 128)?;
        return Some(Inet { addr: addr.into(), bits });
    }
    let octets = address.split('.').map(decimal_octet).collect::<Option<Vec<u8>>>()?;
    if octets.len() > 4 {
        return None;
    }
    let given = octets.len() * 8;
    let bits = match bits {
        Some(bits) => u8::try_from(bits).ok().filter(|b| *b <= 32)?,
        None if octets.len() == 4 && !cidr => 32,
        None if cidr => class_bits(octets[0], given as u8),
        None => return None,
    };
    if !cidr && usize::from(bits) / 8 > octets.len() {
        return None;
    }
    let mut full = [0u8; 4];
    full[..octets.len()].copy_from_slice(&octets);
    Some(Inet { addr: Ipv4Addr::from(full).into(), bits })
}

fn decimal_octet(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The netmask length an address without one has in `cidr`: its class's, or as many octets as were written.
fn class_bits(first: u8, given: u8) -> u8 {
    let class = match first {
        240.. => 32,
        224.. => 8,
        192.. => 24,
        128.. => 16,
        _ => 8,
    };
    let bits = class.max(given);
    if bits == 8 && first == 224 { 4 } else { bits }
}

#[cold]
fn bad_mac(ty: &str, text: &str) -> SqlError {
    invalid_syntax(ty, text)
}

/// Parses `macaddr` text in any of its forms; the first six bytes are used. Errors: 22P02.
pub fn parse_macaddr(text: &str) -> Result<[u8; 8]> {
    let body = super::io::trim_space(text);
    let separators: Vec<char> = body.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
    let uniform = separators.windows(2).all(|w| w[0] == w[1]);
    let shape = (separators.first().copied(), separators.len());
    // Digits in each group: one or two where six are written, else exactly what fills the address.
    let width = match shape {
        (Some(':' | '-'), 5) => 0,
        (Some(':' | '-'), 1) => 6,
        (Some('.' | '-'), 2) => 4,
        (None, 0) => 12,
        _ => return Err(bad_mac("macaddr", text)),
    };
    let groups: Vec<&str> = body.split(|c: char| !c.is_ascii_hexdigit()).collect();
    let sound = |g: &&str| if width == 0 { (1..=2).contains(&g.len()) } else { g.len() == width };
    if !uniform || !groups.iter().all(sound) {
        return Err(bad_mac("macaddr", text));
    }
    let digits: String = groups.iter().map(|g| if g.len() == 1 { format!("0{g}") } else { (*g).to_string() }).collect();
    let bytes = super::bytea::decode_hex(&digits).ok().filter(|b| b.len() == 6).ok_or_else(|| bad_mac("macaddr", text))?;
    let mut out = [0; 8];
    out[..6].copy_from_slice(&bytes);
    Ok(out)
}

/// Parses `macaddr8` text: six bytes get `ff:fe` in the middle. Errors: 22P02.
pub fn parse_macaddr8(text: &str) -> Result<[u8; 8]> {
    macaddr8_bytes(super::io::trim_space(text)).ok_or_else(|| bad_mac("macaddr8", text))
}

fn macaddr8_bytes(body: &str) -> Option<[u8; 8]> {
    let bytes = body.as_bytes();
    let (mut out, mut n, mut at, mut separator) = ([0u8; 8], 0, 0, None);
    while at < bytes.len() {
        let pair = bytes.get(at..at + 2)?;
        let digit = |b: u8| (b as char).to_digit(16);
        *out.get_mut(n)? = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        n += 1;
        at += 2;
        if let Some(s @ (b':' | b'-' | b'.')) = bytes.get(at) {
            if *separator.get_or_insert(*s) != *s || at + 1 == bytes.len() {
                return None;
            }
            at += 1;
        }
    }
    match n {
        8 => Some(out),
        6 => Some(to_macaddr8(&out)),
        _ => None,
    }
}

/// macaddr to macaddr8.
pub fn to_macaddr8(mac: &[u8; 8]) -> [u8; 8] {
    [mac[0], mac[1], mac[2], 0xFF, 0xFE, mac[3], mac[4], mac[5]]
}

/// Appends the first `n` bytes as `xx:xx:...`.
pub fn write_mac(mac: &[u8; 8], n: usize, out: &mut Vec<u8>) {
    for (i, byte) in mac[..n].iter().enumerate() {
        if i > 0 {
            out.push(b':');
        }
        write_hex(&[*byte], out);
    }
}
