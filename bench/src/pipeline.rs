//! The pipeline: router, ring, shard and back on one thread, with neither socket nor sleep.
//!
//! ```text
//!   client ─► Door::memory ─► Router ═ ring ═ Shard ─► Router ─► client
//! ```
//!
//! What it costs to admit, route, divide, book and reply to a fill; the difference to a server end
//! to end is sockets, wake-ups and the scheduler. This is the only module that makes boxes itself:
//! everything else measures from outside.

use std::collections::BTreeMap;
use std::process::ExitCode;

use allot_allocation_rules::BookConfig;
use allot_allocation_service::{Allocation, Reply, Request, decode_replies, encode_line};
use allot_domain::{Incarnation, SourceId};
use allot_runtime::{Agent, Clock, Counters, Door, DoorClients, DoorOptions, Link};
use allot_server::boxes::{self, Identity};
use allot_server::rings::{BoxWakers, RING_FRAMES, RingEnds};
use allot_server::{CoreConfig, open_shard};
use allot_wire::Encoding;
use anyhow::{Result, bail, ensure};

use crate::arguments::{LengthArgs, OutArgs};
use crate::batch_builder::BatchBuilder;
use crate::fills::{self, Fills};
use crate::floor;
use crate::output::Output;
use crate::reply_reader::{self, FillReply};

const CLIENT: &[u8] = b"client";
const SOURCE: &str = "bench";

/// Fills on their way at once: below what a router lets a shard owe.
const FILLS_PER_TURN: u32 = 1_000;

/// The incarnation of every box.
const FIRST: Incarnation = Incarnation::new(1);

/// Turns of all agents within which a reply must have come.
const TURNS_MAX: usize = 100_000;

/// How it is fed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PipelineLoad {
    pub(crate) accounts: usize,
    pub(crate) tickers: usize,
    pub(crate) shards: usize,
    /// Fills of a message.
    pub(crate) batch: u32,
    pub(crate) encoding: Encoding,
}

/// Measures it.
///
/// # Errors
/// When a reply is wrong, or results cannot be written.
pub(crate) fn measure(load: PipelineLoad, lengths: LengthArgs, out: &OutArgs) -> Result<ExitCode> {
    let facts = BTreeMap::from([
        ("accounts".to_owned(), load.accounts.to_string()),
        ("tickers".to_owned(), load.tickers.to_string()),
        ("shards".to_owned(), load.shards.to_string()),
        ("batch".to_owned(), load.batch.to_string()),
        ("encoding".to_owned(), load.encoding.to_string()),
        ("ack".to_owned(), "memory".to_owned()),
    ]);
    let output = Output::begin("pipeline", out, facts);
    let mut pipeline = Pipeline::new(load)?;
    floor::steps(output, lengths.lengths(), || pipeline.turn())
}

/// All of it, and its client.
struct Pipeline {
    load: PipelineLoad,
    agents: Vec<Box<dyn Agent>>,
    clients: DoorClients,
    clock: Clock,
    /// The ends of a publisher that is not there; what comes is thrown away.
    publisher: Vec<Link>,
    fills: Fills,
    builder: BatchBuilder,
    next_seq: u64,
    frame: Vec<u8>,
}

impl Pipeline {
    fn new(load: PipelineLoad) -> Result<Self> {
        let options = DoorOptions { high_water: usize::MAX, ..DoorOptions::default() };
        let (door, clients) = Door::memory_with(options);
        let core = CoreConfig::new(load.shards);
        let mut ends = RingEnds::link(RING_FRAMES, &BoxWakers::silent(load.shards));
        let hub = ends.take_router_hub();
        let router = boxes::router::<Allocation>(&core, FIRST, door, hub, Counters::new());
        let mut agents: Vec<Box<dyn Agent>> = vec![Box::new(router)];
        for (shard, links) in boxes::shard_ids(load.shards).zip(ends.shards) {
            let opened = open_shard::in_memory::<Allocation>(BookConfig::default());
            let identity = Identity { shard, incarnation: FIRST };
            agents.push(Box::new(boxes::shard(&core, identity, opened, links, Counters::new())));
        }
        let mut publisher = ends.publisher;
        publisher.push(ends.publisher_to_router);
        let clock = Clock::system();
        agents.iter_mut().for_each(|agent| agent.start(clock.now()));
        let source = SourceId::new(SOURCE.as_bytes()).expect("a name");
        let mut pipeline = Self {
            load,
            agents,
            clients,
            clock,
            publisher,
            fills: Fills::new(7, load.tickers),
            builder: BatchBuilder::new(source, load.batch, load.encoding),
            next_seq: 1,
            frame: Vec::new(),
        };
        pipeline.begin()?;
        Ok(pipeline)
    }

    /// Sends the split.
    fn begin(&mut self) -> Result<()> {
        let source = SourceId::new(b"aum").expect("a name");
        let mut line = Vec::new();
        encode_line(&Request::Split(fills::split(source, 1, self.load.accounts)), &mut line);
        self.clients.send(CLIENT, &line);
        for _ in 0..TURNS_MAX {
            self.step();
            if let Some((_, body)) = self.clients.receive() {
                let mut replies = Vec::new();
                decode_replies(&body, &mut replies)?;
                let is_accepted = matches!(replies[..], [Reply::Accepted { .. }]);
                ensure!(is_accepted, "the split was not accepted: {replies:?}");
                return Ok(());
            }
        }
        bail!("the split was not replied to")
    }

    fn step(&mut self) {
        let now = self.clock.now();
        for agent in &mut self.agents {
            agent.do_work(now);
        }
        for link in &mut self.publisher {
            while link.receive(&mut self.frame) {}
        }
    }

    /// Sends some messages and steps until all of their fills are replied to; returns how many.
    fn turn(&mut self) -> Result<u64> {
        let batch = self.load.batch;
        let first = self.next_seq;
        for _ in 0..(FILLS_PER_TURN / batch).max(1) {
            self.next_seq = self.builder.write(&self.fills, self.next_seq, &mut self.frame);
            self.clients.send(CLIENT, &self.frame);
        }
        let sent = self.next_seq - first;
        let (mut replied, mut wrong) = (0, None);
        for _ in 0..TURNS_MAX {
            self.step();
            while let Some((_, body)) = self.clients.receive() {
                let fills = &self.fills;
                let read = reply_reader::read(&body, SOURCE, |reply| match reply {
                    FillReply::Allocated { seq, quantity, shares }
                        if shares == quantity && quantity == fills.kind(seq).quantity.get() =>
                    {
                        replied += 1;
                    }
                    other => wrong = Some(format!("{other:?}")),
                });
                wrong = read.err().or(wrong);
            }
            if let Some(wrong) = wrong {
                bail!("a wrong reply: {wrong}");
            }
            if replied == sent {
                return Ok(sent);
            }
        }
        bail!("{replied} of {sent} fills were replied")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_fill_of_every_turn_gets_a_reply() {
        for (shards, batch, encoding) in
            [(1, 1, Encoding::Binary), (2, 100, Encoding::Binary), (3, 7, Encoding::Json)]
        {
            let load = PipelineLoad { accounts: 5, tickers: 10, shards, batch, encoding };
            let mut pipeline = Pipeline::new(load).unwrap();
            for _ in 0..20 {
                let expected = u64::from(FILLS_PER_TURN / batch * batch);
                assert_eq!(pipeline.turn().unwrap(), expected, "{load:?}");
            }
        }
    }

    /// Every file of a folder, and of those below it, with its text.
    fn sources(folder: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(sources(&path));
            } else {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
        found
    }

    #[test]
    fn nothing_else_of_the_harness_knows_router_or_shard() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let sources = sources(&folder);
        let knows = |text: &str| {
            ["router", "shard", "journal", "server"]
                .iter()
                .any(|name| text.contains(&format!("allot_{name}")))
        };
        let who: Vec<_> = sources.iter().filter(|(_, text)| knows(text)).collect();
        assert!(20 < sources.len(), "{}", sources.len());
        assert_eq!(who.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["pipeline.rs"]);
    }
}
