//! The configuration file: the guide's, the shipped one, and wrong ones.

use super::*;

fn refused(text: &str) -> String {
    Config::parse(text, "f.toml").unwrap_err().to_string()
}

#[test]
fn the_file_in_the_repository_is_the_defaults() {
    let shipped = include_str!("../../config/orbit-server.toml");
    assert_eq!(shipped, Config::default().to_toml(), "regenerate it: orbit-server --config /dev/null --print-config");
    assert_eq!(Config::parse(shipped, "f").unwrap(), Config::default());
}

#[test]
fn the_guides_sections_are_read() {
    let text = r#"
[persistence]
provider = "rocksdb"
data_dir = "/path/to/persistent/data"
[persistence.rocksdb]
enable_wal = true
write_buffer_size = 268435456          # 256MB
max_write_buffer_number = 4
min_write_buffer_number_to_merge = 2
level0_file_num_compaction_trigger = 8
target_file_size_base = 67108864
max_background_jobs = 16
block_cache_size = 2147483648
enable_statistics = true
compression_type = "lz4"
cache_index_and_filter_blocks = true
pin_l0_filter_and_index_blocks = true
bloom_filter_bits_per_key = 10
enable_pipelined_write = true
allow_concurrent_memtable_write = true
[security]
enable_tls = true
cert_path = "/etc/orbit/tls/server.crt"
key_path = "/etc/orbit/tls/server.key"
[protocols]
postgres_enabled = true
postgres_bind_address = "0.0.0.0"
postgres_port = 5432
[firewall]
# PostgreSQL: 5432
"#;
    let c = Config::parse(text, "f").unwrap();
    assert_eq!(c.rocksdb.block_cache_size, Bytes(2147483648));
    assert_eq!((c.protocols.postgres_port, c.protocols.postgres_bind_address.as_str()), (5432, "0.0.0.0"));
    assert_eq!(Config::parse(&c.to_toml(), "f").unwrap(), c);
    assert!(c.check().unwrap_err().to_string().contains("TLS is not supported"));
}

#[test]
fn mistakes_name_file_line_key_and_the_nearest_right_name() {
    assert_eq!(
        refused("[persistence.rocksdb]\n\nblock_cache_sise = 1\n"),
        "f.toml:3: unknown key in [persistence.rocksdb]: \"block_cache_sise\"; did you mean \"block_cache_size\"?"
    );
    assert_eq!(refused("[protocol]\n"), "f.toml:1: unknown section \"protocol\"; did you mean \"protocols\"?");
    assert_eq!(
        refused("[server]\n[persistence.rockdb]\nx=1\n"),
        "f.toml:2: unknown section \"persistence.rockdb\"; did you mean \"persistence.rocksdb\"?"
    );
    assert_eq!(
        refused("[protocols]\npostgres_port = 70000\n"),
        "f.toml:2: protocols.postgres_port: expected a whole number from 0 to 65535, found 70000"
    );
    assert_eq!(
        refused("[persistence]\nprovider = \"rocks\"\n"),
        "f.toml:2: persistence.provider: expected one of \"rocksdb\", \"memory\" (did you mean \"rocksdb\"?), found \"rocks\""
    );
    assert!(refused("data_dir = 1\n").starts_with("f.toml:1: unknown key \"data_dir\""));
    assert!(refused("[firewall]\nport = 1\n").starts_with("f.toml:2: unknown key in [firewall]: \"port\""));
    assert!(refused("[server]\nx = \n").starts_with("f.toml:2: "));
}

#[test]
fn the_environment_overrides_the_file() {
    let vars = |list: &[(&str, &str)]| list.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>().into_iter();
    let mut c = Config::parse("[server]\nwork_mem = \"1MB\"\n", "f").unwrap();
    let warnings = c
        .apply_environment(vars(&[
            ("ORBIT_SERVER_WORK_MEM", "2MB"),
            ("ORBIT_PERSISTENCE_ROCKSDB_ENABLE_WAL", "off"),
            ("ORBIT_SERVER_WORKMEM", "1"),
            ("ORBIT_PORT", "1"),
            ("PATH", "x"),
        ]))
        .unwrap();
    assert_eq!((c.server.work_mem, c.rocksdb.enable_wal), (Bytes(2 << 20), false));
    assert_eq!(warnings, ["the environment variable ORBIT_SERVER_WORKMEM names no setting (did you mean ORBIT_SERVER_WORK_MEM?)"]);
    let e = c.apply_environment(vars(&[("ORBIT_SERVER_MAX_CONNECTIONS", "many")])).unwrap_err();
    assert_eq!(e.to_string(), "ORBIT_SERVER_MAX_CONNECTIONS: expected a whole number from 0 to 4294967295, found \"many\"");
}
