//! Front-end messages: whatever arrives, in whatever pieces, decoding ends in a message or an error, and what a message claims
//! to hold is there.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use orbit_fuzz::wire::scram::{self, Exchange, Verifier};
use orbit_fuzz::wire::{Frontend, FrontendCodec};
use tokio_util::codec::Decoder;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, stream) = input;
    let authenticating = cut & 1 == 1;
    let mut codec = if authenticating { FrontendCodec::authenticating() } else { FrontendCodec::new(1 << 20) };
    let mut read = BytesMut::new();
    for piece in stream.chunks(usize::from(cut).max(1)) {
        read.extend_from_slice(piece);
        let _ = codec.missing(&read);
        loop {
            match codec.decode(&mut read) {
                Ok(Some(frame)) if authenticating => login(frame.body()),
                Ok(Some(frame)) => {
                    if let Ok(Frontend::Bind(bind)) = frame.parse() {
                        assert_eq!(bind.params().count(), bind.param_count());
                        let _ = (0..bind.param_count()).map(|i| bind.param_formats.get(i)).max();
                    }
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});

fn login(body: &[u8]) {
    let verifier = Verifier::mock(&[0; 32], "fuzz");
    if let Ok((_, Some(first))) = scram::initial_response(body) {
        if let Ok((exchange, _)) = Exchange::begin(verifier.clone(), first) {
            assert!(!matches!(exchange.finish(body), Ok(Some(_))));
        }
    }
    if let Ok((exchange, _)) = Exchange::begin(verifier, b"n,,n=,r=x") {
        let _ = exchange.finish(body);
    }
}
