//! One client, from its first byte to its last.

use super::auth::authenticate;
use super::backend::{Backend, ConnectInfo, Engine, Peer};
use super::handshake::{Refusal, Request, handshake};
use super::listener::Limits;
use super::session::Session;
use super::sessions::{Sessions, Slot};
use crate::err;
use crate::error::{Severity, SqlError, SqlState};
use crate::wire::startup::{PROTOCOL_3_0, Parameters};
use crate::wire::{Interrupt, Out, Stream, encode, report};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What all connections share.
pub struct Shared<E> {
    /// What answers SQL.
    pub engine: Arc<E>,
    /// Who is connected.
    pub sessions: Arc<Sessions>,
    /// Bounds.
    pub limits: Limits,
    /// Salts of roles without a password derive from it.
    pub mock_secret: [u8; 32],
}

/// How long a wrong cancel key waits for its answer.
const WRONG_KEY_PAUSE: Duration = Duration::from_millis(500);
/// How long a client that is being turned away has to take its message.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves one client.
pub async fn serve_client<E: Engine>(shared: Arc<Shared<E>>, stream: Stream, peer: Peer) {
    let mut out = Out::new(stream, Arc::new(Interrupt::new()));
    let deadline = shared.limits.authentication_timeout;
    let parameters = match timeout(deadline, handshake(&mut out)).await {
        Ok(Ok(Request::Session(parameters))) => parameters,
        Ok(Ok(Request::Cancel { pid, key })) => return cancel(&shared.sessions, pid, key).await,
        Ok(Err(refusal)) => return refuse(&mut out, refusal).await,
        Err(_) => return,
    };
    let admitted = match timeout(deadline, admit(&shared, &mut out, parameters, peer)).await {
        Ok(admitted) => admitted,
        Err(_) => Err(err!(SqlState::QUERY_CANCELED, "canceling authentication due to timeout").into()),
    };
    let (backend, slot) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return refuse(&mut out, refusal).await,
    };
    greet(&mut out, &backend, &slot);
    out.begin_session(shared.limits.max_message_size);
    drop(shared);
    run(&mut out, backend).await;
    drop(slot);
}

/// Runs the session; a panic in it ends this connection and no other.
async fn run<B: Backend>(out: &mut Out, backend: B) {
    let session = Session::new(out, backend).run();
    if AssertUnwindSafe(session).catch_unwind().await.is_err() {
        let e = SqlError::internal("the server failed unexpectedly in this session; it is closed");
        refuse(out, e.into()).await;
    }
}

async fn admit<E: Engine>(
    shared: &Shared<E>,
    out: &mut Out,
    mut parameters: Parameters,
    peer: Peer,
) -> Result<(E::Backend, Slot), Refusal> {
    if let Some(unknown) = parameters.negotiate.take() {
        encode::negotiate_protocol_version(out.buffer(), PROTOCOL_3_0, &unknown);
    }
    let interrupt = out.interrupt().clone();
    let Some(slot) = shared.sessions.enter(interrupt.clone()) else {
        return Err(err!(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already").into());
    };
    if parameters.replication {
        return Err(SqlError::unsupported("replication").into());
    }
    authenticate(&*shared.engine, out, &parameters.user, peer, &shared.mock_secret).await?;
    let Parameters { user, database, settings, .. } = parameters;
    let backend = shared.engine.connect(ConnectInfo { user, database, settings, peer, pid: slot.pid, interrupt }).await?;
    Ok((backend, slot))
}

fn greet<B: Backend>(out: &mut Out, backend: &B, slot: &Slot) {
    let buffer = out.buffer();
    backend.parameters(&mut |name, value| encode::parameter_status(buffer, name, value));
    encode::backend_key_data(buffer, slot.pid, slot.key);
    encode::ready_for_query(buffer, backend.transaction_status());
}

async fn cancel(sessions: &Sessions, pid: i32, key: i32) {
    if !sessions.cancel(pid, key) {
        tracing::debug!(pid, "cancel request with a wrong key");
        sleep(WRONG_KEY_PAUSE).await;
    }
}

async fn refuse(out: &mut Out, refusal: Refusal) {
    if let Refusal::Say(e) = refusal {
        report::error_response(out.buffer(), &e.severity(Severity::Fatal), "");
        // The client may be gone, or not listening: then there is nobody to tell.
        let _ = timeout(FAREWELL, out.flush()).await;
    }
}
