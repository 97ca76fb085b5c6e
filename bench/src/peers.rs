//! Peers: what others do with the same fills, side by side in one run.
//!
//! ```text
//!   fills ─┬─► echo, Allot           over ZeroMQ, by the load of all modes
//!          ├─► Redis, NATS, JetStream     the same bytes, each over its own protocol
//!          └─► a controller in Python     as JSON over HTTP
//! ```
//!
//! Each is a process of its own on this machine, started for one turn with fresh data. They take
//! turns, and a ratio is of two figures of the same turn. What each of them does with a fill, and
//! does not do, stands in `docs/BENCHMARKING.md`.

mod dialect;
mod line;
mod talk;
mod redis;
mod nats;
mod jet_stream;
pub(crate) mod responder;
mod python;
mod program;
mod peer;
mod host;
mod standing;

pub(crate) use peer::Peer;

use crate::environment::Environment;
use crate::fills::Fills;
use crate::load::{Load, Target};
use crate::offer::{Offer, Pace};
use crate::phases::Lengths;
use crate::process::{Process, ServerSettings};
use crate::run::{Point, SCHEMA};
use crate::transport::Transport;
use crate::{print, stamp};
use allot_runtime::Clock;
use allot_wire::Encoding;
use anyhow::Result;
use clap::ValueEnum;
use host::{Host, Programs};
use line::Line;
use peer::Shape;
use serde::Serialize;
use standing::{Comparison, Standing};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// What a comparison is called in its file.
const KIND: &str = "peers";

/// How peers are compared.
pub(crate) struct PeersPlan {
    pub(crate) lengths: Lengths,
    /// Everybody so often in turns.
    pub(crate) turns: u32,
    /// On the disk of everybody who keeps something.
    pub(crate) data: PathBuf,
    pub(crate) allot: Option<PathBuf>,
    /// Who takes part; everybody, if it is empty.
    pub(crate) only: Vec<Peer>,
    /// Where the JSON goes.
    pub(crate) out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Kept<'a> {
    schema: u32,
    kind: &'static str,
    started: String,
    environment: &'a BTreeMap<String, String>,
    turns: u32,
    skipped: &'a BTreeMap<&'static str, String>,
    comparisons: &'a [Comparison],
    #[serde(flatten)]
    standing: &'a Standing,
}

/// Measures everybody who is installed.
///
/// # Errors
/// When results cannot be written; whoever does not start, or answers wrongly, has failed in them.
pub(crate) fn measure(plan: &PeersPlan) -> Result<ExitCode> {
    let started = stamp::utc(Clock::system().now());
    let (environment, programs) = (Environment::look(), Programs::look()?);
    let (mut lineup, mut skipped) = (Vec::new(), BTreeMap::new());
    for peer in plan.wanted() {
        match programs.lack(peer) {
            None => lineup.push(peer),
            Some(lack) => {
                skipped.insert(peer.name(), lack);
            }
        }
    }
    let mut standing = Standing::default();
    for turn in 1..=plan.turns {
        for peer in &lineup {
            eprintln!("turn {turn} of {}: {}", plan.turns, peer.name());
            for (shape, point) in plan.turn(*peer, &programs) {
                standing.add(*peer, shape, point);
            }
        }
    }
    let mut environment = environment.complete();
    environment.extend(programs.versions());
    let comparisons = standing.comparisons();
    let kept = Kept {
        schema: SCHEMA,
        kind: KIND,
        started,
        environment: &environment,
        turns: plan.turns,
        skipped: &skipped,
        comparisons: &comparisons,
        standing: &standing,
    };
    print(&page(&kept))?;
    let has_failed = !standing.failures().is_empty();
    if let Some(folder) = &plan.out {
        fs::create_dir_all(folder)?;
        let name = if has_failed { "peers.json.FAIL" } else { "peers.json" };
        fs::write(folder.join(name), serde_json::to_string_pretty(&kept)?)?;
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is printed for people.
fn page(kept: &Kept<'_>) -> String {
    let mut lines = vec![format!("peers  {}", kept.started), "environment:".to_owned()];
    lines.extend(kept.environment.iter().map(|(name, value)| format!("  {name:<20} {value}")));
    lines.push(format!("\n{}\n", kept.standing.table()));
    lines.push(
        "of echo: its messages a second by echo's; memory is, journal is: Allot's fills a second \
         by its own"
            .to_owned(),
    );
    lines.push("a closed loop waits for answers: these are times of servers never pressed".into());
    lines.push(format!("\n{}\n", standing::comparison_table(kept.comparisons)));
    lines.extend(kept.skipped.iter().map(|(peer, lack)| format!("skipped {peer}: {lack}")));
    let failures = kept.standing.failures();
    if failures.is_empty() {
        lines.push("ok    every message was answered once, and every answer was checked".into());
    }
    lines.extend(failures);
    lines.join("\n")
}

impl PeersPlan {
    /// Who is to take part, installed or not.
    fn wanted(&self) -> Vec<Peer> {
        let everybody = Peer::value_variants().iter().copied();
        everybody.filter(|peer| self.only.is_empty() || self.only.contains(peer)).collect()
    }

    /// One turn of one peer: a point for each of its shapes.
    fn turn(&self, peer: Peer, programs: &Programs) -> Vec<(Shape, Point)> {
        let points = match peer {
            Peer::Echo | Peer::AllotMemory | Peer::AllotJournal => self.over_zeromq(peer),
            _ => self.over_its_own(peer, programs),
        };
        points.unwrap_or_else(|error| {
            let failed = Point { failed: Some(format!("{error:#}")), ..Point::default() };
            peer.shapes().into_iter().map(|shape| (shape, failed.clone())).collect()
        })
    }

    /// The echo, and Allot itself.
    fn over_zeromq(&self, peer: Peer) -> Result<Vec<(Shape, Point)>> {
        let mut settings = ServerSettings { allot: self.allot.clone(), ..Default::default() };
        if peer == Peer::AllotJournal {
            settings.data = Some(self.data.clone());
            settings.ack = Some("journal".to_owned());
        }
        let is_echo = peer == Peer::Echo;
        let process = if is_echo {
            Process::echo("echo-server", Transport::Tcp)?
        } else {
            Process::allot(&settings, Transport::Tcp)?
        };
        let target = if is_echo { Target::echo(&process)? } else { Target::server(&process)? };
        let point = |shape: Shape| {
            let measured = self.load(shape).measure(&target, Offer::Window(shape.window))?;
            Ok((shape, measured.point))
        };
        peer.shapes().into_iter().map(point).collect()
    }

    /// Everybody else.
    fn over_its_own(&self, peer: Peer, programs: &Programs) -> Result<Vec<(Shape, Point)>> {
        let host = Host::start(peer, programs, &self.data)?;
        let point = |shape: Shape| {
            let load = self.load(shape);
            let mut line = Line::connect(&host.address)?;
            let mut dialect = host::dialect(peer, &load)?;
            let point = talk::measure(&load, shape.window, &mut line, dialect.as_mut())?;
            Ok((shape, point))
        };
        peer.shapes().into_iter().map(point).collect()
    }

    fn load(&self, shape: Shape) -> Load {
        Load {
            batch: shape.batch,
            connections: 1,
            encoding: Encoding::Binary,
            pace: Pace::Hybrid,
            lengths: self.lengths,
            fills: Fills::new(7, 10),
            accounts: 5,
        }
    }
}
