//! Random incarnations of a journal on a disk that loses, tears, forgets, fills up and fails.
//!
//! The promise: whatever was said to be durable is there afterwards, and what is there is what was
//! appended, in order, and nothing else. Each schedule follows from its seed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use allot_journal::{JournalError, Media, MediaFile, Reader, SimDisk};
use allot_runtime::Agent;

use crate::rig::{Found, Rig, config, read, state_of};

/// How many schedules; a release build has time for more.
const SEEDS: u64 = if cfg!(debug_assertions) { 300 } else { 20_000 };
/// How many things happen in each.
const STEPS: usize = 400;

/// Numbers that follow from a seed (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// A payload: mostly small, sometimes large, sometimes of zeros with hardly a bit set.
    fn payload(&mut self) -> Vec<u8> {
        let length = match self.roll(8) {
            0 => self.roll(3_000),
            1 => 0,
            _ => self.roll(120),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if self.roll(3) == 0 {
            if let Some(byte) = payload.last_mut() {
                *byte = 1;
            }
        } else {
            payload.iter_mut().for_each(|byte| *byte = u8::try_from(self.roll(256)).unwrap());
        }
        payload
    }
}

/// What must hold, beside what is on the disk.
#[derive(Default)]
struct Model {
    appended: Vec<Vec<u8>>,
    /// How many of them were said to be durable.
    durable: usize,
    starts: u64,
    refused_starts: u64,
}

impl Model {
    /// Compares what a start found with what must be there.
    fn check(&mut self, found: &Found) -> Result<(), String> {
        let payloads = found.payloads();
        let (count, appended) = (payloads.len(), self.appended.len());
        if count < self.durable {
            return Err(format!("{count} records are left of {} that were durable", self.durable));
        }
        if !self.appended.starts_with(&payloads) {
            return Err(format!("the {count} records are not the first of {appended} appended"));
        }
        if !found.warnings.is_empty() {
            return Err(format!("nothing was damaged, and yet: {:?}", found.warnings));
        }
        self.appended.truncate(count);
        self.durable = count;
        self.starts += 1;
        Ok(())
    }
}

/// Starts until it succeeds; only the faults that were planned may stop it.
fn start(
    disk: &SimDisk,
    media: &Arc<dyn Media>,
    model: &mut Model,
    dice: &mut Dice,
) -> Result<Rig, String> {
    loop {
        match Rig::start(Arc::clone(media), config()) {
            Ok((rig, found)) => {
                model.check(&found)?;
                return Ok(rig);
            }
            Err(JournalError::Media { .. } | JournalError::DiskFull { .. }) => {
                model.refused_starts += 1;
                // A start that was refused may have found, and put on disk, more than is known.
                disk.set_capacity(None);
                if dice.roll(2) == 0 { disk.crash() } else { disk.restart() }
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// One thing that may happen. An error ends the incarnation of the journal.
fn act(
    disk: &SimDisk,
    rig: &mut Rig,
    model: &mut Model,
    dice: &mut Dice,
) -> Result<(), JournalError> {
    match dice.roll(100) {
        0..40 if rig.journal.has_room() => {
            let payload = dice.payload();
            rig.journal.append(0, 0, &payload);
            model.appended.push(payload);
        }
        40..55 => rig.journal.submit(),
        55..75 => drop(rig.committer.do_work(rig.now)),
        75..88 => drop(rig.checkpointer.do_work(rig.now)),
        88..92 => {
            let state = state_of(&model.appended);
            rig.journal.store_snapshot(|out| out.extend(state));
        }
        92 => disk.fail_sync(dice.roll(6) + 1),
        93 => disk.fail_write(dice.roll(6) + 1),
        94 => disk.set_capacity(Some(disk.used_bytes() + dice.roll(9_000))),
        95..98 => {
            disk.set_capacity(None);
            rig.now += Duration::from_secs(1);
        }
        _ => {}
    }
    rig.journal.poll()?;
    let durable = usize::try_from(rig.journal.durable()).unwrap();
    assert!(model.durable <= durable && durable <= model.appended.len());
    model.durable = durable;
    Ok(())
}

fn schedule(disk: &SimDisk, media: Arc<dyn Media>, seed: u64) -> Result<Model, String> {
    let (mut model, mut dice) = (Model::default(), Dice(seed));
    let mut rig = start(disk, &media, &mut model, &mut dice)?;
    for _ in 0..STEPS {
        let ended = act(disk, &mut rig, &mut model, &mut dice).is_err();
        if ended || dice.roll(60) == 0 {
            drop(rig);
            if dice.roll(3) == 0 {
                disk.restart()
            } else {
                disk.crash()
            }
            rig = start(disk, &media, &mut model, &mut dice)?;
        }
    }
    drop(rig);
    disk.crash();
    disk.set_capacity(None);
    let (_, found) = read(Arc::clone(&media), config()).map_err(|error| error.to_string())?;
    the_reader_agrees(media, &found)?;
    model.check(&found)?;
    Ok(model)
}

fn the_reader_agrees(media: Arc<dyn Media>, found: &Found) -> Result<(), String> {
    let mut reader = Reader::open(media).map_err(|error| error.to_string())?;
    let mut last = 0;
    while let Some(entry) = reader.next().map_err(|error| error.to_string())? {
        last = entry.record.index;
    }
    let expected = found.records.last().map(|record| record.0);
    let expected = expected.or(found.snapshot.as_ref().map(|snapshot| snapshot.index)).unwrap_or(0);
    // Everything may have been pruned but the segment that comes after the snapshots.
    if last == expected || last == 0 { Ok(()) } else { Err(format!("{last} is not {expected}")) }
}

#[test]
fn whatever_was_durable_survives_every_crash() {
    let (mut starts, mut refused, mut records) = (0, 0, 0);
    for seed in 0..SEEDS {
        let disk = SimDisk::new(seed);
        match schedule(&disk, Arc::new(disk.clone()), seed) {
            Ok(model) => {
                starts += model.starts;
                refused += model.refused_starts;
                records += model.durable;
            }
            Err(what) => panic!("seed {seed}: {what}\n{}", disk.log().join("\n")),
        }
    }
    println!("{SEEDS} schedules, {starts} starts, {refused} refused, {records} records at the end");
    assert!(SEEDS * 5 < starts && 0 < refused, "the schedules are worth something");
}

/// A disk that says "synced" and does nothing: what the checker above must notice.
struct LyingDisk(SimDisk);

struct LyingFile(Box<dyn MediaFile>);

impl Media for LyingDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(LyingFile(self.0.create(name)?)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(LyingFile(self.0.open(name)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.0.sync_folder()
    }
}

impl MediaFile for LyingFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    let found_out = (0..20).filter(|&seed| {
        let disk = SimDisk::new(seed);
        schedule(&disk, Arc::new(LyingDisk(disk.clone())), seed).is_err()
    });
    assert!(10 < found_out.count(), "the checker notices what is lost");
}

#[test]
fn a_schedule_follows_from_its_seed() {
    let logs = [7, 7, 8].map(|seed| {
        let disk = SimDisk::new(seed);
        schedule(&disk, Arc::new(disk.clone()), seed).unwrap();
        disk.log()
    });
    assert_eq!(logs[0], logs[1]);
    assert_ne!(logs[0], logs[2]);
}
