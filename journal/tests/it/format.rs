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
    rig.journal.append(3, 4, 0, &[0; 1_000]);
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
0000  41 4c 4c 4f 54 53 45 47 02 00 00 00 0c 00 00 00
0010  01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00
0020  b0 d0 59 f4 7a b3 26 15 20 80 49 e1 7f 4a 36 fb
0030  00 10 00 00 00 00 00 00 73 68 61 72 64 20 30 20
0040  6f 66 20 31 00 00 00 00 00 00 00 00 00 00 00 00
01f0  00 00 00 00 00 00 00 00 00 00 00 00 6e d6 c6 e4
0200  41 42 41 54 1f 34 4f 43 a0 00 00 00 02 00 00 00
0210  01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0220  29 5f 52 14 00 00 00 00 00 00 00 00 00 00 00 00
0240  29 00 00 00 c3 1d f5 f3 01 00 00 00 00 00 00 00
0250  b0 d0 59 f4 7a b3 26 15 00 00 00 00 00 00 00 00
0260  01 02 00 00 66 69 72 73 74 00 00 00 00 00 00 00
0270  2a 00 00 00 03 b2 4b f7 02 00 00 00 00 00 00 00
0280  aa af b2 76 b6 f5 5c af 00 00 00 00 00 00 00 00
0290  01 02 00 00 73 65 63 6f 6e 64 00 00 00 00 00 00
0400  41 42 41 54 d9 85 d3 8e 50 04 00 00 01 00 00 00
0410  03 00 00 00 00 00 00 00 48 a0 16 84 19 dd db ef
0420  bb f5 61 92 00 00 00 00 00 00 00 00 00 00 00 00
0440  44 a4 16 84 6c 7c d7 a8 4b a0 16 84 19 dd db ef
0450  32 31 9c 4b 48 f8 af f3 48 a0 16 84 19 dd db ef
";

/// As above.
const SNAPSHOT: &str = "
0000  41 4c 4c 4f 54 49 4d 47 02 00 00 00 0c 00 00 00
0010  03 00 00 00 00 00 00 00 1d 66 d6 56 b9 15 a0 31
0020  09 00 00 00 00 00 00 00 6f 53 0b 27 8a 1b 55 1e
0030  87 91 8b 5d d2 b5 48 c9 73 68 61 72 64 20 30 20
0040  6f 66 20 31 00 00 00 00 00 00 00 00 00 00 00 00
01f0  00 00 00 00 01 00 00 00 00 00 00 00 98 b5 c6 63
0200  74 68 65 20 73 74 61 74 65
";
