//! CURVE: the handshake that makes a shared key, and the boxes after it (ZeroMQ's RFC 26).
//!
//! `C` and `S` are the permanent keys of client and server, `C'` and `S'` those of one connection.
//!
//! ```text
//!   client                                         server
//!   HELLO     C' │ nonce │ box(zeros: C' → S)  ──►
//!             ◄──  nonce │ box(S' │ cookie: S → C')   WELCOME
//!   INITIATE  cookie │ nonce │ box(C │ vouch │ metadata: C' → S')  ──►
//!                          vouch: nonce │ box(C' │ S: C → S')
//!             ◄──  nonce │ box(metadata: S' → C')     READY
//!   MESSAGE   nonce │ box(flags │ frame)          ◄──►
//! ```
//!
//! A server that forgets each client until its INITIATE would put what it has to know into the
//! cookie. This one keeps a connection anyway, and bounds how many: its cookie is random, and
//! counts once.

mod client;
mod keys;
mod server;
mod session;
mod sodium;

use crate::{Fault, Options, PublicKey as Key, Security};
use client::Client;
pub use keys::{KeyPair, PublicKey};
use server::Server;
pub(crate) use session::{MESSAGE, Session};

/// The end of a handshake, or what follows it.
pub(crate) enum Curve {
    Server(Box<Server>),
    Client(Box<Client>),
    Open(Box<Session>),
}

/// How far a handshake is.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// The peer has to go on.
    Waits,
    /// It is over, and these are the properties of the peer.
    Done(Vec<u8>),
}

impl Curve {
    /// The beginning of a handshake; none without CURVE.
    pub(crate) fn begin(security: &Security) -> Option<Self> {
        match security {
            Security::Null => None,
            Security::CurveServer(keys) => Some(Self::Server(Box::new(Server::new(keys)))),
            Security::CurveClient { server, own } => {
                Some(Self::Client(Box::new(Client::new(*server, own))))
            }
        }
    }

    /// What this end says once the greetings are exchanged.
    pub(crate) fn greeted(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::Client(client) => client.hello(out),
            Self::Server(_) | Self::Open(_) => Ok(()),
        }
    }

    /// Takes a command of the handshake, and writes the answer.
    pub(crate) fn handshake(
        &mut self,
        body: &[u8],
        metadata: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, Fault> {
        let done = match self {
            Self::Server(server) => server.handshake(body, metadata, out)?,
            Self::Client(client) => client.handshake(body, metadata, out)?,
            Self::Open(_) => return Err(Fault::BadCommand),
        };
        Ok(match done {
            Some((session, properties)) => {
                *self = Self::Open(Box::new(session));
                Progress::Done(properties)
            }
            None => Progress::Waits,
        })
    }

    /// The session, once the handshake is over.
    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        match self {
            Self::Open(session) => Some(session),
            Self::Server(_) | Self::Client(_) => None,
        }
    }

    /// The permanent key of the peer, once the handshake is over.
    pub(crate) fn peer_key(&self) -> Option<Key> {
        match self {
            Self::Open(session) => Some(session.peer),
            Self::Server(_) | Self::Client(_) => None,
        }
    }
}

/// The properties of this end, as they stand in a handshake.
pub(crate) fn metadata(options: &Options) -> Vec<u8> {
    let mut metadata = Vec::new();
    crate::metadata::write(options.socket, &options.identity, &mut metadata);
    metadata
}
