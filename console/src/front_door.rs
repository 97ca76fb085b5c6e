//! The front door of allocation: splits and replays go there, each under the name of its sender.

use allot_allocation_service::{Reply, Request, decode_replies, encode_line};
use allot_domain::Seq;

use crate::caller::{Codec, Said};

/// What it reads and writes.
pub(crate) struct FrontDoor;

/// Codes that say that the same request may succeed soon.
pub(crate) const POSTPONING: [&str; 3] = ["busy", "storage_full", "shard_away"];

impl Codec for FrontDoor {
    type Request = Request;
    type Reply = Reply;
    type Name = (String, Seq);

    fn encode(&mut self, request: Request, out: &mut Vec<u8>) -> Self::Name {
        encode_line(&request, out);
        (request.source().to_string(), request.seq())
    }

    fn decode(
        &mut self,
        message: &[u8],
        replies: &mut Vec<(Self::Name, Said<Reply>)>,
    ) -> Result<(), String> {
        let mut read = Vec::new();
        let is_read = decode_replies(message, &mut read).map_err(|error| error.to_string());
        replies.extend(read.into_iter().map(|reply| {
            let name = (reply.source().to_owned(), reply.seq());
            match reply {
                Reply::Rejected { code, reason, .. } if POSTPONING.contains(&code.as_str()) => {
                    (name, Said::Postponed(reason))
                }
                reply => (name, Said::Done(reply)),
            }
        }));
        is_read
    }
}
