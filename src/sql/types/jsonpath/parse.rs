//! Recursive descent over tokens, with the precedences of PostgreSQL's grammar: `||`, `&&`, comparison (not associative), `+ -`,
//! `* / %`, sign, accessors.

use super::lex::{Token, error_at, tokens};
use super::{Arithmetic, Comparison, Item, Kind, Method, Path};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::numeric::Numeric;

/// Deepest nesting.
const DEPTH_MAX: usize = 200;

/// Parses a whole path.
pub fn parse(text: &str) -> Result<Path> {
    if text.trim().is_empty() {
        return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath: \"{text}\""));
    }
    let mut p = Parser { text, tokens: tokens(text)?, at: 0, depth: 0 };
    let lax = match p.word() {
        Some(w) if w.eq_ignore_ascii_case("strict") => {
            p.at += 1;
            false
        }
        Some(w) if w.eq_ignore_ascii_case("lax") => {
            p.at += 1;
            true
        }
        _ => true,
    };
    let root = p.or()?;
    if p.at < p.tokens.len() {
        return Err(p.syntax_error());
    }
    check(&root, 0, false)?;
    Ok(Path { lax, root })
}

/// `@` only inside filters, `last` only inside subscripts.
fn check(item: &Item, filters: usize, subscript: bool) -> Result<()> {
    match &item.kind {
        Kind::Current if filters == 0 => {
            return Err(SqlError::new(SqlState::SYNTAX_ERROR, "@ is not allowed in root expressions"));
        }
        Kind::Last if !subscript => {
            return Err(SqlError::new(SqlState::SYNTAX_ERROR, "LAST is allowed only in array subscripts"));
        }
        Kind::Filter(inner) => check(inner, filters + 1, subscript)?,
        Kind::Arithmetic(_, a, b) | Kind::And(a, b) | Kind::Or(a, b) | Kind::Compare(_, a, b) | Kind::StartsWith(a, b) => {
            check(a, filters, subscript)?;
            check(b, filters, subscript)?;
        }
        Kind::Sign(_, a) | Kind::Not(a) | Kind::IsUnknown(a) | Kind::Exists(a) | Kind::LikeRegex(a, ..) => {
            check(a, filters, subscript)?;
        }
        Kind::Elements(subscripts) => {
            for (from, to) in subscripts {
                check(from, filters, true)?;
                if let Some(to) = to {
                    check(to, filters, true)?;
                }
            }
        }
        _ => {}
    }
    item.next.as_ref().map_or(Ok(()), |next| check(next, filters, subscript))
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

fn binary(make: fn(Box<Item>, Box<Item>) -> Kind, a: Item, b: Item) -> Item {
    make(Box::new(a), Box::new(b)).into()
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(t, _)| t)
    }

    fn word(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(w)) => Some(w),
            _ => None,
        }
    }

    fn syntax_error(&self) -> SqlError {
        let Some((token, start)) = self.tokens.get(self.at) else { return error_at("syntax error", "") };
        let end = self.tokens.get(self.at + 1).map_or(self.text.len(), |(_, next)| *next);
        // A word that runs to the end of the input is reported as the end.
        if matches!(token, Token::Word(_)) && self.at + 1 == self.tokens.len() {
            return error_at("syntax error", "");
        }
        error_at("syntax error", self.text[*start..end].trim_end())
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word().is_some_and(|w| w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.eat(symbol) { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn or(&mut self) -> Result<Item> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(err!(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        let mut left = self.and()?;
        while matches!(self.peek(), Some(Token::Symbol("||"))) && left.kind.is_predicate() {
            self.at += 1;
            let right = self.and()?;
            self.predicate(&right)?;
            left = binary(Kind::Or, left, right);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn predicate(&self, item: &Item) -> Result<()> {
        if item.kind.is_predicate() && item.next.is_none() { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn and(&mut self) -> Result<Item> {
        let mut left = self.comparison()?;
        while matches!(self.peek(), Some(Token::Symbol("&&"))) && left.kind.is_predicate() {
            self.at += 1;
            let right = self.comparison()?;
            self.predicate(&right)?;
            left = binary(Kind::And, left, right);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Item> {
        if self.eat("!") {
            let inner = self.delimited_predicate()?;
            return Ok(Kind::Not(Box::new(inner)).into());
        }
        let left = self.sum()?;
        let op = match self.peek() {
            Some(Token::Symbol("==" | "=")) => Comparison::Equal,
            Some(Token::Symbol("!=" | "<>")) => Comparison::NotEqual,
            Some(Token::Symbol("<")) => Comparison::Less,
            Some(Token::Symbol("<=")) => Comparison::LessOrEqual,
            Some(Token::Symbol(">")) => Comparison::Greater,
            Some(Token::Symbol(">=")) => Comparison::GreaterOrEqual,
            Some(Token::Word(_)) => return self.word_predicate(left),
            _ => return Ok(left),
        };
        if left.kind.is_predicate() && left.next.is_none() {
            return Err(self.syntax_error());
        }
        self.at += 1;
        let right = self.sum()?;
        Ok(Kind::Compare(op, Box::new(left), Box::new(right)).into())
    }

    fn delimited_predicate(&mut self) -> Result<Item> {
        if self.word().is_some_and(|w| w.eq_ignore_ascii_case("exists")) {
            return self.primary();
        }
        self.expect("(")?;
        let inner = self.or()?;
        self.predicate(&inner)?;
        self.expect(")")?;
        Ok(inner)
    }

    fn word_predicate(&mut self, left: Item) -> Result<Item> {
        if self.eat_word("starts") {
            if !self.eat_word("with") {
                return Err(self.syntax_error());
            }
            let initial = match self.peek().cloned() {
                Some(Token::String(s)) => Kind::String(s),
                Some(Token::Variable(v)) => Kind::Variable(v),
                _ => return Err(self.syntax_error()),
            };
            self.at += 1;
            return Ok(binary(Kind::StartsWith, left, initial.into()));
        }
        if self.eat_word("like_regex") {
            return self.like_regex(left);
        }
        if self.eat_word("is") {
            if !self.eat_word("unknown") || !left.kind.is_predicate() {
                return Err(self.syntax_error());
            }
            return Ok(Kind::IsUnknown(Box::new(left)).into());
        }
        Ok(left)
    }

    fn string(&mut self) -> Result<String> {
        match self.peek().cloned() {
            Some(Token::String(s)) => {
                self.at += 1;
                Ok(s)
            }
            _ => Err(self.syntax_error()),
        }
    }

    fn like_regex(&mut self, left: Item) -> Result<Item> {
        let pattern = self.string()?;
        let given = if self.eat_word("flag") { self.string()? } else { String::new() };
        if let Some(bad) = given.chars().find(|c| !"ismxq".contains(*c)) {
            return Err(SqlError::new(SqlState::SYNTAX_ERROR, "invalid input syntax for type jsonpath")
                .detail(format!("Unrecognized flag character \"{bad}\" in LIKE_REGEX predicate.")));
        }
        let flags: String = "ismxq".chars().filter(|c| given.contains(*c)).collect();
        if flags.contains('x') && !flags.contains('q') {
            return Err(SqlError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "XQuery \"x\" flag (expanded regular expressions) is not implemented",
            ));
        }
        Ok(Kind::LikeRegex(Box::new(left), pattern, flags).into())
    }

    fn sum(&mut self) -> Result<Item> {
        let mut left = self.product()?;
        loop {
            let op = match self.peek() {
                Some(Token::Symbol("+")) => Arithmetic::Add,
                Some(Token::Symbol("-")) => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = Kind::Arithmetic(op, Box::new(left), Box::new(right)).into();
        }
    }

    fn product(&mut self) -> Result<Item> {
        let mut left = self.signed()?;
        loop {
            let op = match self.peek() {
                Some(Token::Symbol("*")) => Arithmetic::Multiply,
                Some(Token::Symbol("/")) => Arithmetic::Divide,
                Some(Token::Symbol("%")) => Arithmetic::Modulo,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.signed()?;
            left = Kind::Arithmetic(op, Box::new(left), Box::new(right)).into();
        }
    }

    fn signed(&mut self) -> Result<Item> {
        let minus = match self.peek() {
            Some(Token::Symbol("+")) => false,
            Some(Token::Symbol("-")) => true,
            _ => return self.accessors(),
        };
        self.at += 1;
        let operand = self.signed()?;
        if let (Kind::Number(n), None) = (&operand.kind, &operand.next) {
            return Ok(Kind::Number(if minus { n.neg() } else { n.clone() }).into());
        }
        Ok(Kind::Sign(minus, Box::new(operand)).into())
    }

    fn accessors(&mut self) -> Result<Item> {
        let mut chain = vec![self.primary()?];
        while let Some(step) = self.accessor()? {
            chain.push(step);
        }
        let mut next: Option<Box<Item>> = None;
        while let Some(mut item) = chain.pop() {
            // A parenthesised path continues with what follows the parenthesis.
            let mut tail = &mut item;
            while tail.next.is_some() {
                tail = tail.next.as_mut().expect("just checked");
            }
            tail.next = next;
            next = Some(Box::new(item));
        }
        next.map(|item| *item).ok_or_else(|| self.syntax_error())
    }

    fn primary(&mut self) -> Result<Item> {
        let Some(token) = self.peek().cloned() else { return Err(self.syntax_error()) };
        let kind = match token {
            Token::Symbol("$") => Kind::Root,
            Token::Symbol("@") => Kind::Current,
            Token::String(s) => Kind::String(s),
            Token::Variable(v) => Kind::Variable(v),
            Token::Number(n) => Kind::Number(Numeric::parse(&n)?),
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.or()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Word(w) => match w.as_str() {
                "null" => Kind::Null,
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                w if w.eq_ignore_ascii_case("last") => Kind::Last,
                w if w.eq_ignore_ascii_case("exists") => {
                    self.at += 1;
                    self.expect("(")?;
                    let inner = self.sum()?;
                    self.expect(")")?;
                    return Ok(Kind::Exists(Box::new(inner)).into());
                }
                _ => return Err(self.syntax_error()),
            },
            Token::Symbol(_) => return Err(self.syntax_error()),
        };
        self.at += 1;
        Ok(kind.into())
    }

    fn accessor(&mut self) -> Result<Option<Item>> {
        if self.eat("[") {
            return self.subscripts().map(Some);
        }
        if self.eat("?") {
            self.expect("(")?;
            let inner = self.or()?;
            self.predicate(&inner)?;
            self.expect(")")?;
            return Ok(Some(Kind::Filter(Box::new(inner)).into()));
        }
        if !self.eat(".") {
            return Ok(None);
        }
        if self.eat("**") {
            return self.levels().map(Some);
        }
        if self.eat("*") {
            return Ok(Some(Kind::AnyKey.into()));
        }
        match self.peek().cloned() {
            Some(Token::String(key)) => {
                self.at += 1;
                Ok(Some(Kind::Key(key).into()))
            }
            Some(Token::Word(word)) => {
                self.at += 1;
                self.key_or_method(word).map(Some)
            }
            _ => Err(self.syntax_error()),
        }
    }

    fn key_or_method(&mut self, word: String) -> Result<Item> {
        let method = match word.to_ascii_lowercase().as_str() {
            "type" => Some(Method::Type),
            "size" => Some(Method::Size),
            "abs" => Some(Method::Abs),
            "floor" => Some(Method::Floor),
            "ceiling" => Some(Method::Ceiling),
            "double" => Some(Method::Double),
            "keyvalue" => Some(Method::KeyValue),
            _ => None,
        };
        let called = matches!(self.peek(), Some(Token::Symbol("(")));
        if called && word.eq_ignore_ascii_case("datetime") {
            self.at += 1;
            let template = if matches!(self.peek(), Some(Token::String(_))) { Some(self.string()?) } else { None };
            self.expect(")")?;
            return Ok(Kind::Datetime(template).into());
        }
        match method {
            Some(method) if called => {
                self.at += 1;
                self.expect(")")?;
                Ok(Kind::Method(method).into())
            }
            _ => Ok(Kind::Key(word).into()),
        }
    }

    fn subscripts(&mut self) -> Result<Item> {
        if self.eat("*") {
            self.expect("]")?;
            return Ok(Kind::AnyElement.into());
        }
        let mut all = Vec::new();
        loop {
            let from = self.sum()?;
            let to = if self.eat_word("to") { Some(self.sum()?) } else { None };
            all.push((from, to));
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(Kind::Elements(all).into())
    }

    fn level(&mut self) -> Result<u32> {
        match self.peek().cloned() {
            Some(Token::Word(w)) if w.eq_ignore_ascii_case("last") => {
                self.at += 1;
                Ok(u32::MAX)
            }
            Some(Token::Number(n)) => {
                let level = n.parse().map_err(|_| self.syntax_error())?;
                self.at += 1;
                Ok(level)
            }
            _ => Err(self.syntax_error()),
        }
    }

    fn levels(&mut self) -> Result<Item> {
        if !self.eat("{") {
            return Ok(Kind::Any(0, u32::MAX).into());
        }
        let first = self.level()?;
        let last = if self.eat_word("to") { self.level()? } else { first };
        self.expect("}")?;
        Ok(Kind::Any(first, last).into())
    }
}
