//! A field: a value at its place in a head that is being written.

/// Writes a field over the bytes at `at`.
pub(crate) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}
