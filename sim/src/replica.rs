//! A replica: the journal of one shard from its first record on, replayed from nothing.
//!
//! ```text
//!   Reader ─► records ─► State, from nothing ─► what was said of each message
//!                └─────► Auditor                where each message stands
//!                                               parts at markers
//! ```
//!
//! It is read again at each recovery and at the end, and only ever grows: what was recovered once
//! must never change. So it is the truth that everything else is held against.

use std::collections::BTreeMap;
use std::sync::Arc;

use allot_audit::{Auditor, Summary};
use allot_domain::{BookConfig, Input, Marker, Outcome, Outcomes, Part, Step};
use allot_journal::{Reader, Record};
use allot_shard::{Entry, State};
use allot_wire::{Encoding, Reply, decode_replies, encode_outcome};
use xxhash_rust::xxh3::xxh3_128;

use crate::disk::Disk;
use crate::history::{Key, key_of};
use crate::tally::Tally;
use crate::violation::{Violation, ensure};

/// One shard's log and all that follows from it.
pub struct Replica {
    shard: usize,
    log: Vec<Logged>,
    state: State,
    auditor: Auditor,
    outcomes: Outcomes,
    said: BTreeMap<Key, Vec<Reply>>,
    places: BTreeMap<Key, Vec<u64>>,
    marks: BTreeMap<(u64, u64), Mark>,
    /// Hashes of live states, by how many inputs were in them.
    live: BTreeMap<u64, u128>,
    compared: u64,
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logged {
    /// What it is.
    pub kind: u8,
    /// The encoding of its answer.
    pub tag: u8,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// The shard at a marker that sent for a report.
pub struct Mark {
    /// What the shard has to say.
    pub part: Part,
    /// What the auditor has found out.
    pub summary: Summary,
    /// Fills and busts before it.
    pub routed: u64,
    /// Splits before it.
    pub splits: u64,
}

impl Replica {
    /// The replica of a shard that has applied nothing yet.
    pub fn new(shard: usize, config: BookConfig) -> Self {
        Self {
            shard,
            log: Vec::new(),
            state: State::new(config),
            auditor: Auditor::new(config),
            outcomes: Outcomes::default(),
            said: BTreeMap::new(),
            places: BTreeMap::new(),
            marks: BTreeMap::new(),
            live: BTreeMap::new(),
            compared: 0,
        }
    }

    /// All records.
    pub fn log(&self) -> &[Logged] {
        &self.log
    }

    /// The state after all records.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The bytes of that state.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.state.save(&mut bytes);
        bytes
    }

    /// What the auditor has found out.
    pub const fn summary(&self) -> &Summary {
        self.auditor.summary()
    }

    /// What was said of a message, in order.
    pub fn said(&self, key: &Key) -> &[Reply] {
        self.said.get(key).map_or(&[], Vec::as_slice)
    }

    /// Where messages stand in the log.
    pub const fn places(&self) -> &BTreeMap<Key, Vec<u64>> {
        &self.places
    }

    /// The marker of this number and time, if it sent for a report.
    pub fn mark(&self, number: u64, time_ns: u64) -> Option<&Mark> {
        self.marks.get(&(number, time_ns))
    }

    /// How many states of running shards were compared.
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    /// A running shard has this state after so many inputs; it is compared once they are here.
    pub fn note_live(&mut self, inputs: u64, state: &State) {
        let mut bytes = Vec::new();
        state.save(&mut bytes);
        self.live.insert(inputs, xxh3_128(&bytes));
    }

    /// Reads what the journal has now.
    ///
    /// # Errors
    /// What was there before is not, or is different; or what is new is wrong.
    pub fn read(&mut self, disk: &Disk) -> Result<(), Violation> {
        let broken =
            |error: String| Violation::new("P8", format!("the journal is broken: {error}"));
        let full_journal = disk.full_journal().map_err(|error| broken(error.to_string()))?;
        let mut reader =
            Reader::open(Arc::new(full_journal)).map_err(|error| broken(error.to_string()))?;
        let mut count = 0;
        while let Some(entry) = reader.next().map_err(|error| broken(error.to_string()))? {
            let Record { sequence, kind, tag, payload } = entry.record;
            let logged = Logged { kind, tag, payload: payload.to_vec() };
            match self.log.get(count) {
                Some(known) => ensure(*known == logged, "P5", || {
                    format!("shard {}: input {sequence} is another than before", self.shard)
                })?,
                None => self.append(logged)?,
            }
            count += 1;
        }
        ensure(self.log.len() <= count, "P1", || {
            let (shard, known) = (self.shard, self.log.len());
            format!("shard {shard}: of {known} inputs that were recovered before, {count} are left")
        })?;
        // What was never on disk is gone with the life that had it.
        let last = u64::try_from(self.log.len()).expect("a few");
        self.live.retain(|inputs, _| *inputs <= last);
        Ok(())
    }

    fn append(&mut self, logged: Logged) -> Result<(), Violation> {
        self.log.push(logged);
        let number = u64::try_from(self.log.len()).expect("a few");
        let logged = self.log.last().expect("it was just pushed");
        let entry = Entry::of(logged.kind, logged.tag, &logged.payload)
            .map_err(|error| Violation::new("P8", format!("input {number} is none: {error}")))?;
        let read = self.state.read(entry);
        let input = read.map_err(|rejection| {
            Violation::new("P3", format!("input {number} is {rejection:?}"))
        })?;
        self.apply(number, &input, entry_encoding(self.log.last()))?;
        self.compare_live(number)
    }

    fn apply(&mut self, number: u64, input: &Input, encoding: Encoding) -> Result<(), Violation> {
        self.outcomes.clear();
        let mut progress = self.state.apply(input, encoding, &mut self.outcomes);
        while progress == Step::Pending {
            progress = self.state.resume(&mut self.outcomes);
        }
        for late in self.outcomes.list.iter().filter(|outcome| outcome.is_late()) {
            self.state.settle(late);
        }
        let book = self.state.book();
        let audited =
            self.auditor.check(number, input, &self.outcomes, |place| *book.account(place));
        let shard = self.shard;
        audited.map_err(|fault| Violation::new("P4", format!("shard {shard}: {fault}")))?;
        if let Some(key) = key_of_input(input) {
            self.places.entry(key).or_default().push(number);
        }
        self.store_replies()?;
        if let Input::Marker(marker) = input {
            self.mark_here(marker);
        }
        Ok(())
    }

    fn store_replies(&mut self) -> Result<(), Violation> {
        let Outcomes { list, shares } = &self.outcomes;
        for outcome in list {
            let reply = reply_of(outcome, shares, &self.state);
            self.said.entry(key_of(&reply)?).or_default().push(reply);
        }
        Ok(())
    }

    fn mark_here(&mut self, marker: &Marker) {
        if marker.report {
            let mark = Mark {
                part: self.state.book().part(marker),
                summary: self.auditor.summary().clone(),
                routed: self.state.routed(),
                splits: self.state.splits(),
            };
            self.marks.insert((marker.number, marker.time_ns), mark);
        }
    }

    fn compare_live(&mut self, number: u64) -> Result<(), Violation> {
        let Some(live) = self.live.remove(&number) else { return Ok(()) };
        self.compared += 1;
        ensure(xxh3_128(&self.bytes()) == live, "P6", || {
            let shard = self.shard;
            format!("shard {shard}: after input {number} the running shard had another state")
        })
    }

    /// Compares the auditor's picture with the book, and counts what is in the log.
    ///
    /// # Errors
    /// The first thing in which they differ.
    pub fn close(&self, tally: &mut Tally) -> Result<(), Violation> {
        let shard = self.shard;
        let compared = self.auditor.compare(self.state.book());
        compared.map_err(|fault| Violation::new("P4", format!("shard {shard}: {fault}")))?;
        let summary = self.summary();
        tally.inputs += u64::try_from(self.log.len()).expect("a few");
        tally.audited += summary.inputs;
        tally.live_states += self.compared;
        tally.splits += summary.splits;
        tally.nettings += summary.nettings;
        tally.nettings_void += summary.nettings_void;
        tally.markers += summary.markers;
        Ok(())
    }
}

fn entry_encoding(logged: Option<&Logged>) -> Encoding {
    logged.and_then(|logged| logged.tag.try_into().ok()).unwrap_or_default()
}

fn key_of_input(input: &Input) -> Option<Key> {
    match input {
        Input::Fill(fill) => Some(Key { is_split: false, source: fill.source, seq: fill.seq }),
        Input::Bust(bust) => Some(Key { is_split: false, source: bust.source, seq: bust.seq }),
        Input::Split(split) => Some(Key { is_split: true, source: split.source, seq: split.seq }),
        Input::Marker(_) | Input::Netting(_) => None,
    }
}

/// What a client reads of an outcome.
fn reply_of(outcome: &Outcome, shares: &[allot_domain::Share], state: &State) -> Reply {
    let (mut line, mut replies) = (Vec::new(), Vec::new());
    let account = |place| state.book().account(place);
    encode_outcome(Encoding::Json, outcome, shares, account, &mut line);
    decode_replies(&line, &mut replies).expect("what was just written");
    replies.pop().expect("one outcome is one reply")
}
