//! The default parser: words, numbers, hyphenated words with their parts, addresses, paths, tags, entities, and what lies between.

/// A token's kind, with PostgreSQL's number and alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    AsciiWord = 1,
    Word = 2,
    NumWord = 3,
    Email = 4,
    Url = 5,
    Host = 6,
    Scientific = 7,
    Version = 8,
    HyphenNumPart = 9,
    HyphenPart = 10,
    HyphenAsciiPart = 11,
    Blank = 12,
    Tag = 13,
    Protocol = 14,
    NumHyphen = 15,
    AsciiHyphen = 16,
    Hyphen = 17,
    UrlPath = 18,
    File = 19,
    Float = 20,
    Int = 21,
    UInt = 22,
    Entity = 23,
}

/// Every kind: number, alias, description.
pub const KINDS: [(i32, &str, &str); 23] = [
    (1, "asciiword", "Word, all ASCII"),
    (2, "word", "Word, all letters"),
    (3, "numword", "Word, letters and digits"),
    (4, "email", "Email address"),
    (5, "url", "URL"),
    (6, "host", "Host"),
    (7, "sfloat", "Scientific notation"),
    (8, "version", "Version number"),
    (9, "hword_numpart", "Hyphenated word part, letters and digits"),
    (10, "hword_part", "Hyphenated word part, all letters"),
    (11, "hword_asciipart", "Hyphenated word part, all ASCII"),
    (12, "blank", "Space symbols"),
    (13, "tag", "XML tag"),
    (14, "protocol", "Protocol head"),
    (15, "numhword", "Hyphenated word, letters and digits"),
    (16, "asciihword", "Hyphenated word, all ASCII"),
    (17, "hword", "Hyphenated word, all letters"),
    (18, "url_path", "URL path"),
    (19, "file", "File or path name"),
    (20, "float", "Decimal notation"),
    (21, "int", "Signed integer"),
    (22, "uint", "Unsigned integer"),
    (23, "entity", "XML entity"),
];

/// A token: a slice of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'t> {
    pub kind: Kind,
    pub text: &'t str,
}

fn word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn run(s: &str, inside: impl Fn(char) -> bool) -> usize {
    s.find(|c| !inside(c)).unwrap_or(s.len())
}

fn word_kind(s: &str) -> Kind {
    if s.chars().any(|c| !c.is_alphabetic()) {
        Kind::NumWord
    } else if s.is_ascii() {
        Kind::AsciiWord
    } else {
        Kind::Word
    }
}

/// Cuts a document. Parts of compounds follow the compound itself.
pub fn tokens(document: &str) -> Vec<Token<'_>> {
    let (mut out, mut rest) = (Vec::new(), document);
    let mut blank = 0;
    while blank < rest.len() {
        let here = &rest[blank..];
        let before = document.len() - here.len();
        let after_word = here.starts_with(['+', '-', '/']) && blank == 0 && document[..before].ends_with(word_char);
        let found = if after_word { 0 } else { one(here, &mut Vec::new()) };
        if found == 0 {
            blank += here.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        if blank > 0 {
            out.push(Token { kind: Kind::Blank, text: &rest[..blank] });
        }
        one(here, &mut out);
        rest = &here[found..];
        blank = 0;
    }
    if !rest.is_empty() {
        out.push(Token { kind: Kind::Blank, text: rest });
    }
    out
}

/// Reads one token (or compound); its length, 0 for none.
fn one<'t>(s: &'t str, out: &mut Vec<Token<'t>>) -> usize {
    let Some(first) = s.chars().next() else { return 0 };
    let mut push = |kind, len: usize| {
        out.push(Token { kind, text: &s[..len] });
        len
    };
    match first {
        '<' => tag(s).map_or(0, |len| push(Kind::Tag, len)),
        '&' => entity(s).map_or(0, |len| push(Kind::Entity, len)),
        '/' => match path(s) {
            0 | 1 => 0,
            len => push(Kind::File, len),
        },
        '+' | '-' => number(s).map_or(0, |(kind, len)| push(if kind == Kind::UInt { Kind::Int } else { kind }, len)),
        c if c.is_alphanumeric() || c == '_' => word(s, out),
        _ => 0,
    }
}

fn tag(s: &str) -> Option<usize> {
    let inner = s[1..].strip_prefix('/').unwrap_or(&s[1..]);
    let named = inner.starts_with(|c: char| c.is_ascii_alphabetic()) || inner.starts_with("!--") || inner.starts_with('?');
    let end = s.find('>')?;
    named.then_some(end + 1)
}

fn entity(s: &str) -> Option<usize> {
    let body = &s[1..];
    let digits = body.strip_prefix('#');
    let len = match digits {
        Some(d) => 1 + run(d, |c| c.is_ascii_alphanumeric()),
        None => run(body, |c| c.is_ascii_alphanumeric()),
    };
    (len > usize::from(digits.is_some()) && body[len..].starts_with(';')).then_some(len + 2)
}

fn path(s: &str) -> usize {
    let len = run(s, |c| word_char(c) || "/.~-".contains(c));
    s[..len].trim_end_matches(['.', '-']).len()
}

/// A number with optional sign.
fn number(s: &str) -> Option<(Kind, usize)> {
    let sign = usize::from(s.starts_with(['+', '-']));
    let digits = |from: usize| run(&s[from..], |c| c.is_ascii_digit());
    let whole = digits(sign);
    if whole == 0 {
        return None;
    }
    let (mut end, mut kind) = (sign + whole, Kind::UInt);
    let mut dots = 0;
    while s[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
        dots += 1;
    }
    match dots {
        0 => {}
        1 => kind = Kind::Float,
        _ => kind = Kind::Version,
    }
    if dots < 2 && s[end..].starts_with(['e', 'E']) {
        let exponent = end + 1 + usize::from(s[end + 1..].starts_with(['+', '-']));
        if digits(exponent) > 0 {
            end = exponent + digits(exponent);
            kind = Kind::Scientific;
        }
    }
    if s[end..].starts_with(word_char) { None } else { Some((kind, end)) }
}

fn host(s: &str) -> usize {
    let len = run(s, |c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let host = s[..len].trim_end_matches(['.', '-', '_']);
    let labels: Vec<&str> = host.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let valid =
        labels.len() > 1 && labels.iter().all(|l| !l.is_empty()) && top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
    if !valid {
        return 0;
    }
    let port = s[host.len()..].strip_prefix(':').map_or(0, |p| run(p, |c| c.is_ascii_digit()));
    host.len() + if port > 0 { port + 1 } else { 0 }
}

fn word<'t>(s: &'t str, out: &mut Vec<Token<'t>>) -> usize {
    let first = run(s, word_char);
    let protocol = s[..first].is_ascii() && s[first..].starts_with("://");
    if protocol {
        out.push(Token { kind: Kind::Protocol, text: &s[..first + 3] });
        return first + 3;
    }
    let local = run(s, |c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if s[local..].starts_with('@') && host(&s[local + 1..]) > 0 {
        let len = local + 1 + host(&s[local + 1..]);
        out.push(Token { kind: Kind::Email, text: &s[..len] });
        return len;
    }
    if let Some((kind, len)) = number(s) {
        let hyphenated = s[len..].starts_with('-') && s[len + 1..].starts_with(|c: char| c.is_alphabetic());
        if !hyphenated {
            out.push(Token { kind, text: &s[..len] });
            return len;
        }
    }
    let host_len = host(s);
    if host_len > 0 {
        return address(s, host_len, out);
    }
    let file = path(s);
    if s[first..].starts_with('/') && file > first + 1 {
        out.push(Token { kind: Kind::File, text: &s[..file] });
        return file;
    }
    if s[first..].starts_with('-') && s[first + 1..].starts_with(|c: char| c.is_alphanumeric()) {
        return compound(s, out);
    }
    out.push(Token { kind: word_kind(&s[..first]), text: &s[..first] });
    first
}

fn address<'t>(s: &'t str, host_len: usize, out: &mut Vec<Token<'t>>) -> usize {
    if !s[host_len..].starts_with('/') {
        out.push(Token { kind: Kind::Host, text: &s[..host_len] });
        return host_len;
    }
    let tail = run(&s[host_len..], |c| !c.is_whitespace() && !"<>\"".contains(c));
    let len = host_len + s[host_len..host_len + tail].trim_end_matches(['.', ',', ')', ';']).len();
    out.push(Token { kind: Kind::Url, text: &s[..len] });
    out.push(Token { kind: Kind::Host, text: &s[..host_len] });
    out.push(Token { kind: Kind::UrlPath, text: &s[host_len..len] });
    len
}

/// A hyphenated word: the whole, then its parts with the hyphens between them.
fn compound<'t>(s: &'t str, out: &mut Vec<Token<'t>>) -> usize {
    let mut end = run(s, word_char);
    while s[end..].starts_with('-') && s[end + 1..].starts_with(|c: char| c.is_alphanumeric()) {
        end += 1 + run(&s[end + 1..], word_char);
    }
    let whole = &s[..end];
    let kind = if whole.chars().any(|c| !c.is_alphabetic() && c != '-') {
        Kind::NumHyphen
    } else if whole.is_ascii() {
        Kind::AsciiHyphen
    } else {
        Kind::Hyphen
    };
    out.push(Token { kind, text: whole });
    let mut at = 0;
    for (i, part) in whole.split('-').enumerate() {
        if i > 0 {
            out.push(Token { kind: Kind::Blank, text: &s[at - 1..at] });
        }
        let kind = match word_kind(part) {
            Kind::AsciiWord => Kind::HyphenAsciiPart,
            Kind::Word => Kind::HyphenPart,
            _ => Kind::HyphenNumPart,
        };
        out.push(Token { kind, text: part });
        at += part.len() + 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let shown = |s: &str| {
            let all = tokens(s);
            all.iter()
                .filter(|t| t.kind != Kind::Blank)
                .map(|t| format!("{}:{}", t.kind as i32, t.text))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown("The fox-trot, 42 -1.5 2e3 1.2.3"), "1:The 16:fox-trot 11:fox 11:trot 22:42 20:-1.5 7:2e3 8:1.2.3");
        assert_eq!(shown("a@b.org http://x.com/y?z héllo b2b"), "4:a@b.org 14:http:// 5:x.com/y?z 6:x.com 18:/y?z 2:héllo 3:b2b");
        assert_eq!(shown("<b>x</b> &amp; /usr/bin"), "13:<b> 1:x 13:</b> 23:&amp; 19:/usr/bin");
    }
}
