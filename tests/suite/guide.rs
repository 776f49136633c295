//! The migration guide's commands, as a user types them: its SQL, dumps and CSV files read in, restarts, its scripts.

use crate::process::{Server, Setup};
use std::process::Command;

const SCHEMA: &str = "
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL,
    email TEXT,
    created_at TIMESTAMP DEFAULT NOW()
);
CREATE TABLE posts (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    title TEXT NOT NULL,
    content TEXT,
    published_at TIMESTAMP DEFAULT NOW()
);
";

const VALIDATION: &str = "
SELECT 'users' as table_name, COUNT(*) as row_count FROM users
UNION ALL
SELECT 'posts', COUNT(*) FROM posts;
SELECT u.username, COUNT(p.id) as post_count
FROM users u LEFT JOIN posts p ON u.id = p.user_id
GROUP BY u.username ORDER BY 1;
";

fn psql(server: &Server, args: &[&str]) -> String {
    let output = server.psql("actors", args, "");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn what_is_migrated_is_there_after_a_restart() {
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).start();
    server.sql(
        "CREATE TABLE migration_test (id INTEGER PRIMARY KEY, test_data TEXT, created_at TIMESTAMP DEFAULT NOW());
         INSERT INTO migration_test (id, test_data) VALUES (1, 'Migration test successful');",
    );
    let dump = tmp.path().join("pre_migration_backup.sql");
    std::fs::write(&dump, format!("{SCHEMA} INSERT INTO posts (id, user_id, title) VALUES (1, 1, 'First'), (2, 1, 'Second');"))
        .unwrap();
    psql(&server, &["-f", dump.to_str().unwrap()]);
    let csv = tmp.path().join("users_backup.csv");
    std::fs::write(&csv, "id,username,email,created_at\n2,bob,,2024-01-02 03:04:05\n3,\"carol, jr\",c@example.com,2024-05-06\n")
        .unwrap();
    psql(&server, &["-c", &format!("\\COPY users(id,username,email,created_at) FROM '{}' CSV HEADER;", csv.display())]);
    psql(&server, &["-c", "INSERT INTO users (id, username, email) VALUES (1, 'alice', 'alice@example.com');"]);
    server.sql("CREATE TABLE user_email_index AS SELECT id, username, email FROM users;");

    let check = |server: &Server| {
        assert_eq!(server.sql(VALIDATION), "users|3\nposts|2\nalice|2\nbob|0\ncarol, jr|0");
        assert_eq!(server.sql("SELECT id, test_data FROM migration_test"), "1|Migration test successful");
        assert_eq!(server.sql("SELECT username, email IS NULL, created_at FROM users WHERE id = 2"), "bob|t|2024-01-02 03:04:05");
        assert_eq!(
            server.sql("SELECT id, username FROM user_email_index WHERE email LIKE '%@example.com' ORDER BY id"),
            "1|alice\n3|carol, jr"
        );
        assert_eq!(server.sql("SELECT title FROM posts ORDER BY id DESC LIMIT 50"), "Second\nFirst");
    };
    check(&server);
    assert!(server.stop().success());
    let mut server = Setup::new(tmp.path()).start();
    check(&server);
    server.kill();
    let server = Setup::new(tmp.path()).start();
    check(&server);
    assert!(psql(&server, &["-c", "\\dt"]).contains("public|migration_test|table|orbit"));
}

#[test]
fn the_health_check_is_content() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).start();
    let script = format!(
        "set -e
         connect=\"-h localhost -p {} -U orbit -d actors\"
         timeout 5 psql $connect -c 'SELECT 1;'
         [ -d ./data/postgresql ] && [ \"$(ls -A ./data/postgresql)\" ]
         psql -v ON_ERROR_STOP=1 $connect -c \"
         CREATE TABLE IF NOT EXISTS health_check (
             id INTEGER PRIMARY KEY,
             check_time TIMESTAMP DEFAULT NOW()
         );
         INSERT INTO health_check (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET check_time = NOW();
         SELECT 'Health check successful' FROM health_check WHERE id = 1;\"",
        server.port
    );
    for _ in 0..2 {
        let output = Command::new("bash").args(["-c", &script]).current_dir(tmp.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("Health check successful"), "{output:?}");
    }
}

#[test]
fn the_python_driver_copies_tables_in_chunks() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).arg("--engine").arg("memory").start();
    server.sql(&format!("{SCHEMA} INSERT INTO users (id, username) SELECT g, 'user ' || g FROM generate_series(1, 250) g;"));
    server.sql("CREATE DATABASE migrated");
    let made = server.psql("migrated", &[], SCHEMA);
    assert!(made.status.success(), "{made:?}");
    let script = format!(
        "import psycopg2
old, new = (psycopg2.connect(host='localhost', port={}, user='orbit', database=d) for d in ('actors', 'migrated'))
o, n = old.cursor(), new.cursor()
o.execute('SELECT COUNT(*) FROM users')
total = o.fetchone()[0]
for offset in range(0, total, 100):
    o.execute(f'SELECT * FROM users ORDER BY id LIMIT 100 OFFSET {{offset}}')
    for row in o.fetchall():
        n.execute('INSERT INTO users VALUES (' + ','.join(['%s'] * len(row)) + ')', row)
    new.commit()
n.execute('SELECT COUNT(*), MIN(username), SUM(id) FROM users')
print(n.fetchone())
try:
    n.execute('INSERT INTO users VALUES (1, %s)', ('again',))
except psycopg2.errors.UniqueViolation as e:
    print(e.diag.constraint_name)
",
        server.port
    );
    let output = Command::new("/usr/bin/python3").args(["-c", &script]).output().expect("python3 is installed");
    if String::from_utf8_lossy(&output.stderr).contains("No module named 'psycopg2'") {
        return;
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), "(250, 'user 1', 31375)\nusers_pkey\n", "{output:?}");
}
