//! A length: of the same bytes in memory (`usize`), in a file (`u64`) and in a field (`u32`).

/// A length in memory as a length in a file.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).expect("no memory is larger than 2^64 bytes")
}

/// A length in a file as a length in memory. The caller knows that it is small.
pub(crate) fn narrow(length: u64) -> usize {
    usize::try_from(length).expect("bounded by a segment, which fits into memory")
}

/// A length in memory as a field of 32 bits.
pub(crate) fn short(length: usize) -> u32 {
    u32::try_from(length).expect("bounded by a batch, which is far below 2^32 bytes")
}
