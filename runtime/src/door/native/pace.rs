//! Pace: how much is read of a client in one turn, so that no turn has too many messages.
//!
//! A message of two bytes costs as much as one of a hundred. What is read is handed out whole, so
//! that a read of short messages has to be a short one; what is not read waits in the kernel.

use crate::limits::{DOOR_READ_BYTES, DOOR_READ_MESSAGES, DOOR_READ_MESSAGES_LEAST};

/// How long the messages of a client were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Bytes of a message, on an average.
    len: usize,
}

impl Default for Pace {
    /// A first read is as long as any.
    fn default() -> Self {
        Self { len: DOOR_READ_BYTES / DOOR_READ_MESSAGES }
    }
}

impl Pace {
    /// In a read of so many bytes there were so many messages. Shorter ones count at once, longer
    /// ones little by little: one long message must not earn a read of thousands of short ones.
    pub(super) fn note(&mut self, bytes: usize, messages: usize) {
        let longest = self.len + self.len / 4 + 1;
        self.len = (bytes / messages.max(1)).clamp(1, longest.min(DOOR_READ_BYTES));
    }

    /// How much to read where so many can be read.
    pub(super) fn read_len(self, ready: usize) -> usize {
        let messages = (DOOR_READ_MESSAGES / ready.max(1)).max(DOOR_READ_MESSAGES_LEAST);
        self.len.saturating_mul(messages).min(DOOR_READ_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_messages_shorten_the_next_read_and_long_ones_lengthen_it_again() {
        let mut pace = Pace::default();
        assert_eq!(pace.read_len(1), DOOR_READ_BYTES);
        pace.note(DOOR_READ_BYTES, DOOR_READ_BYTES / 2);
        assert_eq!(pace.read_len(1), 2 * DOOR_READ_MESSAGES);
        assert_eq!(pace.read_len(1_000), 2 * DOOR_READ_MESSAGES_LEAST);
        let mut turns = 0;
        while pace.read_len(1) < DOOR_READ_BYTES {
            pace.note(pace.read_len(1), 0);
            turns += 1;
        }
        assert!(10 < turns, "a long message earns little: {turns}");
    }

    #[test]
    fn fills_of_a_hundred_bytes_are_read_as_ever() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert_eq!(pace.read_len(1), DOOR_READ_BYTES);
            pace.note(DOOR_READ_BYTES, DOOR_READ_BYTES / 100);
        }
    }
}
