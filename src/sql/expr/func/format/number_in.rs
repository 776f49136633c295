//! Reading a number through a template: each pattern takes what fits it, literals skip a character.

use super::number::{Description, Key, SignPlace};
use super::template::Node;

struct Reader<'d> {
    d: &'d Description,
    input: Vec<char>,
    at: usize,
    sign: char,
    digits: String,
    read_pre: usize,
    read_post: usize,
    read_point: bool,
}

/// The number as text for `Numeric::parse`, and how many digits behind the point were read.
pub fn read(nodes: &[Node<Key>], d: &Description, input: &str) -> (String, usize) {
    let mut r = Reader {
        d,
        input: input.chars().collect(),
        at: 0,
        sign: ' ',
        digits: String::new(),
        read_pre: 0,
        read_post: 0,
        read_point: false,
    };
    for node in nodes {
        if r.at >= r.input.len() {
            break;
        }
        match node {
            Node::Pattern(key, _) => r.pattern(*key),
            _ => r.at += 1,
        }
    }
    if r.digits.ends_with('.') {
        r.digits.pop();
    }
    (format!("{}{}", r.sign, r.digits), r.read_post)
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.input.get(self.at).copied()
    }

    fn skip_foreign(&mut self, n: usize) {
        for _ in 0..n {
            match self.peek() {
                Some(c) if !"0123456789.,+-".contains(c) => self.at += 1,
                _ => break,
            }
        }
    }

    fn pattern(&mut self, key: Key) {
        match key {
            Key::Nine | Key::Zero | Key::Dec | Key::LocaleDec => {
                self.digit(key);
                self.at += 1;
            }
            Key::Comma | Key::Group if self.peek() == Some(',') => self.at += 1,
            Key::Currency => self.skip_foreign(1),
            Key::Ordinal(_) => self.skip_foreign(2),
            Key::Minus if self.peek() == Some('-') => self.take_sign('-'),
            Key::Plus if self.peek() == Some('+') => self.take_sign('+'),
            Key::PlusMinus if matches!(self.peek(), Some('-' | '+')) => {
                let sign = self.peek().unwrap_or(' ');
                self.take_sign(sign);
            }
            Key::Minus | Key::Plus | Key::PlusMinus => self.skip_foreign(1),
            _ => {}
        }
    }

    fn take_sign(&mut self, sign: char) {
        self.sign = sign;
        self.at += 1;
    }

    /// Reads a digit or the point, and a sign before or behind; stops on the last character it used.
    fn digit(&mut self, key: Key) {
        if self.peek() == Some(' ') {
            self.at += 1;
        }
        if self.sign == ' ' && matches!(key, Key::Zero | Key::Nine) && self.read_pre + self.read_post == 0 {
            match self.peek() {
                Some(c @ ('-' | '+')) if !self.d.locale_sign || self.d.sign == SignPlace::Before => self.take_sign(c),
                Some('<') if self.d.bracket => self.take_sign('-'),
                _ => {}
            }
        }
        let Some(c) = self.peek() else { return };
        let mut read = false;
        if c.is_ascii_digit() {
            if self.read_point && self.read_post == self.d.post {
                return;
            }
            self.digits.push(c);
            if self.read_point {
                self.read_post += 1
            } else {
                self.read_pre += 1
            }
            read = true;
        } else if self.d.decimal && !self.read_point && c == '.' {
            self.digits.push('.');
            self.read_point = true;
            read = true;
        }
        if self.sign == ' ' && self.read_pre + self.read_post > 0 {
            let next = self.input.get(self.at + 1).copied();
            if self.d.locale_sign && read {
                if let Some(sign @ ('-' | '+')) = next {
                    self.sign = sign;
                    self.at += 1;
                }
            } else if !read && !self.d.locale_sign && (self.d.plus || self.d.minus) && matches!(c, '-' | '+') {
                self.sign = c;
            }
        }
    }
}
