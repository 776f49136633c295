//! Compiles the C++ side of the RocksDB cursor against the sources of the RocksDB this build links.
//!
//! The cursor uses RocksDB's internal headers, so it must be built like the library: with the same definitions, from the same
//! sources. `librocksdb-sys` says where they are. A RocksDB from elsewhere (`ROCKSDB_LIB_DIR`) cannot be used.

use std::env;
use std::path::PathBuf;

const CURSOR: &str = "src/kv/rocks/cursor.cc";

fn main() {
    println!("cargo:rerun-if-changed={CURSOR}");
    println!("cargo:rerun-if-env-changed=ROCKSDB_LIB_DIR");
    assert!(env::var_os("ROCKSDB_LIB_DIR").is_none(), "ROCKSDB_LIB_DIR: only the RocksDB that librocksdb-sys builds can be used");
    let sources = env::var_os("DEP_ROCKSDB_CARGO_MANIFEST_DIR").expect("librocksdb-sys says where its sources are");
    let rocksdb = PathBuf::from(sources).join("rocksdb");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std(&env::var("ROCKSDB_CXX_STD").unwrap_or_else(|_| "c++20".to_owned()))
        .file(CURSOR)
        .include(rocksdb.join("include"))
        .include(&rocksdb)
        .flag("-include")
        .flag("cstdint")
        .warnings(false)
        .opt_level(2)
        .debug(false);
    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let mut definitions =
        vec!["NDEBUG", "LZ4", "HAVE_ALIGNED_NEW", "HAVE_UINT128_EXTENSION", "ROCKSDB_PLATFORM_POSIX", "ROCKSDB_LIB_IO_POSIX"];
    match os.as_str() {
        "macos" => definitions.push("OS_MACOSX"),
        "freebsd" => definitions.push("OS_FREEBSD"),
        _ => definitions.extend([
            "OS_LINUX",
            "ROCKSDB_SCHED_GETCPU_PRESENT",
            "ROCKSDB_AUXV_GETAUXVAL_PRESENT",
            "ROCKSDB_FALLOCATE_PRESENT",
            "ROCKSDB_RANGESYNC_PRESENT",
        ]),
    }
    for definition in definitions {
        build.define(definition, Some("1"));
    }
    build.compile("orbit_rocks_cursor");
}
