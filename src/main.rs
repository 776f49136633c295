//! `orbit-server`: see `orbit-server --help`.

use orbit_server::{cli, database};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // RocksDB's threads come and go; a pool of the C library's for each of them would keep what it once held.
    #[cfg(target_env = "gnu")]
    // SAFETY: called before any other thread exists.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 4);
    }
    cli::main::<database::Orbit>()
}
