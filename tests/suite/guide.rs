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

/// What pg_dump writes, without the lines that differ from run to run and server to server.
fn dump(server: &Server, database: &str) -> String {
    let args = ["-h", "localhost", "-p", &server.port.to_string(), "-U", "orbit", "-d", database];
    let output = Command::new("pg_dump").args(args).output().expect("pg_dump is installed");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), server.log());
    let text = String::from_utf8(output.stdout).unwrap();
    let changing = ["\\restrict", "\\unrestrict", "-- Dumped"];
    text.lines().filter(|l| !changing.iter().any(|c| l.starts_with(c))).fold(String::new(), |all, line| all + line + "\n")
}

fn differ(wanted: &str, found: &str, what: &str) {
    let first = wanted.lines().zip(found.lines()).find(|(w, f)| w != f);
    assert!(wanted == found, "{what}: {first:?}");
}

/// `data/schema_dump.sql` is what pg_dump 15 writes of a PostgreSQL 15 that ran `data/schema.sql`.
#[test]
fn dumps_are_those_of_postgresql_and_can_be_read_back() {
    const SCRIPT: &str = include_str!("data/schema.sql");
    const DUMP: &str = include_str!("data/schema_dump.sql");
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).start();
    server.sql("CREATE ROLE dump_reader");
    let version = Command::new("pg_dump").arg("--version").output().expect("pg_dump is installed").stdout;
    let same_dumper = String::from_utf8_lossy(&version).contains(") 15.");
    server.sql("CREATE DATABASE made");
    let made = server.psql("made", &[], SCRIPT);
    assert!(made.status.success(), "{made:?}");
    let own = dump(&server, "made");
    if same_dumper {
        differ(DUMP, &own, "Orbit's dump is PostgreSQL's");
    }
    server.sql("CREATE DATABASE restored");
    let restored = server.psql("restored", &[], DUMP);
    assert!(restored.status.success(), "{restored:?}");
    differ(&own, &dump(&server, "restored"), "PostgreSQL's dump read in");
    assert!(server.stop().success());
    let server = Setup::new(tmp.path()).start();
    differ(&own, &dump(&server, "restored"), "after a restart");
}

/// A shell that has the guide's names for this server, in the folder where its data lies.
fn shell(server: &Server, script: &str, args: &[&str]) -> std::process::Output {
    let preface = format!(
        "orbit={}\nport={}\nconnect=\"-h localhost -p $port -U orbit -d actors\"\n",
        env!("CARGO_BIN_EXE_orbit-server"),
        server.port
    );
    let command = preface + script;
    Command::new("bash").args(["-c", &command, "script"]).args(args).current_dir(&server.folder).output().unwrap()
}

const BACKUP: &str = r#"
BACKUP_DIR="$PWD/backups"
DATA_DIR="./data"
RETENTION_DAYS=30
BACKUP_TIMESTAMP=$(date +%Y%m%d_%H%M%S)
BACKUP_PATH="$BACKUP_DIR/backup_$BACKUP_TIMESTAMP"
mkdir -p "$BACKUP_PATH"
cp -r "$DATA_DIR" "$BACKUP_PATH/rocksdb_data"
pg_dump $connect > "$BACKUP_PATH/schema_and_data.sql" || exit 1
cp -r config/ "$BACKUP_PATH/config" 2>/dev/null || echo "No config directory found"
cat > "$BACKUP_PATH/backup_manifest.json" << EOF
{ "timestamp": "$BACKUP_TIMESTAMP", "backup_type": "full" }
EOF
tar -czf "$BACKUP_PATH.tar.gz" -C "$BACKUP_DIR" "backup_$BACKUP_TIMESTAMP"
rm -rf "$BACKUP_PATH"
find "$BACKUP_DIR" -name "backup_*.tar.gz" -mtime +$RETENTION_DAYS -delete
tar -tzf "$BACKUP_PATH.tar.gz" > /dev/null 2>&1 || exit 1
echo "$BACKUP_PATH.tar.gz"
"#;

const RECOVERY: &str = r#"
BACKUP_FILE="$1"
RECOVERY_DIR="./orbit_recovery"
mkdir -p "$RECOVERY_DIR"
tar -xzf "$BACKUP_FILE" -C "$RECOVERY_DIR"
rm -rf ./data
cp -r "$RECOVERY_DIR"/backup_*/rocksdb_data ./data
cp -r "$RECOVERY_DIR"/backup_*/config/* ./config/ 2>/dev/null || echo "No config to restore"
ORBIT_PROTOCOLS_UNIX_SOCKET_DIRECTORY="$PWD" "$orbit" --data-dir ./data --port $port > server.log 2>&1 &
SERVER_PID=$!
for i in $(seq 300); do psql $connect -c '' > /dev/null 2>&1 && break; sleep 0.1; done
if psql $connect -c "SELECT COUNT(*) FROM pg_tables;" > /dev/null 2>&1; then
    psql $connect -c "\dt"
    psql $connect -Atc "SELECT count(*), sum(id) FROM users"
    psql $connect -Atc "SELECT username FROM users ORDER BY id DESC LIMIT 1"
else
    cat server.log
    kill $SERVER_PID 2>/dev/null
    exit 1
fi
kill $SERVER_PID && wait $SERVER_PID
rm -rf "$RECOVERY_DIR"
"#;

#[test]
fn a_backup_of_a_running_server_is_recovered() {
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).start();
    server.sql(&format!("{SCHEMA} INSERT INTO users (id, username) SELECT g, 'user ' || g FROM generate_series(1, 5000) g;"));
    let backup = shell(&server, BACKUP, &[]);
    assert!(backup.status.success(), "{backup:?}");
    let printed = String::from_utf8(backup.stdout).unwrap();
    let archive = printed.lines().last().unwrap().to_owned();
    // What came after the backup is lost with the server.
    server.sql("DELETE FROM users WHERE id > 100; INSERT INTO users VALUES (0, 'late');");
    assert!(server.stop().success());
    let recovery = shell(&server, RECOVERY, &[&archive]);
    let shown = String::from_utf8_lossy(&recovery.stdout);
    assert!(recovery.status.success(), "{recovery:?}");
    assert!(shown.contains("users") && shown.ends_with("5000|12502500\nuser 5000\n"), "{shown}");
    // The archive's dump alone makes the same tables elsewhere.
    let unpacked = shell(&server, "tar -xzf \"$1\" --wildcards -O '*/schema_and_data.sql'", &[&archive]);
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let other = tempfile::tempdir().unwrap();
    let server = Setup::new(other.path()).start();
    server.sql(&text);
    assert_eq!(server.sql("SELECT count(*), min(username) FROM public.users"), "5000|user 1");
}

#[test]
fn the_steps_before_and_after_a_migration_work_as_written() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).start();
    server.sql("CREATE TABLE important_table (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO important_table VALUES (1, 'kept');");
    let script = r#"
        set -e
        pg_dump $connect > pre_migration_backup.sql
        psql $connect -c "\dt"
        psql $connect -c "SELECT * FROM important_table;" > table_backup.csv
        grep -q kept table_backup.csv
        psql $connect -q -c 'DROP TABLE important_table'
        psql $connect -q -v ON_ERROR_STOP=1 -f pre_migration_backup.sql > /dev/null
        psql $connect -Atc 'SELECT note FROM public.important_table'
        tar -czf "orbit-rocksdb-backup-$(date +%Y%m%d-%H%M).tar.gz" ./data/
        psql $connect -Atc "
        SELECT
            schemaname,
            tablename,
            pg_total_relation_size(schemaname||'.'||tablename) as size_bytes
        FROM pg_tables
        ORDER BY size_bytes DESC;" | grep important_table
        psql $connect -At << 'SQL'
\timing
SELECT * FROM important_table WHERE id = 1;
SELECT * FROM important_table WHERE note = 'kept';
SQL
    "#;
    let output = shell(&server, script, &[]);
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    for wanted in ["important_table", "kept", "public|important_table|", "Timing is on.", "1|kept"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
}

#[test]
fn the_performance_monitor_prints_its_metrics() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).start();
    server.sql(&format!("{SCHEMA} INSERT INTO users (id, username) SELECT g, 'user ' || g FROM generate_series(1, 250) g;"));
    let script = format!(
        "import psycopg2
import time
import json

class Enough(Exception):
    pass

def sleep(seconds, rounds=[]):
    rounds.append(seconds)
    if len(rounds) == 3:
        raise Enough
time.sleep = sleep

def monitor_performance():
    conn = psycopg2.connect(
        host='localhost',
        port={},
        user='orbit',
        database='actors'
    )

    while True:
        cursor = conn.cursor()

        # Test query performance
        start_time = time.time()
        cursor.execute('SELECT COUNT(*) FROM users;')
        query_time = time.time() - start_time

        row_count = cursor.fetchone()[0]

        metrics = {{
            'timestamp': time.time(),
            'query_time_ms': query_time * 1000,
            'row_count': row_count,
            'queries_per_second': 1 / query_time if query_time > 0 else 0
        }}

        print(json.dumps(metrics))
        time.sleep(30)  # Monitor every 30 seconds

try:
    monitor_performance()
except Enough:
    pass
",
        server.port
    );
    let output = Command::new("/usr/bin/python3").args(["-c", &script]).output().expect("python3 is installed");
    if String::from_utf8_lossy(&output.stderr).contains("No module named 'psycopg2'") {
        return;
    }
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(shown.matches("\"row_count\": 250").count(), 3, "{shown}");
}
