//! Number templates: their description (`Description::of`), to_char for every numeric type, to_number.

use super::super::support::*;
use super::number_in::read;
use super::number_out::write;
use super::template::{self, Node};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::numeric::Numeric;

/// Patterns of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Comma,
    Dec,
    Zero,
    Nine,
    Blank,
    LocaleDec,
    Exponent,
    FillMode,
    Group,
    Currency,
    Minus,
    Plus,
    Bracket,
    Roman(bool),
    PlusMinus,
    Sign,
    Ordinal(bool),
    Multiply,
    Ignored,
}

const KEYWORDS: &[(&str, Key)] = &[
    (",", Key::Comma),
    (".", Key::Dec),
    ("0", Key::Zero),
    ("9", Key::Nine),
    ("B", Key::Blank),
    ("C", Key::Ignored),
    ("D", Key::LocaleDec),
    ("EEEE", Key::Exponent),
    ("FM", Key::FillMode),
    ("G", Key::Group),
    ("L", Key::Currency),
    ("MI", Key::Minus),
    ("PL", Key::Plus),
    ("PR", Key::Bracket),
    ("RN", Key::Roman(true)),
    ("SG", Key::PlusMinus),
    ("SP", Key::Ignored),
    ("S", Key::Sign),
    ("TH", Key::Ordinal(true)),
    ("V", Key::Multiply),
    ("b", Key::Blank),
    ("c", Key::Ignored),
    ("d", Key::LocaleDec),
    ("eeee", Key::Exponent),
    ("fm", Key::FillMode),
    ("g", Key::Group),
    ("l", Key::Currency),
    ("mi", Key::Minus),
    ("pl", Key::Plus),
    ("pr", Key::Bracket),
    ("rn", Key::Roman(false)),
    ("sg", Key::PlusMinus),
    ("sp", Key::Ignored),
    ("s", Key::Sign),
    ("th", Key::Ordinal(false)),
    ("v", Key::Multiply),
];

/// Where the locale's sign goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignPlace {
    #[default]
    None,
    Before,
    After,
}

/// What a template asks for as a whole.
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub pre: usize,
    pub post: usize,
    pub sign: SignPlace,
    pub pre_at_sign: usize,
    pub multi: usize,
    /// 1-based digit position of the first `0` pattern before the point; 0 for none.
    pub zero_start: usize,
    pub zero_end: usize,
    pub decimal: bool,
    pub zero: bool,
    pub blank: bool,
    pub fill_mode: bool,
    pub locale_sign: bool,
    pub bracket: bool,
    pub minus: bool,
    pub plus: bool,
    pub roman: bool,
    pub multiply: bool,
    pub exponent: bool,
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    pub nodes: Vec<Node<Key>>,
    pub description: Description,
}

#[cold]
fn misuse(message: &str) -> SqlError {
    SqlError::new(SqlState::SYNTAX_ERROR, message)
}

impl Template {
    /// Parses a template. Errors: 42601 for patterns that do not go together.
    pub fn new(text: &str) -> Result<Self> {
        let nodes = template::parse(text, KEYWORDS, false);
        let mut description = Description::default();
        for node in &nodes {
            if let Node::Pattern(key, _) = node {
                description.take(*key)?;
            }
        }
        Ok(Self { nodes, description })
    }
}

impl Description {
    fn take(&mut self, key: Key) -> Result<()> {
        if self.exponent && key != Key::Exponent {
            return Err(misuse("\"EEEE\" must be the last pattern used"));
        }
        match key {
            Key::Nine if self.bracket => return Err(misuse("\"9\" must be ahead of \"PR\"")),
            Key::Nine if self.multiply => self.multi += 1,
            Key::Nine if self.decimal => self.post += 1,
            Key::Nine => self.pre += 1,
            Key::Zero if self.bracket => return Err(misuse("\"0\" must be ahead of \"PR\"")),
            Key::Zero => {
                if !self.zero && !self.decimal {
                    (self.zero, self.zero_start) = (true, self.pre + 1);
                }
                if self.decimal {
                    self.post += 1
                } else {
                    self.pre += 1
                }
                self.zero_end = self.pre + self.post;
            }
            Key::Blank => self.blank |= self.pre == 0 && self.post == 0 && !self.zero,
            Key::LocaleDec | Key::Dec if self.decimal => return Err(misuse("multiple decimal points")),
            Key::LocaleDec | Key::Dec if self.multiply => return Err(misuse("cannot use \"V\" and decimal point together")),
            Key::LocaleDec | Key::Dec => self.decimal = true,
            Key::FillMode => self.fill_mode = true,
            Key::Multiply if self.decimal => return Err(misuse("cannot use \"V\" and decimal point together")),
            Key::Multiply => self.multiply = true,
            Key::Roman(_) => self.roman = true,
            Key::Exponent => self.take_exponent()?,
            other => self.take_sign(other)?,
        }
        Ok(())
    }

    fn take_sign(&mut self, key: Key) -> Result<()> {
        match key {
            Key::Sign if self.locale_sign => return Err(misuse("cannot use \"S\" twice")),
            Key::Sign if self.plus || self.minus || self.bracket => {
                return Err(misuse("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
            }
            Key::Sign if !self.decimal => {
                (self.sign, self.pre_at_sign, self.locale_sign) = (SignPlace::Before, self.pre, true);
            }
            Key::Sign => (self.sign, self.locale_sign) = (SignPlace::After, true),
            Key::Minus if self.locale_sign => return Err(misuse("cannot use \"S\" and \"MI\" together")),
            Key::Minus => self.minus = true,
            Key::Plus if self.locale_sign => return Err(misuse("cannot use \"S\" and \"PL\" together")),
            Key::Plus => self.plus = true,
            Key::PlusMinus if self.locale_sign => return Err(misuse("cannot use \"S\" and \"SG\" together")),
            Key::PlusMinus => (self.plus, self.minus) = (true, true),
            Key::Bracket if self.locale_sign || self.plus || self.minus => {
                return Err(misuse("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            Key::Bracket => self.bracket = true,
            _ => {}
        }
        Ok(())
    }

    fn take_exponent(&mut self) -> Result<()> {
        if self.exponent {
            return Err(misuse("cannot use \"EEEE\" twice"));
        }
        let others = self.blank
            || self.fill_mode
            || self.locale_sign
            || self.bracket
            || self.minus
            || self.plus
            || self.roman
            || self.multiply;
        if others {
            return Err(misuse("\"EEEE\" is incompatible with other formats")
                .detail("\"EEEE\" may only be used together with digit and decimal point patterns."));
        }
        self.exponent = true;
        Ok(())
    }
}

/// Number formatting functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("numeric_to_char", |cx, a| to_char(cx, a, |d| numeric_digits(a[0].as_numeric(), d))),
    f("int4_to_char", |cx, a| to_char(cx, a, |d| integer_digits(a[0].as_int4().into(), d, true))),
    f("int8_to_char", |cx, a| to_char(cx, a, |d| integer_digits(a[0].as_int8(), d, false))),
    f("float4_to_char", |cx, a| to_char(cx, a, |d| float_digits(a[0].as_float4().into(), d, 6, Some(a[0].as_float4())))),
    f("float8_to_char", |cx, a| to_char(cx, a, |d| float_digits(a[0].as_float8(), d, 15, None))),
    f("numeric_to_number", |cx, a| {
        if a[1].as_str().is_empty() {
            return Ok(Datum::Null);
        }
        let template = parsed(cx, a[1].as_str())?;
        to_number(a[0].as_str(), &template).map(Datum::Numeric)
    }),
];

fn parsed(cx: &mut FnCx<'_>, text: &str) -> Result<std::sync::Arc<Template>> {
    cached(cx, text, "", || Template::new(text))
}

/// A number prepared for a template: digits without sign, and the sign; or the finished text.
pub enum Digits {
    Number { digits: String, negative: bool },
    Done(String),
}

fn to_char(cx: &mut FnCx<'_>, a: &[Datum], digits: impl FnOnce(&mut Description) -> Result<Digits>) -> Result<Datum> {
    if a[1].as_str().is_empty() {
        return text("");
    }
    let template = parsed(cx, a[1].as_str())?;
    text(render(&template, digits)?)
}

fn render(template: &Template, digits: impl FnOnce(&mut Description) -> Result<Digits>) -> Result<String> {
    let mut description = template.description.clone();
    match digits(&mut description)? {
        Digits::Done(done) if description.roman => Ok(write(&template.nodes, description, &done, 0, false)),
        Digits::Done(done) => Ok(done),
        Digits::Number { digits, negative } => {
            let len = digits.find('.').unwrap_or(digits.len());
            if len > description.pre {
                let full = "#".repeat(description.pre) + "." + &"#".repeat(description.post);
                return Ok(write(&template.nodes, description, &full, 0, negative));
            }
            let spaces = description.pre - len;
            Ok(write(&template.nodes, description, &digits, spaces, negative))
        }
    }
}

fn overflowed_exponent(d: &Description) -> Digits {
    let mut all: Vec<u8> = vec![b'#'; d.pre + d.post + 6];
    all[0] = b' ';
    if let Some(point) = all.get_mut(d.pre + 1) {
        *point = b'.';
    }
    Digits::Done(String::from_utf8(all).unwrap_or_default())
}

fn signed(text: &str) -> Digits {
    match text.strip_prefix('-') {
        Some(digits) => Digits::Number { digits: digits.to_owned(), negative: true },
        None => Digits::Number { digits: text.to_owned(), negative: false },
    }
}

fn shift(d: &mut Description) -> Result<Numeric> {
    d.pre += d.multi;
    Numeric::from(10i32).power(&Numeric::from(d.multi as i64))
}

fn numeric_digits(v: &Numeric, d: &mut Description) -> Result<Digits> {
    if d.roman {
        return Ok(Digits::Done(roman(v.round(0)?.to_i32()?.into())));
    }
    if d.exponent {
        return Ok(match scientific(v, d.post) {
            Some(s) if s.starts_with('-') => Digits::Done(s),
            Some(s) => Digits::Done(format!(" {s}")),
            None => overflowed_exponent(d),
        });
    }
    let value = if d.multiply { v.mul(&shift(d)?)? } else { v.clone() };
    Ok(signed(&value.round(d.post as i32)?.to_string()))
}

fn integer_digits(v: i64, d: &mut Description, small: bool) -> Result<Digits> {
    if d.roman {
        return Ok(Digits::Done(roman(v)));
    }
    if d.exponent {
        let number = Numeric::from(v);
        return Ok(match scientific(&number, d.post) {
            Some(s) if s.starts_with('-') => Digits::Done(s),
            Some(s) => Digits::Done(format!(" {s}")),
            None => overflowed_exponent(d),
        });
    }
    let value = if d.multiply {
        let moved = shift(d)?.mul(&v.into())?;
        if small { moved.to_i32()?.into() } else { moved.to_i64()? }
    } else {
        v
    };
    let zeros = if d.post > 0 { format!(".{}", "0".repeat(d.post)) } else { String::new() };
    Ok(Digits::Number { digits: format!("{}{zeros}", value.unsigned_abs()), negative: value < 0 })
}

fn float_digits(v: f64, d: &mut Description, significant: usize, single: Option<f32>) -> Result<Digits> {
    if d.roman {
        return Ok(Digits::Done(roman(v.round_ties_even() as i64)));
    }
    if d.exponent {
        if !v.is_finite() {
            return Ok(overflowed_exponent(d));
        }
        let s = exponent_form(&format!("{v:.*e}", d.post));
        return Ok(Digits::Done(if s.starts_with('-') { s } else { format!(" {s}") }));
    }
    let value = if d.multiply {
        d.pre += d.multi;
        let moved = v * 10f64.powi(d.multi as i32);
        if single.is_some() { f64::from(moved as f32) } else { moved }
    } else {
        v
    };
    if !value.is_finite() {
        let name = if value.is_nan() { "NaN" } else { "Infinity" };
        return Ok(Digits::Number { digits: name.into(), negative: value < 0.0 });
    }
    let len = format!("{:.0}", value.abs()).len();
    if len >= significant {
        d.post = 0;
    } else if len + d.post > significant {
        d.post = significant - len;
    }
    Ok(signed(&format!("{value:.*}", d.post)))
}

/// Rust's `1.2e3` as C's `1.2e+03`.
fn exponent_form(s: &str) -> String {
    let Some((mantissa, exponent)) = s.split_once('e') else { return s.to_owned() };
    let value: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if value < 0 { '-' } else { '+' }, value.abs())
}

/// A finite number with one digit before the point and `scale` after it.
fn scientific(v: &Numeric, scale: usize) -> Option<String> {
    let (mantissa, own_scale) = v.parts()?;
    let digits = mantissa.magnitude().to_string();
    let mut exponent = if v.is_zero() { 0 } else { digits.len() as i64 - 1 - i64::from(own_scale) };
    let ten = Numeric::from(10i32);
    let shifted = |exponent: i64| {
        let power = ten.power(&Numeric::from(exponent.abs())).ok()?;
        let moved = if exponent >= 0 { Numeric::checked(mantissa.clone(), digits.len() as i64 - 1) } else { v.mul(&power) };
        moved.ok()?.round(scale as i32).ok()
    };
    let mut shown = shifted(exponent)?;
    if shown.abs() >= ten {
        exponent += 1;
        shown = Numeric::checked(mantissa.clone(), digits.len() as i64).ok()?.round(scale as i32).ok()?;
    }
    Some(format!("{shown}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()))
}

/// Roman numerals, or fifteen `#` beyond 1..=3999.
fn roman(v: i64) -> String {
    if !(1..=3999).contains(&v) {
        return "#".repeat(15);
    }
    const PARTS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let (mut rest, mut out) = (v, String::new());
    for (value, letters) in PARTS {
        while rest >= value {
            out.push_str(letters);
            rest -= value;
        }
    }
    out
}

fn to_number(s: &str, template: &Template) -> Result<Numeric> {
    let d = &template.description;
    if d.exponent {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "\"EEEE\" not supported for input"));
    }
    if d.roman {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "\"RN\" not supported for input"));
    }
    let (number, scale) = read(&template.nodes, d, s);
    let precision = (d.pre + d.multi + scale) as i32;
    let value = Numeric::parse(&number)?;
    let value = if precision > 0 { value.apply_typmod(((precision << 16) | scale as i32) + 4)? } else { value };
    if !d.multiply {
        return Ok(value);
    }
    value.mul(&Numeric::from(10i32).power(&Numeric::from(-(d.multi as i64)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(v: &str, template: &str) -> String {
        let value = Numeric::parse(v).unwrap();
        render(&Template::new(template).unwrap(), |d| numeric_digits(&value, d)).unwrap()
    }

    #[test]
    fn numbers_as_postgres_prints_them() {
        let cases = [
            ("-0.1", "99.99", "  -.10"),
            ("-0.1", "FM9.99", "-.1"),
            ("-0.1", "FM90.99", "-0.1"),
            ("0.1", "0.9", " 0.1"),
            ("12", "9990999.9", "    0012.0"),
            ("12", "FM9990999.9", "0012."),
            ("485", "999", " 485"),
            ("-485", "999", "-485"),
            ("485", "9 9 9", " 4 8 5"),
            ("1485", "9,999", " 1,485"),
            ("1485", "9G999", " 1,485"),
            ("148.5", "999.999", " 148.500"),
            ("148.5", "FM999.999", "148.5"),
            ("148.5", "FM999.990", "148.500"),
            ("148.5", "999D999", " 148.500"),
            ("3148.5", "9G999D999", " 3,148.500"),
            ("-485", "999S", "485-"),
            ("-485", "999MI", "485-"),
            ("485", "999MI", "485 "),
            ("485", "FM999MI", "485"),
            ("485", "PL999", "+ 485"),
            ("485", "SG999", "+485"),
            ("-485", "SG999", "-485"),
            ("-485", "9SG99", "4-85"),
            ("-485", "999PR", "<485>"),
            ("485", "L999", "  485"),
            ("485", "RN", "        CDLXXXV"),
            ("485", "FMRN", "CDLXXXV"),
            ("482", "999th", " 482nd"),
            ("485", "\"Good number:\"999", "Good number: 485"),
            ("485.8", "\"Pre:\"999\" Post:\" .999", "Pre: 485 Post: .800"),
            ("12", "99V999", " 12000"),
            ("12.4", "99V999", " 12400"),
            ("12.45", "99V9", " 125"),
            ("0.0004859", "9.99EEEE", " 4.86e-04"),
            ("1234567", "999,999", " ###,###"),
            ("0", "9.9", "  .0"),
            ("0", "FM9.9", "0."),
        ];
        for (value, template, want) in cases {
            assert_eq!(shown(value, template), want, "to_char({value}, '{template}')");
        }
    }

    #[test]
    fn reads_numbers() {
        let number = |s: &str, template: &str| to_number(s, &Template::new(template).unwrap()).unwrap().to_string();
        assert_eq!(number("12,454.8-", "99G999D9S"), "-12454.8");
        assert_eq!(number("-34,338,492", "99G999G999"), "-34338492");
        assert_eq!(number("<564646.654564>", "999999.999999PR"), "-564646.654564");
        assert_eq!(number("0.00001-", "9.999999S"), "-0.00001");
        assert_eq!(number(" . 0 1-", " 9 9 . 9 9 S"), "-0.01");
        assert_eq!(number("$1,234.56", "L9,999.99"), "1234.56");
        assert_eq!(number("123456", "99999V99"), "1234.5600000000000000");
    }

    #[test]
    fn templates_that_contradict_themselves() {
        let message = |t: &str| Template::new(t).err().unwrap().message().to_owned();
        assert_eq!(message("9.9.9"), "multiple decimal points");
        assert_eq!(message("S9S"), "cannot use \"S\" twice");
        assert_eq!(message("FMEEEE"), "\"EEEE\" is incompatible with other formats");
    }
}
