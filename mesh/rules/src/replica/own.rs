//! Own rows: what a trade does, and when it leaves.

use super::Replica;
use crate::{
    BadRecord, Effect, Incarnation, Message, Notice, Now, Origin, Phase, Position, Record,
    RecordNumber, Refusal, Row, Started, StepDown, StrategyName, Summary, Symbol, Trade,
    TradeQuantity, Traded, Version, limits,
};

impl Replica {
    /// Writes a record down. It counts when it is durable.
    pub(super) fn record(
        &mut self,
        record: Record,
        out: &mut Vec<Effect>,
    ) -> Result<(), BadRecord> {
        self.written.apply(&record)?;
        self.last_record = self.last_record.next();
        self.pending.push_back((self.last_record, record));
        out.push(Effect::Record(self.last_record, record));
        Ok(())
    }

    pub(super) fn trade(&mut self, now: Now, trade: Trade, out: &mut Vec<Effect>) {
        if let Err(refusal) = self.take_trade(now, trade, out) {
            out.push(Effect::Refused(trade, refusal));
        }
    }

    fn take_trade(&mut self, now: Now, trade: Trade, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if self.running().is_none() {
            return Err(Refusal::NotStarted);
        }
        if limits::PENDING_MAX <= self.pending.len() {
            return Err(Refusal::Busy);
        }
        let Trade { symbol, quantity, time, origin } = trade;
        let before = self.written.row(&symbol).map_or(Position::ZERO, |row| row.position);
        let traded = Traded {
            sequence: self.written.version().sequence.next(),
            symbol,
            quantity,
            position: before.plus(quantity).ok_or(Refusal::TooLarge)?,
            updated: time.unwrap_or(now.unix),
            origin,
        };
        self.record(Record::Traded(traded), out).map_err(|_| Refusal::TooManySymbols)
    }

    /// Writes its own position of a symbol again: a peer holds another.
    fn settle(&mut self, now: Now, theirs: &Row, out: &mut Vec<Effect>) {
        if !self.write_again(now, theirs.symbol, out) {
            return;
        }
        self.counters.settled += 1;
        let Row { symbol, position: theirs, version, .. } = *theirs;
        let ours = self.written.row(&symbol).map_or(Position::ZERO, |row| row.position);
        out.push(Effect::Notice(Notice::Settled { symbol, theirs, version, ours }));
    }

    /// Writes its position of a symbol under its next version; whether there was room for that.
    fn write_again(&mut self, now: Now, symbol: Symbol, out: &mut Vec<Effect>) -> bool {
        let trade = Trade {
            symbol,
            quantity: TradeQuantity::ZERO,
            time: Some(self.written.row(&symbol).map_or(now.unix, |row| row.updated)),
            origin: Origin::Settled,
        };
        let is_written = self.take_trade(now, trade, out).is_ok();
        if !is_written {
            self.say_full("rows of its name that peers hold", out);
        }
        is_written
    }

    /// Somebody else used its incarnation: goes on under the next one, with all rows written again.
    pub(super) fn move_on(&mut self, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.running() else { return };
        if self.written.version().incarnation != incarnation {
            // It is on its way to disk.
            return;
        }
        let next = incarnation.next();
        if limits::NUMBER_MAX <= next.get() {
            self.step_down(StepDown::NoIncarnationLeft, out);
            return;
        }
        out.push(Effect::Notice(Notice::MovedOn(next)));
        let started = Started { incarnation: next, adopted: None };
        self.record(Record::Started(started), out).expect("the next incarnation is a later one");
    }

    /// Everything through this record is on disk.
    pub(super) fn durable(&mut self, number: RecordNumber, out: &mut Vec<Effect>) {
        let before = self.view.through(&self.settings.name);
        let mut started = None;
        while let Some((_, record)) = self.pending.pop_front_if(|(next, _)| *next <= number) {
            self.owned.apply(&record).expect("it was written down after those before it");
            match record {
                Record::Adopted(_) => {}
                Record::Started(Started { incarnation, .. }) => {
                    self.restate(incarnation, out);
                    started = Some(incarnation);
                }
                Record::Traded(Traded { symbol, .. }) => {
                    let row = *self.owned.row(&symbol).expect("it was traded");
                    self.show_own(row, out);
                }
            }
        }
        let Some(_) = self.running() else { return };
        let (me, through) = (self.settings.name, self.owned.version());
        self.view.advance(me, through, self.owned.adopted());
        if started.is_some() {
            self.announce(out);
        } else if before < through {
            self.tell_change(me, before);
        }
    }

    fn restate(&mut self, incarnation: Incarnation, out: &mut Vec<Effect>) {
        let is_first = self.running().is_none();
        self.phase = Phase::Running(incarnation);
        if is_first {
            out.push(Effect::Started(incarnation));
        }
        let rows: Vec<Row> = self.owned.rows().copied().collect();
        for row in rows {
            self.show_own(row, out);
        }
    }

    fn show_own(&mut self, row: Row, out: &mut Vec<Effect>) {
        self.view.merge_own(self.settings.name, row);
        out.push(Effect::Changed(self.settings.name, row));
    }

    /// Tells everybody of its new incarnation, and what it has in it.
    fn announce(&mut self, out: &mut Vec<Effect>) {
        self.reckon_targets();
        let me = self.settings.name;
        let ids: Vec<_> = self.links.keys().copied().collect();
        for id in ids {
            self.send_hello(id, out);
            let link = self.links.get_mut(&id).expect("it is one of them");
            if let Some(peer) = link.peer {
                let there = link.own_there;
                link.owe(me, there.map_or(Version::ZERO, |there| there.through));
                // What it wrote since it answered lacks here, and nothing later need follow.
                let summary = Summary { owners: self.view.summary(), is_answer: true };
                self.send(id, Message::Summary(summary), out);
                if let Some(there) = there {
                    self.hear_of_own(peer.name, there.through, there.rows, out);
                }
            }
            if self.phase == Phase::Down {
                return;
            }
        }
    }

    /// A peer holds so many rows of this name, through this version.
    pub(super) fn hear_of_own(
        &mut self,
        peer: StrategyName,
        through: Version,
        rows: u32,
        out: &mut Vec<Effect>,
    ) {
        let Some(incarnation) = self.running() else { return };
        if rows == 0 || self.owned.covers(through) {
            return;
        }
        let is_adopted =
            self.owned.adopted().is_some_and(|adopted| through.incarnation < adopted.incarnation);
        if through.incarnation < incarnation && is_adopted {
            // It was not adopted, and the adoption said so. What is unknown here is adopted late.
            return;
        }
        if through.incarnation == incarnation && !self.is_alone {
            self.move_on(out);
            return;
        }
        let holders = vec![crate::Holder { peer, through, rows }];
        let journal = self.owned.version();
        self.step_down(StepDown::NewerRows { holders, journal, had_started: true }, out);
    }

    /// A peer says rows of this name. They never change its positions.
    pub(super) fn hear_own_rows(
        &mut self,
        now: Now,
        peer: StrategyName,
        rows: &[Row],
        out: &mut Vec<Effect>,
    ) {
        for row in rows {
            if self.may_adopt_late(row) {
                self.adopt_late(now, row, out);
                continue;
            }
            self.hear_of_own(peer, row.version, 1, out);
            if self.running().is_none() {
                return;
            }
            let is_other = match self.written.row(&row.symbol) {
                None => true,
                Some(own) => {
                    own.version < row.version || (own.version == row.version && own != row)
                }
            };
            if is_other {
                self.settle(now, row, out);
            }
        }
    }

    /// Whether a row is of an earlier life of which it knew nothing, of a symbol that it has not
    /// written since, and it may take such rows as its own.
    fn may_adopt_late(&self, row: &Row) -> bool {
        let incarnation = row.version.incarnation;
        let is_of_then = self.running().is_some_and(|running| incarnation < running)
            && !self.written.covers(row.version);
        let has_adopted =
            self.written.adopted().is_some_and(|adopted| incarnation < adopted.incarnation);
        is_of_then
            && (self.settings.adopt || has_adopted)
            && self.written.row(&row.symbol).is_none()
    }

    fn adopt_late(&mut self, now: Now, row: &Row, out: &mut Vec<Effect>) {
        if limits::PENDING_MAX <= self.pending.len() + 1
            || self.record(Record::Adopted(*row), out).is_err()
        {
            self.say_full("rows of its name that peers hold", out);
            return;
        }
        out.push(Effect::Notice(Notice::Adopted { rows: 1, through: row.version }));
        self.write_again(now, row.symbol, out);
    }

    /// The peers learn of its rows as they change.
    pub(super) fn tell_change(&mut self, owner: StrategyName, before: Version) {
        let Some(targets) = self.targets.get(&owner) else { return };
        for name in targets {
            if let Some(link) = self.peers.get(name).and_then(|id| self.links.get_mut(id)) {
                link.tell_change(owner, before);
            }
        }
    }

    /// Sends on a link, if it is there.
    pub(super) fn send(&self, id: crate::LinkId, message: Message, out: &mut Vec<Effect>) {
        if self.links.contains_key(&id) {
            out.push(Effect::Send(id, message));
        }
    }
}
