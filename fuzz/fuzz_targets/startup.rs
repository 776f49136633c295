//! Start-up packets: whatever arrives, the answer is a packet or an error, and a session always names its user and database.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use orbit_fuzz::wire::startup::{Startup, StartupCodec};
use tokio_util::codec::Decoder;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (state, packet) = input;
    let mut codec = StartupCodec { ssl_done: state & 1 == 1, gss_done: state & 2 == 2 };
    let mut read = BytesMut::from(&packet[..]);
    while let Ok(Some(got)) = codec.decode(&mut read) {
        if let Startup::Session(p) = got {
            assert!(!p.user.is_empty() && !p.database.is_empty() && p.user.len() <= 63 && p.database.len() <= 63);
        }
    }
});
