//! The command line, and what is in force once file, environment and flags are laid over each other.

use crate::config::{Config, DEFAULT_FILE, LogFormat, Provider, StartError};
use crate::server::start::{self, Database};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The whole program: reads the command line, does what it says on a database of kind `D`. Whatever fails is one line on
/// standard error and exit code 1.
pub fn main<D: Database>() -> ExitCode {
    let done = Cli::parse().resolve(std::env::vars()).and_then(|i| i.run::<D>());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("orbit-server: {e}");
            ExitCode::FAILURE
        }
    }
}

/// A PostgreSQL-compatible server on a log-structured merge tree.
#[derive(Debug, Parser)]
#[command(name = "orbit-server", version, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum Subcommands {
    /// Run the server (what happens without a subcommand, too).
    Serve,
    /// Verify every row against its indexes and constraints, then exit.
    Check,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Serve,
    /// Verify the data folder.
    Check,
    /// Print the configuration in force.
    PrintConfig,
}

#[derive(Debug, Default, clap::Args)]
struct Flags {
    /// Configuration file [default: ./config/orbit-server.toml if it is there]
    #[arg(long, value_name = "FILE", env = "ORBIT_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Data folder
    #[arg(long, value_name = "DIR", env = "ORBIT_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Addresses to listen on, comma-separated
    #[arg(long, value_name = "ADDR", env = "ORBIT_BIND", global = true)]
    bind: Option<String>,
    /// TCP port
    #[arg(long, value_name = "N", env = "ORBIT_PORT", global = true)]
    port: Option<u16>,
    /// The store: rocksdb or memory
    #[arg(long, value_name = "ENGINE", env = "ORBIT_ENGINE", global = true)]
    engine: Option<Provider>,
    /// Log lines: text or json
    #[arg(long, value_name = "FORMAT", env = "ORBIT_LOG_FORMAT", global = true)]
    log_format: Option<LogFormat>,
    /// Print the configuration in force as TOML, then exit
    #[arg(long, global = true)]
    print_config: bool,
}

/// A command with the configuration in force.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// With which settings.
    pub config: Config,
    /// What the log should mention once it is there.
    pub warnings: Vec<String>,
}

impl Cli {
    /// Lays file, environment and flags over each other.
    pub fn resolve(self, environment: impl Iterator<Item = (String, String)>) -> Result<Invocation, StartError> {
        let Flags { config, data_dir, bind, port, engine, log_format, print_config } = self.flags;
        let mut c = match config {
            Some(file) => Config::read(&file)?,
            None if Path::new(DEFAULT_FILE).exists() => Config::read(Path::new(DEFAULT_FILE))?,
            None => Config::default(),
        };
        let warnings = c.apply_environment(environment)?;
        overlay(&mut c.persistence.data_dir, data_dir);
        overlay(&mut c.protocols.postgres_bind_address, bind);
        overlay(&mut c.protocols.postgres_port, port);
        overlay(&mut c.persistence.provider, engine);
        overlay(&mut c.logging.format, log_format);
        let command = match self.command {
            _ if print_config => Command::PrintConfig,
            Some(Subcommands::Check) => Command::Check,
            Some(Subcommands::Serve) | None => Command::Serve,
        };
        Ok(Invocation { command, config: c, warnings })
    }
}

impl Invocation {
    fn run<D: Database>(self) -> Result<(), StartError> {
        match self.command {
            Command::PrintConfig => {
                print!("{}", self.config.to_toml());
                Ok(())
            }
            Command::Serve => start::run::<D>(&self.config, &self.warnings),
            Command::Check => start::check::<D>(&self.config, &self.warnings),
        }
    }
}

fn overlay<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_override_environment_overrides_file() {
        let tmp = tempfile::tempdir().unwrap();
        let file = tmp.path().join("c.toml");
        std::fs::write(&file, "[protocols]\npostgres_port = 1\npostgres_bind_address = \"::1\"\n[server]\nmax_connections = 7\n")
            .unwrap();
        let args = ["orbit-server", "serve", "--config", file.to_str().unwrap(), "--port", "3", "--engine", "memory"];
        let vars = [("ORBIT_PROTOCOLS_POSTGRES_PORT", "2"), ("ORBIT_SERVER_MAX_CONNECTIONS", "8")];
        let env = vars.iter().map(|(a, b)| (a.to_string(), b.to_string()));
        let i = Cli::try_parse_from(args).unwrap().resolve(env).unwrap();
        assert_eq!((i.command, i.config.protocols.postgres_port), (Command::Serve, 3));
        assert_eq!((i.config.server.max_connections, i.config.protocols.postgres_bind_address.as_str()), (8, "::1"));
        assert_eq!(i.config.persistence.provider, Provider::Memory);
    }

    #[test]
    fn a_named_file_must_be_there() {
        let cli = Cli::try_parse_from(["orbit-server", "--config", "/nowhere/x.toml"]).unwrap();
        assert!(
            cli.resolve(std::iter::empty()).unwrap_err().to_string().starts_with("cannot read the configuration /nowhere/x.toml")
        );
    }
}
