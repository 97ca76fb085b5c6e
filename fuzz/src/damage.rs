//! Damage: a few edits of the files of a journal, read from bytes.
//!
//! ```text
//!   │ what 1 │ file 1 │ at 2 │ …
//!
//!   0 flip a bit   │ bit 1 │          2 wipe a sector
//!   1 overwrite    │ length 1 │ … │   3 copy a sector  │ from file 1 │ from 2 │
//!   4 remove the file
//! ```

use allot_journal::{Media, SimDisk, state_hash};
use crc32c::{crc32c, crc32c_append};

const SECTOR: usize = 512;
/// Where the head of a file has its checksum.
const HEAD_CRC_AT: usize = 508;

/// Some edits.
pub struct Damage<'a>(Vec<Edit<'a>>);

struct Edit<'a> {
    file: usize,
    at: usize,
    what: What<'a>,
}

enum What<'a> {
    Flip(u8),
    Overwrite(&'a [u8]),
    Wipe,
    Copy { file: usize, from: usize },
    Remove,
}

impl<'a> Damage<'a> {
    /// Reads edits until the bytes end.
    #[must_use]
    pub fn read(mut bytes: &'a [u8]) -> Self {
        let mut edits = Vec::new();
        while let Some(edit) = read_edit(&mut bytes) {
            edits.push(edit);
        }
        Self(edits)
    }

    /// Makes the edits, on the medium itself.
    ///
    /// # Panics
    /// If the disk refuses one: a bug.
    pub fn apply(&self, disk: &SimDisk) {
        for Edit { file, at, what } in &self.0 {
            let names = disk.files();
            let Some(name) = names.get(file % names.len().max(1)) else { return };
            let mut bytes = contents(disk, name);
            if bytes.is_empty() {
                continue;
            }
            let at = at % bytes.len();
            let sector = at / SECTOR * SECTOR;
            match what {
                What::Flip(bit) => bytes[at] ^= 1 << (bit % 8),
                What::Overwrite(with) => {
                    bytes[at..].iter_mut().zip(*with).for_each(|(byte, with)| *byte = *with);
                }
                What::Wipe => bytes[sector..].iter_mut().take(SECTOR).for_each(|byte| *byte = 0),
                What::Copy { file, from } => {
                    let other = contents(disk, &names[file % names.len()]);
                    let from = from / SECTOR * SECTOR;
                    let copied = other.iter().skip(from).take(SECTOR);
                    bytes[sector..].iter_mut().zip(copied).for_each(|(byte, with)| *byte = *with);
                }
                What::Remove => {
                    disk.remove(name).expect("the file is there");
                    continue;
                }
            }
            write(disk, name, &bytes);
        }
    }

    /// Makes every checksum of the files right that were edited, but for the chain of the records.
    ///
    /// # Panics
    /// If the disk refuses it: a bug.
    pub fn forge(&self, disk: &SimDisk) {
        for name in disk.files() {
            let mut bytes = contents(disk, &name);
            if bytes.len() < SECTOR {
                continue;
            }
            if name.starts_with("image") {
                let hash = state_hash(&bytes[SECTOR..]).to_le_bytes();
                put(&mut bytes, 40, &hash);
            } else {
                forge_batches(&mut bytes);
            }
            let checksum = crc32c(&bytes[..HEAD_CRC_AT]);
            put(&mut bytes, HEAD_CRC_AT, &checksum.to_le_bytes());
            write(disk, &name, &bytes);
        }
    }
}

/// `docs/internals/journal.md` has the layout.
fn forge_batches(segment: &mut [u8]) {
    let (head, sectors) = segment.split_at_mut(SECTOR);
    let salt = &head[40..48];
    let mut at = 0;
    while at + SECTOR <= sectors.len() {
        let batch = &mut sectors[at..];
        if !batch.starts_with(b"ABAT") {
            at += SECTOR;
            continue;
        }
        let used = number(batch, 8).clamp(64, batch.len());
        let end = used.next_multiple_of(SECTOR).min(batch.len());
        // Records under a mask keep their checksums.
        if batch[24..32] == [0; 8] {
            forge_records(&mut batch[64..used]);
        }
        let checksum = crc32c(&batch[64..end]);
        put(batch, 32, &checksum.to_le_bytes());
        let checksum = crc32c_append(crc32c(salt), &batch[8..64]);
        put(batch, 4, &checksum.to_le_bytes());
        at += end.max(SECTOR);
    }
}

fn forge_records(mut records: &mut [u8]) {
    while 16 <= records.len() {
        let length = number(records, 0);
        let padded = length.next_multiple_of(8).clamp(8, records.len());
        let seed = u32::try_from(length).expect("read from 32 bits");
        let checksum = crc32c_append(seed, &records[8..padded]);
        put(records, 4, &checksum.to_le_bytes());
        records = &mut records[padded..];
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    let number = bytes[at..].first_chunk().expect("checked by the caller");
    usize::try_from(u32::from_le_bytes(*number)).expect("a machine of 64 bits")
}

fn put(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..at + with.len()].copy_from_slice(with);
}

fn read_edit<'a>(bytes: &mut &'a [u8]) -> Option<Edit<'a>> {
    let what = take(bytes, 1)?[0];
    let file = usize::from(take(bytes, 1)?[0]);
    let at = place(bytes)?;
    let what = match what % 5 {
        0 => What::Flip(take(bytes, 1)?[0]),
        1 => {
            let length = usize::from(take(bytes, 1)?[0]);
            What::Overwrite(take(bytes, length.min(bytes.len()))?)
        }
        2 => What::Wipe,
        3 => What::Copy { file: usize::from(take(bytes, 1)?[0]), from: place(bytes)? },
        _ => What::Remove,
    };
    Some(Edit { file, at, what })
}

fn place(bytes: &mut &[u8]) -> Option<usize> {
    let place = take(bytes, 2)?;
    Some(usize::from(u16::from_le_bytes([place[0], place[1]])))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn contents(disk: &SimDisk, name: &str) -> Vec<u8> {
    let length = disk.file_bytes(name).expect("the file is there");
    let mut bytes = vec![0; usize::try_from(length).expect("small")];
    let file = disk.open(name).expect("the file is there");
    let read = file.read_at(0, &mut bytes).expect("a sound disk");
    assert_eq!(read, bytes.len());
    bytes
}

fn write(disk: &SimDisk, name: &str, bytes: &[u8]) {
    let mut file = disk.open(name).expect("the file is there");
    file.write_at(0, bytes).and_then(|()| file.sync()).expect("a sound disk");
}
