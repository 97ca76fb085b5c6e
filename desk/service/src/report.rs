//! Report: counts and sums of all shards at one cut, and the part of it that each hands out.

use std::collections::BTreeMap;

use allot_desk_rules::{Accounts, Symbol, Totals, Wanted};
use allot_domain::Marker;
use allot_publisher::Cut;
use allot_wire::codec::{self, Each};
use allot_wire::{Batch, DecodeError, Encoding, write_only_record};
use serde::{Deserialize, Serialize};

use crate::wanted::WantedRecord;

/// The kind of a binary report.
const KIND_DESK: u8 = 129;

/// What a shard has: counts, and sums in cents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ShardReport {
    /// Users.
    pub users: u64,
    /// Free cash of all of them.
    pub cash: u128,
    /// Held by pending purchases.
    pub held: u128,
    /// Reserved for automatic purchases.
    pub reserved: u128,
    /// All that was ever added, and all that sales ever brought.
    pub earned: u128,
    /// All that purchases ever cost.
    pub spent: u128,
    /// Pending orders.
    pub orders: u64,
    /// Armed triggers.
    pub armed: u64,
    /// Commands that wait for quotes.
    pub waiting: u64,
    /// Valid quotes.
    pub quotes: u64,
    /// Quotes that are wanted.
    pub wanted: u64,
}

/// What a shard hands out at a marker.
#[derive(Clone, Debug)]
pub struct Part {
    report: ShardReport,
    wanted: Vec<Wanted>,
    /// When something is due next; the end of time where nothing is.
    due_ns: u64,
}

/// All shards at one cut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Its number.
    pub report: u64,
    /// When its cut was made: nanoseconds of Unix time.
    pub time_ns: u64,
    /// How many inputs of clients it contains.
    pub inputs: u64,
    /// All shards together; the quotes are those of the shard that has most.
    pub total: ShardReport,
    /// Each shard, by id.
    pub shards: Vec<ShardReport>,
    /// What is missing or doubtful.
    pub degraded: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct PartRecord<W> {
    report: ShardReport,
    wanted: W,
    due_ns: u64,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("a usize fits")
}

/// Appends the part of a shard. Its wishes are said again where a report is made.
pub(crate) fn append_part(accounts: &Accounts, marker: &Marker, out: &mut Vec<u8>) {
    if !marker.report {
        let wanted: [WantedRecord; 0] = [];
        let report = ShardReport::default();
        let due_ns = u64::MAX;
        return codec::append(PartRecord { report, wanted: &wanted[..], due_ns }, out);
    }
    let Totals { cash, held, reserved, earned, spent } = *accounts.totals();
    let wanted = accounts.wanted();
    let report = ShardReport {
        users: count(accounts.len()),
        cash,
        held,
        reserved,
        earned,
        spent,
        orders: count(accounts.orders_len()),
        armed: count(accounts.armed_len()),
        waiting: count(accounts.waiting_counts().0),
        quotes: count(accounts.quotes_len()),
        wanted: count(wanted.len()),
    };
    let wanted: Vec<_> = wanted.map(|wanted| WantedRecord::from(&wanted)).collect();
    let due_ns = accounts.next_due();
    codec::append(PartRecord { report, wanted: Each(wanted.iter()), due_ns }, out);
}

/// Reads the part of a shard.
pub(crate) fn read_part(body: &[u8]) -> Result<Part, DecodeError> {
    let PartRecord { report, wanted, due_ns }: PartRecord<Vec<WantedRecord>> = codec::decode(body)?;
    let wanted = wanted.iter().map(WantedRecord::read).collect::<Result<_, _>>()?;
    Ok(Part { report, wanted, due_ns })
}

impl ShardReport {
    /// Whether each cent that came in is there or was spent.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let parts = [self.spent, self.cash, self.held, self.reserved];
        let sum = parts.into_iter().try_fold(0_u128, u128::checked_add);
        sum == Some(self.earned)
    }

    /// Adds another shard; a sum beyond 128 bits, which no desk has, stays at the end of them.
    fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.cash, other.cash),
            (&mut self.held, other.held),
            (&mut self.reserved, other.reserved),
            (&mut self.earned, other.earned),
            (&mut self.spent, other.spent),
        ];
        sums.into_iter().for_each(|(sum, part)| *sum = sum.saturating_add(part));
        let counts = [
            (&mut self.users, other.users),
            (&mut self.orders, other.orders),
            (&mut self.armed, other.armed),
            (&mut self.waiting, other.waiting),
        ];
        counts.into_iter().for_each(|(sum, part)| *sum = sum.saturating_add(part));
        self.quotes = self.quotes.max(other.quotes);
        self.wanted = self.wanted.max(other.wanted);
    }
}

impl Report {
    /// The report of a cut, the quotes that any shard wants, each in the name of the first, and
    /// when something is due next.
    pub(crate) fn of(cut: Cut<Part>) -> (Self, BTreeMap<Symbol, Wanted>, Option<u64>) {
        let first_due = cut.parts.iter().map(|part| part.due_ns).min();
        let due_ns = first_due.filter(|due_ns| *due_ns != u64::MAX);
        let mut degraded = cut.degraded;
        let (mut total, mut wanted) = (ShardReport::default(), BTreeMap::new());
        for (shard, part) in cut.parts.iter().enumerate() {
            total.add(&part.report);
            if !part.report.is_balanced() {
                degraded.push(format!("the money of shard {shard} does not add up"));
            }
            for one in &part.wanted {
                wanted.entry(one.symbol).or_insert(*one);
            }
        }
        total.wanted = count(wanted.len());
        let report = Self {
            report: cut.marker.number,
            time_ns: cut.marker.time_ns,
            inputs: cut.inputs,
            total,
            shards: cut.parts.into_iter().map(|part| part.report).collect(),
            degraded,
        };
        (report, wanted, due_ns)
    }

    /// Writes the message; `out` then holds nothing else.
    ///
    /// # Panics
    /// Never: a vector takes every write.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        out.clear();
        match encoding {
            Encoding::Json => {
                serde_json::to_writer(out, self).expect("a vector takes every write");
            }
            Encoding::Binary => write_only_record(out, KIND_DESK, self),
        }
    }

    /// Reads a message in either encoding.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        match Encoding::of(message) {
            Encoding::Json => Ok(serde_json::from_slice(message)?),
            Encoding::Binary => codec::decode(Batch::only(message, KIND_DESK)?),
        }
    }
}
