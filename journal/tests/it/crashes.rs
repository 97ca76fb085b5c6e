//! Random schedules of a journal on a disk that loses writes, tears them, fills up and fails.
//!
//! The promise: every record that was reported durable is there afterwards. What is there is what
//! was appended, in order, and nothing else. Each schedule follows from its seed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use allot_domain::LogIndex;
use allot_journal::{JournalError, Media, MediaFile, Reader, SimDisk};
use allot_runtime::Agent;

use crate::rig::{Found, Rig, config, read, state_of};

/// Number of schedules. A release build has time for more.
const SEEDS: u64 = if cfg!(debug_assertions) { 300 } else { 20_000 };
/// Number of steps in each.
const STEPS: usize = 400;

/// Pseudo-random numbers from a seed (Knuth's MMIX generator).
struct Prng(u64);

impl Prng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A payload: mostly small, sometimes large, sometimes zeros with at most one bit set.
    fn payload(&mut self) -> Vec<u8> {
        let length = match self.below(8) {
            0 => self.below(3_000),
            1 => 0,
            _ => self.below(120),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if self.below(3) == 0 {
            if let Some(byte) = payload.last_mut() {
                *byte = 1;
            }
        } else {
            payload.iter_mut().for_each(|byte| *byte = u8::try_from(self.below(256)).unwrap());
        }
        payload
    }
}

/// What the disk must hold.
#[derive(Default)]
struct Model {
    appended: Vec<Vec<u8>>,
    /// How many of them were reported durable.
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
            return Err(format!("nothing was damaged, but a start warns: {:?}", found.warnings));
        }
        self.appended.truncate(count);
        self.durable = count;
        self.starts += 1;
        Ok(())
    }
}

/// Starts until it succeeds. Only planned faults may make a start fail.
fn start(
    disk: &SimDisk,
    media: &Arc<dyn Media>,
    model: &mut Model,
    prng: &mut Prng,
) -> Result<Rig, String> {
    loop {
        match Rig::start(Arc::clone(media), config()) {
            Ok((rig, found)) => {
                model.check(&found)?;
                return Ok(rig);
            }
            Err(JournalError::Media { .. } | JournalError::DiskFull { .. }) => {
                model.refused_starts += 1;
                // A start that failed may have synced more records than were reported durable.
                disk.set_capacity(None);
                if prng.below(2) == 0 { disk.crash() } else { disk.restart() }
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// One random step. An error ends the incarnation of the journal.
fn act(
    disk: &SimDisk,
    rig: &mut Rig,
    model: &mut Model,
    prng: &mut Prng,
) -> Result<(), JournalError> {
    match prng.below(100) {
        0..40 if rig.journal.has_room() => {
            let payload = prng.payload();
            rig.journal.append(0, 0, 0, &payload);
            model.appended.push(payload);
        }
        40..50 => rig.journal.submit(),
        50..55 => rig.journal.commit(),
        55..75 => drop(rig.committer.do_work(rig.now)),
        75..88 => drop(rig.checkpointer.do_work(rig.now)),
        88..92 => {
            let state = state_of(&model.appended);
            rig.journal.store_snapshot(|out| out.extend(state));
        }
        92 => disk.fail_sync(prng.below(6) + 1),
        93 => disk.fail_write(prng.below(6) + 1),
        94 => disk.set_capacity(Some(disk.used_bytes() + prng.below(9_000))),
        95..98 => {
            disk.set_capacity(None);
            rig.now += Duration::from_secs(1);
        }
        _ => {}
    }
    rig.journal.poll()?;
    let durable = usize::try_from(rig.journal.durable().get()).unwrap();
    assert!(model.durable <= durable && durable <= model.appended.len());
    model.durable = durable;
    Ok(())
}

fn schedule(disk: &SimDisk, media: Arc<dyn Media>, seed: u64) -> Result<Model, String> {
    let (mut model, mut prng) = (Model::default(), Prng(seed));
    let mut rig = start(disk, &media, &mut model, &mut prng)?;
    for _ in 0..STEPS {
        let ended = act(disk, &mut rig, &mut model, &mut prng).is_err();
        if ended || prng.below(60) == 0 {
            drop(rig);
            if prng.below(3) == 0 {
                disk.restart()
            } else {
                disk.crash()
            }
            rig = start(disk, &media, &mut model, &mut prng)?;
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
    let mut last = LogIndex::ZERO;
    while let Some(entry) = reader.next().map_err(|error| error.to_string())? {
        last = entry.record.index;
    }
    let expected = found.records.last().map(|record| record.0);
    let expected =
        expected.or(found.snapshot.as_ref().map(|snapshot| snapshot.index)).unwrap_or_default();
    // Everything but the segment after the snapshots may have been pruned.
    if last == expected || last == LogIndex::ZERO {
        Ok(())
    } else {
        Err(format!("{last} is not {expected}"))
    }
}

#[test]
fn every_durable_record_survives_every_crash() {
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
    assert!(
        SEEDS * 5 < starts && 0 < refused,
        "the schedules have many starts, and starts that fail"
    );
}

/// A disk whose sync does nothing. The checker above must notice it.
struct NoSyncDisk(SimDisk);

struct NoSyncFile(Box<dyn MediaFile>);

impl Media for NoSyncDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(NoSyncFile(self.0.create(name)?)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediaFile>> {
        Ok(Box::new(NoSyncFile(self.0.open(name)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn holds(&self, name: &str) -> io::Result<bool> {
        self.0.holds(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.0.sync_folder()
    }
}

impl MediaFile for NoSyncFile {
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
fn a_disk_that_does_not_sync_is_detected() {
    let detected = (0..20).filter(|&seed| {
        let disk = SimDisk::new(seed);
        schedule(&disk, Arc::new(NoSyncDisk(disk.clone())), seed).is_err()
    });
    assert!(10 < detected.count(), "the checker notices lost records");
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
