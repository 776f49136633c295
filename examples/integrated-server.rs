//! The whole server in one command: `cargo run --package orbit-server --example integrated-server`.
//!
//! It is `orbit-server` itself: data in `./orbit_integrated_data`, port 15432, and the same flags after `--`.

use orbit_server::{cli, database};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main::<database::Orbit>()
}
