//! A session: the shared key after a handshake, with the numbers of the boxes each way.

use super::keys::{PublicKey, Secret};
use super::sodium::{self, NONCE_LEN};
use crate::Fault;
use crate::frame::{self, Kind};

/// What a sealed frame begins with: the length of its name, and the name.
pub(crate) const MESSAGE: &[u8] = b"\x07MESSAGE";
const NUMBER_LEN: usize = 8;

/// Which end this is: each seals under a name of its own, so that no box of one is a box of the
/// other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Client,
    Server,
}

/// The flags within a box: those of a frame, but for that of a command.
const MORE_INSIDE: u8 = 1;
const COMMAND_INSIDE: u8 = 2;

impl Side {
    const fn prefix(self) -> &'static [u8; 16] {
        match self {
            Self::Client => b"CurveZMQMESSAGEC",
            Self::Server => b"CurveZMQMESSAGES",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The nonce of a numbered box.
pub(super) fn numbered(prefix: &[u8; 16], number: u64) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[..16].copy_from_slice(prefix);
    nonce[16..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// The nonce of a box that has a random one.
pub(super) fn random_nonce(prefix: [u8; 8], random: [u8; 16]) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&prefix);
    nonce[8..].copy_from_slice(&random);
    nonce
}

/// The numbers of the boxes of one end: they rise, and none counts twice.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Numbers {
    last: u64,
}

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.last = self.last.checked_add(1).expect("2^64 boxes are never sealed");
        self.last
    }

    /// Takes a number of the peer.
    pub(super) const fn take(&mut self, number: u64) -> Result<(), Fault> {
        if number <= self.last {
            return Err(Fault::NotSealed);
        }
        self.last = number;
        Ok(())
    }
}

/// Seals and opens frames.
pub(crate) struct Session {
    pub(super) side: Side,
    pub(super) shared: Secret,
    pub(super) sent: Numbers,
    pub(super) received: Numbers,
    /// The permanent key of the peer.
    pub(super) peer: PublicKey,
    plain: Vec<u8>,
}

impl Session {
    pub(super) const fn new(
        side: Side,
        shared: Secret,
        sent: Numbers,
        received: Numbers,
        peer: PublicKey,
    ) -> Self {
        Self { side, shared, sent, received, peer, plain: Vec::new() }
    }

    /// Writes a frame, sealed.
    pub(crate) fn write(&mut self, kind: Kind, body: &[&[u8]], out: &mut Vec<u8>) {
        self.plain.clear();
        self.plain.push(match kind {
            Kind::Last => 0,
            Kind::More => MORE_INSIDE,
            Kind::Command => COMMAND_INSIDE,
        });
        body.iter().for_each(|part| self.plain.extend_from_slice(part));
        let number = self.sent.next();
        let sealed_len = self.plain.len() + sodium::SEAL_LEN;
        frame::write_header(Kind::Last, MESSAGE.len() + NUMBER_LEN + sealed_len, out);
        out.extend_from_slice(MESSAGE);
        out.extend_from_slice(&number.to_be_bytes());
        let nonce = numbered(self.side.prefix(), number);
        self.shared.seal(&self.plain, &nonce, out);
        self.plain.shrink_to(crate::limits::KEPT_CAPACITY);
    }

    /// Opens the body of a frame into `plain`; returns what kind of frame it is.
    pub(crate) fn open(&mut self, body: &[u8], plain: &mut Vec<u8>) -> Result<Kind, Fault> {
        let rest = body.strip_prefix(MESSAGE).ok_or(Fault::BadCommand)?;
        let (number, sealed) = rest.split_first_chunk().ok_or(Fault::BadCommand)?;
        let number = u64::from_be_bytes(*number);
        let nonce = numbered(self.side.other().prefix(), number);
        plain.clear();
        plain.shrink_to(crate::limits::KEPT_CAPACITY);
        if !self.shared.open(sealed, &nonce, plain) {
            return Err(Fault::NotSealed);
        }
        self.received.take(number)?;
        match plain.first() {
            Some(0) => Ok(Kind::Last),
            Some(&MORE_INSIDE) => Ok(Kind::More),
            Some(&COMMAND_INSIDE) => Ok(Kind::Command),
            Some(_) => Err(Fault::BadFlags),
            None => Err(Fault::BadCommand),
        }
    }
}
