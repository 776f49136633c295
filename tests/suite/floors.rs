//! The staircase: a lower floor never imports a higher one.

use std::path::{Path, PathBuf};

/// Rooms from the ground up; `sql/types` is ground floor.
const FLOORS: [&[&str]; 6] = [
    &["error", "wire", "encoding", "sql/types", "config"],
    &["kv"],
    &["txn"],
    &["sql"],
    &["server"],
    &["cli", "database", "lib", "main"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The room a path such as `sql/types/oid.rs` or `sql::types::oid` lies in.
fn room(path: &str, separator: &str) -> String {
    let mut parts = path.split(separator).map(|p| p.trim_end_matches(".rs"));
    match (parts.next(), parts.next()) {
        (Some("sql"), Some("types")) => "sql/types".to_owned(),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            found.push(entry);
        }
    }
}

#[test]
fn no_room_imports_a_higher_one() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let import = regex::Regex::new(r"\bcrate::((?:\w+::)*\w+)").unwrap();
    let mut climbing = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap();
        let own = floor(&room(name, "/")).unwrap_or_else(|| panic!("{name} is in no room of FLOORS"));
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
        for path in code.flat_map(|l| import.captures_iter(l).map(|c| c[1].to_owned()).collect::<Vec<_>>()) {
            if floor(&room(&path, "::")).is_some_and(|f| f > own) {
                climbing.push(format!("{name}: crate::{path}"));
            }
        }
    }
    assert!(climbing.is_empty(), "lower floors import higher ones:\n{}", climbing.join("\n"));
}
