//! Status fields: how the state of a peer stands in a frame.

use allot_mesh_rules::{Address, Incarnation, Instance, MemberStatus, Namesake, Phase, Route};
use allot_wire::DecodeError;

use super::put_span;
use crate::fields::{
    Fields, put_digest, put_incarnation, put_list, put_number, put_text, put_version,
};
use crate::limits::{COUNTERS_MAX, STATUS_PAGE_MEMBERS};
use crate::{PeerStatus, count};

/// Appends a state.
pub(super) fn put(out: &mut Vec<u8>, status: &PeerStatus) {
    put_text(out, status.name.as_str());
    put_text(out, status.address.as_str());
    put_number(out, status.instance.get());
    let (phase, incarnation) = match status.phase {
        Phase::Joining => (0, Incarnation::ZERO),
        Phase::Starting(incarnation) => (1, incarnation),
        Phase::Running(incarnation) => (2, incarnation),
        Phase::Down => (3, Incarnation::ZERO),
    };
    out.push(phase);
    put_incarnation(out, incarnation);
    put_number(out, status.started.get());
    put_number(out, status.time.get());
    put_version(out, status.through);
    out.push(status.has_journal.into());
    put_number(out, status.own_rows);
    put_number(out, status.rows);
    put_digest(out, status.digest);
    put_namesake(out, status.namesake.as_ref());
    put_list(out, &status.counters, |out, (name, count)| {
        put_text(out, name);
        put_number(out, *count);
    });
    put_list(out, &status.members, put_member);
    out.push(status.more.into());
}

fn put_member(out: &mut Vec<u8>, member: &MemberStatus) {
    put_text(out, member.name.as_str());
    put_text(out, member.address.as_ref().map_or("", Address::as_str));
    put_incarnation(out, member.incarnation);
    put_number(out, member.instance.get());
    out.push(member.is_alive.into());
    out.push(member.heard.is_some().into());
    member.heard.iter().for_each(|span| put_span(out, *span));
    out.push(member.away_since.is_some().into());
    member.away_since.iter().for_each(|time| put_number(out, time.get()));
    match member.route {
        Route::Unlinked => out.push(0),
        Route::Direct => out.push(1),
        Route::Relayed(relay) => {
            out.push(2);
            put_text(out, relay.as_str());
        }
    }
    put_version(out, member.through);
    put_number(out, count(member.rows));
    put_digest(out, member.digest);
    put_number(out, member.conflated);
    put_number(out, member.gaps_repaired);
    put_namesake(out, member.namesake.as_ref());
}

fn put_namesake(out: &mut Vec<u8>, namesake: Option<&Namesake>) {
    out.push(namesake.is_some().into());
    let Some(Namesake { incarnation, instance, address }) = namesake else { return };
    put_incarnation(out, *incarnation);
    put_number(out, instance.get());
    put_text(out, address.as_str());
}

/// Reads what [`put`] wrote.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<PeerStatus, DecodeError> {
    Ok(PeerStatus {
        name: fields.name()?,
        address: fields.address()?,
        instance: Instance::new(fields.number()?),
        phase: read_phase(fields)?,
        started: fields.time()?,
        time: fields.time()?,
        through: fields.version()?,
        has_journal: fields.flag()?,
        own_rows: fields.number()?,
        rows: fields.number()?,
        digest: fields.digest()?,
        namesake: read_namesake(fields)?,
        counters: fields.list(COUNTERS_MAX, |fields| {
            let name = str::from_utf8(fields.text()?);
            let name = name.map_err(|_| DecodeError::new("the name of a counter is not UTF-8"))?;
            Ok((name.to_owned(), fields.number()?))
        })?,
        members: fields.list(STATUS_PAGE_MEMBERS, read_member)?,
        more: fields.flag()?,
    })
}

fn read_phase(fields: &mut Fields<'_>) -> Result<Phase, DecodeError> {
    let (phase, incarnation) = (fields.byte()?, fields.incarnation()?);
    match (phase, incarnation) {
        (0, Incarnation::ZERO) => Ok(Phase::Joining),
        (1, incarnation) => Ok(Phase::Starting(incarnation)),
        (2, incarnation) => Ok(Phase::Running(incarnation)),
        (3, Incarnation::ZERO) => Ok(Phase::Down),
        _ => Err(DecodeError::new("a phase is none")),
    }
}

fn read_member(fields: &mut Fields<'_>) -> Result<MemberStatus, DecodeError> {
    let name = fields.name()?;
    let address = match fields.text()? {
        [] => None,
        text => {
            let address = str::from_utf8(text).ok().and_then(Address::new);
            Some(address.ok_or_else(|| DecodeError::new("an address is none"))?)
        }
    };
    Ok(MemberStatus {
        name,
        address,
        incarnation: fields.incarnation()?,
        instance: Instance::new(fields.number()?),
        is_alive: fields.flag()?,
        heard: if fields.flag()? { Some(fields.span()?) } else { None },
        away_since: if fields.flag()? { Some(fields.time()?) } else { None },
        route: match fields.byte()? {
            0 => Route::Unlinked,
            1 => Route::Direct,
            2 => Route::Relayed(fields.name()?),
            _ => return Err(DecodeError::new("a route is none")),
        },
        through: fields.version()?,
        rows: usize::try_from(fields.number()?)
            .map_err(|_| DecodeError::new("a count is too large"))?,
        digest: fields.digest()?,
        conflated: fields.number()?,
        gaps_repaired: fields.number()?,
        namesake: read_namesake(fields)?,
    })
}

fn read_namesake(fields: &mut Fields<'_>) -> Result<Option<Namesake>, DecodeError> {
    if !fields.flag()? {
        return Ok(None);
    }
    let incarnation = fields.incarnation()?;
    let instance = Instance::new(fields.number()?);
    Ok(Some(Namesake { incarnation, instance, address: fields.address()? }))
}
