//! The server's end of a handshake.

use super::keys::{KeyPair, PublicKey, Secret};
use super::session::{Numbers, Session, Side, numbered, random_nonce};
use super::sodium::{self, KEY_LEN};
use crate::{Fault, command};

/// Bytes of a cookie: a nonce and a box.
pub(super) const COOKIE_LEN: usize = 96;
/// Bytes of a vouch: a nonce and a box of two keys.
pub(super) const VOUCH_LEN: usize = 16 + 2 * KEY_LEN + sodium::SEAL_LEN;
/// What a HELLO is filled up with, so that the answer is not longer than it.
pub(super) const PADDING_LEN: usize = 72;
/// The version of CURVE.
pub(super) const VERSION: [u8; 2] = [1, 0];
/// What the box of a HELLO has in it.
pub(super) const SIGNATURE_LEN: usize = 64;

/// A server before its session.
pub(crate) struct Server {
    keys: KeyPair,
    received: Numbers,
    /// There is one from the HELLO to the INITIATE.
    begun: Option<Begun>,
}

/// What a HELLO begins.
struct Begun {
    client: PublicKey,
    /// The secret key of this connection.
    own: Secret,
    /// What this connection is sealed with.
    shared: Secret,
    cookie: [u8; COOKIE_LEN],
}

impl Server {
    pub(super) fn new(keys: &KeyPair) -> Self {
        Self { keys: keys.clone(), received: Numbers::default(), begun: None }
    }

    /// Takes a command; returns the session and the peer's properties at the end.
    pub(super) fn handshake(
        &mut self,
        body: &[u8],
        metadata: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<(Session, Vec<u8>)>, Fault> {
        match self.begun.take() {
            None => {
                let data = command::expect(body, b"HELLO")?;
                self.begun = Some(self.welcome(data, out)?);
                Ok(None)
            }
            Some(begun) => {
                let data = command::expect(body, b"INITIATE")?;
                self.end(begun, data, metadata, out).map(Some)
            }
        }
    }

    /// Answers a HELLO.
    fn welcome(&mut self, hello: &[u8], out: &mut Vec<u8>) -> Result<Begun, Fault> {
        let bad = || Fault::BadCommand;
        let (version, rest) = hello.split_first_chunk().ok_or_else(bad)?;
        let (padding, rest) = rest.split_first_chunk::<PADDING_LEN>().ok_or_else(bad)?;
        let (client, rest) = rest.split_first_chunk().ok_or_else(bad)?;
        let (number, sealed) = rest.split_first_chunk().ok_or_else(bad)?;
        if *version != VERSION || padding.iter().any(|byte| *byte != 0) {
            return Err(bad());
        }
        let (client, number) = (PublicKey(*client), u64::from_be_bytes(*number));
        let permanent = self.keys.secret.shared_with(client).ok_or(Fault::NotSealed)?;
        let mut plain = Vec::new();
        let nonce = numbered(b"CurveZMQHELLO---", number);
        if !permanent.open(sealed, &nonce, &mut plain) || plain != [0; SIGNATURE_LEN] {
            return Err(Fault::NotSealed);
        }
        self.received.take(number)?;
        let KeyPair { public, secret: own } = KeyPair::make();
        let cookie = sodium::random();
        let shared = own.shared_with(client).ok_or(Fault::NotSealed)?;
        let nonce: [u8; 16] = sodium::random();
        plain.clear();
        plain.extend_from_slice(&public.0);
        plain.extend_from_slice(&cookie);
        let mut welcome = Vec::new();
        permanent.seal(&plain, &random_nonce(*b"WELCOME-", nonce), &mut welcome);
        command::write(b"WELCOME", &[&nonce, &welcome], out);
        Ok(Begun { client, own, shared, cookie })
    }

    /// Answers an INITIATE.
    fn end(
        &mut self,
        begun: Begun,
        initiate: &[u8],
        metadata: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(Session, Vec<u8>), Fault> {
        let bad = || Fault::BadCommand;
        let (cookie, rest) = initiate.split_first_chunk().ok_or_else(bad)?;
        let (number, sealed) = rest.split_first_chunk().ok_or_else(bad)?;
        if *cookie != begun.cookie {
            return Err(Fault::NotSealed);
        }
        let number = u64::from_be_bytes(*number);
        let mut plain = Vec::new();
        let nonce = numbered(b"CurveZMQINITIATE", number);
        if !begun.shared.open(sealed, &nonce, &mut plain) {
            return Err(Fault::NotSealed);
        }
        self.received.take(number)?;
        let (permanent, rest) = plain.split_first_chunk().ok_or_else(bad)?;
        let (vouch, properties) = rest.split_first_chunk::<VOUCH_LEN>().ok_or_else(bad)?;
        let permanent = PublicKey(*permanent);
        self.check_vouch(&begun, permanent, vouch)?;
        let mut sent = Numbers::default();
        let number = sent.next();
        let mut ready = Vec::new();
        let nonce = numbered(b"CurveZMQREADY---", number);
        begun.shared.seal(metadata, &nonce, &mut ready);
        command::write(b"READY", &[&number.to_be_bytes(), &ready], out);
        let properties = properties.to_vec();
        let session = Session::new(Side::Server, begun.shared, sent, self.received, permanent);
        Ok((session, properties))
    }

    /// The holder of the permanent key says that this connection's key is its own, and that it
    /// means this server.
    fn check_vouch(
        &self,
        begun: &Begun,
        permanent: PublicKey,
        vouch: &[u8; VOUCH_LEN],
    ) -> Result<(), Fault> {
        let (nonce, sealed) = vouch.split_first_chunk().expect("a vouch begins with its nonce");
        let shared = begun.own.shared_with(permanent).ok_or(Fault::NotSealed)?;
        let mut plain = Vec::new();
        let nonce = random_nonce(*b"VOUCH---", *nonce);
        let is_open = shared.open(sealed, &nonce, &mut plain);
        let expected = [begun.client.0, self.keys.public().0].concat();
        if is_open && plain == expected { Ok(()) } else { Err(Fault::NotSealed) }
    }
}
