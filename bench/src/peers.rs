//! Peers: other systems with the same fills, side by side in one run.
//!
//! ```text
//!   fills ─┬─► echo, Allot           over ZeroMQ, by the load of all modes
//!          ├─► Redis, NATS, JetStream     the same bytes, each over its own protocol
//!          └─► a controller in Python     as JSON over HTTP
//! ```
//!
//! Each is a process of its own on this machine, started for one turn with fresh data. What each of
//! them does with a fill, and does not do, is in `docs/BENCHMARKING.md`.

mod dialect;
mod connection;
mod closed_loop;
mod redis;
mod nats;
mod jet_stream;
pub(crate) mod responder;
mod python;
mod program;
mod peer;
mod host;
mod results;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::arguments::LengthArgs;
use crate::client::ClientKind;
use crate::experiment::{self, Experiment, Order, Subject};
use crate::load::{Load, Target};
use crate::offer::Offer;
use crate::process::{Process, ServerSettings};
use crate::run::Point;
use crate::transport::Transport;
use connection::Connection;
use host::{Host, Programs};
use peer::Peer;
use peer::Shape;
use results::{PeerLoad, Results};

/// How peers are compared.
#[derive(Args)]
pub(crate) struct PeerArgs {
    /// Rounds; every peer is measured once per round
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Directory for all persistent data
    #[arg(long, default_value = ".", value_name = "DIR")]
    data: PathBuf,
    /// Server binary [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    allot: Option<PathBuf>,
    /// Which client sends to Allot and the echo: a DEALER of libzmq, or allot-client
    #[arg(long, value_enum, default_value_t)]
    client: ClientKind,
    /// Who speaks ZeroMQ's protocol at the front door of Allot: native or libzmq [default: as
    /// `allot serve` has it]
    #[arg(long, value_name = "TRANSPORT")]
    transport: Option<String>,
    /// Measure only these peers [default: all that are installed]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PEER,…")]
    only: Vec<Peer>,
    /// Directory for peers.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lengths: LengthArgs,
}

/// Measures all peers that are installed.
///
/// # Errors
/// When results cannot be written. A peer that does not start or replies wrongly has failed in
/// them.
pub(crate) fn measure(args: &PeerArgs) -> Result<ExitCode> {
    let mut experiment = Experiment::begin("peers", args.turns, args.out.as_ref());
    let programs = Programs::look()?;
    let mut skipped = BTreeMap::new();
    let mut subjects = Vec::new();
    for peer in args.wanted() {
        match programs.lack(peer) {
            None => subjects.push(args.subject(peer, &programs)),
            Some(lack) => {
                skipped.insert(peer.name(), lack);
            }
        }
    }
    let series = experiment.run(Order::Listed, subjects)?;
    experiment.facts = programs.versions();
    experiment.facts.insert("client".to_owned(), args.client.to_string());
    let transport = args.transport.iter().map(|name| ("transport".to_owned(), name.clone()));
    experiment.facts.extend(transport);
    let results = Results::new(skipped, &series);
    let has_failed = !results.failures().is_empty();
    experiment.finish(&page(&results), &results, has_failed)
}

/// The tables that are printed.
fn page(results: &Results<'_>) -> String {
    let mut lines = vec![format!("\n{}\n", results.table())];
    lines.push(
        "of echo: its messages a second by echo's; memory is, journal is: Allot's fills a second \
         by its own"
            .to_owned(),
    );
    lines.push("a closed loop waits for replies: these are times of servers never pressed".into());
    let comparisons = experiment::table("fills a second", &results.comparisons);
    lines.push(format!("\n{comparisons}\n"));
    lines.extend(results.skipped.iter().map(|(peer, lack)| format!("skipped {peer}: {lack}")));
    let failures = results.failures();
    if failures.is_empty() {
        lines.push("ok    every message had one reply, and every reply was checked".into());
    }
    lines.extend(failures);
    lines.join("\n")
}

impl PeerArgs {
    /// The peers that are to take part, installed or not.
    fn wanted(&self) -> Vec<Peer> {
        let all = Peer::value_variants().iter().copied();
        all.filter(|peer| self.only.is_empty() || self.only.contains(peer)).collect()
    }

    /// A peer, with a point for each of its shapes.
    fn subject<'a>(&'a self, peer: Peer, programs: &'a Programs) -> Subject<'a, PeerLoad, Point> {
        let shapes = u32::try_from(peer.shapes().len()).unwrap_or(u32::MAX);
        let each = self.lengths.lengths().estimate();
        let names = peer.shapes().into_iter().map(move |shape| PeerLoad { peer, shape });
        Subject::of_many(names, move || {
            eprintln!("  {}", peer.name());
            Ok(self.turn(peer, programs))
        })
        .lasting(each * shapes)
    }

    /// One turn of one peer; where it fails, all its points have failed.
    fn turn(&self, peer: Peer, programs: &Programs) -> Vec<Point> {
        let points = match peer {
            Peer::Echo | Peer::AllotMemory | Peer::AllotJournal => self.over_zeromq(peer),
            _ => self.over_its_own(peer, programs),
        };
        points.unwrap_or_else(|error| {
            let failed = Point { failed: Some(format!("{error:#}")), ..Point::default() };
            vec![failed; peer.shapes().len()]
        })
    }

    /// Measures the echo or Allot itself.
    fn over_zeromq(&self, peer: Peer) -> Result<Vec<Point>> {
        let transport = self.transport.iter();
        let more = transport.flat_map(|name| ["--transport".to_owned(), name.clone()]).collect();
        let mut settings = ServerSettings { allot: self.allot.clone(), more, ..Default::default() };
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
            Ok(self.load(shape).measure(&target, Offer::Window(shape.window))?.point)
        };
        peer.shapes().into_iter().map(point).collect()
    }

    /// Measures a peer over its own protocol.
    fn over_its_own(&self, peer: Peer, programs: &Programs) -> Result<Vec<Point>> {
        let host = Host::start(peer, programs, &self.data)?;
        let point = |shape: Shape| {
            let load = self.load(shape);
            let mut line = Connection::connect(&host.address)?;
            let mut dialect = host::dialect(peer, &load)?;
            closed_loop::measure(&load, shape.window, &mut line, dialect.as_mut())
        };
        peer.shapes().into_iter().map(point).collect()
    }

    fn load(&self, shape: Shape) -> Load {
        Load { batch: shape.batch, client: self.client, ..Load::usual(self.lengths.lengths()) }
    }
}
