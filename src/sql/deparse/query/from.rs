//! FROM.

use super::{QueryPrinter, STEP, VARIABLE};
use crate::sql::parser::ast::{Alias, FromColumnDef, FromFunction, FromItem, JoinExpr, JoinKind, RangeVar, SelectBody};
use crate::sql::session::view::quote_identifier;
use std::fmt::Write;

impl QueryPrinter<'_> {
    pub(super) fn from(&mut self, items: &[FromItem]) {
        for (i, item) in items.iter().enumerate() {
            if i == 0 {
                self.keyword(" FROM ", -STEP, STEP, 2);
            } else {
                self.out.push_str(", ");
                self.keyword("", -STEP, STEP, VARIABLE);
            }
            self.item(item);
        }
    }

    fn item(&mut self, item: &FromItem) {
        match item {
            FromItem::Table(table) => self.table(table),
            FromItem::Subquery(sub) => {
                if sub.lateral {
                    self.out.push_str("LATERAL ");
                }
                self.out.push('(');
                match (&sub.query.body, &sub.alias) {
                    // How a bare VALUES list with columns renamed was written.
                    (SelectBody::Values(rows), Some(alias)) if alias.name == "*VALUES*" => self.value_rows(rows),
                    _ => self.query(&sub.query, &[], true),
                }
                self.out.push(')');
                self.alias(sub.alias.as_ref());
            }
            FromItem::Function(f) => self.function_item(f),
            FromItem::Join(join) => self.join(join),
            FromItem::TableSample(sample) => {
                self.table(&sample.relation);
                let _ = write!(self.out, " TABLESAMPLE {} (", sample.method.last().map_or("", |m| m.as_str()));
                for (i, arg) in sample.args.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.bare_expr(arg);
                }
                self.out.push(')');
                if let Some(seed) = &sample.repeatable {
                    self.out.push_str(" REPEATABLE (");
                    self.bare_expr(seed);
                    self.out.push(')');
                }
            }
            FromItem::XmlTable(_) => self.out.push_str("XMLTABLE()"),
        }
    }

    fn table(&mut self, table: &RangeVar) {
        if !table.inherit {
            self.out.push_str("ONLY ");
        }
        match self.trace.relations.get(&table.pos).and_then(|oid| self.view.class_name(*oid)) {
            Some(name) => self.out.push_str(&name),
            None => self.name(&table.name),
        }
        self.alias(table.alias.as_ref());
    }

    fn alias(&mut self, alias: Option<&Alias>) {
        if let Some(alias) = alias {
            let _ = write!(self.out, " {}", quote_identifier(&alias.name));
            if !alias.columns.is_empty() {
                self.out.push('(');
                self.names(&alias.columns);
                self.out.push(')');
            }
        }
    }

    fn function_item(&mut self, f: &FromFunction) {
        if f.lateral {
            self.out.push_str("LATERAL ");
        }
        if f.rows_from {
            self.out.push_str("ROWS FROM(");
        }
        for (i, item) in f.functions.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.expr(&item.function);
            if !item.columns.is_empty() {
                self.out.push_str(" AS ");
                self.definitions(&item.columns);
            }
        }
        if f.rows_from {
            self.out.push(')');
        }
        if f.ordinality {
            self.out.push_str(" WITH ORDINALITY");
        }
        if f.columns.is_empty() {
            self.function_alias(f);
            return;
        }
        match &f.alias {
            Some(alias) => {
                let _ = write!(self.out, " {}", quote_identifier(&alias.name));
            }
            None => self.out.push_str(" AS "),
        }
        self.definitions(&f.columns);
    }

    /// A function is shown with an alias and its columns, written or not: its name may change, theirs must not.
    fn function_alias(&mut self, f: &FromFunction) {
        if let Some(alias) = f.alias.as_ref().filter(|a| !a.columns.is_empty()) {
            return self.alias(Some(alias));
        }
        let written = f.alias.as_ref().map(|a| a.name.clone());
        let own = || f.functions.first().map(|item| crate::sql::binder::column_name(&item.function)).unwrap_or_default();
        let name = written.unwrap_or_else(own);
        let entry = self.trace.entries.iter().find(|e| e.alias == name && e.relation.is_none() && !e.join);
        let columns = entry.map(|e| e.columns.clone()).unwrap_or_default();
        self.alias(Some(&Alias { name, columns }));
    }

    fn definitions(&mut self, columns: &[FromColumnDef]) {
        self.out.push('(');
        for (i, c) in columns.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.name(&c.name);
            self.out.push(' ');
            self.type_name(&c.type_name);
        }
        self.out.push(')');
    }

    fn join(&mut self, join: &JoinExpr) {
        let parens = !self.pretty || join.alias.is_some();
        if parens {
            self.out.push('(');
        }
        self.item(&join.left);
        let columns = self.trace.natural.get(&join.pos).filter(|_| join.natural).unwrap_or(&join.using);
        let using = !columns.is_empty();
        let word = match join.kind {
            JoinKind::Inner if join.on.is_some() || using => " JOIN ",
            JoinKind::Inner => " CROSS JOIN ",
            JoinKind::Left => " LEFT JOIN ",
            JoinKind::Right => " RIGHT JOIN ",
            JoinKind::Full => " FULL JOIN ",
        };
        self.keyword(word, -STEP, STEP, VARIABLE);
        let right_parens = self.pretty && matches!(&join.right, FromItem::Join(r) if r.alias.is_none());
        if right_parens {
            self.out.push('(');
        }
        self.item(&join.right);
        if right_parens {
            self.out.push(')');
        }
        if using {
            self.out.push_str(" USING (");
            self.names(columns);
            self.out.push(')');
            if let Some(alias) = &join.using_alias {
                let _ = write!(self.out, " AS {}", quote_identifier(alias));
            }
        }
        if let Some(on) = &join.on {
            self.out.push_str(" ON ");
            if !self.pretty {
                self.out.push('(');
            }
            self.expr(on);
            if !self.pretty {
                self.out.push(')');
            }
        }
        if parens {
            self.out.push(')');
        }
        self.alias(join.alias.as_ref());
    }
}
