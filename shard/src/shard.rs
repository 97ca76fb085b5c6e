//! The shard's duty cycle: take a frame of inputs, journal and apply each, send the replies.

use allot_domain::{LogIndex, Marker, Outcomes, Step};
use allot_journal::Journal;
use allot_runtime::{Agent, Counter, Counters, JournalNow, Nanos, PollSet, Stage, Stages};
use allot_wire::Encoding;
use allot_wire::backplane::{
    self, FrameKind, GREET_EVERY, Hello, InputFrame, InputKind, PartHead, ReplyTo, Welcome, inputs,
};

use crate::commit::Commit;
use crate::failure::ShardFailure;
use crate::inline_commit::InlineCommit;
use crate::limits::FRAMES_PER_TURN;
use crate::replies::{Asked, Replies};
use crate::sequence::{Agreement, InputSequence, Turn};
use crate::state::reach;
use crate::{Entry, InputOf, OutcomesOf, Reach, Service, ShardConfig, ShardLinks, State};

/// How a frame of inputs was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    /// All of it is applied.
    Done,
    /// There is no room for more replies: it goes on later.
    Blocked,
    /// It is damaged, or not what comes next.
    NotUnderstood,
}

/// One shard, as an agent.
pub struct Shard<S: Service> {
    config: ShardConfig,
    role: String,
    state: State<S>,
    journal: Journal,
    sequence: InputSequence,
    replies: Replies,
    commit: Commit,
    outcomes: OutcomesOf<S>,
    /// The encodings of the late replies among them, in order.
    late: Vec<Encoding>,
    /// How far the input is that was applied last, and who asked for it.
    step: Step,
    /// The marker that is applied, until its part is handed out.
    cut: Option<Marker>,
    asked: Asked,
    frame: Vec<u8>,
    /// How many inputs of the frame are applied; none where it is done.
    done: Option<usize>,
    spare: Vec<u8>,
    was_full: bool,
    greet_at: Nanos,
    inline: InlineCommit,
    failure: Option<ShardFailure>,
    failure_text: String,
    counters: Counters,
    stages: Stages,
}

impl<S: Service> Shard<S> {
    /// A shard that goes on from a state with its journal, and its ends of the links.
    #[must_use]
    pub fn new(
        config: ShardConfig,
        state: State<S>,
        journal: Journal,
        links: ShardLinks,
        counters: Counters,
    ) -> Self {
        let applied = journal.appended();
        if journal.is_kept() {
            counters.levels().open_journal();
        }
        Self {
            role: format!("shard-{}", config.shard),
            state,
            sequence: InputSequence::after(applied),
            replies: Replies::new(config, counters.clone()),
            commit: Commit::new(links, applied, counters.clone()),
            journal,
            outcomes: OutcomesOf::<S>::default(),
            late: Vec::new(),
            step: Step::Done,
            cut: None,
            asked: Asked { reply_to: ReplyTo::NOBODY, reach: Reach::Feedback },
            frame: Vec::new(),
            done: None,
            spare: Vec::new(),
            was_full: false,
            greet_at: Nanos::ZERO,
            inline: InlineCommit::default(),
            failure: None,
            failure_text: String::new(),
            counters,
            stages: Stages::off(),
            config,
        }
    }

    /// The same shard, with its stages timed into this set.
    #[must_use]
    pub fn timed(mut self, stages: &Stages) -> Self {
        self.stages = stages.clone();
        self.commit.time(stages);
        self
    }

    /// What it knows.
    #[must_use]
    pub const fn state(&self) -> &State<S> {
        &self.state
    }

    /// Its log.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Why it has stopped, if it has.
    #[must_use]
    pub const fn failed(&self) -> Option<&ShardFailure> {
        self.failure.as_ref()
    }

    fn fail(&mut self, failure: ShardFailure) {
        self.failure_text = failure.to_string();
        self.failure = Some(failure);
    }

    fn on_frame(&mut self) {
        assert!(self.done.is_none(), "a frame is done before the next is taken");
        let frame = std::mem::take(&mut self.frame);
        let understood = match backplane::kind(&frame) {
            Some(FrameKind::Inputs) => {
                self.stages.arrive(Stage::Queue, Nanos::from_unix(inputs::queued_ns(&frame)));
                self.replies.begin(self.commit.spare());
                self.done = Some(0);
                self.frame = frame;
                return self.resume_frame();
            }
            Some(FrameKind::Welcome) => {
                backplane::decode_welcome(&frame).map(|welcome| self.on_welcome(&welcome)).is_ok()
            }
            _ => false,
        };
        self.frame = frame;
        self.count_understood(understood);
    }

    fn count_understood(&self, understood: bool) {
        if !understood {
            self.counters.add(Counter::FramesDropped, 1);
        }
    }

    fn on_welcome(&mut self, welcome: &Welcome) {
        if welcome.shards != self.config.shards {
            tracing::error!(
                shard = self.config.shard.get(),
                own = self.config.shards,
                router = welcome.shards,
                "the router was told of another number of shards: start all boxes with the same"
            );
            return;
        }
        if welcome.shard_incarnation != self.config.incarnation {
            return;
        }
        match self.sequence.welcome(welcome.router_incarnation, welcome.base) {
            Agreement::Known => return,
            Agreement::Agreed | Agreement::Behind => {}
            Agreement::Lost(missing) if self.journal.is_kept() => {
                let applied = self.sequence.applied();
                return self.fail(ShardFailure::Behind { applied, missing });
            }
            Agreement::Lost(missing) => self.lose(missing),
        }
        // The router sends nothing before it has heard what was agreed.
        self.greet_at = Nanos::ZERO;
    }

    /// Goes on without what an earlier incarnation knew: there is no journal.
    fn lose(&mut self, missing: u64) {
        assert!(self.done.is_none(), "a shard agrees between two frames of inputs");
        self.sequence.give_up(missing);
        self.journal.start_at(self.sequence.applied().next());
        self.commit.skip_to(self.sequence.applied());
        tracing::error!(
            shard = self.config.shard.get(),
            lost_inputs = self.sequence.lost(),
            "this shard starts without the state of its earlier incarnation: its state lacks \
             everything before now; restart the whole server to start over"
        );
    }

    /// Applies what is left of the frame of inputs, as far as there is room for replies.
    fn resume_frame(&mut self) {
        let Some(done) = self.done else {
            return;
        };
        let frame = std::mem::take(&mut self.frame);
        let before = self.sequence.applied();
        let left = self.apply_rest(&frame, done);
        let applied = self.sequence.applied().get() - before.get();
        self.counters.add(Counter::InputsApplied, applied);
        self.frame = frame;
        if left == Left::Blocked {
            return;
        }
        assert!(self.step == Step::Done, "no input is left half done");
        assert!(self.journal.appended() == self.sequence.applied(), "what is applied is journaled");
        self.done = None;
        self.end_events();
        let through = self.sequence.applied();
        self.commit.reply(through, self.replies.end_replies(through), &self.journal);
        self.counters.add(Counter::Batches, 1);
        self.count_understood(left == Left::Done);
    }

    fn apply_rest(&mut self, frame: &[u8], mut done: usize) -> Left {
        let Ok(batch) = inputs::read(frame) else {
            return Left::NotUnderstood;
        };
        if batch.router != self.sequence.router() {
            return Left::NotUnderstood;
        }
        let (mut index, mut batch) = (batch.first, batch);
        for _ in 0..done {
            batch.next();
            index = index.next();
        }
        loop {
            if !self.make_room() {
                self.done = Some(done);
                return Left::Blocked;
            }
            let input = match batch.next() {
                None => return Left::Done,
                Some(Ok(input)) => input,
                Some(Err(_)) => return Left::NotUnderstood,
            };
            let Some(reach) = reach::<S>(input.kind) else {
                return Left::NotUnderstood;
            };
            match self.sequence.take(index) {
                Turn::Apply => self.apply(&input, reach),
                Turn::Skip => {}
                Turn::Gap => return Left::NotUnderstood,
            }
            (index, done) = (index.next(), done + 1);
        }
    }

    /// Finishes the input applied last, and closes the replies when they have grown large; false
    /// where they have to leave first.
    fn make_room(&mut self) -> bool {
        loop {
            let is_done = self.step == Step::Done;
            if is_done {
                self.end_cut();
            }
            if is_done && !self.replies.is_full() {
                return true;
            }
            if self.replies.is_full() {
                self.close_replies(is_done);
            }
            if self.commit.is_blocked() {
                return false;
            }
            if !is_done {
                self.outcomes.clear();
                self.late.clear();
                let encoding = self.asked.reply_to.encoding;
                self.step = self.state.resume(encoding, &mut self.outcomes, &mut self.late);
                self.replies.add(self.asked, &self.state, &self.outcomes, &self.late);
                if self.replies.are_events_full() {
                    self.end_events();
                }
            }
        }
    }

    /// Closes the replies so far and begins another frame of them; an input that is pending is not
    /// replied to yet.
    fn close_replies(&mut self, is_done: bool) {
        let applied = self.sequence.applied().get();
        let through = LogIndex::new(applied - u64::from(!is_done));
        self.commit.reply(through, self.replies.end_replies(through), &self.journal);
        self.replies.begin_replies(self.commit.spare());
        self.journal.submit();
    }

    /// Journals an input and applies it; what is refused takes its place in the journal too.
    fn apply(&mut self, input: &InputFrame<'_>, reach: Reach) {
        let InputFrame { reply_to, kind, time_ns, body } = *input;
        assert!(self.step == Step::Done, "an input is done before the next");
        self.asked = Asked { reply_to, reach };
        let index = self.journal.append(kind.get(), reply_to.encoding.into(), time_ns, body);
        assert!(index == self.sequence.applied(), "the journal counts inputs as the router does");
        if kind == InputKind::MARKER {
            return self.apply_marker(reply_to, time_ns, body);
        }
        // Looked at where it lies: to move an input that was just built stalls the processor.
        let input = self.state.read(Entry { kind, encoding: reply_to.encoding, time_ns, body });
        match &input {
            Ok(input) => self.apply_input(input, reach),
            Err(rejection) => self.replies.refuse(self.asked, rejection),
        }
    }

    fn apply_input(&mut self, input: &InputOf<S>, reach: Reach) {
        self.outcomes.clear();
        self.late.clear();
        let encoding = self.asked.reply_to.encoding;
        let is_timed = reach == Reach::Key;
        let began = if is_timed { self.stages.begin(Stage::Apply) } else { Nanos::ZERO };
        self.step = self.state.apply(input, encoding, &mut self.outcomes, &mut self.late);
        if !is_timed {
            return self.replies.add(self.asked, &self.state, &self.outcomes, &self.late);
        }
        self.stages.end(Stage::Apply, began);
        let began = self.stages.begin(Stage::Encode);
        self.replies.add(self.asked, &self.state, &self.outcomes, &self.late);
        if self.replies.are_events_full() {
            self.end_events();
        }
        self.stages.end(Stage::Encode, began);
    }

    /// Applies a marker, and hands the publisher this shard's part of the cut.
    fn apply_marker(&mut self, reply_to: ReplyTo, time_ns: u64, body: &[u8]) {
        let encoding = reply_to.encoding;
        let entry = Entry { kind: InputKind::MARKER, encoding, time_ns, body };
        match self.state.read(entry) {
            Ok(input) => self.apply_input(&input, Reach::Feedback),
            Err(rejection) => return self.replies.refuse(self.asked, &rejection),
        }
        let marker = backplane::decode_marker(body).expect("it was read just now");
        self.cut = Some(marker);
        if self.step == Step::Done {
            self.end_cut();
        }
    }

    /// Hands out the part of the cut whose marker is done with, if there is one.
    fn end_cut(&mut self) {
        let Some(marker) = self.cut.take() else {
            return;
        };
        assert!(self.step == Step::Done, "a part is of the state after all that the marker brings");
        self.end_events();
        let head = PartHead {
            shard: self.config.shard,
            shards: self.config.shards,
            incarnation: self.config.incarnation,
            ledger: self.config.ledger,
            lost_inputs: self.sequence.lost(),
            keyed: self.state.keyed(),
            to_all: self.state.to_all(),
            marker,
        };
        let mut frame = self.commit.spare();
        let machine = self.state.machine();
        backplane::encode_part(&head, &mut frame, |out| S::write_part(machine, &marker, out));
        self.commit.publish(frame, &self.journal);
        self.counters.add(Counter::Parts, 1);
    }

    /// Puts the events so far on their way; they go before the part that contains them.
    fn end_events(&mut self) {
        if self.replies.has_events() {
            let frame = self.replies.end_events(self.commit.spare());
            self.commit.publish(frame, &self.journal);
        }
        assert!(!self.replies.has_events(), "no event is left behind");
    }

    fn greet(&mut self, now: Nanos) {
        self.greet_at = now + GREET_EVERY;
        let is_full = self.journal.is_full();
        self.counters.add(Counter::DiskFull, u64::from(is_full && !self.was_full));
        self.was_full = is_full;
        let hello = Hello {
            shard: self.config.shard,
            shards: self.config.shards,
            incarnation: self.config.incarnation,
            ledger: self.config.ledger,
            router: self.sequence.router(),
            applied: self.sequence.applied(),
            replied: self.commit.replied(),
            durable: self.journal.durable(),
            marker: self.state.marker(),
            full: self.was_full,
        };
        assert!(hello.replied <= hello.applied, "only what is applied is replied to");
        assert!(hello.durable <= hello.applied, "only what is applied is durable");
        assert!(self.may_reply_to(hello.replied), "only what is durable is replied to");
        backplane::encode_hello(&hello, &mut self.spare);
        self.commit.greet(&mut self.spare);
    }

    /// Whether a reply to this input, and so to all before it, may have left.
    fn may_reply_to(&self, index: LogIndex) -> bool {
        !self.journal.waits() || index <= self.journal.durable()
    }

    /// Takes what the journal reports; returns how much that was.
    fn poll_journal(&mut self) -> usize {
        let durable = self.journal.durable();
        match self.journal.poll() {
            Ok(work_count) => {
                assert!(durable <= self.journal.durable(), "what is durable stays so");
                assert!(self.journal.durable() <= self.journal.appended(), "and was appended");
                work_count
            }
            Err(error) => {
                self.fail(error.into());
                0
            }
        }
    }

    /// Says how far the journal is, to whoever looks at its metrics.
    fn tell_levels(&self) {
        let appended = self.journal.appended().get();
        let durable = self.journal.durable().get();
        self.counters.levels().set_journal(JournalNow { appended, durable });
    }

    /// Takes a snapshot of the state between two inputs, when it is time for one.
    fn take_snapshot(&mut self) {
        if self.done.is_none() && self.journal.snapshot_is_due() {
            assert!(
                self.journal.appended() == self.sequence.applied(),
                "a snapshot is the state after the last record"
            );
            let state = &self.state;
            self.journal.store_snapshot(|snapshot| state.save(snapshot));
        }
    }

    /// Takes what the publisher says: whether anybody subscribes to events.
    fn take_interest(&mut self) -> usize {
        let mut count = 0;
        while self.commit.receive_from_publisher(&mut self.spare) {
            count += 1;
            match backplane::decode_interest(&self.spare) {
                Ok(interest) => self.replies.has_listeners = interest.events,
                Err(_) => self.count_understood(false),
            }
        }
        count
    }

    /// Takes frames of inputs, and hands what they bring to the journal; the last one's is left for
    /// the end of the turn.
    fn take_frames(&mut self) -> usize {
        let mut work_count = 0;
        for _ in 0..FRAMES_PER_TURN {
            let has_room = self.journal.has_room() && !self.commit.is_blocked();
            if self.failure.is_some() || !has_room {
                break;
            }
            if self.done.is_some() {
                self.resume_frame();
            } else if self.commit.receive(&mut self.frame) {
                self.journal.submit();
                self.on_frame();
            } else {
                break;
            }
            work_count += 1 + self.commit.send(&self.journal);
        }
        work_count
    }
}

impl<S: Service> Shard<S> {
    /// Hands the journal what the turn has appended. A single input is synced at once, and replied
    /// to in this turn.
    fn end_turn(&mut self, now: Nanos, inputs: u64) -> usize {
        if self.done.is_some() || !self.journal.waits() || !self.inline.is_due(now, inputs) {
            self.journal.submit();
            return 0;
        }
        self.journal.commit();
        let polled = self.poll_journal();
        polled + self.commit.send(&self.journal)
    }
}

impl<S: Service> Agent for Shard<S> {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.inline.begin(now);
        self.commit.tick(now);
        let mut work_count = self.poll_journal();
        if self.failure.is_some() {
            return 0;
        }
        work_count += self.commit.send(&self.journal);
        work_count += self.take_interest();
        let applied = self.sequence.applied();
        work_count += self.take_frames();
        work_count += self.end_turn(now, self.sequence.applied().get() - applied.get());
        self.take_snapshot();
        self.tell_levels();
        if self.greet_at <= now || self.was_full != self.journal.is_full() {
            self.greet(now);
        }
        self.commit.flush();
        work_count
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|_| self.failure_text.as_str())
    }

    fn wake_at(&self) -> Nanos {
        self.greet_at.min(self.commit.wake_at())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.commit.wait_on(poll_set);
    }

    /// The committer writes what was submitted.
    fn waits_for_thread(&self) -> bool {
        self.journal.durable() < self.journal.appended()
    }
}
