//! Options: what an end is, what it allows, and how it is secured.

use crate::{KeyPair, PublicKey, SocketType};

/// One end of a connection, before it begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// What this end is.
    pub socket: SocketType,
    /// The identity that it tells its peer; empty for none.
    pub identity: Vec<u8>,
    /// The most bytes of a message, over all of its frames.
    pub message_bytes_max: usize,
    /// The most frames of a message.
    pub frames_max: usize,
    /// How it is secured.
    pub security: Security,
}

/// The mechanism, and which end of it this is.
#[derive(Clone, Debug)]
pub enum Security {
    /// Nothing is encrypted, and nobody is sure of anybody.
    Null,
    /// Whoever knows the public key of these may come, and is sure of this end.
    CurveServer(KeyPair),
    /// Talks only to the holder of the key.
    CurveClient {
        /// The server's public key.
        server: PublicKey,
        /// This end's own keys.
        own: KeyPair,
    },
}
