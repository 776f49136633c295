//! Who the client is.
//!
//! A role with a password proves it by SCRAM-SHA-256, wherever the client is. A role without one is trusted from this machine
//! (loopback, Unix socket) and refused from elsewhere. From elsewhere an unknown role is asked for a password like any
//! other and then fails like a wrong one, so that role names cannot be fished for.

use super::backend::{Engine, Peer, RoleAuth};
use super::handshake::{Refusal, more};
use crate::err;
use crate::error::{SqlError, SqlState};
use crate::wire::scram::{self, Exchange, Verifier};
use crate::wire::{Out, encode};
use bytes::Bytes;

/// Lets `user` in or says why not. Writes the authentication messages up to AuthenticationOk.
pub async fn authenticate<E: Engine>(
    engine: &E,
    out: &mut Out,
    user: &str,
    peer: Peer,
    mock_secret: &[u8; 32],
) -> Result<(), Refusal> {
    let role = engine.role_auth(user).await?;
    let verifier = match role {
        RoleAuth::Scram(text) => Verifier::parse(&text),
        RoleAuth::Unknown if peer.is_local() => return Err(no_role(user).into()),
        RoleAuth::NoLogin if peer.is_local() => return Err(no_login(user).into()),
        RoleAuth::NoPassword if peer.is_local() => {
            encode::authentication_ok(out.buffer());
            return Ok(());
        }
        RoleAuth::Unknown | RoleAuth::NoLogin | RoleAuth::NoPassword => None,
    };
    let admissible = verifier.is_some();
    let verifier = verifier.unwrap_or_else(|| Verifier::mock(mock_secret, user));
    match prove(out, verifier).await? {
        Some(server_final) if admissible => {
            encode::authentication_sasl_final(out.buffer(), server_final.as_bytes());
            encode::authentication_ok(out.buffer());
            Ok(())
        }
        _ => Err(err!(SqlState::INVALID_PASSWORD, "password authentication failed for user \"{user}\"").into()),
    }
}

/// The SCRAM exchange; the server's final message if the client knows the password.
async fn prove(out: &mut Out, verifier: Verifier) -> Result<Option<String>, Refusal> {
    encode::authentication_sasl(out.buffer(), &[scram::MECHANISM]);
    let first = password_message(out).await?;
    let (mechanism, data) = scram::initial_response(&first)?;
    if mechanism != scram::MECHANISM {
        return Err(err!(SqlState::PROTOCOL_VIOLATION, "client selected an invalid SASL authentication mechanism").into());
    }
    let (exchange, server_first) = match data {
        Some(client_first) => Exchange::begin(verifier, client_first)?,
        None => {
            encode::authentication_sasl_continue(out.buffer(), b"");
            Exchange::begin(verifier, &password_message(out).await?)?
        }
    };
    encode::authentication_sasl_continue(out.buffer(), server_first.as_bytes());
    Ok(exchange.finish(&password_message(out).await?)?)
}

async fn password_message(out: &mut Out) -> Result<Bytes, Refusal> {
    out.flush().await?;
    loop {
        if let Some(frame) = out.buffered_frame()? {
            return Ok(frame.into_body());
        }
        more(out).await?;
    }
}

fn no_role(user: &str) -> SqlError {
    err!(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "role \"{user}\" does not exist")
}

fn no_login(user: &str) -> SqlError {
    err!(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "role \"{user}\" is not permitted to log in")
}
