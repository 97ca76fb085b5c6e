//! Progress: how far a message is admitted, where the rest of it has to wait.

/// How far one message is admitted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// How many bytes of its lines, or how many of its records.
    pub(crate) done: usize,
    /// How many lines or records these are.
    pub(crate) count: u64,
    /// How many of them were refused.
    pub(crate) refused: u32,
    /// One of them was checked.
    pub(crate) has_checked: bool,
    /// Its client has as much waiting as it may: all that it asks for is refused.
    pub(crate) is_too_much: bool,
}
