//! money: hundredths, in the C locale's `$1,234.56`.

use super::io::{invalid_syntax, is_space};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

#[cold]
fn out_of_range(text: &str) -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type money")
}

/// Text to money: `$`, sign, parentheses for negative, thousands separators; rounds to hundredths. Errors: 22P02, 22003.
pub fn parse(text: &str) -> Result<i64> {
    let mut rest = text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8));
    let mut negative = false;
    rest = rest.strip_prefix('$').unwrap_or(rest).trim_start();
    if let Some(after) = rest.strip_prefix('-') {
        (negative, rest) = (true, after);
    } else if let Some(after) = rest.strip_prefix('(') {
        (negative, rest) = (true, after);
    } else if let Some(after) = rest.strip_prefix('+') {
        rest = after;
    }
    rest = rest.trim_start();
    rest = rest.strip_prefix('$').unwrap_or(rest).trim_start();
    let bytes = rest.as_bytes();
    let (mut value, mut decimals, mut point, mut at) = (0i128, 0, false, 0);
    while let Some(b) = bytes.get(at) {
        match b {
            b'0'..=b'9' if !point || decimals < 2 => {
                value = value * 10 + i128::from(b - b'0');
                decimals += i32::from(point);
                if value > i128::from(i64::MAX) * 10 {
                    return Err(out_of_range(text));
                }
            }
            b'.' if !point => point = true,
            b',' if !point => {}
            _ => break,
        }
        at += 1;
    }
    let round_up = matches!(bytes.get(at), Some(b'5'..=b'9'));
    value = value * 10i128.pow((2 - decimals) as u32) + i128::from(round_up);
    let tail = rest[at..].trim_start_matches(|c: char| c.is_ascii_digit());
    let allowed = |b: u8| is_space(b) || matches!(b, b')' | b'$' | b'-' | b'+');
    if (at == 0 && !rest.is_empty()) || !tail.bytes().all(allowed) {
        return Err(invalid_syntax("money", text));
    }
    negative |= tail.contains('-');
    i64::try_from(if negative { -value } else { value }).map_err(|_| out_of_range(text))
}

/// Appends `$1,234.56`.
pub fn write(v: i64, out: &mut Vec<u8>) {
    if v < 0 {
        out.push(b'-');
    }
    out.push(b'$');
    let magnitude = v.unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    let whole = buffer.format(magnitude / 100).as_bytes();
    for (i, digit) in whole.iter().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(b',');
        }
        out.push(*digit);
    }
    let cents = (magnitude % 100) as u8;
    out.extend_from_slice(&[b'.', b'0' + cents / 10, b'0' + cents % 10]);
}
