//! `allot mesh NAME`: one strategy as a process.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use allot_domain::SourceId;
use allot_feeds::plural;
use allot_journal::Wakers;
use allot_mesh_rules::{
    Address as PeerAddress, Instance, Lineage, Owned, Settings, StrategyName, Version, limits,
};
use allot_mesh_service::{
    History, HistoryAgent, HistoryTimes, NoTrades, OpenedHistory, OpenedJournal, OwnerJournal,
    PeerAgent, PeerDoor, PeerStart, SnapshotQueue, TradeSource, ViewBoard, ViewRow,
};
use allot_runtime::{
    Clock, Context, CurveKey, CurveKeys, StopRequest, ThreadGroup, ThreadSlot, Threads,
    WaitStrategy, WallClock, duration,
};
use allot_server::read_ledger;
use allot_wire::nearest_name;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;

use super::fill_follower::FollowSettings;
use super::output::{Output, Style};
use super::table;
use super::trade_lines::TradeLines;
use crate::address::{Address, parse};
use crate::common_args::CommonArgs;
use crate::exposure::is_reachable;
use crate::front_keys::read_or_create;
use crate::misuse::{Misuse, demand};
use crate::monitor::Monitor;
use crate::stdout::print;
use crate::time_text;

/// What a peer is told.
#[derive(Args)]
pub(super) struct PeerPage {
    /// The strategy: 1 to 32 of A-Z a-z 0-9 . - _ @; status, view and help are no names
    #[arg(value_name = "NAME", required = true, value_parser = name)]
    name: Option<StrategyName>,
    /// Short for --listen
    #[arg(value_name = "PORT", value_parser = parse, conflicts_with = "listen")]
    port: Option<Address>,
    /// Short for --connect
    #[arg(value_name = "PEER", value_parser = parse)]
    peers: Vec<Address>,
    /// Where to listen: a port of this machine, HOST:PORT, tcp:// or ipc://
    #[arg(long, value_name = "ADDR", value_parser = parse)]
    listen: Option<Address>,
    /// A peer that is known; one is enough, and it can be repeated
    #[arg(long, value_name = "ADDR", value_parser = parse)]
    connect: Vec<Address>,
    /// Where others reach this peer, if that is not where it listens, as with tcp://*:12345
    #[arg(long, value_name = "ADDR", value_parser = parse)]
    advertise: Option<Address>,
    /// Data directory of this strategy: its positions survive a crash
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take the positions of this strategy from its peers, if they are newer than its journal
    #[arg(long)]
    adopt: bool,
    #[command(flatten)]
    trades: TradeFlags,
    /// Print one JSON object a line, for each change
    #[arg(long)]
    json: bool,
    /// File with the keys with which all peers of the mesh encrypt; made if it is not there
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    #[command(flatten)]
    times: TimeFlags,
}

/// Where trades come from.
#[derive(Args)]
#[command(next_help_heading = "Trades")]
struct TradeFlags {
    /// Take the trades of a file, a line each, and not those of standard input; with --data a line
    /// is applied once, also after a restart
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Take the fills of --source from the feed of a running server, which publishes here
    #[arg(long, value_name = "PUBLISH", value_parser = parse, requires = "source",
          conflicts_with = "file")]
    follow: Option<Address>,
    /// Public key of that feed, if it encrypts
    #[arg(long, value_name = "KEY", requires = "follow", allow_hyphen_values = true)]
    follow_key: Option<String>,
    /// Whose fills are followed
    #[arg(long, value_name = "NAME", requires = "follow", value_parser = source)]
    source: Option<SourceId>,
    /// Front door of that server: what the feed has lost, and what came while this peer was away,
    /// is asked for there, from the first fill that it keeps
    #[arg(long, value_name = "FRONT", requires = "follow", value_parser = parse)]
    front: Option<Address>,
    /// Public key of that front door, if it encrypts
    #[arg(long, value_name = "KEY", requires = "front", allow_hyphen_values = true)]
    front_key: Option<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Time")]
struct TimeFlags {
    /// How often a peer says that it lives, from 10ms to 60s; one that is silent for three of its
    /// own is away
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration::parse)]
    heartbeat: Duration,
    /// How long to wait for peers at the start, before it starts alone
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration::parse)]
    join_wait: Duration,
    /// How often the whole view is stored in --data, if it has changed
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse,
          requires = "data")]
    snapshot_every: Duration,
    /// When the day ends, in UTC: the view is stored in --data then too
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day, requires = "data")]
    end_of_day: Option<Duration>,
    /// For how many days stored views are kept
    #[arg(long, value_name = "DAYS", default_value_t = 30, requires = "data")]
    keep: u32,
}

/// The folder of the journal in a data directory.
pub(crate) const JOURNAL: &str = "journal";
/// Peers that an owner sends its changes to itself.
const DIRECT: usize = 16;
/// What a strategy may not be called by mistake.
const SUB_COMMANDS: [&str; 3] = ["status", "view", "help"];
/// A day of --keep.
const DAY: Duration = Duration::from_hours(24);
/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(1);

fn name(text: &str) -> Result<StrategyName, String> {
    if SUB_COMMANDS.contains(&text) {
        return Err(
            "this is no name of a strategy: `allot mesh --help` shows what there is; give \
                    the strategy another name"
                .to_owned(),
        );
    }
    StrategyName::new(text.as_bytes()).map_err(|bad| bad.to_string())
}

fn source(text: &str) -> Result<SourceId, String> {
    SourceId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Whether an endpoint is where somebody listens, and not where others reach it.
fn is_any(endpoint: &str) -> bool {
    ["tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"].iter().any(|any| endpoint.starts_with(any))
        || endpoint == "ipc://*"
}

/// Whether the port of an endpoint is yet to be chosen.
fn has_no_port(endpoint: &str) -> bool {
    endpoint.starts_with("tcp://") && (endpoint.ends_with(":0") || endpoint.ends_with(":*"))
}

/// A time of the day, as the time since midnight.
fn time_of_day(text: &str) -> Result<Duration, String> {
    let bad = || "use a time from 00:00 to 23:59".to_owned();
    let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
    match (hour.parse::<u64>(), minute.parse::<u64>()) {
        (Ok(hour @ 0..24), Ok(minute @ 0..60)) if text.len() == 5 => {
            Ok(Duration::from_secs(hour * 3_600 + minute * 60))
        }
        _ => Err(bad()),
    }
}

/// Runs a peer until a signal.
pub(super) fn run(page: &PeerPage, common: &CommonArgs) -> Result<ExitCode> {
    let name = page.name.context("clap demands a name")?;
    page.check_name(name)?;
    page.check()?;
    let listen = page.listen.as_ref().or(page.port.as_ref()).map(|address| address.0.clone());
    let listen = listen.ok_or_else(|| {
        Misuse::error("say where to listen: `allot mesh NAME PORT`, or --listen ADDR")
    })?;
    let keys = page.secret.as_deref().map(|path| read_or_create(path, "the mesh")).transpose()?;
    warn_if_open(&listen, keys.as_ref());
    let door = PeerDoor::bind(&Context::new()?, &listen, keys)?;
    let settings = page.settings(name, door.endpoint().unwrap_or(&listen))?;
    let address = settings.address.clone();

    let clock = Clock::system();
    let mut group = ThreadGroup::new(clock.clone(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.thread("mesh")?;
    let stop = StopRequest::new(slot.waker());
    let Kept { journal, history, others, lineages } = page.open(name, &mut group, &slot)?;
    let mut output = ThreadGroup::new(clock, WaitStrategy::Block, Threads::Dedicated);
    let output_slot = output.blocking_thread("output")?;
    let waker = output_slot.waker();
    let is_quiet = common.is_quiet();
    let board = if is_quiet { ViewBoard::quiet(waker) } else { ViewBoard::new(waker) };
    let style = if page.json { Style::Json } else { Style::Table };
    output.add(&output_slot, Box::new(Output::new(name, style, board.clone(), stop.clone())));

    let source = page.source(&journal, &mut group, &slot)?;
    let (sender, stopped) = channel();
    let is_kept = journal.is_kept();
    let start = PeerStart {
        settings,
        journal,
        others,
        lineages,
        source,
        board: Some(board),
        history,
        stop: (stop.clone(), sender),
        wall: WallClock::system(),
    };
    group.add(&slot, Box::new(PeerAgent::new(door, start)));
    let monitor = Monitor::new(Box::new(move || stop.make()), Vec::new(), None)?;
    print(&ready(style, name, &address, is_kept))?;
    let (mut output, running) = (output.start()?, group.start()?);
    // An error is a peer that ended without being asked to; joining says why.
    if stopped.recv().is_ok() {
        running.stop();
    }
    let ended = running.join();
    monitor.stop()?;
    output.stop();
    if output.wait(LAST_LINES) {
        let printed = output.join();
        ended?;
        printed?;
    } else {
        // Nobody reads them, and this process must not wait for that.
        std::mem::forget(output);
        ended?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The first line: scripts wait for it.
fn ready(style: Style, name: StrategyName, address: &PeerAddress, is_kept: bool) -> String {
    if style == Style::Json {
        return table::json(|object| {
            object.plain("type", "listening");
            object.plain("name", name.as_str());
            object.text("listen", address.as_str());
            object.literal("has_journal", is_kept);
        });
    }
    let memory =
        if is_kept { "" } else { " (no --data: its positions are in memory, and its peers')" };
    format!("listening {name} {address}{memory}")
}

fn warn_if_open(listen: &str, keys: Option<&CurveKeys>) {
    if keys.is_none() && is_reachable(listen) {
        tracing::warn!(
            "{listen} can be reached from other machines: it is not encrypted, and whoever can \
             connect reads all positions and can act as a strategy; encrypt the mesh with \
             --secret FILE, and let only its peers connect"
        );
    }
}

impl TradeFlags {
    /// What is followed, if anything is.
    fn follow_settings(&self) -> Result<Option<FollowSettings>> {
        let (Some(publish), Some(source)) = (&self.follow, self.source) else { return Ok(None) };
        let key = |text: &Option<String>| {
            let key = text.as_ref().map(|text| text.parse::<CurveKey>()).transpose();
            key.map_err(Misuse::error)
        };
        let (front_key, key) = (key(&self.front_key)?, key(&self.follow_key)?);
        let front = self.front.as_ref().map(|front| (front.0.clone(), front_key));
        Ok(Some(FollowSettings { publish: publish.0.clone(), key, source, front }))
    }
}

/// What a data directory holds.
struct Kept {
    journal: OwnerJournal,
    history: Option<(SnapshotQueue, HistoryTimes)>,
    others: Vec<ViewRow>,
    lineages: Vec<(StrategyName, Lineage)>,
}

impl Kept {
    /// All is in memory only.
    fn nothing() -> Self {
        let (others, lineages) = (Vec::new(), Vec::new());
        Self { journal: OwnerJournal::none(), history: None, others, lineages }
    }
}

impl PeerPage {
    /// A sub-command that was mistyped would be a strategy of that name.
    fn check_name(&self, name: StrategyName) -> Result<()> {
        let is_bare = self.listen.is_none()
            && self.peers.is_empty()
            && self.connect.is_empty()
            && self.data.is_none()
            && self.trades.file.is_none()
            && self.trades.follow.is_none();
        let meant = nearest_name(name.as_str(), SUB_COMMANDS).filter(|_| is_bare);
        let Some((meant, port)) = meant.zip(self.port.as_ref()) else { return Ok(()) };
        demand(
            false,
            format!(
                "{name} is no sub-command; is it `allot mesh {meant} {}`? A strategy of this name \
                 starts with `allot mesh {name} --listen {}`",
                port.0, port.0
            ),
        )
    }

    fn check(&self) -> Result<()> {
        let (least, most) = (limits::HEARTBEAT_LEAST, limits::HEARTBEAT_MOST);
        let (from, to) = (duration::show(least), duration::show(most));
        let is_good = (least..=most).contains(&self.times.heartbeat);
        demand(is_good, format!("--heartbeat must be from {from} to {to}"))?;
        let is_good = Duration::from_secs(1) <= self.times.snapshot_every;
        demand(is_good, "--snapshot-every must be at least 1s")?;
        let is_good = (limits::HEARTBEAT_LEAST..=DAY).contains(&self.times.join_wait);
        demand(
            is_good,
            format!(
                "--join-wait must be at least {from}, and a day at the most: without an answer \
                 nobody knows what peers hold; a strategy that connects to nobody does not wait"
            ),
        )?;
        demand(1 <= self.times.keep, "--keep must be at least 1 day")?;
        let knows_others = !self.connect.is_empty() || !self.peers.is_empty();
        demand(
            !self.adopt || knows_others,
            "--adopt takes the positions of the peers: name one with --connect",
        )?;
        let is_typed = self.trades.file.is_none() && self.trades.follow.is_none();
        demand(
            !self.adopt || is_typed,
            "with --adopt nobody knows which lines of --file, or fills of --follow, the positions \
             of the peers have: adopt first without them, and then give a file of what is missing",
        )
    }

    /// What the replica is told.
    fn settings(&self, name: StrategyName, endpoint: &str) -> Result<Settings> {
        let advertised = self.advertise.as_ref().map_or(endpoint, |address| &address.0);
        demand(
            !is_any(advertised),
            format!("nobody can connect to {advertised}: say where with --advertise HOST:PORT"),
        )?;
        let address = |text: &str| {
            PeerAddress::new(text).ok_or_else(|| {
                let most = limits::ADDRESS_LEN_MAX;
                Misuse::error(format!("{text}: an address has at most {most} characters"))
            })
        };
        let mut others = self.connect.iter().chain(&self.peers);
        if let Some(nobody) = others.find(|one| is_any(&one.0) || has_no_port(&one.0)) {
            return Err(Misuse::error(format!(
                "nobody can be reached at {}: name the host and the port of a peer, such as \
                 127.0.0.1:12345",
                nobody.0
            )));
        }
        // What this peer listens on is no peer; a list for all strategies may name it.
        let named = self.connect.len() + self.peers.len();
        let connect = self.connect.iter().chain(&self.peers).filter(|one| one.0 != endpoint);
        if 0 < named && connect.clone().count() == 0 {
            tracing::warn!("{endpoint} is where this strategy listens itself: it is no peer");
        }
        Ok(Settings {
            name,
            address: address(advertised)?,
            instance: Instance::new(random().max(1)),
            connect: connect.map(|one| address(&one.0)).collect::<Result<_>>()?,
            heartbeat: self.times.heartbeat,
            join_wait: self.times.join_wait,
            adopt: self.adopt,
            direct: DIRECT,
            delta_rows: limits::DELTA_ROWS_MAX,
        })
    }

    fn source(
        &self,
        journal: &OwnerJournal,
        group: &mut ThreadGroup,
        slot: &ThreadSlot,
    ) -> Result<Box<dyn TradeSource>> {
        if let Some(settings) = self.trades.follow_settings()? {
            let follow_slot = group.blocking_thread("follow")?;
            let (follower, fills) = settings.connect(journal.progress(), slot.waker())?;
            group.add(&follow_slot, Box::new(follower));
            return Ok(Box::new(fills));
        }
        Ok(match &self.trades.file {
            Some(path) => {
                let before = journal.progress().line;
                TradeLines::check_file(path, before)?;
                Box::new(TradeLines::file(path, before)?)
            }
            None => match TradeLines::stdin() {
                Ok(lines) => Box::new(lines),
                // A service manager may give none.
                Err(error) => {
                    tracing::warn!("no trades are read: {error:#}");
                    Box::new(NoTrades)
                }
            },
        })
    }

    /// Opens the data directory, if there is one.
    fn open(&self, name: StrategyName, group: &mut ThreadGroup, slot: &ThreadSlot) -> Result<Kept> {
        let Some(data) = &self.data else {
            return Ok(Kept::nothing());
        };
        demand_no_ledger(data)?;
        let journal = open_journal(&data.join(JOURNAL), name, group, slot)?;
        let what = || {
            let data = data.display();
            format!("cannot use the history in {data}; move history.sqlite away to begin anew")
        };
        let opened = History::open_newest(data, DAY * self.times.keep).with_context(what)?;
        let OpenedHistory { history, newest, wrong, aside } = opened;
        if let Some(aside) = aside {
            tracing::error!(
                "history.sqlite is no database that can be read: it is {} now, and a new history \
                 begins; the positions of this strategy are in its journal, and those of others \
                 come from them",
                aside.display()
            );
        }
        if let Some(first) = wrong.first() {
            let more = wrong.len() - 1;
            tracing::error!(more, "{first}");
        }
        if let Some(snapshot) = &newest {
            let count = snapshot.rows.iter().filter(|one| one.owner != name).count();
            if 0 < count {
                tracing::info!(
                    "took {count} {} of others from the snapshot of {}; newer ones come from them",
                    plural(count as u64, "row"),
                    time_text::exact(snapshot.taken_at.get())
                );
            }
        }
        let (others, lineages) =
            newest.map_or_else(Default::default, |snapshot| (snapshot.rows, snapshot.lineages));
        let own = others.iter().filter(|one| one.owner == name);
        let own = own.filter(|one| lacks(journal.owned(), one.row.version)).count();
        ensure!(
            self.adopt || own == 0,
            "the journal of {name} in {} is gone or an old copy: the history there has {own} of \
             its rows, and the journal lacks them; bring the journal back, or take the positions \
             of the peers with --adopt; to begin from zero give another --data directory",
            data.display()
        );
        let history_slot = group.blocking_thread("history")?;
        let queue = SnapshotQueue::new(history_slot.waker());
        group.add(&history_slot, Box::new(HistoryAgent::new(history, queue.clone())));
        let times = HistoryTimes::new(self.times.snapshot_every, self.times.end_of_day);
        Ok(Kept { journal, history: Some((queue, times)), others, lineages })
    }
}

/// Whether a journal knows nothing of a version of its own strategy, and did not adopt since.
fn lacks(owned: &Owned, version: Version) -> bool {
    let has_adopted_since =
        owned.adopted().is_some_and(|adopted| version.incarnation < adopted.incarnation);
    !owned.covers(version) && !has_adopted_since
}

/// Refuses the data of another system: whoever verifies that finds one of the two.
fn demand_no_ledger(data: &Path) -> Result<()> {
    let Ok((system, _)) = read_ledger(data) else { return Ok(()) };
    let data = data.display();
    bail!("{data} is the data directory of another system, {system}; give a strategy its own")
}

fn open_journal(
    folder: &Path,
    name: StrategyName,
    group: &mut ThreadGroup,
    slot: &ThreadSlot,
) -> Result<OwnerJournal> {
    fs::create_dir_all(folder).map_err(|error| {
        let shown = folder.display();
        match folder.ancestors().find(|one| one.is_file()) {
            Some(file) => anyhow!("{} is a file; give --data a directory", file.display()),
            None => anyhow!(
                "cannot create {shown}: {error}; give --data a directory that this user may write"
            ),
        }
    })?;
    let committer_slot = group.blocking_thread("journal")?;
    let checkpointer_slot = group.blocking_thread("checkpointer")?;
    let wakers = Wakers {
        shard: slot.waker(),
        committer: committer_slot.waker(),
        checkpointer: checkpointer_slot.waker(),
    };
    let opened = OwnerJournal::open(folder, name, wakers);
    let opened = opened.with_context(|| folder.display().to_string())?;
    let OpenedJournal { journal, is_new, committer, checkpointer } = opened;
    group.add(&committer_slot, Box::new(committer));
    group.add(&checkpointer_slot, Box::new(checkpointer));
    if is_new {
        tracing::info!("a new journal in {}", folder.display());
    } else {
        let (rows, version) = (journal.owned().rows().len(), journal.owned().version());
        tracing::info!(rows, %version, "recovered from {}", folder.display());
    }
    Ok(journal)
}

/// A number that no other start has: the keys of a hasher are drawn by the operating system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_read() {
        assert_eq!(time_of_day("17:30"), Ok(Duration::from_mins(17 * 60 + 30)));
        for text in ["", "24:00", "12:60", "1:00", "12", "12:0x"] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_two_starts_have_one_number() {
        assert_ne!(random(), random());
    }
}
