//! A peer of a mesh, asked how it is.

use allot_mesh_rules::StrategyName;
use allot_mesh_service::{Frame, PeerStatus, RequestNumber};
use allot_runtime::Nanos;

use crate::caller::{Caller, Codec, NoAnswer, Said};
use crate::limits::LISTED_MAX;

/// What it reads and writes. Each request has the next number.
pub(crate) struct MeshPeer(RequestNumber);

impl MeshPeer {
    /// Numbers begin with the time, so that those of an earlier console are others.
    pub(crate) fn new(now: Nanos) -> Self {
        Self(RequestNumber::new(now.as_unix()))
    }
}

impl Codec for MeshPeer {
    /// From which member on.
    type Request = Option<StrategyName>;
    type Reply = PeerStatus;
    type Name = RequestNumber;

    fn encode(&mut self, after: Self::Request, out: &mut Vec<u8>) -> RequestNumber {
        self.0 = self.0.next();
        Frame::AskStatus(self.0, after).encode(out);
        self.0
    }

    fn decode(
        &mut self,
        message: &[u8],
        replies: &mut Vec<(RequestNumber, Said<PeerStatus>)>,
    ) -> Result<(), String> {
        match Frame::decode(message).map_err(|error| error.to_string())? {
            Frame::Status(number, status) => replies.push((number, Said::Done(*status))),
            _ => return Err("it is no status".to_owned()),
        }
        Ok(())
    }
}

impl Caller<MeshPeer> {
    /// How the peer is, and how it sees the others, up to [`LISTED_MAX`] of them.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(crate) async fn status(&self, address: &str) -> Result<PeerStatus, String> {
        let mut whole: Option<PeerStatus> = None;
        loop {
            let members = whole.as_ref().map_or(&[][..], |whole| &whole.members);
            let after = members.last().map(|member| member.name);
            let page = match self.ask(after).await {
                Ok(page) => page,
                Err(NoAnswer::Full) => return Err("Too many requests wait.".to_owned()),
                Err(_) => {
                    return Err(format!(
                        "No reply came from {address}: check that a peer of the mesh listens \
                         there, and that --mesh-secret has its keys if it encrypts."
                    ));
                }
            };
            let is_last = !page.more || page.members.is_empty();
            match &mut whole {
                Some(whole) => {
                    whole.members.extend(page.members);
                    whole.more = page.more;
                }
                None => whole = Some(page),
            }
            let is_full = whole.as_ref().is_some_and(|whole| LISTED_MAX <= whole.members.len());
            if (is_last || is_full)
                && let Some(whole) = whole.take()
            {
                return Ok(whole);
            }
        }
    }
}
