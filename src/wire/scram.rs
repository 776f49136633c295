//! SCRAM-SHA-256 (RFC 5802, RFC 7677): password verifiers in PostgreSQL's format, and the server's side of the exchange.
//!
//! ```text
//! verifier  SCRAM-SHA-256$<iterations>:<salt, base64>$<StoredKey, base64>:<ServerKey, base64>
//!
//! client    n,,n=,r=<client nonce>
//! server    r=<client nonce><server nonce>,s=<salt>,i=<iterations>
//! client    c=biws,r=<both nonces>,p=<proof>
//! server    v=<server signature>
//! ```
//!
//! The server never learns the password and does no key stretching at login: that is the client's work. A role that does not
//! exist (or has no password) gets a salt derived from its name and a secret of this server, so that it cannot be told from
//! one that does.

use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The mechanism's name.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// Rounds of a verifier made here, PostgreSQL's number.
const ITERATIONS: u32 = 4096;
const SALT_LEN: usize = 16;
const NONCE_LEN: usize = 18;

type Key = [u8; 32];

/// What the server keeps of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Key,
    server_key: Key,
}

impl Verifier {
    /// Makes a verifier for a password; takes milliseconds, so not on a reactor thread.
    pub fn new(password: &str) -> Self {
        Self::with_salt(password, rand::random::<[u8; SALT_LEN]>().to_vec(), ITERATIONS)
    }

    fn with_salt(password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        // PostgreSQL falls back to the bytes as they are where SASLprep refuses them.
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), &salt, iterations);
        let client_key = hmac(&salted, &[b"Client Key"]);
        Self { iterations, salt, stored_key: Sha256::digest(client_key).into(), server_key: hmac(&salted, &[b"Server Key"]) }
    }

    /// Reads a verifier as `pg_authid.rolpassword` keeps it; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| BASE64.decode(text).ok()?.try_into().ok();
        Some(Self {
            iterations: iterations.parse().ok().filter(|n| *n > 0)?,
            salt: BASE64.decode(salt).ok()?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// What to check a role against that has no verifier: looks like one, lets nobody in.
    pub fn mock(secret: &Key, user: &str) -> Self {
        let salt = hmac(secret, &[b"salt", user.as_bytes()])[..SALT_LEN].to_vec();
        Self { iterations: ITERATIONS, salt, stored_key: rand::random(), server_key: rand::random() }
    }

    /// Whether `password` is the one this was made from; takes milliseconds.
    pub fn matches(&self, password: &str) -> bool {
        let other = Self::with_salt(password, self.salt.clone(), self.iterations);
        other.stored_key.ct_eq(&self.stored_key).into()
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (salt, stored, server) = (BASE64.encode(&self.salt), BASE64.encode(self.stored_key), BASE64.encode(self.server_key));
        write!(f, "SCRAM-SHA-256${}:{salt}${stored}:{server}", self.iterations)
    }
}

/// The server's side of one login: [`Exchange::begin`] answers the client's first message, [`Exchange::finish`] its second.
#[derive(Debug)]
pub struct Exchange {
    verifier: Verifier,
    gs2_header: String,
    nonce: String,
    /// client-first-bare, server-first and, later, client-final-without-proof: what both sides sign.
    auth_message: String,
}

impl Exchange {
    /// Reads client-first; returns the exchange and server-first.
    pub fn begin(verifier: Verifier, client_first: &[u8]) -> Result<(Self, String)> {
        let server_nonce = BASE64.encode(rand::random::<[u8; NONCE_LEN]>());
        Self::begin_with_nonce(verifier, client_first, &server_nonce)
    }

    fn begin_with_nonce(verifier: Verifier, client_first: &[u8], server_nonce: &str) -> Result<(Self, String)> {
        let text = printable(client_first)?;
        let bare_at = gs2_header_len(text)?;
        let (gs2_header, bare) = text.split_at(bare_at);
        if bare.starts_with("m=") {
            return Err(fatal(SqlState::FEATURE_NOT_SUPPORTED, "client requires an unsupported SCRAM extension"));
        }
        let mut attributes = bare.split(',');
        // The name is ignored: the start-up packet's counts.
        attribute(attributes.next(), 'n')?;
        let client_nonce = attribute(attributes.next(), 'r')?;
        let nonce = format!("{client_nonce}{server_nonce}");
        let server_first = format!("r={nonce},s={},i={}", BASE64.encode(&verifier.salt), verifier.iterations);
        let auth_message = format!("{bare},{server_first}");
        Ok((Self { verifier, gs2_header: gs2_header.to_owned(), nonce, auth_message }, server_first))
    }

    /// Reads client-final; `Ok(Some(server-final))` if the proof holds, `Ok(None)` if the password is wrong.
    pub fn finish(mut self, client_final: &[u8]) -> Result<Option<String>> {
        let text = printable(client_final)?;
        let (unproven, proof) = text.rsplit_once(",p=").ok_or_else(|| malformed("Expected attribute \"p\"."))?;
        let mut attributes = unproven.split(',');
        if attribute(attributes.next(), 'c')? != BASE64.encode(&self.gs2_header) {
            return Err(fatal(SqlState::PROTOCOL_VIOLATION, "unexpected SCRAM channel-binding attribute in client-final-message"));
        }
        if attribute(attributes.next(), 'r')? != self.nonce {
            return Err(fatal(SqlState::PROTOCOL_VIOLATION, "invalid SCRAM response").detail("Nonce does not match."));
        }
        let proof: Option<Key> = BASE64.decode(proof).ok().and_then(|p| p.try_into().ok());
        let proof = proof.ok_or_else(|| malformed("Malformed proof in client-final-message."))?;
        self.auth_message.push(',');
        self.auth_message.push_str(unproven);
        let signature = hmac(&self.verifier.stored_key, &[self.auth_message.as_bytes()]);
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(p, s)| p ^ s).collect();
        if bool::from(Sha256::digest(client_key).ct_eq(&self.verifier.stored_key)) {
            let signature = hmac(&self.verifier.server_key, &[self.auth_message.as_bytes()]);
            Ok(Some(format!("v={}", BASE64.encode(signature))))
        } else {
            Ok(None)
        }
    }
}

/// Reads a SASLInitialResponse body: mechanism, then the client's first message (`i32` length, -1 for none).
pub fn initial_response(body: &[u8]) -> Result<(&str, Option<&[u8]>)> {
    let broken = || fatal(SqlState::PROTOCOL_VIOLATION, "invalid message format");
    let end = memchr::memchr(0, body).ok_or_else(broken)?;
    let mechanism = std::str::from_utf8(&body[..end]).map_err(|_| broken())?;
    let (len, data) = body[end + 1..].split_first_chunk::<4>().ok_or_else(broken)?;
    match i32::from_be_bytes(*len) {
        -1 if data.is_empty() => Ok((mechanism, None)),
        n if usize::try_from(n) == Ok(data.len()) => Ok((mechanism, Some(data))),
        _ => Err(broken()),
    }
}

/// Length of the GS2 header (`n,,`), which says whether the client wants the login bound to its TLS channel.
fn gs2_header_len(text: &str) -> Result<usize> {
    match text.as_bytes().first() {
        Some(b'n' | b'y') => {}
        Some(b'p') => {
            return Err(fatal(SqlState::PROTOCOL_VIOLATION, "client requires SCRAM channel binding, but it is not supported"));
        }
        _ => return Err(malformed("Unexpected channel-binding flag.")),
    }
    match text.get(1..3) {
        Some(",,") => Ok(3),
        Some(",a") => Err(fatal(SqlState::FEATURE_NOT_SUPPORTED, "client uses authorization identity, but it is not supported")),
        _ => Err(malformed("Unexpected attribute in client-first-message.")),
    }
}

fn printable(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|t| !t.is_empty() && !t.contains('\0'))
        .ok_or_else(|| malformed("The message is not text."))
}

fn attribute(part: Option<&str>, name: char) -> Result<&str> {
    part.and_then(|p| p.strip_prefix(name)?.strip_prefix('=')).ok_or_else(|| malformed(format!("Expected attribute \"{name}\".")))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|p| mac.update(p));
    mac.finalize().into_bytes().into()
}

fn malformed(detail: impl Into<String>) -> SqlError {
    fatal(SqlState::PROTOCOL_VIOLATION, "malformed SCRAM message").detail(detail)
}

fn fatal(code: SqlState, message: &str) -> SqlError {
    err!(code, "{message}").severity(Severity::Fatal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_rfcs_example_exchange_succeeds() {
        let verifier = Verifier::with_salt("pencil", BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(), 4096);
        let (exchange, server_first) =
            Exchange::begin_with_nonce(verifier, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap();
        assert_eq!(server_first, "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let client_final =
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(exchange.finish(client_final).unwrap().as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn verifiers_survive_their_text_and_know_their_password() {
        let v = Verifier::with_salt("s\u{ad}ecret", b"0123456789abcdef".to_vec(), 2);
        let again = Verifier::parse(&v.to_string()).unwrap();
        assert_eq!(again, v);
        assert!(again.matches("secret") && !again.matches("Secret"));
        assert_eq!(Verifier::parse("md5deadbeef"), None);
        assert_eq!(Verifier::parse("SCRAM-SHA-256$0:AA==$AA==:AA=="), None);
    }

    #[test]
    fn an_unknown_role_always_shows_the_same_salt() {
        let secret = [7; 32];
        let salt = |user: &str| Verifier::mock(&secret, user).salt;
        assert_eq!(salt("a"), salt("a"));
        assert_ne!(salt("a"), salt("b"));
    }

    #[test]
    fn broken_messages_are_refused() {
        let v = || Verifier::mock(&[0; 32], "x");
        for first in
            [&b""[..], b"x,,n=,r=a", b"p=tls-server-end-point,,n=,r=a", b"n,a=x,n=,r=a", b"n,,r=a", b"n,,n=,x=a", b"n,,n=\xff,r=a"]
        {
            assert!(Exchange::begin(v(), first).is_err(), "{first:?}");
        }
        for last in [&b""[..], b"c=biws,r=wrong,p=AA==", b"c=eSws,r=n,p=AA==", b"c=biws"] {
            let (e, _) = Exchange::begin(v(), b"n,,n=,r=n").unwrap();
            assert!(e.finish(last).is_err(), "{last:?}");
        }
    }

    #[test]
    fn initial_responses_are_bounded_by_their_message() {
        assert_eq!(initial_response(b"SCRAM-SHA-256\0\0\0\0\x02ab").unwrap(), (MECHANISM, Some(&b"ab"[..])));
        assert!(initial_response(b"SCRAM-SHA-256\0\0\0\0\x7fab").is_err());
        assert!(initial_response(b"SCRAM-SHA-256").is_err());
    }
}
