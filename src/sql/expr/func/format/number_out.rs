//! Writing a number through a template: blanks before the first digit, the sign where it belongs, digits, separators.

use super::number::{Description, Key, SignPlace};
use super::template::Node;

struct Writer<'d> {
    d: Description,
    number: &'d [u8],
    /// Next digit to write.
    at: usize,
    negative: bool,
    sign_written: bool,
    /// Blanks before the number.
    spaces: usize,
    /// Index of the last digit that matters under FM.
    last_relevant: Option<usize>,
    digit_count: usize,
    current: usize,
    in_number: bool,
    zero_start: usize,
    out: String,
}

/// Renders `number` (digits with an optional point, no sign), `spaces` digits short of the template's.
pub fn write(nodes: &[Node<Key>], mut d: Description, number: &str, spaces: usize, negative: bool) -> String {
    let mut sign_negative = negative;
    if d.roman {
        let fill_mode = d.fill_mode;
        d = Description { roman: true, fill_mode, ..Description::default() };
        sign_negative = false;
    }
    let sign_written = if d.plus || d.minus {
        !d.plus || d.minus
    } else {
        if !sign_negative && d.fill_mode {
            d.bracket = false;
        }
        if d.sign == SignPlace::Before && d.pre == d.pre_at_sign {
            d.sign = SignPlace::After;
        }
        !sign_negative && d.fill_mode && !d.locale_sign
    };
    let mut last_relevant = if d.fill_mode && d.decimal { last_relevant_digit(number) } else { None };
    if let Some(last) = last_relevant
        && d.zero_end > spaces
    {
        last_relevant = Some(last.max((number.len() - 1).min(d.zero_end - spaces)));
    }
    let digit_count = (d.post + d.pre).wrapping_sub(1).wrapping_add(usize::from(!sign_written && spaces == 0));
    let zero_start = d.zero_start.saturating_sub(1);
    let mut writer = Writer {
        d,
        number: number.as_bytes(),
        at: 0,
        negative: sign_negative,
        sign_written,
        spaces,
        last_relevant,
        digit_count,
        current: 0,
        in_number: false,
        zero_start,
        out: String::new(),
    };
    for node in nodes {
        match node {
            Node::Pattern(key, _) => writer.pattern(*key),
            Node::Literal(c) | Node::Separator(c) | Node::Space(c) => writer.out.push(*c),
        }
    }
    writer.out
}

/// Index of the last non-zero digit after the point, or of the point.
fn last_relevant_digit(number: &str) -> Option<usize> {
    let point = number.find('.')?;
    Some(number[point + 1..].rfind(|c| c != '0').map_or(point, |i| point + 1 + i))
}

/// The English ordinal suffix of a number's digits.
pub fn ordinal_suffix(digits: &[u8]) -> &'static str {
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    match digits.last() {
        Some(b'1') if !teen => "st",
        Some(b'2') if !teen => "nd",
        Some(b'3') if !teen => "rd",
        _ => "th",
    }
}

impl Writer<'_> {
    fn pattern(&mut self, key: Key) {
        let fill_mode = self.d.fill_mode;
        match key {
            Key::Nine | Key::Zero | Key::Dec | Key::LocaleDec => self.digit(key),
            Key::Comma | Key::Group if self.in_number => self.out.push(','),
            Key::Comma | Key::Group | Key::Currency if !fill_mode || key == Key::Currency => self.out.push(' '),
            Key::Roman(upper) => {
                let text = String::from_utf8_lossy(self.number);
                let text = if upper { text.into_owned() } else { text.to_lowercase() };
                self.out.push_str(&if fill_mode { text } else { format!("{text:>15}") });
            }
            Key::Ordinal(upper) if !(self.d.roman || self.number.first() == Some(&b'#') || self.negative || self.d.decimal) => {
                let suffix = ordinal_suffix(self.number);
                self.out.push_str(&if upper { suffix.to_uppercase() } else { suffix.to_owned() });
            }
            Key::Minus if self.negative => self.out.push('-'),
            Key::Plus if !self.negative => self.out.push('+'),
            Key::Minus | Key::Plus if !fill_mode => self.out.push(' '),
            Key::PlusMinus => self.out.push(if self.negative { '-' } else { '+' }),
            _ => {}
        }
    }

    /// A zero before the point that a template without `0` leaves out.
    fn before_point_is_blank(&self) -> bool {
        !self.d.zero && self.at == 0 && self.number.first() == Some(&b'0') && self.d.post != 0
    }

    fn relevant_ends_at_point(&self) -> bool {
        self.last_relevant.is_some_and(|i| self.number.get(i) == Some(&b'.'))
    }

    fn sign_text(&self) -> char {
        if self.negative { '-' } else { '+' }
    }

    fn write_sign(&mut self) {
        if self.d.locale_sign {
            if self.d.sign == SignPlace::Before {
                self.out.push(self.sign_text());
                self.sign_written = true;
            }
        } else if self.d.bracket {
            self.out.push(if self.negative { '<' } else { ' ' });
            self.sign_written = true;
        } else {
            if self.negative {
                self.out.push('-');
            } else if !self.d.fill_mode {
                self.out.push(' ');
            }
            self.sign_written = true;
        }
    }

    fn digit(&mut self, key: Key) {
        if self.d.roman {
            return;
        }
        self.in_number = false;
        let reached = self.current >= self.spaces || (self.d.zero && self.zero_start == self.current);
        if !self.sign_written && reached && (!self.before_point_is_blank() || self.relevant_ends_at_point()) {
            self.write_sign();
        }
        if self.current < self.spaces && (self.zero_start > self.current || !self.d.zero) {
            if !self.d.fill_mode {
                self.out.push(' ');
            }
        } else if self.d.zero && self.current < self.spaces && self.zero_start <= self.current {
            self.out.push('0');
            self.in_number = true;
        } else {
            self.own_digit(key);
        }
        let mut end = self.digit_count.wrapping_add(usize::from(self.spaces > 0) + usize::from(self.d.decimal));
        if self.last_relevant == Some(self.at) {
            end = self.current;
        }
        if self.current + 1 == end {
            if self.sign_written && self.d.bracket {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.d.locale_sign && self.d.sign == SignPlace::After {
                self.out.push(self.sign_text());
            }
        }
        self.current += 1;
    }

    fn own_digit(&mut self, key: Key) {
        match self.number.get(self.at) {
            Some(b'.') => {
                if !self.relevant_ends_at_point() || self.d.fill_mode {
                    self.out.push('.');
                }
            }
            current => {
                if self.last_relevant.is_some_and(|last| self.at > last) && key != Key::Zero {
                    // Zeros behind the last digit that matters are dropped.
                } else if self.before_point_is_blank() {
                    if !self.d.fill_mode {
                        self.out.push(' ');
                    } else if self.relevant_ends_at_point() {
                        self.out.push('0');
                    }
                } else if let Some(c) = current {
                    self.out.push(char::from(*c));
                    self.in_number = true;
                }
            }
        }
        if self.at < self.number.len() {
            self.at += 1;
        }
    }
}
