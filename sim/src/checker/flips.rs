//! P8: a flipped bit stops the shard with the place named, or the state is right in spite of it.

use std::sync::Arc;

use allot_domain::BookConfig;
use allot_journal::{JournalConfig, Recovery};
use allot_shard::recover;

use crate::disk::Disk;
use crate::prng::Prng;
use crate::tally::Tally;
use crate::violation::{Violation, ensure};

/// Flips so many bits, one after the other, each in a copy of the disk of a shard that is down.
///
/// # Errors
/// A start with another state, or one that is refused without naming a file.
pub fn check(
    disk: &Disk,
    (journal, book): (&JournalConfig, BookConfig),
    flips: u64,
    prng: &mut Prng,
    tally: &mut Tally,
) -> Result<(), Violation> {
    if flips == 0 {
        return Ok(());
    }
    let Ok(sound) = start(disk, journal, book) else { return Ok(()) };
    for _ in 0..flips {
        let copy = disk.fork();
        let Some(place) = flip(&copy, prng) else { continue };
        tally.flips += 1;
        match start(&copy, journal, book) {
            Ok(state) => {
                tally.flips_repaired += 1;
                ensure(state == sound, "P8", || format!("another state after a flip {place}"))?;
            }
            Err(error) if error.contains("segment-") || error.contains("image-") => {
                tally.flips_stopped += 1;
            }
            Err(error) => {
                let what = format!("a flip {place} stops the shard without a place: {error}");
                return Err(Violation::new("P8", what));
            }
        }
    }
    Ok(())
}

/// Turns one bit round; says which.
fn flip(disk: &Disk, prng: &mut Prng) -> Option<String> {
    let files = disk.files();
    if files.is_empty() {
        return None;
    }
    let file = prng.pick(&files);
    let bytes = disk.sim().file_bytes(file).filter(|bytes| 0 < *bytes)?;
    let offset = prng.between(0..=bytes - 1);
    let bit = u32::try_from(prng.between(0..=7)).expect("of a byte");
    disk.sim().flip(file, offset, bit);
    Some(format!("of bit {bit} of byte {offset} of {file}"))
}

/// The bytes of the state that a start finds.
fn start(disk: &Disk, journal: &JournalConfig, book: BookConfig) -> Result<Vec<u8>, String> {
    let opened = Recovery::open(Arc::new(disk.clone()), journal.clone());
    let mut recovery = opened.map_err(|error| error.to_string())?;
    let state = recover(&mut recovery, book).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    state.save(&mut bytes);
    Ok(bytes)
}
