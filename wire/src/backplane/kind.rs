//! Input kind: what the body of an input is. The number stands in frames and in journals.

/// What the body of an input is: [`InputKind::MARKER`], or one of the system's own kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InputKind(u8);

impl InputKind {
    /// A cut through all shards: the same in every system.
    pub const MARKER: Self = Self(4);

    /// The kind of this number.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}
