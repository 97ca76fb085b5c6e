//! The bytes on disk: these and no others, or journals of earlier versions cannot be read.

use allot_journal::{Media, SimDisk};

use crate::rig::{Rig, config, media};

/// The lines of a dump that are not all zeros: place, 16 bytes.
fn dump(disk: &SimDisk, name: &str) -> String {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    let mut lines = String::new();
    for (line, place) in bytes.chunks(16).zip((0..).step_by(16)) {
        if line.iter().any(|byte| *byte != 0) {
            let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            lines += &format!("{place:04x}  {}\n", hex.join(" "));
        }
    }
    lines
}

#[test]
fn the_bytes_on_disk_are_these() {
    let disk = SimDisk::new(1);
    let (mut rig, _) = Rig::start(media(&disk), config()).unwrap();
    rig.commit(&[b"first", b"second"]);
    // This many zeros need a mask.
    rig.journal.append(3, 4, &[0; 1_000]);
    rig.run_until_idle().unwrap();
    rig.journal.store_snapshot(|state| state.extend(b"the state"));
    rig.run_until_idle().unwrap();
    let segment = dump(&disk, "segment-0000000001");
    let snapshot = dump(&disk, "image-00000000000000000003");
    // Of the masked batch the head will do.
    let lines: Vec<&str> = segment.lines().take(20).collect();
    assert_eq!(lines.join("\n"), SEGMENT.trim());
    assert_eq!(snapshot.trim(), SNAPSHOT.trim());
}

/// Computed by another program, from `docs/internals/journal.md` alone.
const SEGMENT: &str = "
0000  41 4c 4c 4f 54 53 45 47 01 00 00 00 0c 00 00 00
0010  01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
0020  b0 d0 59 f4 7a b3 26 15 20 80 49 e1 7f 4a 36 fb
0030  00 10 00 00 00 00 00 00 73 68 61 72 64 20 30 20
0040  6f 66 20 31 00 00 00 00 00 00 00 00 00 00 00 00
01f0  00 00 00 00 00 00 00 00 00 00 00 00 87 d3 8e 7a
0200  41 42 41 54 73 93 c0 f7 90 00 00 00 02 00 00 00
0210  01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0220  5f 97 13 11 00 00 00 00 00 00 00 00 00 00 00 00
0240  21 00 00 00 70 4e dd 96 01 00 00 00 00 00 00 00
0250  b0 d0 59 f4 7a b3 26 15 01 02 00 00 66 69 72 73
0260  74 00 00 00 00 00 00 00 22 00 00 00 22 09 ce dc
0270  02 00 00 00 00 00 00 00 c4 36 aa 5a 77 9f cf 19
0280  01 02 00 00 73 65 63 6f 6e 64 00 00 00 00 00 00
0400  41 42 41 54 24 76 bd 41 48 04 00 00 01 00 00 00
0410  03 00 00 00 00 00 00 00 48 a0 16 84 19 dd db ef
0420  a3 64 45 12 00 00 00 00 00 00 00 00 00 00 00 00
0440  4c a4 16 84 f9 d5 90 e8 4b a0 16 84 19 dd db ef
0450  3a ab 74 60 74 da 10 a9 4b a4 16 84 19 dd db ef
0460  48 a0 16 84 19 dd db ef 48 a0 16 84 19 dd db ef
";

/// As above.
const SNAPSHOT: &str = "
0000  41 4c 4c 4f 54 49 4d 47 01 00 00 00 0c 00 00 00
0010  03 00 00 00 00 00 00 00 8e f5 73 c0 e4 d0 f8 d3
0020  09 00 00 00 00 00 00 00 6f 53 0b 27 8a 1b 55 1e
0030  87 91 8b 5d d2 b5 48 c9 73 68 61 72 64 20 30 20
0040  6f 66 20 31 00 00 00 00 00 00 00 00 00 00 00 00
01f0  00 00 00 00 00 00 00 00 00 00 00 00 a1 a1 1f f3
0200  74 68 65 20 73 74 61 74 65
";
