//! What goes wrong, and when: after any turn of any agent.

use std::ops::RangeInclusive;
use std::time::Duration;

use allot_runtime::Nanos;

use super::World;
use crate::disk::{CrashPoint, End};
use crate::network_link::Side;
use crate::options::{Faults, Shape};
use crate::process::{Actor, Site, Slot};
use crate::violation::Violation;

/// How long a committer gathers before its machine fails.
const CRASH_AFTER: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(2_500);

impl World {
    /// After a turn: perhaps something.
    pub(super) fn inject_faults(&mut self, process: usize, slot: usize) -> Result<(), Violation> {
        let Faults { break_link, stall, sync_failure, write_failure, full_disk, .. } =
            self.options.faults;
        if self.prng.one_in(stall) {
            let span = self.prng.span(Duration::from_micros(50)..=Duration::from_secs(6));
            self.processes[process].slots[slot].stalled_until = self.now + span;
            self.tally.stalls += 1;
        }
        if self.prng.one_in(break_link) {
            self.break_something();
        }
        if let Some(shard) = self.shard_of(process, slot) {
            if self.prng.one_in(sync_failure) {
                self.disks[shard].sim().fail_sync(self.prng.between(1..=3));
                self.tally.syncs_failed += 1;
                self.trace.note(self.now, format!("a sync of shard {shard} will fail"));
            }
            if self.prng.one_in(write_failure) {
                self.disks[shard].sim().fail_write(self.prng.between(1..=3));
                self.tally.writes_failed += 1;
                self.trace.note(self.now, format!("a write of shard {shard} will fail"));
            }
            if self.prng.one_in(full_disk) && self.full_until[shard] == Nanos::MAX {
                self.fill_disk(shard);
            }
        }
        if let Some(shard) = self.shard_of(process, slot)
            && self.prng.one_in(self.options.faults.crash)
        {
            self.crash_shard_soon(shard);
        } else if self.prng.one_in(self.options.faults.crash) {
            self.crash_some(process);
        }
        Ok(())
    }

    /// The machine, or the process, of a shard will end within something that its disk does: soon,
    /// or in the large batch that has gathered after a while.
    pub(super) fn crash_shard_soon(&mut self, shard: usize) {
        if self.prng.percent(70) {
            let later = self.now + self.prng.span(CRASH_AFTER);
            let slots = self.processes.iter_mut().flat_map(|process| &mut process.slots);
            let is_its =
                |slot: &&mut Slot| matches!(&slot.actor, Actor::Committer(of, _) if *of == shard);
            slots.filter(is_its).for_each(|slot| slot.stalled_until = later);
        }
        let power = self.prng.percent(self.options.faults.power_percent);
        let operation = self.prng.between(1..=6);
        let end = if power { End::Power } else { End::Kill };
        self.disks[shard].plan_crash(Some(CrashPoint { operation, end, sector: self.prng.seed() }));
    }

    /// Ends a process whose disk has just gone down; true if it has.
    pub(super) fn end_if_crashed(&mut self, process: usize) -> bool {
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
    pub(super) fn fail(&mut self, process: usize, failure: &str) -> Result<(), Violation> {
        self.tally.failures += 1;
        self.trace.note(self.now, format!("{} fails: {failure}", self.processes[process].name()));
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
    pub(super) fn end_faults(&mut self) {
        self.trace.note(self.now, "nothing goes wrong from now on");
        self.injects_faults = false;
        for (disk, full_until) in self.disks.iter().zip(&mut self.full_until) {
            disk.plan_crash(None);
            disk.sim().set_capacity(None);
            disk.sim().fail_sync(u64::MAX);
            disk.sim().fail_write(u64::MAX);
            *full_until = Nanos::MAX;
        }
        self.network_links.iter_mut().for_each(crate::network_link::NetworkLink::end_faults);
        self.client_network.end_faults();
        self.subscriber.end_faults();
        self.operator.close();
        for process in &mut self.processes {
            process.up_at = process.up_at.min(self.now);
            process.slots.iter_mut().for_each(|slot| slot.stalled_until = Nanos::ZERO);
        }
    }

    /// The machine fails, with everything on it.
    pub(super) fn fail_machine(&mut self) {
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
        let span = self.prng.span(Duration::from_millis(1)..=Duration::from_secs(8));
        let (now, prng, tally) = (self.now, &mut self.prng, &mut self.tally);
        tally.breaks += 1;
        if self.options.shape == Shape::One || prng.one_in(3) {
            self.client_network.break_some(span, now, prng, tally);
        } else {
            let network_link = prng.place(self.network_links.len());
            self.network_links[network_link].break_for(span, now, prng, tally);
            self.trace.note(now, format!("network_link {network_link} breaks for {span:?}"));
        }
    }

    fn fill_disk(&mut self, shard: usize) {
        let room = self.prng.between(0..=2 * self.options.segment_bytes);
        let sim = self.disks[shard].sim();
        sim.set_capacity(Some(sim.used_bytes() + room));
        let span = self.prng.span(Duration::from_millis(100)..=Duration::from_secs(10));
        self.full_until[shard] = self.now + span;
        self.tally.full_disks += 1;
        self.trace.note(self.now, format!("the disk of shard {shard} has {room} bytes left"));
    }

    /// Ends some process, this one or another, and sometimes several.
    fn crash_some(&mut self, process: usize) {
        let Faults { power_percent, several_percent, .. } = self.options.faults;
        let end = match self.prng.percent(power_percent) {
            true => End::Power,
            false if self.prng.one_in(4) => End::Stop,
            false => End::Kill,
        };
        let several = self.prng.percent(several_percent);
        for other in 0..self.processes.len() {
            if other == process || (several && self.prng.percent(60)) {
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
        let pause = self.prng.span(Duration::from_millis(1)..=Duration::from_secs(9));
        self.trace.note(self.now, format!("{}: {end:?}", self.processes[process].name()));
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
                self.replicas[shard].note_live(agent.journal().appended(), agent.state());
            }
        }
    }

    fn detach(&mut self, process: usize) {
        let shards = self.options.shards;
        let (now, prng, tally) = (self.now, &mut self.prng, &mut self.tally);
        for site in &self.processes[process].sites {
            match *site {
                Site::Router => {
                    self.client_network.shut(prng, tally);
                    for network_link in (0..shards).chain([2 * shards]) {
                        self.network_links[network_link].detach(Side::Hub, now, prng, tally);
                    }
                }
                Site::Shard(shard) => {
                    for network_link in [shard, shards + shard] {
                        self.network_links[network_link].detach(Side::Dealer, now, prng, tally);
                    }
                }
                Site::Publisher => {
                    self.subscriber.connect(None);
                    for network_link in shards..2 * shards {
                        self.network_links[network_link].detach(Side::Hub, now, prng, tally);
                    }
                    self.network_links[2 * shards].detach(Side::Dealer, now, prng, tally);
                }
                Site::Feed(feed) => self.client_network.detach(feed, prng, tally),
            }
        }
    }

    fn lose_disks(&mut self, process: usize, end: End) {
        for site in &self.processes[process].sites {
            let Site::Shard(shard) = *site else { continue };
            self.disks[shard].plan_crash(None);
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
