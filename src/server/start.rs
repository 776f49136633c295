//! From a configuration to a running server, and back down.
//!
//! Up: lock the data folder, bind the sockets, open the database, accept. Down (SIGINT, SIGTERM): stop accepting, end every session
//! with 57P01, close the database, leave the clean-shutdown mark - within five seconds. A second signal ends the process at
//! once, which is safe: it is what a crash is. Whatever hinders the start is one line and exit code 1.

use super::backend::Engine;
use super::{DataDir, Limits, Listeners, serve};
use crate::config::{Config, LogFormat, Provider, StartError};
use std::future::Future;
use std::io::IsTerminal;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Stack of a thread that runs statements. Only what is used is ever taken from the system.
const STACK: usize = 16 << 20;
/// Files a store of some size keeps open.
const STORE_FILES: u64 = 1000;

/// The database under a server: opened before the first client, closed after the last.
pub trait Database {
    /// What sessions talk to.
    type Engine: Engine;

    /// Opens it. `dir` is the locked data folder; none for a database in memory.
    fn open(config: &Config, dir: Option<&DataDir>) -> impl Future<Output = Result<Arc<Self::Engine>, StartError>>;

    /// Flushes and closes it. No session is left.
    fn close(engine: Arc<Self::Engine>) -> impl Future<Output = Result<(), StartError>>;

    /// Verifies what the data folder holds; prints what it finds. The error counts the faults.
    fn check(config: &Config, dir: &DataDir) -> impl Future<Output = Result<(), StartError>>;
}

/// Runs a server until it is told to stop.
pub fn run<D: Database>(config: &Config, warnings: &[String]) -> Result<(), StartError> {
    prepare(config, warnings)?;
    runtime(config)?.block_on(run_until_stopped::<D>(config))
}

/// Verifies the data folder.
pub fn check<D: Database>(config: &Config, warnings: &[String]) -> Result<(), StartError> {
    prepare(config, warnings)?;
    let dir = DataDir::open(&config.persistence.data_dir)?;
    runtime(config)?.block_on(D::check(config, &dir))?;
    close_folder(dir)
}

fn prepare(config: &Config, warnings: &[String]) -> Result<(), StartError> {
    config.check()?;
    log_to_stderr(config)?;
    warnings.iter().for_each(|w| tracing::warn!("{w}"));
    let files = raise_open_files();
    let wanted = u64::from(config.server.max_connections) + STORE_FILES;
    if files < wanted {
        tracing::warn!("only {files} open files are allowed: max_connections may not be reached (ulimit -n {wanted})");
    }
    Ok(())
}

/// Raises the soft limit on open files to the hard one; returns what is allowed now.
fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return u64::MAX;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: reads the struct it is given.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 { raised.rlim_cur } else { limit.rlim_cur }
}

fn runtime(config: &Config) -> Result<tokio::runtime::Runtime, StartError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if config.server.worker_threads > 0 {
        builder.worker_threads(config.server.worker_threads as usize);
    }
    builder
        .enable_all()
        // A session that waits for a lock holds a thread; the workers themselves must never run out of them.
        .max_blocking_threads(config.server.max_connections as usize + 512)
        .thread_name("orbit-worker")
        .thread_stack_size(STACK)
        .build()
        .map_err(|e| StartError::new(format!("cannot start threads: {e}")))
}

async fn run_until_stopped<D: Database>(config: &Config) -> Result<(), StartError> {
    let stop = stop_signal()?;
    let dir = match config.persistence.provider {
        Provider::RocksDb => Some(DataDir::open(&config.persistence.data_dir)?),
        Provider::Memory => None,
    };
    let protocols = &config.protocols;
    let unix_directory = Some(protocols.unix_socket_directory.as_path()).filter(|p| !p.as_os_str().is_empty());
    let listeners = Listeners::bind(&protocols.postgres_bind_address, protocols.postgres_port, unix_directory)?;
    let engine = D::open(config, dir.as_ref()).await?;
    announce(config, &listeners);
    let limits = Limits {
        max_connections: config.server.max_connections as usize,
        authentication_timeout: config.server.authentication_timeout.0,
        max_message_size: config.server.max_message_size.get(),
    };
    serve(engine.clone(), listeners, limits, stop).await;
    D::close(engine).await?;
    dir.map_or(Ok(()), close_folder)?;
    tracing::info!("stopped");
    Ok(())
}

fn close_folder(dir: DataDir) -> Result<(), StartError> {
    dir.close_clean().map_err(|e| StartError::new(format!("cannot mark the data folder as cleanly closed: {e}")))
}

/// Completes at the first SIGINT or SIGTERM; the second ends the process.
fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    let failed = |e| StartError::new(format!("cannot listen for signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("received SIGINT, stopping"),
            _ = terminate.recv() => tracing::info!("received SIGTERM, stopping"),
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(130);
        });
    })
}

fn log_to_stderr(config: &Config) -> Result<(), StartError> {
    let text = std::env::var("RUST_LOG").ok().filter(|t| !t.is_empty());
    let (name, text) = match &text {
        Some(text) => ("RUST_LOG", text.as_str()),
        None => ("logging.filter", config.logging.filter.as_str()),
    };
    let filter = EnvFilter::try_new(text).map_err(|e| StartError::new(format!("{name}: {e}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match config.logging.format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    set.map_err(|e| StartError::new(format!("cannot set up the log: {e}")))
}

/// Says where the data is and how to connect.
fn announce(config: &Config, listeners: &Listeners) {
    match config.persistence.provider {
        Provider::RocksDb => tracing::info!(
            target: "orbit_protocols::postgres_wire::persistent_storage",
            "PostgreSQL using persistent RocksDB storage at: {}/postgresql",
            config.persistence.data_dir.display()
        ),
        Provider::Memory => tracing::info!("PostgreSQL using storage in memory: it is gone when the server stops"),
    }
    let addresses = listeners.addresses();
    for address in &addresses {
        tracing::info!("listening on {address}");
    }
    if let Some(path) = listeners.unix_path() {
        tracing::info!("listening on {}", path.display());
    }
    let (host, port) = match addresses.first() {
        Some(a) if a.ip().is_loopback() || a.ip().is_unspecified() => ("localhost".to_owned(), a.port()),
        Some(a) => (a.ip().to_string(), a.port()),
        None => (config.protocols.unix_socket_directory.display().to_string(), config.protocols.postgres_port),
    };
    println!("Orbit {} is ready. Connect with:\n    psql -h {host} -p {port} -U orbit -d actors", env!("CARGO_PKG_VERSION"));
}
