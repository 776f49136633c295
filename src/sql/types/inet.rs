//! Network addresses: `inet` and `cidr`.

/// An IP address with netmask length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inet {
    /// Address, IPv4 or IPv6.
    pub addr: std::net::IpAddr,
    /// Netmask length in bits.
    pub bits: u8,
}
