//! The shard's duty cycle: take a frame of inputs, journal and apply each, send the answers.

use crate::inbox::{Agreement, Inbox, Turn};
use crate::outbox::{Asker, Outbox};
use crate::{Entry, ShardConfig, State};
use allot_domain::{Input, Marker, Outcomes, Step};
use allot_journal::Journal;
use allot_runtime::{Agent, Counter, Counters, Link, Nanos, PollSet, Stage, Stages};
use allot_wire::backplane::{
    self, FrameKind, Hello, InputFrame, InputKind, PartFrame, Welcome, inputs,
};
use allot_wire::{Encoding, Rejection, encode_rejection};
use std::time::Duration;

/// How many frames of inputs are taken in one turn; other agents may share the thread.
const FRAMES_PER_TURN: usize = 16;

/// How often a shard tells the router and the publisher that it is there.
const GREET_EVERY: Duration = Duration::from_secs(1);

/// How a frame of inputs was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Left {
    /// All of it is applied.
    Done,
    /// The outbox has no room for more answers: it goes on later.
    Halfway,
    /// It is damaged, or not what comes next.
    NotUnderstood,
}

/// One shard, as an agent.
pub struct Shard {
    config: ShardConfig,
    role: String,
    state: State,
    journal: Journal,
    inbox: Inbox,
    outbox: Outbox,
    outcomes: Outcomes,
    /// The encodings of the late answers among them, in order.
    late: Vec<Encoding>,
    /// How far the input is that was applied last, and who asked for it.
    progress: Step,
    asker: Asker,
    frame: Vec<u8>,
    /// How many inputs of the frame are applied; none where it is done.
    halfway: Option<usize>,
    spare: Vec<u8>,
    /// Whether anybody follows the fills.
    stream: bool,
    was_full: bool,
    greet_at: Nanos,
    failure: Option<String>,
    counters: Counters,
    stages: Stages,
}

impl Shard {
    /// A shard that goes on from a state with its journal, and its ends of the links to the router
    /// and the publisher.
    #[must_use]
    pub fn new(
        config: ShardConfig,
        state: State,
        journal: Journal,
        (router, publisher): (Link, Link),
        counters: Counters,
    ) -> Self {
        Self {
            role: format!("shard-{}", config.shard),
            state,
            inbox: Inbox::after(journal.appended()),
            outbox: Outbox::new(router, publisher, counters.clone()),
            journal,
            outcomes: Outcomes::default(),
            late: Vec::new(),
            progress: Step::Done,
            asker: Asker { client: 0, of_all: false, encoding: Encoding::Binary },
            frame: Vec::new(),
            halfway: None,
            spare: Vec::new(),
            stream: false,
            was_full: false,
            greet_at: Nanos::ZERO,
            failure: None,
            counters,
            stages: Stages::off(),
            config,
        }
    }

    /// The same shard, with its stages timed into this set.
    #[must_use]
    pub fn timed(mut self, stages: &Stages) -> Self {
        self.stages = stages.clone();
        self.outbox.time(stages);
        self
    }

    /// What it knows.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Its log.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    fn take_frame(&mut self) {
        let frame = std::mem::take(&mut self.frame);
        let understood = match backplane::kind(&frame) {
            Some(FrameKind::Inputs) => {
                self.stages.arrive(Stage::Queue, Nanos::from_unix(inputs::queued_ns(&frame)));
                self.outbox.begin(self.config.shard, self.config.incarnation);
                self.halfway = Some(0);
                self.frame = frame;
                return self.go_on_with_frame();
            }
            Some(FrameKind::Welcome) => {
                backplane::decode_welcome(&frame).map(|welcome| self.welcome(&welcome)).is_ok()
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

    fn welcome(&mut self, welcome: &Welcome) {
        if welcome.shards != self.config.shards {
            tracing::error!(
                shard = self.config.shard,
                own = self.config.shards,
                router = welcome.shards,
                "the router was told of another number of shards: start all boxes with the same"
            );
            return;
        }
        if welcome.life != self.config.incarnation {
            return;
        }
        match self.inbox.welcome(welcome.incarnation, welcome.base) {
            Agreement::Known => return,
            Agreement::Agreed | Agreement::Behind => {}
            Agreement::Lost(missing) if self.journal.is_kept() => {
                let applied = self.inbox.applied();
                self.failure = Some(format!(
                    "its journal ends with input {applied}, but {missing} more were answered as \
                     durable: the directory was exchanged or restored from an older copy; restore \
                     the newest one, or stop the router too and start over from this one"
                ));
                return;
            }
            Agreement::Lost(missing) => self.lose(missing),
        }
        // The router sends nothing before it has heard what was agreed.
        self.greet_at = Nanos::ZERO;
    }

    /// Goes on without what an earlier life knew: there is no journal.
    fn lose(&mut self, missing: u64) {
        self.inbox.give_up(missing);
        self.journal.start_at(self.inbox.applied() + 1);
        tracing::error!(
            shard = self.config.shard,
            lost_inputs = self.inbox.lost(),
            "this shard starts without the state of its earlier life: its positions lack \
             everything before now; restart the whole server to start over"
        );
    }

    /// Applies what is left of the frame of inputs, as far as the outbox has room.
    fn go_on_with_frame(&mut self) {
        let Some(done) = self.halfway else {
            return;
        };
        let frame = std::mem::take(&mut self.frame);
        let before = self.inbox.applied();
        let left = self.apply_rest(&frame, done);
        self.counters.add(Counter::InputsApplied, self.inbox.applied() - before);
        self.frame = frame;
        if left == Left::Halfway {
            return;
        }
        self.halfway = None;
        let Self { config, outbox, journal, .. } = self;
        outbox.end_stream(config.shard, config.incarnation, journal);
        outbox.end(self.inbox.applied(), journal);
        self.counters.add(Counter::Batches, 1);
        self.count_understood(left == Left::Done);
        self.journal.submit();
    }

    fn apply_rest(&mut self, frame: &[u8], mut done: usize) -> Left {
        let Ok(batch) = inputs::read(frame) else {
            return Left::NotUnderstood;
        };
        if batch.router != self.inbox.router() {
            return Left::NotUnderstood;
        }
        let mut batch = (batch.first..).zip(batch).skip(done);
        loop {
            if !self.has_room_for_answers() {
                self.halfway = Some(done);
                return Left::Halfway;
            }
            let Some((number, input)) = batch.next() else {
                return Left::Done;
            };
            let Ok(input) = input else {
                return Left::NotUnderstood;
            };
            match self.inbox.take(number) {
                Turn::Apply => self.apply(&input),
                Turn::Skip => {}
                Turn::Gap => return Left::NotUnderstood,
            }
            done += 1;
        }
    }

    /// Finishes the input applied last, and closes the answers when they have grown large; false
    /// where they first have to leave.
    fn has_room_for_answers(&mut self) -> bool {
        loop {
            let is_done = self.progress == Step::Done;
            if is_done && !self.outbox.is_full() {
                return true;
            }
            if self.outbox.is_full() {
                let through = self.inbox.applied() - u64::from(!is_done);
                self.outbox.end(through, &self.journal);
                self.outbox.begin_answers();
                self.journal.submit();
            }
            if self.outbox.is_blocked() {
                return false;
            }
            if !is_done {
                self.outcomes.clear();
                self.progress = self.state.resume(&mut self.outcomes);
                self.answer();
            }
        }
    }

    /// Journals an input and applies it; what is no input takes its place in the journal too.
    fn apply(&mut self, frame: &InputFrame<'_>) {
        let InputFrame { client, encoding, kind, body } = *frame;
        self.asker = Asker { client, of_all: kind == InputKind::Split, encoding };
        let number = self.journal.append(kind.into(), encoding.into(), body);
        assert!(number == self.inbox.applied(), "the journal counts inputs as the router does");
        // Looked at where it lies: to move a fill that was just built stalls the processor.
        let input = self.state.read(Entry { kind, encoding, body });
        match &input {
            Ok(input) => self.apply_input(input),
            Err(rejection) => self.refuse(rejection),
        }
    }

    fn refuse(&mut self, rejection: &Rejection) {
        self.counters.add(Counter::InputsRejected, 1);
        let encoding = self.asker.encoding;
        self.outbox.answer(self.asker, |out| encode_rejection(encoding, rejection, out));
    }

    fn apply_input(&mut self, input: &Input) {
        self.outcomes.clear();
        let is_fill = matches!(input, Input::Fill(_));
        let began = if is_fill { self.stages.begin(Stage::Allocate) } else { Nanos::ZERO };
        self.progress = self.state.apply(input, self.asker.encoding, &mut self.outcomes);
        if is_fill {
            self.stages.end(Stage::Allocate, began);
            let began = self.stages.begin(Stage::Encode);
            self.answer();
            return self.stages.end(Stage::Encode, began);
        }
        self.answer();
        if let Input::Marker(marker) = input {
            self.mark(marker);
        }
    }

    fn answer(&mut self) {
        self.late.clear();
        for outcome in self.outcomes.list.iter().filter(|outcome| outcome.is_late()) {
            self.late.push(self.state.settle(outcome));
        }
        let Self { outbox, state, outcomes, .. } = self;
        outbox.add(self.asker, outcomes, state.book(), self.stream, &self.late);
    }

    /// Hands the publisher this shard's part of the cut.
    fn mark(&mut self, marker: &Marker) {
        let ShardConfig { shard, shards, incarnation, .. } = self.config;
        self.outbox.end_stream(shard, incarnation, &self.journal);
        let part = self.state.book().part(marker);
        let part = PartFrame {
            shard,
            shards,
            incarnation,
            lost_inputs: self.inbox.lost(),
            routed: self.state.routed(),
            splits: self.state.splits(),
            part,
        };
        let mut frame = self.outbox.spare();
        backplane::encode_part(&part, &mut frame);
        self.outbox.publish(frame, &self.journal);
        self.counters.add(Counter::Parts, 1);
    }

    fn greet(&mut self, now: Nanos) {
        self.greet_at = now + GREET_EVERY;
        self.was_full = self.journal.is_full();
        let hello = Hello {
            shard: self.config.shard,
            shards: self.config.shards,
            incarnation: self.config.incarnation,
            router: self.inbox.router(),
            applied: self.inbox.applied(),
            answered: self.outbox.answered(),
            durable: self.journal.durable(),
            marker: self.state.marker(),
            full: self.was_full,
        };
        backplane::encode_hello(&hello, &mut self.spare);
        self.outbox.greet(&mut self.spare);
    }

    /// Hears what the journal has to say; returns how much that was.
    fn hear_journal(&mut self) -> usize {
        match self.journal.poll() {
            Ok(work_count) => work_count,
            Err(error) => {
                self.failure = Some(error.to_string());
                0
            }
        }
    }

    /// Takes an image of the state between two inputs, when it is time for one.
    fn keep_image(&mut self) {
        if self.halfway.is_none() && self.journal.image_is_due() {
            let state = &self.state;
            self.journal.keep_image(|image| state.save(image));
        }
    }

    /// Takes what the publisher says: whether anybody follows the fills.
    fn take_interest(&mut self) -> usize {
        let mut count = 0;
        while self.outbox.receive_from_publisher(&mut self.spare) {
            count += 1;
            match backplane::decode_interest(&self.spare) {
                Ok(interest) => self.stream = interest.fills,
                Err(_) => self.counters.add(Counter::FramesDropped, 1),
            }
        }
        count
    }

    fn take_frames(&mut self) -> usize {
        let mut work_count = 0;
        for _ in 0..FRAMES_PER_TURN {
            let has_room = self.journal.has_room() && !self.outbox.is_blocked();
            if self.failure.is_some() || !has_room {
                break;
            }
            if self.halfway.is_some() {
                self.go_on_with_frame();
            } else if self.outbox.receive(&mut self.frame) {
                self.take_frame();
            } else {
                break;
            }
            work_count += 1 + self.outbox.send(&self.journal);
        }
        work_count
    }
}

impl Agent for Shard {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = self.hear_journal();
        if self.failure.is_some() {
            return 0;
        }
        work_count += self.outbox.send(&self.journal);
        work_count += self.take_interest();
        work_count += self.take_frames();
        self.journal.submit();
        self.keep_image();
        if now >= self.greet_at || self.was_full != self.journal.is_full() {
            self.greet(now);
        }
        work_count
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn wake_at(&self) -> Nanos {
        self.greet_at
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.outbox.wait_on(poll_set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::BookConfig;
    use allot_runtime::{Waker, ring_pair};

    #[test]
    fn a_welcome_for_an_earlier_life_changes_nothing() {
        let link = || ring_pair(8, &Waker::silent(), &Waker::silent());
        let ((ours, mut router), (publisher, _publishers_end)) = (link(), link());
        let config = ShardConfig { shard: 0, shards: 1, incarnation: 8 };
        let state = State::new(BookConfig { history: 1, ..BookConfig::default() });
        let links = (ours, publisher);
        let mut shard = Shard::new(config, state, Journal::none(), links, Counters::new());
        for (life, agreed) in [(7, 0), (8, 5)] {
            let mut frame = Vec::new();
            let welcome = Welcome { incarnation: 5, base: 9, shards: 1, life };
            backplane::encode_welcome(&welcome, &mut frame);
            router.send(&mut frame).unwrap();
            shard.do_work(Nanos::from_unix(1));
            assert_eq!(shard.inbox.router(), agreed);
        }
    }
}
