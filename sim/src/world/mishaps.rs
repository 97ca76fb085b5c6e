//! What goes wrong, and when: after any turn of any agent.

use std::ops::RangeInclusive;
use std::time::Duration;

use allot_runtime::Nanos;

use super::World;
use crate::disk::{Doom, End};
use crate::options::{Faults, Shape};
use crate::process::{Actor, Site, Slot};
use crate::relay::Side;
use crate::violation::{Verdict, Violation};

/// How long a committer gathers before its machine fails.
const DOOM_AFTER: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(2_500);

impl World {
    /// After a turn: perhaps something.
    pub(super) fn go_wrong(&mut self, process: usize, slot: usize) -> Verdict {
        let Faults { break_link, stall, sync_failure, write_failure, full_disk, .. } =
            self.options.faults;
        if self.chance.one_in(stall) {
            let span = self.chance.span(Duration::from_micros(50)..=Duration::from_secs(6));
            self.processes[process].slots[slot].stalled_until = self.now + span;
            self.tally.stalls += 1;
        }
        if self.chance.one_in(break_link) {
            self.break_something();
        }
        if let Some(shard) = self.shard_of(process, slot) {
            if self.chance.one_in(sync_failure) {
                self.disks[shard].sim().fail_sync(self.chance.between(1..=3));
                self.tally.syncs_failed += 1;
                self.diary.note(self.now, format!("a sync of shard {shard} will fail"));
            }
            if self.chance.one_in(write_failure) {
                self.disks[shard].sim().fail_write(self.chance.between(1..=3));
                self.tally.writes_failed += 1;
                self.diary.note(self.now, format!("a write of shard {shard} will fail"));
            }
            if self.chance.one_in(full_disk) && self.full_until[shard] == Nanos::MAX {
                self.fill_up(shard);
            }
        }
        if let Some(shard) = self.shard_of(process, slot)
            && self.chance.one_in(self.options.faults.crash)
        {
            self.doom(shard);
        } else if self.chance.one_in(self.options.faults.crash) {
            self.crash_some(process);
        }
        Ok(())
    }

    /// The machine, or the process, of a shard will end within something that its disk does: soon,
    /// or in the large batch that has gathered after a while.
    pub(super) fn doom(&mut self, shard: usize) {
        if self.chance.percent(70) {
            let later = self.now + self.chance.span(DOOM_AFTER);
            let slots = self.processes.iter_mut().flat_map(|process| &mut process.slots);
            let is_its =
                |slot: &&mut Slot| matches!(&slot.actor, Actor::Committer(of, _) if *of == shard);
            slots.filter(is_its).for_each(|slot| slot.stalled_until = later);
        }
        let power = self.chance.percent(self.options.faults.power_percent);
        let operation = self.chance.between(1..=6);
        let end = if power { End::Power } else { End::Kill };
        self.disks[shard].doom(Some(Doom { operation, end, sector: self.chance.seed() }));
    }

    /// Ends a process whose disk has just gone down; true if it has.
    pub(super) fn end_if_gone(&mut self, process: usize) -> bool {
        let sites = self.processes[process].sites.clone();
        let gone = sites.iter().find_map(|site| match site {
            Site::Shard(shard) => self.disks[*shard].take_end(),
            _ => None,
        });
        if let Some(end) = gone {
            self.tally.crashes_within += 1;
            self.end(process, end);
        }
        gone.is_some()
    }

    /// A box has stopped because of its disk: its process ends, and is started again.
    pub(super) fn fail(&mut self, process: usize, failure: &str) -> Verdict {
        self.tally.failures += 1;
        self.diary.note(self.now, format!("{} fails: {failure}", self.processes[process].name()));
        if failure.contains("more were answered") {
            return Err(Violation::new("P1", failure));
        }
        let faults = &self.options.faults;
        let is_full = failure.contains("there is no room") && 0 < faults.full_disk;
        let is_broken =
            failure.contains("simulated") && 0 < faults.sync_failure + faults.write_failure;
        if !is_full && !is_broken {
            let what = format!("a box stops, and nothing was wrong: {failure}");
            return Err(Violation::new("P8", what));
        }
        self.end(process, End::Kill);
        Ok(())
    }

    /// From now on nothing goes wrong.
    pub(super) fn calm(&mut self) {
        self.diary.note(self.now, "nothing goes wrong from now on");
        self.is_rough = false;
        for (disk, full_until) in self.disks.iter().zip(&mut self.full_until) {
            disk.doom(None);
            disk.sim().set_capacity(None);
            disk.sim().fail_sync(u64::MAX);
            disk.sim().fail_write(u64::MAX);
            *full_until = Nanos::MAX;
        }
        self.relays.iter_mut().for_each(crate::relay::Relay::mend);
        self.gate.mend();
        self.subscriber.mend();
        self.desk.close();
        for process in &mut self.processes {
            process.up_at = process.up_at.min(self.now);
            process.slots.iter_mut().for_each(|slot| slot.stalled_until = Nanos::ZERO);
        }
    }

    /// The machine fails, with everything on it.
    pub(super) fn pull_the_plug(&mut self) {
        for process in 0..self.processes.len() {
            self.end(process, End::Power);
        }
    }

    fn shard_of(&self, process: usize, slot: usize) -> Option<usize> {
        match &self.processes[process].slots.get(slot)?.actor {
            Actor::Shard(shard, _) | Actor::Committer(shard, _) | Actor::Checkpointer(shard, _) => {
                Some(*shard)
            }
            _ => None,
        }
    }

    fn break_something(&mut self) {
        let span = self.chance.span(Duration::from_millis(1)..=Duration::from_secs(8));
        let (now, chance, tally) = (self.now, &mut self.chance, &mut self.tally);
        tally.breaks += 1;
        if self.options.shape == Shape::One || chance.one_in(3) {
            self.gate.break_some(span, now, chance, tally);
        } else {
            let relay = chance.place(self.relays.len());
            self.relays[relay].break_for(span, now, chance, tally);
            self.diary.note(now, format!("relay {relay} breaks for {span:?}"));
        }
    }

    fn fill_up(&mut self, shard: usize) {
        let room = self.chance.between(0..=2 * self.options.segment_bytes);
        let sim = self.disks[shard].sim();
        sim.set_capacity(Some(sim.used_bytes() + room));
        let span = self.chance.span(Duration::from_millis(100)..=Duration::from_secs(10));
        self.full_until[shard] = self.now + span;
        self.tally.full_disks += 1;
        self.diary.note(self.now, format!("the disk of shard {shard} has {room} bytes left"));
    }

    /// Ends some process, this one or another, and sometimes several.
    fn crash_some(&mut self, process: usize) {
        let Faults { power_percent, several_percent, .. } = self.options.faults;
        let end = match self.chance.percent(power_percent) {
            true => End::Power,
            false if self.chance.one_in(4) => End::Stop,
            false => End::Kill,
        };
        let several = self.chance.percent(several_percent);
        for other in 0..self.processes.len() {
            if other == process || (several && self.chance.percent(60)) {
                self.end(other, end);
            }
        }
    }

    pub(super) fn end(&mut self, process: usize, end: End) {
        if !self.processes[process].is_up() {
            // A machine that fails takes what a process that has ended left behind.
            if end == End::Power {
                self.lose_disks(process, end);
            }
            return;
        }
        let pause = self.chance.span(Duration::from_millis(1)..=Duration::from_secs(9));
        self.diary.note(self.now, format!("{}: {end:?}", self.processes[process].name()));
        self.note_live_states(process);
        let mut slots = std::mem::take(&mut self.processes[process].slots);
        self.processes[process].up_at = self.now + pause;
        match end {
            End::Stop => {
                self.tally.stops += 1;
                let now = self.now;
                slots.iter_mut().for_each(|slot| slot.actor.agent().close(now));
            }
            End::Kill | End::Power => self.tally.crashes += 1,
        }
        drop(slots);
        self.detach(process);
        self.lose_disks(process, end);
    }

    fn note_live_states(&mut self, process: usize) {
        for shard in 0..self.options.shards {
            if let Some(agent) = self.processes[process].shard(shard) {
                self.chronicles[shard].note_live(agent.journal().appended(), agent.state());
            }
        }
    }

    fn detach(&mut self, process: usize) {
        let shards = self.options.shards;
        let (now, chance, tally) = (self.now, &mut self.chance, &mut self.tally);
        for site in &self.processes[process].sites {
            match *site {
                Site::Router => {
                    self.gate.shut(chance, tally);
                    for relay in (0..shards).chain([2 * shards]) {
                        self.relays[relay].detach(Side::Hub, now, chance, tally);
                    }
                }
                Site::Shard(shard) => {
                    for relay in [shard, shards + shard] {
                        self.relays[relay].detach(Side::Dealer, now, chance, tally);
                    }
                }
                Site::Publisher => {
                    self.subscriber.connect(None);
                    for relay in shards..2 * shards {
                        self.relays[relay].detach(Side::Hub, now, chance, tally);
                    }
                    self.relays[2 * shards].detach(Side::Dealer, now, chance, tally);
                }
                Site::Feed(feed) => self.gate.detach(feed, chance, tally),
            }
        }
    }

    fn lose_disks(&mut self, process: usize, end: End) {
        for site in &self.processes[process].sites {
            let Site::Shard(shard) = *site else { continue };
            self.disks[shard].doom(None);
            let sim = self.disks[shard].sim();
            if end == End::Power {
                self.tally.power_failures += 1;
                sim.crash();
            } else {
                sim.restart();
            }
        }
    }
}
