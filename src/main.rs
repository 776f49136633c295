//! `orbit-server`: see `orbit-server --help`.

use orbit_server::{cli, database};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main::<database::Orbit>()
}
