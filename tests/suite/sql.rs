//! SQL scripts through psql, compared with the answers of a PostgreSQL 15 recorded beside them (`make record` records anew).
//!
//! `tests/sql/x.sql` runs in a database of its own; `tests/sql/x.out` is what psql printed: rows, command errors with SQLSTATE,
//! DETAIL, HINT and position.

use crate::process::{Server, Setup};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|p| p.extension().is_some_and(|e| e == "sql"));
    found.sort();
    assert!(!found.is_empty());
    found
}

/// psql's answers to a script, errors where they occurred.
fn answers(url: &str, script: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", "exec psql -X -q -v VERBOSITY=verbose -v SHOW_CONTEXT=never -d \"$0\" 2>&1", url])
        .env("PGTZ", "UTC")
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(Stdio::from(std::fs::File::open(script).unwrap()))
        .output()
        .expect("psql is installed");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter(|l| !l.starts_with("LOCATION:")).fold(String::new(), |all, line| all + line + "\n")
}

fn first_difference(expected: &str, found: &str) -> Option<String> {
    let (mut a, mut b) = (expected.lines(), found.lines());
    for line in 1.. {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some(format!("line {line}:\n  recorded {a:?}\n  answered {b:?}")),
        }
    }
    None
}

fn compare_all(server: &Server) {
    let mut different = Vec::new();
    for script in scripts() {
        let name = script.file_stem().unwrap().to_str().unwrap().to_owned();
        server.sql(&format!("CREATE DATABASE script_{name}"));
        let found = answers(&format!("postgresql://orbit@127.0.0.1:{}/script_{name}", server.port), &script);
        let expected = std::fs::read_to_string(script.with_extension("out")).unwrap();
        different.extend(first_difference(&expected, &found).map(|d| format!("{name}.out {d}")));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn answers_are_those_of_postgresql_in_memory() {
    let tmp = tempfile::tempdir().unwrap();
    compare_all(&Setup::new(tmp.path()).arg("--engine").arg("memory").start());
}

#[test]
fn answers_are_those_of_postgresql_on_rocksdb() {
    let tmp = tempfile::tempdir().unwrap();
    compare_all(&Setup::new(tmp.path()).start());
}

/// Run by `make record` with PGREF=postgresql://...: writes the recorded answers.
#[test]
#[ignore = "records instead of testing; needs a PostgreSQL 15"]
fn record() {
    let reference = std::env::var("PGREF").expect("PGREF names a PostgreSQL 15");
    let (server, _) = reference.rsplit_once('/').expect("PGREF ends with a database");
    let admin = |sql: &str| {
        let output = Command::new("psql").args(["-X", "-q", "-d", &reference, "-c", sql]).output().expect("psql is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    for script in scripts() {
        let database = format!("orbit_record_{}", script.file_stem().unwrap().to_str().unwrap());
        admin(&format!("DROP DATABASE IF EXISTS {database}"));
        admin(&format!("CREATE DATABASE {database}"));
        std::fs::write(script.with_extension("out"), answers(&format!("{server}/{database}"), &script)).unwrap();
        admin(&format!("DROP DATABASE {database}"));
    }
}
