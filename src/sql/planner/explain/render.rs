//! Text, JSON, YAML and XML.

use super::{Child, Format, Options, Shown, Value};
use std::fmt::Write;

/// The lines of a plan.
pub fn render(shown: &Shown, options: &Options) -> Vec<String> {
    match options.format {
        Format::Text => {
            let mut lines = Vec::new();
            text(shown, options, 0, "", &mut lines);
            lines
        }
        Format::Json => {
            let mut out = String::from("[\n  {\n    \"Plan\": ");
            json(shown, None, options, 4, &mut out);
            out += "\n  }\n]";
            vec![out]
        }
        Format::Yaml => {
            let mut out = String::from("- Plan: ");
            yaml(shown, None, options, 4, &mut out);
            vec![out]
        }
        Format::Xml => {
            let mut out = String::from("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n");
            xml(shown, None, options, 4, &mut out);
            out += "  </Query>\n</explain>";
            vec![out]
        }
    }
}

fn cost(shown: &Shown) -> String {
    let e = shown.estimate;
    format!("  (cost={:.2}..{:.2} rows={:.0} width={})", e.startup, e.total, e.rows, e.width)
}

/// A node's own time and rows: averages over its runs.
fn averages(shown: &Shown) -> Option<(f64, f64, f64, u64)> {
    let a = shown.actual.filter(|a| a.loops > 0)?;
    let loops = a.loops as f64;
    Some((a.startup / loops, a.total / loops, a.rows as f64 / loops, a.loops))
}

fn actual(shown: &Shown, options: &Options) -> String {
    match averages(shown) {
        None => " (never executed)".to_string(),
        Some((startup, total, rows, loops)) if options.timing => {
            format!(" (actual time={startup:.3}..{total:.3} rows={rows:.0} loops={loops})")
        }
        Some((_, _, rows, loops)) => format!(" (actual rows={rows:.0} loops={loops})"),
    }
}

/// PostgreSQL's text shape: children behind an arrow, six columns to the right of their parent's text.
fn text(shown: &Shown, options: &Options, indent: usize, arrow: &str, lines: &mut Vec<String>) {
    let mut head = format!("{}{arrow}{}", " ".repeat(indent), shown.headline);
    if options.costs {
        head += &cost(shown);
    }
    if options.analyze {
        head += &actual(shown, options);
    }
    lines.push(head);
    let body = if arrow.is_empty() { indent + 2 } else { indent + 6 };
    for (key, value) in &shown.properties {
        let value = match value {
            Value::Text(t) => t.clone(),
            Value::List(l) => l.join(", "),
            Value::Bool(b) => b.to_string(),
        };
        lines.push(format!("{}{key}: {value}", " ".repeat(body)));
    }
    // Init plans and CTEs come first, subplans last.
    let order = |c: &Child| match c.relationship {
        "InitPlan" => 0,
        "SubPlan" => 2,
        _ => 1,
    };
    let mut children: Vec<&Child> = shown.children.iter().collect();
    children.sort_by_key(|c| order(c));
    for child in children {
        match &child.name {
            Some(name) => {
                lines.push(format!("{}{name}", " ".repeat(body)));
                text(&child.node, options, body + 2, "->  ", lines);
            }
            None => text(&child.node, options, body, "->  ", lines),
        }
    }
}

/// The properties of a node in the order of PostgreSQL's structured formats.
fn fields(shown: &Shown, child: Option<&Child>, options: &Options) -> Vec<(String, Field)> {
    let text = |t: &str| Field::Value(Value::Text(t.to_string()));
    let mut all = vec![("Node Type".to_string(), text(shown.node_type))];
    if let Some(child) = child {
        all.push(("Parent Relationship".into(), text(child.relationship)));
        if let Some(name) = &child.name {
            all.push(("Subplan Name".into(), text(name)));
        }
    }
    all.push(("Parallel Aware".into(), Field::Value(Value::Bool(false))));
    all.push(("Async Capable".into(), Field::Value(Value::Bool(false))));
    all.extend(shown.details.iter().map(|(k, v)| ((*k).to_string(), Field::Value(v.clone()))));
    if options.costs {
        let e = shown.estimate;
        all.push(("Startup Cost".into(), Field::Number(format!("{:.2}", e.startup))));
        all.push(("Total Cost".into(), Field::Number(format!("{:.2}", e.total))));
        all.push(("Plan Rows".into(), Field::Number(format!("{:.0}", e.rows))));
        all.push(("Plan Width".into(), Field::Number(e.width.to_string())));
    }
    if options.analyze {
        let (startup, total, rows, loops) = averages(shown).unwrap_or_default();
        if options.timing {
            all.push(("Actual Startup Time".into(), Field::Number(format!("{startup:.3}"))));
            all.push(("Actual Total Time".into(), Field::Number(format!("{total:.3}"))));
        }
        all.push(("Actual Rows".into(), Field::Number(format!("{rows:.0}"))));
        all.push(("Actual Loops".into(), Field::Number(loops.to_string())));
    }
    all.extend(shown.properties.iter().map(|(k, v)| (k.clone(), Field::Value(v.clone()))));
    all
}

enum Field {
    Value(Value),
    Number(String),
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

fn json(shown: &Shown, child: Option<&Child>, options: &Options, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent + 2);
    out.push_str("{\n");
    let mut parts: Vec<String> = fields(shown, child, options)
        .into_iter()
        .map(|(key, field)| {
            let value = match field {
                Field::Number(n) => n,
                Field::Value(Value::Text(t)) => quoted(&t),
                Field::Value(Value::Bool(b)) => b.to_string(),
                Field::Value(Value::List(l)) => format!("[{}]", l.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", ")),
            };
            format!("{pad}{}: {value}", quoted(&key))
        })
        .collect();
    if !shown.children.is_empty() {
        let mut plans = format!("{pad}\"Plans\": [");
        for (i, c) in shown.children.iter().enumerate() {
            plans += if i > 0 { ",\n" } else { "\n" };
            plans += &" ".repeat(indent + 4);
            json(&c.node, Some(c), options, indent + 4, &mut plans);
        }
        let _ = write!(plans, "\n{pad}]");
        parts.push(plans);
    }
    out.push_str(&parts.join(",\n"));
    let _ = write!(out, "\n{}}}", " ".repeat(indent));
}

fn yaml(shown: &Shown, child: Option<&Child>, options: &Options, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let mut first = child.is_some();
    for (key, field) in fields(shown, child, options) {
        let lead = if first { String::new() } else { format!("\n{pad}") };
        first = false;
        let _ = match field {
            Field::Number(n) => write!(out, "{lead}{key}: {n}"),
            Field::Value(Value::Text(t)) => write!(out, "{lead}{key}: {}", quoted(&t)),
            Field::Value(Value::Bool(b)) => write!(out, "{lead}{key}: {b}"),
            Field::Value(Value::List(l)) => {
                let items: String = l.iter().map(|t| format!("\n{pad}  - {}", quoted(t))).collect();
                write!(out, "{lead}{key}: {items}")
            }
        };
    }
    if !shown.children.is_empty() {
        let _ = write!(out, "\n{pad}Plans: ");
        for c in &shown.children {
            let _ = write!(out, "\n{pad}  - ");
            yaml(&c.node, Some(c), options, indent + 4, out);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn xml(shown: &Shown, child: Option<&Child>, options: &Options, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let _ = writeln!(out, "{pad}<Plan>");
    for (key, field) in fields(shown, child, options) {
        let tag = key.replace(' ', "-");
        let _ = match field {
            Field::Number(n) => writeln!(out, "{pad}  <{tag}>{n}</{tag}>"),
            Field::Value(Value::Text(t)) => writeln!(out, "{pad}  <{tag}>{}</{tag}>", escaped(&t)),
            Field::Value(Value::Bool(b)) => writeln!(out, "{pad}  <{tag}>{b}</{tag}>"),
            Field::Value(Value::List(l)) => {
                let items: String = l.iter().map(|t| format!("{pad}    <Item>{}</Item>\n", escaped(t))).collect();
                writeln!(out, "{pad}  <{tag}>\n{items}{pad}  </{tag}>")
            }
        };
    }
    if !shown.children.is_empty() {
        let _ = writeln!(out, "{pad}  <Plans>");
        for c in &shown.children {
            xml(&c.node, Some(c), options, indent + 4, out);
        }
        let _ = writeln!(out, "{pad}  </Plans>");
    }
    let _ = writeln!(out, "{pad}</Plan>");
}
