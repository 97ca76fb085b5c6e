//! The faults: what fails, and when. Any turn of any agent may bring one.

use std::ops::RangeInclusive;
use std::time::Duration;

use allot_domain::ShardId;
use allot_journal::{CrashPoint, End};
use allot_runtime::Nanos;
use allot_server::boxes::shard_ids;

use super::World;
use crate::engine::network_link::{NetworkLink, Side};
use crate::engine::options::{Faults, Shape};
use crate::engine::process::{Actor, Site, StopCause};
use crate::engine::violation::Violation;
use crate::engine::workload::Workload;

/// How long a committer gathers a batch before its machine fails.
const GATHERS_FOR: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(2_500);

/// How long an agent stalls.
const STALL: RangeInclusive<Duration> = Duration::from_micros(50)..=Duration::from_secs(6);

/// How long a connection stays broken.
const BREAK: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(8);

/// How long a disk stays full.
const FULL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(10);

/// How long a process stays down.
const DOWN: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(9);

impl<W: Workload> World<W> {
    /// After a turn: perhaps a fault.
    pub(super) fn inject_faults(&mut self, process: usize, slot: usize) {
        let Faults { break_link, stall, crash, .. } = self.options.faults;
        if self.prng.one_in(stall) {
            let span = self.prng.span(STALL);
            self.processes[process].slots[slot].stalled_until = self.now + span;
            self.tally.stalls += 1;
        }
        if self.prng.one_in(break_link) {
            self.break_connection();
        }
        let shard = self.processes[process].slots[slot].actor.shard();
        if let Some(shard) = shard {
            self.inject_disk_faults(shard);
        }
        if let Some(shard) = shard
            && self.prng.one_in(crash)
        {
            self.plan_crash(shard);
        } else if self.prng.one_in(crash) {
            self.crash_some(process);
        }
    }

    fn inject_disk_faults(&mut self, shard: ShardId) {
        let Faults { sync_failure, write_failure, full_disk, .. } = self.options.faults;
        if self.prng.one_in(sync_failure) {
            self.disks[shard.index()].fail_sync(self.prng.between(1..=3));
            self.tally.syncs_failed += 1;
            self.trace.note(self.now, format!("a sync of shard {shard} will fail"));
        }
        if self.prng.one_in(write_failure) {
            self.disks[shard.index()].fail_write(self.prng.between(1..=3));
            self.tally.writes_failed += 1;
            self.trace.note(self.now, format!("a write of shard {shard} will fail"));
        }
        if self.prng.one_in(full_disk) && self.full_until[shard.index()] == Nanos::MAX {
            self.fill_disk(shard);
        }
    }

    /// Plans that the machine, or the process, of a shard ends within a disk operation: a near one,
    /// or the large batch that gathers while its committer stalls.
    pub(super) fn plan_crash(&mut self, shard: ShardId) {
        if self.prng.percent(70) {
            let later = self.now + self.prng.span(GATHERS_FOR);
            for slot in self.processes.iter_mut().flat_map(|process| &mut process.slots) {
                if matches!(&slot.actor, Actor::Committer(of, _) if *of == shard) {
                    slot.stalled_until = later;
                }
            }
        }
        let power = self.prng.percent(self.options.faults.power_percent);
        let operation = self.prng.between(1..=6);
        let end = if power { End::Power } else { End::Kill };
        let sector = self.prng.seed();
        self.disks[shard.index()].plan_crash(Some(CrashPoint { operation, end, sector }));
    }

    /// Ends a process whose disk has just crashed; true if it has.
    pub(super) fn end_if_crashed(&mut self, process: usize) -> bool {
        let crashed = self.processes[process].sites.iter().find_map(|site| match site {
            Site::Shard(shard) => self.disks[shard.index()].take_end(),
            _ => None,
        });
        if let Some(end) = crashed {
            self.tally.crashes_within += 1;
            self.end(process, end);
        }
        crashed.is_some()
    }

    /// A box has stopped because of its disk: its process ends, and is started again.
    pub(super) fn fail(
        &mut self,
        process: usize,
        slot: usize,
        failure: &str,
    ) -> Result<(), Violation> {
        self.tally.failures += 1;
        self.trace.note(self.now, format!("{} fails: {failure}", self.processes[process].name()));
        let actor = &self.processes[process].slots[slot].actor;
        let disk_has_failed =
            || actor.shard().is_some_and(|shard| self.disks[shard.index()].has_failed());
        let is_expected = match actor.stop_cause() {
            StopCause::RepliedInputsLost => return Err(Violation::new("P1", failure)),
            StopCause::DiskFull => 0 < self.options.faults.full_disk,
            StopCause::DiskFailed => disk_has_failed(),
            StopCause::Other => false,
        };
        if !is_expected {
            let what = format!("a box stops, and nothing had failed: {failure}");
            return Err(Violation::new("P8", what));
        }
        self.end(process, End::Kill);
        Ok(())
    }

    /// From now on nothing fails.
    pub(super) fn end_faults(&mut self) {
        self.trace.note(self.now, "no more faults from now on");
        self.injects_faults = false;
        for (disk, full_until) in self.disks.iter().zip(&mut self.full_until) {
            disk.plan_crash(None);
            disk.set_capacity(None);
            disk.fail_sync(u64::MAX);
            disk.fail_write(u64::MAX);
            *full_until = Nanos::MAX;
        }
        self.network_links.iter_mut().for_each(NetworkLink::end_faults);
        self.client_network.end_faults();
        self.workload.end_faults();
        for process in &mut self.processes {
            process.up_at = process.up_at.min(self.now);
            process.slots.iter_mut().for_each(|slot| slot.stalled_until = Nanos::ZERO);
        }
    }

    /// The power fails on every machine.
    pub(super) fn fail_machines(&mut self) {
        for process in 0..self.processes.len() {
            self.end(process, End::Power);
        }
    }

    fn break_connection(&mut self) {
        let span = self.prng.span(BREAK);
        let now = self.now;
        let Self { prng, tally, .. } = self;
        tally.breaks += 1;
        if self.options.shape == Shape::One || prng.one_in(3) {
            self.client_network.break_some(span, now, prng, tally);
        } else {
            let link = prng.index(self.network_links.len());
            self.network_links[link].break_for(span, now, prng, tally);
            self.trace.note(now, format!("network link {link} breaks for {span:?}"));
        }
    }

    fn fill_disk(&mut self, shard: ShardId) {
        let room = self.prng.between(0..=2 * self.options.setup.segment_bytes);
        let disk = &self.disks[shard.index()];
        disk.set_capacity(Some(disk.used_bytes() + room));
        self.full_until[shard.index()] = self.now + self.prng.span(FULL);
        self.tally.full_disks += 1;
        self.trace.note(self.now, format!("the disk of shard {shard} has {room} bytes left"));
    }

    /// Ends this process, and sometimes others with it.
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

    fn end(&mut self, process: usize, end: End) {
        if !self.processes[process].is_up() {
            // A power failure also takes what an ended process had not synced.
            if end == End::Power {
                self.lose_disks(process, end);
            }
            return;
        }
        let pause = self.prng.span(DOWN);
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
        for (shard, log) in shard_ids(self.options.shards).zip(&mut self.logs) {
            if let Some(agent) = self.processes[process].shard(shard) {
                log.note_live(agent.journal().appended(), agent.state());
            }
        }
    }

    fn detach(&mut self, process: usize) {
        let shards = self.options.shards;
        let now = self.now;
        let Self { prng, tally, network_links: links, .. } = self;
        for site in &self.processes[process].sites {
            match *site {
                Site::Router => {
                    self.client_network.close(prng, tally);
                    self.workload.connect_feeder(None);
                    for link in (0..shards).chain([2 * shards]) {
                        links[link].detach(Side::Hub, now, prng, tally);
                    }
                }
                Site::Shard(shard) => {
                    for link in [shard.index(), shards + shard.index()] {
                        links[link].detach(Side::Dealer, now, prng, tally);
                    }
                }
                Site::Publisher => {
                    self.workload.connect_subscriber(None);
                    for link in &mut links[shards..2 * shards] {
                        link.detach(Side::Hub, now, prng, tally);
                    }
                    links[2 * shards].detach(Side::Dealer, now, prng, tally);
                }
                Site::Client(client) => self.client_network.detach(client, prng, tally),
            }
        }
    }

    fn lose_disks(&mut self, process: usize, end: End) {
        for site in &self.processes[process].sites {
            let Site::Shard(shard) = *site else { continue };
            let disk = &self.disks[shard.index()];
            disk.plan_crash(None);
            if end == End::Power {
                self.tally.power_failures += 1;
                disk.crash();
            } else {
                disk.restart();
            }
        }
    }
}
