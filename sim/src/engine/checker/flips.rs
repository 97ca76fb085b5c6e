//! P8: a flipped bit stops the shard with the file named, or the state is right in spite of it.

use std::sync::Arc;

use allot_journal::{JournalConfig, JournalError, SimDisk};
use allot_server::open_shard::recover_state;
use allot_shard::{ConfigOf, RecoverError, Service};

use crate::engine::log::bytes;
use crate::engine::prng::Prng;
use crate::engine::tally::Tally;
use crate::engine::violation::{Violation, ensure};

/// The disk of a shard that is down, and how the shard would start from it.
pub struct Flipped<'a, S: Service> {
    /// The disk; every flip is made in a copy.
    pub disk: &'a SimDisk,
    /// The configuration of its journal.
    pub journal: &'a JournalConfig,
    /// The configuration of its machine.
    pub config: ConfigOf<S>,
}

/// Flips this many bits, each in a fresh copy of the disk, and starts from each copy.
///
/// # Errors
/// A start with another state, or one that fails without naming a file.
pub fn check<S: Service>(
    flipped: &Flipped<'_, S>,
    flips: u64,
    prng: &mut Prng,
    tally: &mut Tally,
) -> Result<(), Violation> {
    if flips == 0 {
        return Ok(());
    }
    let Ok(sound) = flipped.start(flipped.disk) else { return Ok(()) };
    for _ in 0..flips {
        let copy = flipped.disk.fork();
        let Some(bit) = flip(&copy, prng) else { continue };
        tally.flips += 1;
        match flipped.start(&copy) {
            Ok(state) => {
                tally.flips_repaired += 1;
                ensure(state == sound, "P8", || format!("another state after a flip of {bit}"))?;
            }
            Err(error) if names_file(&error) => tally.flips_stopped += 1,
            Err(error) => {
                let what = format!("a flip of {bit} stops the shard and names no file: {error}");
                return Err(Violation::new("P8", what));
            }
        }
    }
    Ok(())
}

impl<S: Service> Flipped<'_, S> {
    /// The bytes of the state that a start from this disk recovers.
    fn start(&self, disk: &SimDisk) -> Result<Vec<u8>, RecoverError> {
        let media = Arc::new(disk.clone());
        let state = recover_state::<S>(media, self.journal.clone(), self.config)?;
        Ok(bytes(&state))
    }
}

/// Flips one bit; says which.
fn flip(disk: &SimDisk, prng: &mut Prng) -> Option<String> {
    let files = disk.files();
    if files.is_empty() {
        return None;
    }
    let file = prng.pick(&files);
    let bytes = disk.file_bytes(file).filter(|bytes| 0 < *bytes)?;
    let offset = prng.between(0..=bytes - 1);
    let bit = u32::try_from(prng.between(0..=7)).expect("of a byte");
    disk.flip(file, offset, bit);
    Some(format!("bit {bit} of byte {offset} of {file}"))
}

/// Whether the error names a file of the journal, for an operator to look at.
fn names_file(error: &RecoverError) -> bool {
    let RecoverError::Journal(error) = error else { return false };
    match error {
        JournalError::Media { file, .. }
        | JournalError::DiskFull { file }
        | JournalError::NoSnapshot { file }
        | JournalError::Stamp { file, .. }
        | JournalError::Version { file, .. }
        | JournalError::Corrupt { file, .. }
        | JournalError::Missing { file, .. } => {
            file.starts_with("segment-") || file.starts_with("image-")
        }
        _ => false,
    }
}
