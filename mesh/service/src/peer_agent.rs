//! Peer agent: a replica with its door and links, its journal, its trades, and its view on show.

use std::sync::mpsc::Sender;
use std::time::Duration;

use allot_mesh_rules::{
    Address, Digest, Effect, Event, Lineage, LinkId, Notice, Now, Origin, RecordNumber, Refusal,
    Replica, Row, Settings, Steady, StrategyName, Symbol, Trade, Unix,
};
use allot_runtime::{
    Agent, Context, CurveKeys, Nanos, PollSet, RuntimeError, StopRequest, WallClock,
};

use crate::counters::{ServiceCounters, named};
use crate::limits::{
    IN_FLIGHT_MAX, PAGES_PER_TURN, ROOM_AGAIN, STATUS_PAGE_MEMBERS, TRADES_PER_TURN, VIEW_PAGE_ROWS,
};
use crate::notice_pace::NoticePace;
use crate::peer_links::{Arrival, Client, PeerLinks};
use crate::{
    Frame, HistoryTimes, MemberChange, OwnerJournal, PeerStatus, SnapshotKind, SnapshotQueue,
    SourceItem, TradeSource, ViewBoard, ViewPage, ViewRow, ViewSnapshot, count, notice_text,
    step_down_text,
};

/// A peer as a thread runs it.
pub struct PeerAgent {
    name: StrategyName,
    replica: Replica,
    links: PeerLinks,
    journal: OwnerJournal,
    /// What the replica was told is durable.
    durable: RecordNumber,
    recorded: RecordNumber,
    source: Box<dyn TradeSource>,
    /// Trades that the replica had no room for, the oldest first.
    again: Vec<Trade>,
    board: Option<ViewBoard>,
    history: Option<SnapshotTimer>,
    wall: WallClock,
    started: Unix,
    counters: ServiceCounters,
    notices: NoticePace,
    /// How many refused trades are named.
    refusals: NoticePace,
    /// Whom it was told to connect to.
    connect: Vec<Address>,
    has_started: bool,
    /// When the view is shown as it is, if what was there at the start has not come.
    shown_at: Nanos,
    /// How long that may take.
    join_wait: Duration,
    disk_is_full: bool,
    stop: StopRequest,
    stopped: Option<Sender<()>>,
    failure: Option<String>,
    effects: Vec<Effect>,
    arrivals: Vec<Arrival>,
    /// When to ask the door again whether it has room.
    ask_again_at: Nanos,
    history_wake_at: Nanos,
}

/// When snapshots are taken, and where they go.
struct SnapshotTimer {
    queue: SnapshotQueue,
    times: HistoryTimes,
    /// The digest of the last one.
    stored: Option<Digest>,
}

/// What a peer starts from.
pub struct PeerStart {
    /// What the replica is told.
    pub settings: Settings,
    /// The journal of its own trades.
    pub journal: OwnerJournal,
    /// Rows of others, of the newest snapshot.
    pub others: Vec<ViewRow>,
    /// How far they go, by owner.
    pub lineages: Vec<(StrategyName, Lineage)>,
    /// Where its trades come from.
    pub source: Box<dyn TradeSource>,
    /// Who is shown what changes.
    pub board: Option<ViewBoard>,
    /// Where snapshots go.
    pub history: Option<(SnapshotQueue, HistoryTimes)>,
    /// A wish to stop, and who is told that it has stopped.
    pub stop: (StopRequest, Sender<()>),
    /// The wall clock.
    pub wall: WallClock,
}

/// A door that is open, before its peer is there: only now the address is known.
pub struct PeerDoor(PeerLinks);

impl PeerDoor {
    /// Opens the door of a peer. With keys it encrypts, and so do the links of the peer: all peers
    /// of a mesh share one pair.
    ///
    /// # Errors
    /// When the endpoint is taken or malformed.
    pub fn bind(
        context: &Context,
        listen: &str,
        keys: Option<CurveKeys>,
    ) -> Result<Self, RuntimeError> {
        Ok(Self(PeerLinks::bind(context, listen, keys)?))
    }

    /// The endpoint, with the real port.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint()
    }
}

impl PeerAgent {
    /// A peer behind its door.
    #[must_use]
    pub fn new(door: PeerDoor, start: PeerStart) -> Self {
        let PeerStart { settings, journal, others, lineages, .. } = start;
        let PeerStart { source, board, history, stop, wall, .. } = start;
        let (name, connect) = (settings.name, settings.connect.clone());
        let join_wait = settings.join_wait;
        let others = others.into_iter().filter(|one| one.owner != name);
        let others = others.map(|ViewRow { owner, row }| (owner, row));
        let (stop, stopped) = stop;
        let started = Unix::new(wall.now().as_unix());
        Self {
            name,
            replica: Replica::new(settings, journal.owned().clone(), others, lineages),
            links: door.0,
            journal,
            durable: RecordNumber::ZERO,
            recorded: RecordNumber::ZERO,
            source,
            again: Vec::new(),
            board,
            history: history.map(|(queue, times)| SnapshotTimer { queue, times, stored: None }),
            wall,
            started,
            counters: ServiceCounters::default(),
            notices: NoticePace::new(),
            refusals: NoticePace::new(),
            connect,
            has_started: false,
            shown_at: Nanos::MAX,
            join_wait,
            disk_is_full: false,
            stop,
            stopped: Some(stopped),
            failure: None,
            effects: Vec::new(),
            arrivals: Vec::new(),
            ask_again_at: Nanos::MAX,
            history_wake_at: Nanos::MAX,
        }
    }

    fn now(&self, steady: Nanos) -> Now {
        let unix = Unix::new(self.wall.now().as_unix());
        Now { unix, steady: Steady::new(steady.as_unix()) }
    }

    fn apply(&mut self, now: Now, event: Event) {
        let mut effects = std::mem::take(&mut self.effects);
        self.replica.apply(now, event, &mut effects);
        for effect in effects.drain(..) {
            self.act_on(now, effect);
        }
        self.effects = effects;
    }

    fn act_on(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Record(number, record) => {
                self.journal.append(now, number, &record);
                self.recorded = number;
            }
            Effect::Send(link, message) => self.links.send(link, &message, &mut self.counters),
            Effect::Connect(address) => {
                if let Err(error) = self.links.connect(&address) {
                    tracing::error!(%address, %error, "cannot connect");
                }
            }
            Effect::Close(link) => self.links.close(link),
            Effect::Forget(address) => self.links.forget(&address),
            Effect::Started(incarnation) => {
                self.has_started = true;
                self.shown_at = Nanos::from_unix(now.steady.get()) + self.join_wait;
                self.board.iter().for_each(|board| board.start(incarnation));
            }
            Effect::Changed(owner, row) => {
                self.board.iter().for_each(|board| board.change(owner, row));
            }
            Effect::Notice(notice) => self.note(now, notice),
            Effect::Refused(trade, refusal) => self.refuse(now, trade, refusal),
            Effect::StepDown(reason) => {
                self.failure = Some(step_down_text(self.name, &reason, self.journal.is_kept()));
            }
        }
    }

    /// Shows the rows that it has before anybody tells it any.
    fn show_history(&self) {
        let Some(board) = &self.board else { return };
        for (owner, row) in self.replica.rows() {
            board.show(*owner, *row);
        }
    }

    /// Says once that what was there at the start has come, or that it was waited for.
    fn look_for_snapshot(&mut self, steady: Nanos) {
        let is_open = self.has_started && self.shown_at != Nanos::MAX;
        if is_open && (self.shown_at <= steady || self.replica.has_caught_up()) {
            self.shown_at = Nanos::MAX;
            self.board.iter().for_each(ViewBoard::complete);
        }
    }

    fn note(&mut self, now: Now, notice: Notice) {
        let passed_over = self.notices.take(Nanos::from_unix(now.steady.get()));
        if let Some(count @ 1..) = passed_over {
            tracing::warn!(count, "notices were not logged: there were too many");
        }
        if passed_over.is_some() {
            notice_text::log(&notice, &self.connect);
        }
        let Some(board) = &self.board else { return };
        match notice {
            Notice::Joined(name, address, incarnation) => {
                board.change_member(name, MemberChange::Joined(address, incarnation));
            }
            Notice::Away(name, since) => board.change_member(name, MemberChange::Away(since)),
            Notice::Back(name) => board.change_member(name, MemberChange::Back),
            Notice::Forgotten(name) => board.change_member(name, MemberChange::Forgotten),
            _ => {}
        }
    }

    /// A trade was not taken: it is tried again later, or named. A file whose lines cannot all be
    /// taken ends the peer; what somebody types, and the fills of a feed, do not.
    fn refuse(&mut self, now: Now, trade: Trade, refusal: Refusal) {
        let Trade { symbol, quantity, origin, .. } = trade;
        match (refusal, origin) {
            (Refusal::Busy | Refusal::NotStarted, _) => self.again.push(trade),
            (_, Origin::Line { number, .. }) => {
                self.counters.trades_refused += 1;
                self.failure =
                    Some(format!("line {number}, {symbol} {quantity}, was refused: {refusal}"));
            }
            _ => {
                self.counters.trades_refused += 1;
                if let Some(passed_over) = self.refusals.take(Nanos::from_unix(now.steady.get())) {
                    let number = self.counters.trades;
                    tracing::error!(
                        %symbol, %quantity, code = refusal.code(), passed_over,
                        "trade {number} was refused: {refusal}"
                    );
                }
            }
        }
    }

    fn take_frames(&mut self, now: Now) -> usize {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let taken = self.links.take(&mut self.counters, &mut arrivals);
        let mut pages = 0;
        for arrival in arrivals.drain(..) {
            match arrival {
                Arrival::Up(link, address) => self.apply(now, Event::LinkUp(link, address)),
                Arrival::Down(link) => self.apply(now, Event::LinkDown(link)),
                Arrival::Message(link, message) => self.apply(now, Event::Received(link, message)),
                // Who asks too often is not replied to, and asks again.
                Arrival::Client(..) if PAGES_PER_TURN <= pages => {}
                Arrival::Client(client, frame) => {
                    pages += 1;
                    self.reply(now, &client, &frame);
                }
            }
        }
        self.arrivals = arrivals;
        taken
    }

    fn reply(&mut self, now: Now, client: &Client, frame: &Frame) {
        let reply = match frame {
            Frame::AskStatus(number, after) => {
                Frame::Status(*number, Box::new(self.status(now, *after)))
            }
            Frame::AskView(number, after) => Frame::View(*number, self.view(*after)),
            Frame::Peer(_) | Frame::Status(..) | Frame::View(..) => return,
        };
        self.links.reply(client, &reply);
    }

    fn status(&self, now: Now, after: Option<StrategyName>) -> PeerStatus {
        let status = self.replica.status(now);
        let output = self.board.as_ref().map_or(0, ViewBoard::conflated);
        let source = self.source.counters();
        let rest = status.members.into_iter().filter(|one| after.is_none_or(|it| it < one.name));
        let mut members: Vec<_> = rest.take(STATUS_PAGE_MEMBERS + 1).collect();
        let more = STATUS_PAGE_MEMBERS < members.len();
        members.truncate(STATUS_PAGE_MEMBERS);
        PeerStatus {
            name: status.name,
            address: status.address,
            instance: status.instance,
            phase: status.phase,
            started: self.started,
            time: now.unix,
            through: status.through,
            has_journal: self.journal.is_kept(),
            own_rows: count(status.own_rows),
            rows: count(status.rows),
            digest: status.digest,
            namesake: status.namesake,
            counters: named(
                &status.counters,
                &self.counters,
                self.links.counted(),
                output,
                &source,
            ),
            members,
            more,
        }
    }

    fn view(&self, after: Option<(StrategyName, Symbol)>) -> ViewPage {
        let of = |(owner, row): (&StrategyName, &Row)| ViewRow { owner: *owner, row: *row };
        let most = VIEW_PAGE_ROWS + 1;
        let mut rows: Vec<_> = match after {
            Some((owner, symbol)) => {
                self.replica.rows_after(owner, symbol).take(most).map(of).collect()
            }
            None => self.replica.rows().take(most).map(of).collect(),
        };
        let more = VIEW_PAGE_ROWS < rows.len();
        rows.truncate(VIEW_PAGE_ROWS);
        ViewPage { digest: self.replica.digest(), rows, more }
    }

    /// Takes trades, if there is room for them.
    fn take_trades(&mut self, now: Now) -> usize {
        let mut taken = 0;
        for trade in std::mem::take(&mut self.again) {
            self.apply(now, Event::Trade(trade));
        }
        while taken < TRADES_PER_TURN && self.takes_trades() {
            match self.source.next() {
                Some(SourceItem::Trade(trade)) => {
                    self.counters.trades += 1;
                    self.apply(now, Event::Trade(trade));
                }
                Some(SourceItem::PassedOver) => return taken + 1,
                Some(SourceItem::Failed(reason)) => self.failure = Some(reason),
                None => break,
            }
            taken += 1;
        }
        taken
    }

    fn takes_trades(&self) -> bool {
        let in_flight = self.recorded.get() - self.durable.get();
        self.has_started
            && self.failure.is_none()
            && self.again.is_empty()
            && !self.stop.is_made()
            && in_flight < IN_FLIGHT_MAX
            && self.journal.has_room()
    }

    /// Hands over what was written down, and tells the replica what has become durable.
    fn turn_journal(&mut self, now: Now) -> usize {
        let mut done = match self.journal.turn() {
            Ok(done) => done,
            Err(error) => {
                self.failure = Some(format!("the journal has failed: {error}"));
                return 0;
            }
        };
        // Without a journal a record is as durable as it will be, and another may follow at once.
        while self.durable < self.journal.durable() {
            self.durable = self.journal.durable();
            self.apply(now, Event::Durable(self.durable));
            done += 1;
        }
        done
    }

    /// Names the disk while it is full.
    fn look_at_the_disk(&mut self) {
        let is_full = self.journal.is_full();
        if std::mem::replace(&mut self.disk_is_full, is_full) == is_full {
            return;
        }
        if is_full {
            tracing::error!(
                "the disk has no room for another segment of the journal: no trade is taken until \
                 there is; free space on it"
            );
        } else {
            tracing::info!("the disk has room again: trades are taken");
        }
    }

    /// Takes a snapshot if one is due. One of a view that has not changed is not stored again,
    /// unless the day is over.
    fn take_snapshot(&mut self, steady: Nanos, now: Now) {
        // Before it has joined, its view is not the one of the day.
        let is_open = self.has_started && self.shown_at == Nanos::MAX;
        let Some(timer) = self.history.as_mut().filter(|_| is_open) else { return };
        let due = timer.times.due(steady, now.unix);
        self.history_wake_at = timer.times.wake_at(steady, now.unix);
        if timer.queue.take_failure() {
            timer.stored = None;
        }
        if let Some(kind) = due {
            self.store_view(now, kind);
        }
    }

    /// Has the view stored, if it has changed.
    fn store_view(&mut self, now: Now, kind: SnapshotKind) {
        let Some(timer) = &mut self.history else { return };
        let digest = self.replica.digest();
        if kind == SnapshotKind::Periodic && timer.stored == Some(digest) {
            return;
        }
        if timer.queue.is_full() {
            self.counters.snapshots_skipped += 1;
            tracing::error!("a snapshot was not taken: the one before is not stored yet");
            return;
        }
        timer.stored = Some(digest);
        let rows = self.replica.rows().map(|(owner, row)| ViewRow { owner: *owner, row: *row });
        let (rows, lineages) = (rows.collect(), self.replica.lineages().collect());
        timer.queue.put(ViewSnapshot { taken_at: now.unix, kind, rows, lineages, digest });
    }

    /// Says that it has stopped, once everything that it took is durable.
    fn stop_cleanly(&mut self, now: Now) {
        let is_settled = self.journal.durable() == self.recorded;
        if self.stop.is_made()
            && is_settled
            && let Some(stopped) = self.stopped.take()
        {
            // What was shown of others comes back, whoever is away then.
            self.store_view(now, SnapshotKind::Periodic);
            // Nobody waits for it any more if this fails.
            let _ = stopped.send(());
        }
    }
}

impl Agent for PeerAgent {
    fn role(&self) -> &str {
        self.name.as_str()
    }

    fn start(&mut self, steady: Nanos) {
        let now = self.now(steady);
        if let Some(timer) = &mut self.history {
            timer.times.start(steady, now.unix);
        }
        self.take_snapshot(steady, now);
        self.show_history();
        self.apply(now, Event::Tick);
    }

    fn do_work(&mut self, steady: Nanos) -> usize {
        let now = self.now(steady);
        self.links.tick(steady);
        let mut done = self.take_frames(now) + self.take_trades(now);
        if self.replica.wake_at() <= now.steady {
            done += 1;
            self.apply(now, Event::Tick);
        }
        done += self.turn_journal(now);
        self.look_at_the_disk();
        let mut have_room: Vec<LinkId> = Vec::new();
        self.links.flush(&mut have_room);
        for link in have_room {
            done += 1;
            self.apply(now, Event::Room(link));
        }
        self.ask_again_at =
            if self.links.must_ask_again() { steady + ROOM_AGAIN } else { Nanos::MAX };
        self.look_for_snapshot(steady);
        self.take_snapshot(steady, now);
        self.stop_cleanly(now);
        self.links.end_turn();
        done
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn wake_at(&self) -> Nanos {
        let replica = Nanos::from_unix(self.replica.wake_at().get());
        let agent = self.ask_again_at.min(self.history_wake_at).min(self.shown_at);
        replica.min(agent).min(self.links.wake_at())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.links.wait_on(poll_set);
        // A source that may not be taken from would end every sleep.
        if self.takes_trades() {
            self.source.wait_on(poll_set);
        }
    }
}
