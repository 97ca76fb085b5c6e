//! Frame: a message of a peer, or of a client that asks one, as bytes.
//!
//! ```text
//!   │ "MESH" │ version 1 │ kind 1 │ fields │
//! ```
//!
//! There is one encoding. What follows the kind is little-endian, and every list has its bound; a
//! frame has no more and no fewer bytes than its fields. `docs/MESH.md` shows each.

mod status_fields;

use std::time::Duration;

use allot_mesh_rules::{
    Delta, Heartbeat, Hello, Instance, Member, Message, NameTaken, NameYielded, OwnerSummary,
    StrategyName, Summary, Symbol, Want, limits,
};
use allot_wire::DecodeError;

use crate::fields::{
    Fields, put_adoption, put_digest, put_incarnation, put_list, put_number, put_row, put_text,
    put_version,
};
use crate::limits::{FRAME_BYTES_MAX, VIEW_PAGE_ROWS};
use crate::{PeerStatus, ViewPage, ViewRow};

/// How every frame begins.
const MAGIC: [u8; 4] = *b"MESH";
/// The version of the format.
const FORMAT: u8 = 1;

const HELLO: u8 = 1;
const MEMBERS: u8 = 2;
const SUMMARY: u8 = 3;
const DELTA: u8 = 4;
const WANT: u8 = 5;
const HEARTBEAT: u8 = 6;
const NAME_TAKEN: u8 = 7;
const NAME_YIELDED: u8 = 8;
const ASK_STATUS: u8 = 16;
const STATUS: u8 = 17;
const ASK_VIEW: u8 = 18;
const VIEW: u8 = 19;

/// What a frame says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// What peers say to one another.
    Peer(Message),
    /// How is this peer, and how are the members after this one?
    AskStatus(RequestNumber, Option<StrategyName>),
    /// So it is.
    Status(RequestNumber, Box<PeerStatus>),
    /// What are the rows after this one?
    AskView(RequestNumber, Option<(StrategyName, Symbol)>),
    /// These.
    View(RequestNumber, ViewPage),
}

allot_domain::number!(
    /// A client's number of a request; the reply has it too.
    RequestNumber(u64)
);

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if FRAME_BYTES_MAX < bytes.len() {
            return Err(DecodeError::new(format!("a frame of {} bytes", bytes.len())));
        }
        let mut fields = Fields::new(bytes);
        if fields.array()? != MAGIC {
            return Err(DecodeError::new("no frame of a mesh"));
        }
        match fields.byte()? {
            FORMAT => {}
            other => {
                let what = format!("format {other} of a frame; this program knows {FORMAT}");
                return Err(DecodeError::new(what));
            }
        }
        let kind = fields.byte()?;
        let frame = read(kind, &mut fields)?;
        fields.end()?;
        Ok(frame)
    }

    /// Replaces `out` by the bytes of the frame.
    ///
    /// # Panics
    /// If a list is longer than its bound.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Peer(message) => encode_message(message, out),
            Self::AskStatus(number, after) => {
                begin(out, ASK_STATUS);
                put_number(out, number.get());
                put_text(out, after.as_ref().map_or("", StrategyName::as_str));
            }
            Self::Status(number, status) => {
                begin(out, STATUS);
                put_number(out, number.get());
                status_fields::put(out, status);
            }
            Self::AskView(number, after) => {
                begin(out, ASK_VIEW);
                put_number(out, number.get());
                let (owner, symbol) = after
                    .as_ref()
                    .map_or(("", ""), |(owner, symbol)| (owner.as_str(), symbol.as_str()));
                put_text(out, owner);
                put_text(out, symbol);
            }
            Self::View(number, page) => {
                begin(out, VIEW);
                put_number(out, number.get());
                put_digest(out, page.digest);
                out.push(page.more.into());
                put_list(out, &page.rows, |out, one| {
                    put_text(out, one.owner.as_str());
                    put_row(out, &one.row);
                });
            }
        }
        assert!(out.len() <= FRAME_BYTES_MAX, "the bounds of the lists bound the frame");
    }
}

/// Replaces `out` by the bytes of what a peer says.
pub(crate) fn encode_message(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Hello(hello) => {
            begin(out, HELLO);
            put_hello(out, hello);
        }
        Message::Members(members) => {
            begin(out, MEMBERS);
            put_list(out, members, put_member);
        }
        Message::Summary(Summary { owners, is_answer }) => {
            begin(out, SUMMARY);
            out.push((*is_answer).into());
            put_list(out, owners, |out, one| {
                put_text(out, one.owner.as_str());
                put_version(out, one.through);
                put_digest(out, one.digest);
                out.extend_from_slice(&one.rows.to_le_bytes());
            });
        }
        Message::Delta(delta) => {
            begin(out, DELTA);
            put_delta(out, delta);
        }
        Message::Want(Want { owner, after }) => {
            begin(out, WANT);
            put_text(out, owner.as_str());
            put_version(out, *after);
        }
        Message::Heartbeat(Heartbeat { through, digest, view, members }) => {
            begin(out, HEARTBEAT);
            put_version(out, *through);
            [digest, view, members].into_iter().for_each(|one| put_digest(out, *one));
        }
        Message::NameTaken(taken) => {
            let NameTaken { incarnation, instance, address, is_alive, heard } = taken;
            begin(out, NAME_TAKEN);
            put_incarnation(out, *incarnation);
            put_number(out, instance.get());
            put_text(out, address.as_str());
            out.push((*is_alive).into());
            put_span(out, *heard);
        }
        Message::NameYielded(NameYielded { name, incarnation, instance }) => {
            begin(out, NAME_YIELDED);
            put_text(out, name.as_str());
            put_incarnation(out, *incarnation);
            put_number(out, instance.get());
        }
    }
}

fn begin(out: &mut Vec<u8>, kind: u8) {
    out.clear();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[FORMAT, kind]);
}

fn put_hello(out: &mut Vec<u8>, hello: &Hello) {
    let Hello { name, incarnation, instance, address, is_joining, heartbeat, heard } = hello;
    put_text(out, name.as_str());
    put_incarnation(out, *incarnation);
    put_number(out, instance.get());
    put_text(out, address.as_str());
    out.push((*is_joining).into());
    put_span(out, *heartbeat);
    put_number(out, heard.get());
}

fn put_member(out: &mut Vec<u8>, member: &Member) {
    let Member { name, address, incarnation, instance, is_alive, heard } = member;
    put_text(out, name.as_str());
    put_text(out, address.as_str());
    put_incarnation(out, *incarnation);
    put_number(out, instance.get());
    out.push((*is_alive).into());
    put_span(out, *heard);
}

fn put_delta(out: &mut Vec<u8>, delta: &Delta) {
    let Delta { owner, after, through, adopted, lives, rows } = delta;
    put_text(out, owner.as_str());
    put_version(out, *after);
    put_version(out, *through);
    put_adoption(out, *adopted);
    put_list(out, lives, |out, life| put_version(out, *life));
    put_list(out, rows, put_row);
}

/// Appends a span in nanoseconds; one of more than 584 years is as long as that.
pub(crate) fn put_span(out: &mut Vec<u8>, span: Duration) {
    put_number(out, u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
}

fn read(kind: u8, fields: &mut Fields<'_>) -> Result<Frame, DecodeError> {
    Ok(match kind {
        HELLO => Frame::Peer(Message::Hello(read_hello(fields)?)),
        MEMBERS => {
            let members = fields.list(limits::MEMBERS_MAX, read_member)?;
            Frame::Peer(Message::Members(members))
        }
        SUMMARY => {
            let is_answer = fields.flag()?;
            let owners = fields.list(limits::MEMBERS_MAX, read_owner)?;
            Frame::Peer(Message::Summary(Summary { owners, is_answer }))
        }
        DELTA => Frame::Peer(Message::Delta(read_delta(fields)?)),
        WANT => {
            Frame::Peer(Message::Want(Want { owner: fields.name()?, after: fields.version()? }))
        }
        HEARTBEAT => Frame::Peer(Message::Heartbeat(Heartbeat {
            through: fields.version()?,
            digest: fields.digest()?,
            view: fields.digest()?,
            members: fields.digest()?,
        })),
        NAME_TAKEN => Frame::Peer(Message::NameTaken(NameTaken {
            incarnation: fields.incarnation()?,
            instance: Instance::new(fields.number()?),
            address: fields.address()?,
            is_alive: fields.flag()?,
            heard: fields.span()?,
        })),
        NAME_YIELDED => Frame::Peer(Message::NameYielded(NameYielded {
            name: fields.name()?,
            incarnation: fields.incarnation()?,
            instance: Instance::new(fields.number()?),
        })),
        ASK_STATUS => {
            Frame::AskStatus(RequestNumber::new(fields.number()?), fields.name_or_none()?)
        }
        STATUS => {
            let number = RequestNumber::new(fields.number()?);
            Frame::Status(number, Box::new(status_fields::read(fields)?))
        }
        ASK_VIEW => {
            let number = RequestNumber::new(fields.number()?);
            let after = match fields.name_or_none()? {
                Some(owner) => Some((owner, fields.symbol()?)),
                None => {
                    fields.nothing()?;
                    None
                }
            };
            Frame::AskView(number, after)
        }
        VIEW => {
            let number = RequestNumber::new(fields.number()?);
            let (digest, more) = (fields.digest()?, fields.flag()?);
            let rows = fields.list(VIEW_PAGE_ROWS, |fields| {
                Ok(ViewRow { owner: fields.name()?, row: fields.row()? })
            })?;
            Frame::View(number, ViewPage { digest, rows, more })
        }
        other => return Err(DecodeError::new(format!("no kind of a frame: {other}"))),
    })
}

fn read_hello(fields: &mut Fields<'_>) -> Result<Hello, DecodeError> {
    Ok(Hello {
        name: fields.name()?,
        incarnation: fields.incarnation()?,
        instance: Instance::new(fields.number()?),
        address: fields.address()?,
        is_joining: fields.flag()?,
        heartbeat: fields.span()?,
        heard: Instance::new(fields.number()?),
    })
}

fn read_member(fields: &mut Fields<'_>) -> Result<Member, DecodeError> {
    Ok(Member {
        name: fields.name()?,
        address: fields.address()?,
        incarnation: fields.incarnation()?,
        instance: Instance::new(fields.number()?),
        is_alive: fields.flag()?,
        heard: fields.span()?,
    })
}

fn read_owner(fields: &mut Fields<'_>) -> Result<OwnerSummary, DecodeError> {
    Ok(OwnerSummary {
        owner: fields.name()?,
        through: fields.version()?,
        digest: fields.digest()?,
        rows: u32::from_le_bytes(fields.array()?),
    })
}

fn read_delta(fields: &mut Fields<'_>) -> Result<Delta, DecodeError> {
    Ok(Delta {
        owner: fields.name()?,
        after: fields.version()?,
        through: fields.version()?,
        adopted: fields.adoption()?,
        lives: fields.list(limits::LINEAGE_MAX, Fields::version)?,
        rows: fields.list(limits::DELTA_ROWS_MAX, Fields::row)?,
    })
}

#[cfg(test)]
mod tests;
