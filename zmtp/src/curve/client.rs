//! The client's end of a handshake.

use super::keys::{KeyPair, PublicKey, Secret};
use super::server::{COOKIE_LEN, PADDING_LEN, SIGNATURE_LEN, VERSION};
use super::session::{Numbers, Session, Side, numbered, random_nonce};
use super::sodium;
use crate::{Fault, command};

/// A client before its session.
pub(crate) struct Client {
    server: PublicKey,
    own: KeyPair,
    /// The keys of this connection.
    public: PublicKey,
    secret: Secret,
    sent: Numbers,
    /// What the connection is sealed with, from the WELCOME on.
    shared: Option<Secret>,
}

impl Client {
    pub(super) fn new(server: PublicKey, own: &KeyPair) -> Self {
        let KeyPair { public, secret } = KeyPair::make();
        Self { server, own: own.clone(), public, secret, sent: Numbers::default(), shared: None }
    }

    /// Begins.
    pub(super) fn hello(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let permanent = self.secret.shared_with(self.server).ok_or(Fault::NotSealed)?;
        let number = self.sent.next();
        let mut signature = Vec::new();
        let nonce = numbered(b"CurveZMQHELLO---", number);
        permanent.seal(&[0; SIGNATURE_LEN], &nonce, &mut signature);
        let data: [&[u8]; 5] =
            [&VERSION, &[0; PADDING_LEN], &self.public.0, &number.to_be_bytes(), &signature];
        command::write(b"HELLO", &data, out);
        Ok(())
    }

    /// Takes a command; returns the session and the peer's properties at the end.
    pub(super) fn handshake(
        &mut self,
        body: &[u8],
        metadata: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<(Session, Vec<u8>)>, Fault> {
        match self.shared.take() {
            None => {
                let data = command::expect(body, b"WELCOME")?;
                self.shared = Some(self.initiate(data, metadata, out)?);
                Ok(None)
            }
            Some(shared) => {
                let data = command::expect(body, b"READY")?;
                let (number, sealed) = data.split_first_chunk().ok_or(Fault::BadCommand)?;
                let number = u64::from_be_bytes(*number);
                let nonce = numbered(b"CurveZMQREADY---", number);
                let mut properties = Vec::new();
                if !shared.open(sealed, &nonce, &mut properties) {
                    return Err(Fault::NotSealed);
                }
                let mut received = Numbers::default();
                received.take(number)?;
                let session = Session::new(Side::Client, shared, self.sent, received, self.server);
                Ok(Some((session, properties)))
            }
        }
    }

    /// Answers a WELCOME.
    fn initiate(
        &mut self,
        welcome: &[u8],
        metadata: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Secret, Fault> {
        let bad = || Fault::BadCommand;
        let (nonce, sealed) = welcome.split_first_chunk().ok_or_else(bad)?;
        let permanent = self.secret.shared_with(self.server).ok_or(Fault::NotSealed)?;
        let mut plain = Vec::new();
        let nonce = random_nonce(*b"WELCOME-", *nonce);
        if !permanent.open(sealed, &nonce, &mut plain) {
            return Err(Fault::NotSealed);
        }
        let (server, cookie) = plain.split_first_chunk().ok_or_else(bad)?;
        let cookie: &[u8; COOKIE_LEN] = cookie.try_into().map_err(|_| bad())?;
        let server = PublicKey(*server);
        let shared = self.secret.shared_with(server).ok_or(Fault::NotSealed)?;

        let nonce: [u8; 16] = sodium::random();
        let of_vouch = self.own.secret.shared_with(server).ok_or(Fault::NotSealed)?;
        let vouched = [self.public.0, self.server.0].concat();
        let mut inside = [&self.own.public().0[..], &nonce].concat();
        of_vouch.seal(&vouched, &random_nonce(*b"VOUCH---", nonce), &mut inside);
        inside.extend_from_slice(metadata);

        let number = self.sent.next();
        let mut sealed = Vec::new();
        shared.seal(&inside, &numbered(b"CurveZMQINITIATE", number), &mut sealed);
        command::write(b"INITIATE", &[cookie, &number.to_be_bytes(), &sealed], out);
        Ok(shared)
    }
}
