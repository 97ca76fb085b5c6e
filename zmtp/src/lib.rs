//! ZMTP: the protocol that ZeroMQ sockets speak on a connection (ZeroMQ's RFC 37, before it 23).
//!
//! ```text
//!   bytes from a peer ──► Connection::read ──► Event: ready, message, subscribe, cancel
//!   bytes to a peer   ◄── Connection::output ◄── Connection::send
//! ```
//!
//! There is no socket, no clock and no thread here: who has them brings bytes and takes bytes.
//! [`Connection`] is one end of one connection, server or client, with NULL or with CURVE
//! (RFC 26). Read it first.
//!
//! Invariants:
//! * Any bytes at all end in events or in a [`Fault`], and never in a panic.
//! * A connection keeps at most one unfinished message, within [`Options::message_bytes_max`] and
//!   [`Options::frames_max`], and what was not taken of its output. It reserves memory for bytes
//!   that have come, and not for bytes that were announced.
//! * What is read in a slice and ends in it is not copied.
//! * With CURVE nothing that is not sealed by the peer's key becomes an event.

mod fault;
mod limits;
mod socket_type;
mod greeting;
mod frame;
mod metadata;
mod command;
mod curve;
mod security;
mod message;
mod incoming;
mod connection;

pub use connection::{Connection, Event};
pub use curve::{KeyPair, PublicKey};
pub use fault::Fault;
pub use message::{Message, encode_plain};
pub use security::{Options, Security};
pub use socket_type::SocketType;
