//! A socket type: what an end of a connection is, and with which others it goes (RFC 37).

/// The kinds that this project has on either end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketType {
    /// Many clients, by their identities.
    Router,
    /// A client that may send at any time.
    Dealer,
    /// A client that sends and waits in turn.
    Req,
    /// A publisher that hears of subscriptions.
    Xpub,
    /// A subscriber.
    Sub,
}

impl SocketType {
    /// Its name in a READY command.
    pub(crate) const fn name(self) -> &'static [u8] {
        match self {
            Self::Router => b"ROUTER",
            Self::Dealer => b"DEALER",
            Self::Req => b"REQ",
            Self::Xpub => b"XPUB",
            Self::Sub => b"SUB",
        }
    }

    /// Whether a peer of this name may be at the other end.
    pub(crate) fn goes_with(self, name: &[u8]) -> bool {
        let others: &[&[u8]] = match self {
            Self::Router => &[b"DEALER", b"REQ", b"ROUTER"],
            Self::Dealer => &[b"ROUTER", b"DEALER", b"REP"],
            Self::Req => &[b"ROUTER", b"REP"],
            Self::Xpub => &[b"SUB", b"XSUB"],
            Self::Sub => &[b"XPUB", b"PUB"],
        };
        others.contains(&name)
    }

    /// Whether its peers send subscriptions.
    pub(crate) const fn is_publisher(self) -> bool {
        matches!(self, Self::Xpub)
    }
}
