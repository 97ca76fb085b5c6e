//! History: the latest answers and refusals, so that a command that is sent again is told the same.
//!
//! It is a ring: the newest takes the place of the oldest. Nothing is allocated once it is full.

use alloc::vec::Vec;

use allot_domain::Ring;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count};

use crate::{Answer, Reject, refusal};

allot_domain::number!(
    /// The number of an answer among those of a shard, from 1. Zero stands for none.
    AnswerNumber(u64)
);

/// What a command was told.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// Its answer, or why it was refused.
    pub(crate) told: Result<Answer, Reject>,
    /// When the router took the command.
    pub(crate) time_ns: u64,
}

/// The ring.
#[derive(Clone, Debug)]
pub(crate) struct History {
    entries: Vec<Kept>,
    ring: Ring,
}

impl History {
    /// A history of up to `capacity` answers, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: Vec::new(), ring: Ring::of(capacity.max(1)) }
    }

    /// The number of the last answer.
    pub(crate) fn last_number(&self) -> AnswerNumber {
        AnswerNumber::new(self.ring.next())
    }

    /// The index of the oldest answer that is kept.
    fn first(&self) -> u64 {
        self.ring.next().saturating_sub(self.ring.capacity())
    }

    /// Stores an answer.
    #[inline]
    pub(crate) fn store(&mut self, kept: Kept) -> AnswerNumber {
        let at = self.ring.slot(self.ring.next());
        if at == self.entries.len() {
            self.entries.push(kept);
        } else {
            self.entries[at] = kept;
        }
        self.ring.advance(1);
        self.last_number()
    }

    /// An answer that is kept.
    pub(crate) fn get(&self, number: AnswerNumber) -> Option<&Kept> {
        let index = number.get().checked_sub(1)?;
        let is_kept = (self.first()..self.ring.next()).contains(&index);
        is_kept.then(|| &self.entries[self.ring.slot(index)])
    }

    /// Writes the answers that are kept, the oldest first.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first().to_le_bytes());
        put_count(out, self.entries.len());
        for index in self.first()..self.ring.next() {
            let kept = &self.entries[self.ring.slot(index)];
            out.extend_from_slice(&kept.time_ns.to_le_bytes());
            match &kept.told {
                Ok(answer) => answer.save(out),
                Err(reject) => refusal::save(reject, out),
            }
        }
    }

    /// Reads what [`History::save`] wrote, while nothing is kept.
    pub(crate) fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let first = cursor.counter()?;
        let capacity = usize::try_from(self.ring.capacity()).expect("it was a usize");
        let count = cursor.count(capacity, 8 + Answer::LEN_MIN)?;
        ensure(first == 0 || count == capacity, "answers forgotten while there was room")?;
        let kept: Vec<_> = (0..count).map(|_| Self::load_kept(cursor)).collect::<Result<_, _>>()?;
        self.ring.start_at(first);
        // A full ring begins anywhere; every slot is taken.
        self.entries.clone_from(&kept);
        for one in kept {
            let at = self.ring.slot(self.ring.next());
            self.entries[at] = one;
            self.ring.advance(1);
        }
        Ok(())
    }

    fn load_kept(cursor: &mut Cursor<'_>) -> Result<Kept, SnapshotError> {
        let (time_ns, number) = (cursor.u64()?, cursor.u8()?);
        let told = if number < refusal::FIRST {
            Ok(Answer::load(number, cursor)?)
        } else {
            Err(refusal::load(number, cursor)?)
        };
        Ok(Kept { told, time_ns })
    }
}
