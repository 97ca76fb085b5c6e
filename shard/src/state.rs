//! State: everything that a shard's log of inputs makes of it. The same log, the same state.
//!
//! ```text
//!   log ═► apply ═► machine           the rules of the system
//!              ├──► owed              the encodings of late replies
//!              └──► keyed, to all     how many inputs of clients there were
//! ```
//!
//! Its **snapshot** is its bytes, the same for equal states:
//!
//! ```text
//!   │ keyed 8 │ to all 8 │ marker 8 │ owed 8 ║ late reply ║ … │ machine
//!
//!   late reply:  │ source │ key │ id │ encoding 1 │       texts with their length in a byte
//! ```
//!
//! A running shard, a shard that recovers, and the checker that replays a journal all come through
//! here, so that they cannot differ.

use std::fmt;

use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_name};
use allot_domain::{Machine, MessageId, Outcomes, Reject, Seq, Step, Ticker};
use allot_journal::Record;
use allot_wire::backplane::{InputKind, decode_marker};
use allot_wire::{DecodeError, Encoding, Rejection};

use crate::owed::Owed;
use crate::{Delivery, InputOf, OutcomesOf, Reach, Service};

/// The config of the machine of a system.
pub type ConfigOf<S> = <<S as Service>::Machine as Machine>::Config;

/// One input of the log, as the router sent it and as the journal keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// What the body is.
    pub kind: InputKind,
    /// The encoding in which its reply is due.
    pub encoding: Encoding,
    /// When the router took it, in nanoseconds of Unix time.
    pub time_ns: u64,
    /// What the system, or the core, says.
    pub body: &'a [u8],
}

/// The state of one shard.
pub struct State<S: Service> {
    machine: S::Machine,
    owed: Owed,
    keyed: u64,
    to_all: u64,
    marker: u64,
}

impl<'a> Entry<'a> {
    /// The entry that a record of the journal keeps: `kind` and `tag` are those of
    /// [`InputKind`] and [`Encoding`].
    ///
    /// # Errors
    /// When the system has no such kind of input, or there is no such encoding.
    pub fn of<S: Service>(record: &Record<'a>) -> Result<Self, DecodeError> {
        let kind = InputKind::new(record.kind);
        if reach::<S>(kind).is_none() {
            return Err(DecodeError::new(format!(
                "{} has no input of kind {}",
                S::NAME,
                kind.get()
            )));
        }
        let encoding = record.tag.try_into()?;
        Ok(Self { kind, encoding, time_ns: record.time_ns, body: record.payload })
    }
}

/// Which shards an input of this kind goes to; none where there is no such kind.
#[inline]
pub(crate) fn reach<S: Service>(kind: InputKind) -> Option<Reach> {
    if kind == InputKind::MARKER { Some(Reach::Feedback) } else { S::reach(kind) }
}

impl<S: Service> State<S> {
    /// The state before the first input.
    #[must_use]
    pub fn new(config: ConfigOf<S>) -> Self {
        let machine = S::Machine::new(config);
        Self { machine, owed: Owed::default(), keyed: 0, to_all: 0, marker: 0 }
    }

    /// What the rules know.
    #[must_use]
    pub const fn machine(&self) -> &S::Machine {
        &self.machine
    }

    /// How many keyed inputs there were, refused ones included.
    #[must_use]
    pub const fn keyed(&self) -> u64 {
        self.keyed
    }

    /// How many inputs of clients that go to all shards there were, refused ones included.
    #[must_use]
    pub const fn to_all(&self) -> u64 {
        self.to_all
    }

    /// The number of the last marker; zero before the first.
    #[must_use]
    pub const fn marker(&self) -> u64 {
        self.marker
    }

    /// Takes the next entry of the log and says what it is.
    ///
    /// # Errors
    /// Why it is refused: it changes nothing but the count.
    #[inline]
    pub fn read(&mut self, entry: Entry<'_>) -> Result<InputOf<S>, Rejection> {
        match reach::<S>(entry.kind) {
            Some(Reach::Key) => self.keyed += 1,
            Some(Reach::All) => self.to_all += 1,
            Some(Reach::Check | Reach::Query | Reach::Feedback) | None => {}
        }
        if entry.kind == InputKind::MARKER {
            return self.read_marker(entry.body);
        }
        S::read(entry)
    }

    #[inline(never)]
    fn read_marker(&mut self, body: &[u8]) -> Result<InputOf<S>, Rejection> {
        let marker =
            decode_marker(body).map_err(|error| Rejection::unread(&Reject::from(error)))?;
        self.marker = marker.number;
        Ok(marker.into())
    }

    /// Applies an input whose reply is due in `encoding`; see [`Machine::apply`]. `late` gets the
    /// encodings of the late replies among the outcomes, in order.
    #[inline]
    pub fn apply(
        &mut self,
        input: &InputOf<S>,
        encoding: Encoding,
        outcomes: &mut OutcomesOf<S>,
        late: &mut Vec<Encoding>,
    ) -> Step {
        let from = outcomes.list().len();
        let step = self.machine.apply(input, outcomes);
        self.note(outcomes, from, encoding, late);
        step
    }

    /// Goes on with an input that is pending; see [`Machine::resume`].
    pub fn resume(
        &mut self,
        encoding: Encoding,
        outcomes: &mut OutcomesOf<S>,
        late: &mut Vec<Encoding>,
    ) -> Step {
        let from = outcomes.list().len();
        let step = self.machine.resume(outcomes);
        self.note(outcomes, from, encoding, late);
        step
    }

    /// Remembers which late replies are owed.
    #[inline]
    fn note(
        &mut self,
        outcomes: &OutcomesOf<S>,
        from: usize,
        encoding: Encoding,
        late: &mut Vec<Encoding>,
    ) {
        for outcome in &outcomes.list()[from..] {
            let outcome = S::describe(outcome);
            let name = |key: &Ticker, id: MessageId| (*outcome.source, *key, id);
            match outcome.delivery {
                Delivery::Now | Delivery::Nobody => {}
                Delivery::Owing { key } => self.owed.owe(name(key, outcome.id), encoding),
                Delivery::Cancelling { key, of } => {
                    self.owed.settle(&name(key, of));
                }
                Delivery::Late { key } => {
                    let due = self.owed.settle(&name(key, outcome.id));
                    late.push(due.unwrap_or_default());
                }
                Delivery::LateOwing { key } => {
                    late.push(self.owed.get(&name(key, outcome.id)).unwrap_or_default());
                }
            }
        }
        assert!(late.len() <= outcomes.list().len(), "a late reply is one of the outcomes");
    }

    /// Applies an entry to its end. After each slice of outcomes `take` has them: it may clear
    /// them, or leave them to be added to.
    ///
    /// # Errors
    /// Why the entry is refused; it changes nothing but the count.
    pub fn replay(
        &mut self,
        entry: Entry<'_>,
        outcomes: &mut OutcomesOf<S>,
        mut take: impl FnMut(&mut OutcomesOf<S>),
    ) -> Result<InputOf<S>, Rejection> {
        let input = self.read(entry)?;
        let mut late = Vec::new();
        let mut step = self.apply(&input, entry.encoding, outcomes, &mut late);
        take(outcomes);
        while step == Step::Pending {
            late.clear();
            step = self.resume(entry.encoding, outcomes, &mut late);
            take(outcomes);
        }
        Ok(input)
    }

    /// Appends the snapshot of the state.
    ///
    /// # Panics
    /// If an input is pending: what comes of it is taken whole first.
    pub fn save(&self, snapshot: &mut Vec<u8>) {
        let owed = u64::try_from(self.owed.len()).expect("a usize fits");
        for number in [self.keyed, self.to_all, self.marker, owed] {
            snapshot.extend_from_slice(&number.to_le_bytes());
        }
        for ((source, key, id), encoding) in self.owed.iter() {
            put_name(snapshot, source.as_bytes());
            put_name(snapshot, key.as_bytes());
            put_name(snapshot, id.to_string().as_bytes());
            snapshot.push(encoding.into());
        }
        self.machine.save(snapshot);
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(config: ConfigOf<S>, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let mut cursor = Cursor::new(snapshot);
        let keyed = cursor.u64()?;
        let to_all = cursor.u64()?;
        let marker = cursor.u64()?;
        let mut owed = Owed::default();
        for _ in 0..cursor.u64()? {
            let (source, key) = (cursor.source()?, cursor.ticker()?);
            // No message is number zero.
            let none = MessageId::Number(Seq::ZERO);
            let id = cursor.id(none)?;
            ensure(id != none, "a late reply to a message without an id")?;
            let encoding = Encoding::try_from(cursor.u8()?)
                .map_err(|_| SnapshotError::Broken("an encoding that is neither json nor bin"))?;
            let follows = owed.push_saved((source, key, id), encoding);
            ensure(follows, "late replies owed that are not in order")?;
        }
        let machine = S::Machine::load(config, cursor.rest())?;
        Ok(Self { machine, owed, keyed, to_all, marker })
    }
}

impl<S: Service<Machine: Clone>> Clone for State<S> {
    fn clone(&self) -> Self {
        let Self { machine, owed, keyed, to_all, marker } = self;
        let (machine, owed) = (machine.clone(), owed.clone());
        Self { machine, owed, keyed: *keyed, to_all: *to_all, marker: *marker }
    }
}

impl<S: Service<Machine: fmt::Debug>> fmt::Debug for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("machine", &self.machine)
            .field("owed", &self.owed)
            .field("keyed", &self.keyed)
            .field("to_all", &self.to_all)
            .field("marker", &self.marker)
            .finish()
    }
}
