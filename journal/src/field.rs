//! A field: a little-endian integer at a place in bytes.

/// The integer of 32 bits at `at`.
pub(crate) fn get_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

/// The integer of 64 bits at `at`.
pub(crate) fn get_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

/// The integer of 128 bits at `at`.
pub(crate) fn get_u128(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(array(bytes, at))
}

/// Puts a field where it belongs.
pub(crate) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

fn array<const LENGTH: usize>(bytes: &[u8], at: usize) -> [u8; LENGTH] {
    let mut field = [0; LENGTH];
    field.copy_from_slice(&bytes[at..at + LENGTH]);
    field
}

/// A length in memory as a place in a file.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).expect("no memory is larger than 2^64 bytes")
}

/// A length in a file, known to be small, as a length in memory.
pub(crate) fn narrow(length: u64) -> usize {
    usize::try_from(length).expect("bounded by a segment, which fits into memory")
}

/// A length in memory as a field of 32 bits.
pub(crate) fn short(length: usize) -> u32 {
    u32::try_from(length).expect("bounded by a batch, which is far below 2^32 bytes")
}
