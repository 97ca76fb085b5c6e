//! Own rows: what a trade does, and when it leaves.

use super::{Replica, UnknownLife};
use crate::{
    Adoption, BadRecord, Effect, Holder, Incarnation, LinkId, Message, Notice, Now, Origin, Phase,
    Position, Record, RecordNumber, Refusal, Row, Sequence, Started, StepDown, StrategyName,
    Summary, Symbol, Trade, TradeQuantity, Traded, Version, Want, limits,
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
        if self.running().is_none() || self.leaving.is_some() {
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
        self.record(Record::Traded(traded), out).map_err(|_| Refusal::TooManySymbols)?;
        self.trades += u64::from(origin != Origin::Settled);
        Ok(())
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

    /// Another process of its name has to stop: goes on under the next incarnation, with all rows
    /// written again, and says with them that the rows of the other one count for nothing.
    pub(super) fn outlive(&mut self, other: Incarnation, out: &mut Vec<Effect>) {
        let first = Version { incarnation: other, sequence: Sequence::new(1) };
        if !self.written.covers(first) {
            self.put_aside(other, out);
        }
    }

    /// Goes on under the next incarnation, with all rows written again, and says with them that it
    /// knows of a life and that its rows count for nothing, unless it has said so of later ones.
    pub(super) fn put_aside(&mut self, life: Incarnation, out: &mut Vec<Effect>) {
        let version = Version { incarnation: life, sequence: Sequence::ZERO };
        if !self.has_adopted_since(version) {
            self.move_on(version, out);
        }
    }

    /// Goes on under the next incarnation, with all rows written again: what it adopts, or puts
    /// aside, is up to this version.
    fn move_on(&mut self, through: Version, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.running().filter(|_| self.leaving.is_none()) else { return };
        if self.written.version().incarnation != incarnation {
            // It is on its way to disk.
            return;
        }
        let next = incarnation.next(self.settings.instance);
        if !next.is_believable() {
            self.step_down(StepDown::NoIncarnationLeft, out);
            return;
        }
        out.push(Effect::Notice(Notice::MovedOn(next)));
        let adopted = Adoption { through, incarnation: next };
        let started = Started { incarnation: next, adopted: Some(adopted) };
        self.record(Record::Started(started), out).expect("the next incarnation is a later one");
    }

    /// Everything through this record is on disk.
    pub(super) fn durable(&mut self, now: Now, number: RecordNumber, out: &mut Vec<Effect>) {
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
        let is_new_life = before.incarnation != through.incarnation;
        let lives = if is_new_life { self.owned.lineage() } else { Vec::new() };
        self.view.advance(me, through, self.owned.adopted(), lives);
        if started.is_some() {
            self.announce(now, out);
        } else if before < through {
            self.tell_change(me, before);
        }
    }

    fn restate(&mut self, incarnation: Incarnation, out: &mut Vec<Effect>) {
        let is_first = self.running().is_none();
        self.phase = Phase::Running(incarnation);
        if is_first {
            self.first_incarnation = Some(incarnation);
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
    fn announce(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.reckon_targets(now);
        let me = self.settings.name;
        let ids: Vec<_> = self.links.keys().copied().collect();
        for id in ids {
            self.send_hello(id, out);
            let link = self.links.get_mut(&id).expect("it is one of them");
            if link.peer.is_some() {
                let there = link.own_there;
                self.owe(id, me, there.map_or(Version::ZERO, |there| there.through));
                // What it wrote since it answered lacks here, and nothing later need follow.
                let summary = Summary { owners: self.view.summary(), is_answer: true };
                self.send(id, Message::Summary(summary), out);
                self.ask_for_own(now, id, out);
            }
        }
    }

    /// A peer says that it holds rows of this name that the journal does not know: it has to show
    /// them, for nobody stops because of what somebody says.
    pub(super) fn ask_for_own(&mut self, now: Now, id: LinkId, out: &mut Vec<Effect>) {
        let until = now.steady + self.settings.heartbeat * limits::SILENT_BEATS;
        let is_running = self.running().is_some();
        let Some(link) = self.links.get_mut(&id).filter(|_| is_running) else { return };
        let unknown =
            link.own_there.filter(|there| there.rows != 0 && !self.owned.covers(there.through));
        let Some(there) = unknown.filter(|_| link.doubt.is_none()) else { return };
        link.doubt = Some((there.through, until));
        let want = Want { owner: self.settings.name, after: Version::ZERO };
        self.send(id, Message::Want(want), out);
    }

    /// Whoever did not show what it said it holds is not believed.
    pub(super) fn close_doubts(&mut self, now: Now, out: &mut Vec<Effect>) {
        for link in self.links.values_mut() {
            let Some((through, _)) = link.doubt.take_if(|(_, until)| *until < now.steady) else {
                continue;
            };
            if self.owned.covers(through) {
                // It was shown, and has been put aside since.
                continue;
            }
            link.own_there = None;
            self.counters.unfounded += 1;
            let is_told = core::mem::replace(&mut link.is_unfounded_told, true);
            if let Some(peer) = link.peer.filter(|_| !is_told) {
                out.push(Effect::Notice(Notice::Unfounded { peer: peer.name, through }));
            }
        }
    }

    /// A peer says rows of this name. They never change its positions.
    pub(super) fn hear_own_rows(
        &mut self,
        now: Now,
        id: LinkId,
        peer: StrategyName,
        rows: &[Row],
        out: &mut Vec<Effect>,
    ) {
        let mut late = None;
        for row in rows {
            let Some(running) = self.running().filter(|_| self.leaving.is_none()) else { return };
            let incarnation = row.version.incarnation;
            let is_its_own = incarnation == running || self.has_ended_here(incarnation, running);
            let is_covered = self.written.covers(row.version);
            let is_unknown = !is_covered && !is_its_own;
            let is_ahead = !is_covered && is_its_own;
            if !is_covered && let Some(link) = self.links.get_mut(&id) {
                link.doubt = None;
            }
            if is_unknown && self.may_adopt_late(row) {
                if !self.has_adopted_since(row.version) {
                    late = Some(row.version);
                }
                self.adopt_late(now, row, out);
                continue;
            }
            if is_ahead {
                // No life has the same incarnation: somebody made it up. Whoever holds it refuses
                // the rows of this process until it says so.
                self.put_aside(incarnation, out);
            } else if is_unknown && !self.has_adopted_since(row.version) {
                return self.meet_another_life(now, id, peer, row);
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
        if let Some(late) = late {
            // Whoever holds rows of that life refuses those of this one, which did not know it.
            self.move_on(late, out);
        }
    }

    /// Whether this process itself has had that incarnation, before the one that it has now:
    /// whoever holds a later row of it than it gave holds one that somebody made up.
    fn has_ended_here(&self, incarnation: Incarnation, running: Incarnation) -> bool {
        let is_since = self.first_incarnation.is_some_and(|first| first <= incarnation);
        is_since && incarnation < running && self.written.had(incarnation)
    }

    /// A peer holds a row of a life of this strategy of which the journal knows nothing. It may be
    /// that of another process, which goes, and whose word of it comes in a moment.
    fn meet_another_life(&mut self, now: Now, id: LinkId, peer: StrategyName, row: &Row) {
        let there = self.links.get(&id).and_then(|link| link.own_there);
        let there = there.filter(|there| row.version <= there.through);
        let (through, rows) = there.map_or((row.version, 1), |there| (there.through, there.rows));
        let until = now.steady + self.settings.heartbeat * limits::SILENT_BEATS;
        let holder = Holder { peer, through, rows };
        self.unknown_life.get_or_insert(UnknownLife { version: row.version, holder, until });
    }

    /// Steps down if a life of which the journal knows nothing is nobody else's; and for another
    /// process of this name that is heard, if it is that one's.
    pub(super) fn look_at_unknown_life(&mut self, now: Now, out: &mut Vec<Effect>) {
        let is_due = |unknown: &mut UnknownLife| unknown.until <= now.steady;
        let Some(UnknownLife { version, holder, .. }) = self.unknown_life.take_if(is_due) else {
            return;
        };
        if self.written.covers(version) || self.has_adopted_since(version) {
            return;
        }
        let claimed = self.claimed(now);
        let claimed = claimed.filter(|(_, taken)| version.incarnation <= taken.incarnation);
        if let Some((peer, taken)) = claimed {
            // They are no rows that this process has lost: a later one is heard, which wrote them.
            let stays = taken.clone();
            return self.leave(now, peer, stays, out);
        }
        let (holders, journal, trades) = (vec![holder], self.owned.version(), Some(self.trades));
        self.step_down(StepDown::NewerRows { holders, journal, trades }, out);
    }

    /// It has adopted rows, and said so, after a life had this version: what it did not get then
    /// was named by whoever holds it.
    fn has_adopted_since(&self, version: Version) -> bool {
        let adopted = self.written.adopted();
        adopted.is_some_and(|adopted| version.incarnation < adopted.incarnation)
    }

    /// Whether it may take a row of another life as its own: of a symbol that it has not written
    /// since.
    fn may_adopt_late(&self, row: &Row) -> bool {
        let is_of_then = self.running().is_some_and(|running| row.version.incarnation < running);
        let since = self.written.adopted();
        let may_adopt = match since.filter(|_| self.has_adopted_since(row.version)) {
            // What was before a life that was put aside counts for nothing.
            Some(since) => !since.is_aside(),
            None => self.settings.adopt,
        };
        is_of_then && may_adopt && self.written.row(&row.symbol).is_none()
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
        if owner == self.settings.name && self.regrouping.is_some() {
            for id in self.peers.values() {
                let link = self.links.get_mut(id).expect("a peer has a link");
                link.tell_change(owner, before);
                self.to_serve.insert(*id);
            }
            return;
        }
        let Some(targets) = self.targets.get(&owner) else { return };
        for id in targets.iter().filter_map(|name| self.peers.get(name)) {
            let link = self.links.get_mut(id).expect("a peer has a link");
            link.tell_change(owner, before);
            self.to_serve.insert(*id);
        }
    }

    /// Sends on a link, if it is there.
    pub(super) fn send(&self, id: crate::LinkId, message: Message, out: &mut Vec<Effect>) {
        if self.links.contains_key(&id) {
            out.push(Effect::Send(id, message));
        }
    }
}
