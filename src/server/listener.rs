//! Sockets: binding, accepting, stopping.
//!
//! Binding is a step of its own so that a port that is taken is known before anything else happens. Accepting never waits for
//! a client: each gets its own task, and there are never more of them than twice the sessions allowed (those beyond
//! `max_connections` are told so, those beyond the double are dropped unheard).

use super::backend::{Engine, Peer};
use super::connection::{Shared, serve_client};
use super::sessions::Sessions;
use crate::config::StartError;
use crate::wire::Stream;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections the kernel queues for us.
const BACKLOG: u32 = 1024;
/// How long sessions have to end when the server stops; the store closes in what is left of PostgreSQL's five seconds.
const GRACE: Duration = Duration::from_millis(3500);
/// Pause after a failed accept (no file descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds on clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions at a time.
    pub max_connections: usize,
    /// Time to say who one is.
    pub authentication_timeout: Duration,
    /// Longest message of a session, bytes.
    pub max_message_size: usize,
}

/// Bound sockets.
#[derive(Debug)]
pub struct Listeners {
    tcp: Vec<TcpListener>,
    unix: Option<UnixSocket>,
}

#[derive(Debug)]
struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // A leftover socket file is recognised and replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Listeners {
    /// Binds `addresses` (a comma-separated list of names or addresses, `*` for all) at `port`, and the Unix socket in
    /// `unix_directory`. Port 0 takes any free one.
    pub fn bind(addresses: &str, port: u16, unix_directory: Option<&Path>) -> Result<Self, StartError> {
        let mut tcp = Vec::new();
        for address in resolve(addresses, port)? {
            let listener = listen(address).map_err(|e| cannot_listen(address, &e))?;
            tcp.push(listener);
        }
        let port = tcp.first().and_then(|l| l.local_addr().ok()).map_or(port, |a| a.port());
        let unix = unix_directory.map(|folder| listen_unix(folder, port)).transpose()?;
        Ok(Self { tcp, unix })
    }

    /// The TCP addresses bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.tcp.iter().filter_map(|l| l.local_addr().ok()).collect()
    }

    /// The Unix socket's path.
    pub fn unix_path(&self) -> Option<&Path> {
        self.unix.as_ref().map(|u| u.path.as_path())
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        for listener in &self.tcp {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted.map(|(s, address)| (tuned(s), Peer::Tcp(address))));
            }
        }
        match &self.unix {
            Some(u) => u.listener.poll_accept(cx).map_ok(|(s, _)| (Stream::Unix(s), Peer::Unix)),
            None => Poll::Pending,
        }
    }
}

fn tuned(socket: tokio::net::TcpStream) -> Stream {
    // A socket that cannot be tuned still works.
    let _ = socket.set_nodelay(true);
    let _ = socket2::SockRef::from(&socket).set_keepalive(true);
    Stream::Tcp(socket)
}

fn resolve(addresses: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let mut found = Vec::new();
    for name in addresses.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        let name = if name == "*" { "0.0.0.0" } else { name };
        let resolved = (name.trim_start_matches('[').trim_end_matches(']'), port)
            .to_socket_addrs()
            .map_err(|e| StartError::new(format!("cannot resolve the address \"{name}\" to listen on: {e}")))?;
        for address in resolved {
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    Ok(found)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn cannot_listen(address: SocketAddr, e: &io::Error) -> StartError {
    let hint = match e.kind() {
        io::ErrorKind::AddrInUse => "the port is taken: is another server running? (--port N chooses another)".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied: ports below 1024 need privileges".to_owned(),
        _ => e.to_string(),
    };
    StartError::new(format!("cannot listen on {address}: {hint}"))
}

fn listen_unix(folder: &Path, port: u16) -> Result<UnixSocket, StartError> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    let failed = |e: io::Error| StartError::new(format!("cannot listen on the Unix socket {}: {e}", path.display()));
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(StartError::new(format!("the Unix socket {} is in use by another server", path.display())));
        }
        std::fs::remove_file(&path).map_err(failed)?;
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).map_err(failed)?;
    Ok(UnixSocket { listener, path })
}

/// Serves clients until `stop` completes; then ends every session (57P01) and returns once they have rolled back.
pub async fn serve<E: Engine>(engine: Arc<E>, listeners: Listeners, limits: Limits, stop: impl Future<Output = ()>) {
    let sessions = Sessions::new(limits.max_connections);
    let shared = Arc::new(Shared { engine, sessions: sessions.clone(), limits, mock_secret: rand::random() });
    let mut clients = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
            accepted = poll_fn(|cx| listeners.poll_accept(cx)) => match accepted {
                Ok((stream, peer)) if clients.len() < 2 * limits.max_connections + 16 => {
                    clients.spawn(serve_client(shared.clone(), stream, peer));
                }
                Ok((stream, _)) => drop(stream),
                Err(e) => {
                    tracing::warn!("could not accept a connection: {e}");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listeners);
    sessions.stop();
    let ended = timeout(GRACE, async { while clients.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!("{} sessions did not end in time and are cut off", clients.len());
        clients.shutdown().await;
    }
}
