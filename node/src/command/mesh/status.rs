//! `allot mesh status`: how a peer is, and how it sees the others.

use std::process::ExitCode;
use std::time::Duration;

use allot_feeds::plural;
use allot_mesh_rules::{
    Address, Incarnation, Instance, MemberStatus, Namesake, Phase, Route, StrategyName,
};
use allot_mesh_service::{Frame, PeerStatus};
use allot_runtime::duration;
use allot_wire::json::Object;
use anyhow::{Result, bail};
use clap::Args;

use super::client::{Client, ClientFlags};
use super::table;
use crate::stdout::print;

/// Show how a peer is: the others, their versions and ages, and what was repaired
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot mesh status 12345
  allot mesh status tcp://10.0.0.1:12345 --json")]
pub(super) struct StatusPage {
    #[command(flatten)]
    client: ClientFlags,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(super) fn run(page: &StatusPage) -> Result<ExitCode> {
    let status = status(&mut page.client.connect()?)?;
    print(&if page.json { json(&status) } else { text(&status) })?;
    Ok(ExitCode::SUCCESS)
}

/// All pages of the state as one.
fn status(client: &mut Client) -> Result<PeerStatus> {
    let mut whole: Option<PeerStatus> = None;
    loop {
        let members = whole.as_ref().map_or(&[][..], |whole| &whole.members);
        let after = members.last().map(|member| member.name);
        let Frame::Status(_, page) = client.ask(|number| Frame::AskStatus(number, after))? else {
            bail!("{} gave another reply than its state", client.address());
        };
        let is_last = !page.more || page.members.is_empty();
        match &mut whole {
            Some(whole) => whole.members.extend(page.members),
            None => whole = Some(*page),
        }
        if is_last && let Some(whole) = whole.take() {
            return Ok(whole);
        }
    }
}

const fn phase(phase: Phase) -> (&'static str, Option<Incarnation>) {
    match phase {
        Phase::Joining => ("joining", None),
        Phase::Starting(incarnation) => ("starting", Some(incarnation)),
        Phase::Running(incarnation) => ("running", Some(incarnation)),
        Phase::Down => ("down", None),
    }
}

fn route(route: Route) -> String {
    match route {
        Route::Direct => "direct".to_owned(),
        Route::Relayed(relay) => format!("by {relay}"),
        Route::Unlinked => "-".to_owned(),
    }
}

/// A span in whole seconds from ten on, else in milliseconds.
fn span(span: Duration) -> String {
    let whole = if span < Duration::from_secs(10) {
        Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    } else {
        Duration::from_secs(span.as_secs())
    };
    duration::show(whole)
}

/// Two processes of one name that are heard at once.
struct Conflict<'a> {
    name: &'a StrategyName,
    /// The one that steps down.
    goes: (Incarnation, &'a str),
    /// The one that stays.
    stays: (Incarnation, &'a str),
}

impl<'a> Conflict<'a> {
    fn of(
        (name, incarnation, instance): (&'a StrategyName, Incarnation, Instance),
        address: &'a str,
        namesake: &'a Namesake,
    ) -> Self {
        let other = (namesake.incarnation, namesake.address.as_str());
        let (goes, stays) = match namesake.steps_down_for((incarnation, instance)) {
            true => (other, (incarnation, address)),
            false => ((incarnation, address), other),
        };
        Self { name, goes, stays }
    }

    fn of_peer(status: &'a PeerStatus) -> Option<Self> {
        let incarnation = phase(status.phase).1.unwrap_or_default();
        let process = (&status.name, incarnation, status.instance);
        Some(Self::of(process, status.address.as_str(), status.namesake.as_ref()?))
    }

    fn of_member(member: &'a MemberStatus) -> Option<Self> {
        let address = member.address.as_ref().map_or("-", Address::as_str);
        let process = (&member.name, member.incarnation, member.instance);
        Some(Self::of(process, address, member.namesake.as_ref()?))
    }

    /// All that a peer knows of.
    fn all(status: &'a PeerStatus) -> impl Iterator<Item = Self> {
        Self::of_peer(status).into_iter().chain(status.members.iter().filter_map(Self::of_member))
    }

    fn text(&self) -> String {
        let Self { name, goes, stays } = self;
        let process = |(incarnation, address): (Incarnation, &str)| {
            format!("incarnation {incarnation} (life {}) at {address}", incarnation.life())
        };
        format!(
            "conflict: two processes are {name}: {} steps down, {} stays",
            process(*goes),
            process(*stays)
        )
    }

    fn write(&self, object: &mut Object<'_>) {
        let mut conflict = object.object("conflict");
        for (key, (incarnation, address)) in [("goes", self.goes), ("stays", self.stays)] {
            let mut process = conflict.object(key);
            table::write_incarnation(incarnation, &mut process);
            process.text("address", address);
            process.end();
        }
        conflict.end();
    }
}

fn text(status: &PeerStatus) -> String {
    let (phase, incarnation) = phase(status.phase);
    let incarnation = incarnation.map(|number| format!(", incarnation {number}"));
    let journal = if status.has_journal { "" } else { ", without a journal" };
    let head = format!(
        "{} at {}: {phase}{}{journal}, up for {}\n{} {}, {} of its own through version {}, \
         digest {}",
        status.name,
        status.address,
        incarnation.unwrap_or_default(),
        span(status.time - status.started),
        status.rows,
        plural(status.rows, "row"),
        status.own_rows,
        status.through,
        status.digest
    );
    let conflicts: String = Conflict::all(status).map(|one| format!("\n{}", one.text())).collect();
    let header =
        ["peer", "address", "state", "heard", "version", "rows", "route", "gaps", "conflated"];
    let members = status.members.iter().map(|member| {
        let state = match (member.is_alive, member.away_since) {
            (true, _) if member.namesake.is_some() => "in conflict".to_owned(),
            (true, _) => "alive".to_owned(),
            (false, Some(since)) => format!("away for {}", span(status.time - since)),
            (false, None) => "away".to_owned(),
        };
        let heard = member.heard.map_or_else(|| "never".to_owned(), span);
        vec![
            member.name.to_string(),
            member.address.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            state,
            heard,
            member.through.to_string(),
            member.rows.to_string(),
            route(member.route),
            member.gaps_repaired.to_string(),
            member.conflated.to_string(),
        ]
    });
    let page = table::page(&header, members);
    let counted = status.counters.iter().filter(|(_, count)| 0 < *count);
    let counted: Vec<_> = counted.map(|(name, count)| format!("{name} {count}")).collect();
    format!("{head}{conflicts}\n\n{page}\n\n{}", counted.join(", ")).trim_end().to_owned()
}

fn json(status: &PeerStatus) -> String {
    table::json(|object| {
        let (phase, incarnation) = phase(status.phase);
        object.plain("name", status.name.as_str());
        object.text("address", status.address.as_str());
        object.plain("phase", phase);
        incarnation.into_iter().for_each(|one| table::write_incarnation(one, object));
        object.number("instance", status.instance.get());
        object.time("started", status.started.get());
        object.time("time", status.time.get());
        object.plain("through", &status.through.to_string());
        object.literal("has_journal", status.has_journal);
        object.number("own_rows", status.own_rows);
        object.number("rows", status.rows);
        object.plain("digest", &status.digest.to_string());
        Conflict::of_peer(status).iter().for_each(|conflict| conflict.write(object));
        let mut counters = object.object("counters");
        status.counters.iter().for_each(|(name, count)| counters.number(name, *count));
        counters.end();
        object.list("members", &status.members, write_member);
    })
}

fn write_member(member: &MemberStatus, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.plain("name", member.name.as_str());
    member.address.iter().for_each(|address| object.text("address", address.as_str()));
    object.plain("state", if member.is_alive { "alive" } else { "away" });
    member.away_since.iter().for_each(|since| object.time("away_since", since.get()));
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    member.heard.iter().for_each(|heard| object.number("heard_ms_ago", millis(*heard)));
    table::write_incarnation(member.incarnation, &mut object);
    object.number("instance", member.instance.get());
    object.plain("through", &member.through.to_string());
    object.literal("rows", member.rows);
    object.plain("digest", &member.digest.to_string());
    match member.route {
        Route::Direct => object.plain("route", "direct"),
        Route::Relayed(relay) => {
            object.plain("route", "relayed");
            object.plain("relay", relay.as_str());
        }
        Route::Unlinked => object.plain("route", "unlinked"),
    }
    object.number("conflated", member.conflated);
    object.number("gaps_repaired", member.gaps_repaired);
    Conflict::of_member(member).iter().for_each(|conflict| conflict.write(&mut object));
    object.end();
}
