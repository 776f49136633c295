//! Letter case: by Unicode's one-to-one mappings, or ASCII only under the collations C and POSIX.
//!
//! PostgreSQL maps character by character (`towupper`), so `upper('ß')` stays `ß`.

use crate::sql::types::Oid;

/// `pg_collation.oid` of C and POSIX.
fn ascii_only(collation: Oid) -> bool {
    matches!(collation.0, 950 | 951)
}

/// One character's upper case, where that is one character.
pub fn upper_char(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// One character's lower case, where that is one character.
pub fn lower_char(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// lower()
pub fn lower(s: &str, collation: Oid) -> String {
    if ascii_only(collation) || s.is_ascii() { s.to_ascii_lowercase() } else { s.chars().map(lower_char).collect() }
}

/// upper()
pub fn upper(s: &str, collation: Oid) -> String {
    if ascii_only(collation) || s.is_ascii() { s.to_ascii_uppercase() } else { s.chars().map(upper_char).collect() }
}

/// initcap(): the first alphanumeric of each run upper, the others lower.
pub fn initcap(s: &str, collation: Oid) -> String {
    let ascii = ascii_only(collation);
    let mut inside = false;
    s.chars()
        .map(|c| {
            let was_inside = std::mem::replace(&mut inside, if ascii { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() });
            match (ascii, was_inside) {
                (true, true) => c.to_ascii_lowercase(),
                (true, false) => c.to_ascii_uppercase(),
                (false, true) => lower_char(c),
                (false, false) => upper_char(c),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_mapped_character_by_character() {
        assert_eq!(upper("straße é", Oid(100)), "STRAßE É");
        assert_eq!(upper("é", Oid(950)), "é");
        assert_eq!(initcap("hi THOMAS o'neil 3rd", Oid(100)), "Hi Thomas O'Neil 3rd");
    }
}
