//! Every bound of this crate, with its reason.

/// Bytes of a greeting.
pub(crate) const GREETING_LEN: usize = 64;

/// The longest command of a handshake. It carries a few properties of some bytes each; the longest
/// one of CURVE has a cookie and a vouch as well.
pub(crate) const HANDSHAKE_FRAME_LEN_MAX: usize = 4 << 10;

/// Properties of one peer.
pub(crate) const PROPERTIES_MAX: usize = 32;

/// The longest identity: ZeroMQ keeps its length in one byte.
pub(crate) const IDENTITY_LEN_MAX: usize = 255;

/// The longest context of a PING, which comes back in a PONG (RFC 37).
pub(crate) const PING_CONTEXT_LEN_MAX: usize = 16;

/// What each frame of a message counts beside its bytes: an empty one takes memory as well.
pub(crate) const FRAME_WEIGHT: usize = 64;

/// Buffers are given back beyond this: one long message must not make every connection large. It is
/// more than the messages that many small ones are packed into, so that these allocate nothing.
pub(crate) const KEPT_CAPACITY: usize = 192 << 10;

const _: () = assert!(IDENTITY_LEN_MAX < HANDSHAKE_FRAME_LEN_MAX);
const _: () = assert!(HANDSHAKE_FRAME_LEN_MAX <= KEPT_CAPACITY);
