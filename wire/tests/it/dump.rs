//! Dump: bytes as lines of offset, sixteen numbers and their characters, as `hexdump -C` prints.

use expect_test::{Expect, expect};

/// The lines of some bytes.
pub(crate) fn dump(bytes: &[u8]) -> String {
    bytes.chunks(16).enumerate().map(|(at, line)| dump_line(at * 16, line)).collect()
}

fn dump_line(at: usize, line: &[u8]) -> String {
    let numbers: String = line.iter().map(|byte| format!(" {byte:02x}")).collect();
    let characters: String = line.iter().map(|byte| character(*byte)).collect();
    format!("{at:04x} {numbers:<49} |{characters}|\n")
}

fn character(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
}

/// Compares some messages with their dumps.
pub(crate) fn check(messages: &[Vec<u8>], expected: &Expect) {
    let dumps: Vec<_> = messages.iter().map(|message| dump(message)).collect();
    expected.assert_eq(&dumps.join("\n"));
}

#[test]
fn a_dump_has_sixteen_bytes_a_line() {
    expect![[r#"
        0000  41 4c 4f 54 01 01 00 00 01 00 00 00 3c 00 00 00  |ALOT........<...|
        0010  20                                               | |
    "#]]
    .assert_eq(&dump(b"ALOT\x01\x01\0\0\x01\0\0\0\x3c\0\0\0 "));
}
