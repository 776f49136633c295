//! Starting and stopping: what is in force, what stops a start, and what a stop leaves behind.

use crate::process::{Setup, read_all};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Output;
use std::time::{Duration, Instant};

/// The one line a failed start ends with.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn it_says_where_the_data_is_and_how_to_connect() {
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).env("RUST_LOG", "orbit_protocols::postgres_wire::persistent_storage=info").start();
    assert!(server.greeting.contains(&format!("psql -h localhost -p {} -U orbit -d actors", server.port)), "{}", server.greeting);
    let storage = tmp.path().join("data/postgresql");
    server.expect_log(&format!("PostgreSQL using persistent RocksDB storage at: {}", storage.display()));
    server.sql("CREATE TABLE noted (id int PRIMARY KEY); INSERT INTO noted VALUES (7)");
    server.expect_log("Created table: noted");
    server.expect_log("into table noted");
    assert!(storage.is_dir() && tmp.path().join("data/cluster/identity").is_file());
    assert!(UnixStream::connect(tmp.path().join(format!(".s.PGSQL.{}", server.port))).is_ok());
    assert!(server.stop().success());
}

#[test]
fn both_signals_stop_it_in_order_and_in_time() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let tmp = tempfile::tempdir().unwrap();
        let mut server = Setup::new(tmp.path()).start();
        let mark = tmp.path().join("data/cluster/clean-shutdown");
        let mut half_open = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        half_open.write_all(b"\0\0").unwrap();
        assert!(!mark.exists());
        let begun = Instant::now();
        server.signal(signal);
        assert!(server.wait().success());
        assert!(begun.elapsed() < Duration::from_secs(5) && mark.exists());
        assert!(read_all(half_open).is_empty());
    }
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(&tmp.path().join("..").join(tmp.path().file_name().unwrap())).arg("--engine").arg("memory").start();
    let other = tempfile::tempdir().unwrap();
    let line = refusal(&Setup::new(other.path()).arg("--port").arg(&server.port.to_string()).run());
    assert_eq!(
        line,
        format!(
            "orbit-server: cannot listen on 127.0.0.1:{}: the port is taken: is another server running? (--port N chooses another)",
            server.port
        )
    );
}

#[test]
fn a_data_folder_that_is_locked_foreign_newer_or_unusable_is_told_in_one_line() {
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).start();
    let line = refusal(&Setup::new(tmp.path()).run());
    assert!(line.ends_with(&format!("is locked: another server (process {}) has it open", server.pid())), "{line}");
    assert!(server.stop().success());

    let identity = tmp.path().join("data/cluster/identity");
    let text = std::fs::read_to_string(&identity).unwrap();
    std::fs::write(&identity, text.replace("format = 1", "format = 7")).unwrap();
    let line = refusal(&Setup::new(tmp.path()).run());
    assert!(line.contains("has format 7, this server reads format 1"), "{line}");

    let foreign = tempfile::tempdir().unwrap();
    std::fs::create_dir(foreign.path().join("data")).unwrap();
    std::fs::write(foreign.path().join("data/PG_VERSION"), "15").unwrap();
    let line = refusal(&Setup::new(foreign.path()).run());
    assert!(line.contains("is not an Orbit data folder: it holds \"PG_VERSION\""), "{line}");

    let file = tempfile::tempdir().unwrap();
    std::fs::write(file.path().join("data"), "a file").unwrap();
    let line = refusal(&Setup::new(file.path()).run());
    assert!(line.starts_with("orbit-server: cannot use the data folder "), "{line}");
}

#[test]
fn mistakes_in_the_configuration_are_told_in_one_line() {
    let tmp = tempfile::tempdir().unwrap();
    let file = tmp.path().join("orbit.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        refusal(&Setup::new(tmp.path()).arg("--config").arg(file.to_str().unwrap()).run())
    };
    let name = file.display();
    assert_eq!(
        refused("[protocols]\npostgres_prot = 1\n"),
        format!("orbit-server: {name}:2: unknown key in [protocols]: \"postgres_prot\"; did you mean \"postgres_port\"?")
    );
    assert!(refused("[security]\nenable_tls = true\n").contains("TLS is not supported by this build"));
    let line = refusal(&Setup::new(tmp.path()).env("ORBIT_SERVER_WORK_MEM", "lots").run());
    assert!(line.starts_with("orbit-server: ORBIT_SERVER_WORK_MEM: expected a number of bytes"), "{line}");
    let line = refusal(&Setup::new(tmp.path()).env("RUST_LOG", "a=b=c").run());
    assert!(line.starts_with("orbit-server: RUST_LOG: "), "{line}");
}

#[test]
fn the_configuration_in_force_can_be_printed() {
    let tmp = tempfile::tempdir().unwrap();
    std::fs::create_dir(tmp.path().join("config")).unwrap();
    std::fs::write(tmp.path().join("config/orbit-server.toml"), "[server]\nmax_connections = 77\n").unwrap();
    let output =
        Setup::new(tmp.path()).env("ORBIT_SERVER_LOCK_TIMEOUT", "250ms").arg("--engine").arg("memory").arg("--print-config").run();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["max_connections = 77", "lock_timeout = \"250ms\"", "provider = \"memory\""] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_engines_own_options_file_shows_every_key() {
    let tmp = tempfile::tempdir().unwrap();
    let file = tmp.path().join("orbit.toml");
    let text = r#"[persistence.rocksdb]
enable_wal = true
write_buffer_size = 33554432
max_write_buffer_number = 6
min_write_buffer_number_to_merge = 2
level0_file_num_compaction_trigger = 8
target_file_size_base = "32MB"
max_background_jobs = 3
block_cache_size = "64MB"
enable_statistics = true
compression_type = "none"
cache_index_and_filter_blocks = false
pin_l0_filter_and_index_blocks = false
bloom_filter_bits_per_key = 12
enable_pipelined_write = true
allow_concurrent_memtable_write = false
block_size = 32768
"#;
    std::fs::write(&file, text).unwrap();
    let mut server = Setup::new(tmp.path()).arg("--config").arg(file.to_str().unwrap()).start();
    let folder = tmp.path().join("data/postgresql");
    let names = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let newest = names.filter(|n| n.starts_with("OPTIONS-") && !n.ends_with("tmp")).max().expect("an OPTIONS file");
    let options = std::fs::read_to_string(folder.join(newest)).unwrap();
    let log = std::fs::read_to_string(folder.join("LOG")).unwrap();
    assert!(server.stop().success());
    for line in [
        "write_buffer_size=33554432",
        "max_write_buffer_number=6",
        "min_write_buffer_number_to_merge=2",
        "level0_file_num_compaction_trigger=8",
        "target_file_size_base=33554432",
        "max_background_jobs=3",
        "compression=kNoCompression",
        "cache_index_and_filter_blocks=false",
        "pin_l0_filter_and_index_blocks_in_cache=false",
        "filter_policy=bloomfilter",
        "enable_pipelined_write=true",
        "allow_concurrent_memtable_write=false",
        "block_size=32768",
    ] {
        assert!(options.contains(line), "{line} is not in\n{options}");
    }
    // What is an object and no number shows in the engine's log.
    assert!(log.contains("capacity : 67108864") && !log.contains("Options.statistics: (nil)"), "{log}");
    for family in ["pg_tables", "pg_data", "pg_metadata"] {
        assert!(options.contains(&format!("[CFOptions \"{family}\"]")), "{family}");
    }
}

#[test]
fn half_open_connections_cost_little() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).arg("--engine").arg("memory").start();
    let before = server.resident();
    // Start-up packets that claim all they may and never end.
    let mut packet = 9_900_i32.to_be_bytes().to_vec();
    packet.resize(9_000, b'x');
    let clients: Vec<TcpStream> = (0..800)
        .map(|_| {
            let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            client.write_all(&packet).unwrap();
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let taken = server.resident().saturating_sub(before);
    assert!(taken < 48 << 20, "{} connections took {taken} bytes", clients.len());
}
