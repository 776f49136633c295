//! Bit strings: `bit(n)` and `bit varying(n)`.

/// A bit string, most significant bit of the first byte first; unused bits are zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BitString {
    /// Number of bits.
    pub len: u32,
    /// The bits, `(len + 7) / 8` bytes.
    pub bytes: Vec<u8>,
}
