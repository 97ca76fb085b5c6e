//! Pending messages: those that lack replies, in the order in which they left.
//!
//! Every fill must have exactly one reply; a second reply, or one to a fill that was never sent, is
//! found here.

use std::collections::VecDeque;

use allot_runtime::Nanos;

/// A message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sent {
    /// When it was meant to leave.
    pub(crate) intended: Nanos,
    /// When it left.
    pub(crate) sent: Nanos,
    /// Fills without a reply.
    pub(crate) left: u32,
    /// Whether one of its fills was refused for lack of room.
    pub(crate) refused: bool,
}

/// Messages of one connection; fills are numbered from 1, each message has the same number of them.
pub(crate) struct Pending {
    batch: u64,
    /// The number of the first fill of the oldest message.
    first: u64,
    messages: VecDeque<Sent>,
    /// Whether each fill from `first` on has its reply.
    answered: VecDeque<bool>,
    /// Messages that lack replies.
    open: usize,
}

impl Pending {
    pub(crate) fn new(batch: u32) -> Self {
        let (messages, answered) = (VecDeque::new(), VecDeque::new());
        Self { batch: batch.into(), first: 1, messages, answered, open: 0 }
    }

    /// How many messages lack replies.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// One more message has left.
    pub(crate) fn push(&mut self, intended: Nanos, sent: Nanos) {
        let left = u32::try_from(self.batch).expect("it was one");
        self.messages.push_back(Sent { intended, sent, left, refused: false });
        self.answered.extend((0..left).map(|_| false));
        self.open += 1;
    }

    /// Notes the reply to a fill; gives the message if that was its last.
    ///
    /// # Errors
    /// A number that was never sent, or already has a reply.
    pub(crate) fn acknowledge(&mut self, seq: u64, refused: bool) -> Result<Option<Sent>, String> {
        let place = seq.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        let answered = place.and_then(|place| self.answered.get_mut(place));
        let (Some(place), Some(answered)) = (place, answered) else {
            return Err(format!(
                "a reply to fill {seq}, which was never sent or had its reply long ago"
            ));
        };
        if std::mem::replace(answered, true) {
            return Err(format!("fill {seq} has two replies"));
        }
        let batch = usize::try_from(self.batch).expect("it was a u32");
        let message = &mut self.messages[place / batch];
        message.left -= 1;
        message.refused |= refused;
        if 0 < message.left {
            return Ok(None);
        }
        let message = *message;
        self.open -= 1;
        self.forget();
        Ok(Some(message))
    }

    /// Notes the echo of the whole message that begins with this fill.
    ///
    /// # Errors
    /// As [`Self::acknowledge`].
    pub(crate) fn acknowledge_message(&mut self, first: u64) -> Result<Option<Sent>, String> {
        let mut last = Ok(None);
        for seq in first..first + self.batch {
            last = Ok(self.acknowledge(seq, false)?);
        }
        last
    }

    fn forget(&mut self) {
        while self.messages.front().is_some_and(|message| message.left == 0) {
            self.messages.pop_front();
            for _ in 0..self.batch {
                self.answered.pop_front();
            }
            self.first += self.batch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(messages: u64, batch: u32) -> Pending {
        let mut pending = Pending::new(batch);
        for number in 0..messages {
            pending.push(Nanos::from_unix(number), Nanos::from_unix(number + 1));
        }
        pending
    }

    #[test]
    fn a_message_is_done_with_its_last_fill_in_any_order() {
        let mut pending = pending(2, 2);
        assert_eq!(pending.acknowledge(4, false), Ok(None));
        assert_eq!(pending.acknowledge(1, false), Ok(None));
        let second = pending.acknowledge(3, true).unwrap().unwrap();
        assert_eq!((second.intended, second.refused), (Nanos::from_unix(1), true));
        assert_eq!(pending.open(), 1);
        let first = pending.acknowledge(2, false).unwrap().unwrap();
        assert_eq!((first.intended, first.refused), (Nanos::from_unix(0), false));
        assert_eq!((pending.open(), pending.first), (0, 5));
    }

    #[test]
    fn a_second_reply_and_one_to_what_was_never_sent_are_found() {
        let mut pending = pending(3, 1);
        assert!(pending.acknowledge(2, false).unwrap().is_some());
        assert!(pending.acknowledge(2, false).unwrap_err().contains("two replies"));
        assert!(pending.acknowledge(1, false).unwrap().is_some());
        for seq in [0, 1, 2, 4] {
            assert!(pending.acknowledge(seq, false).unwrap_err().contains("never sent"), "{seq}");
        }
        assert_eq!(pending.open(), 1);
    }

    #[test]
    fn an_echo_answers_whole_messages() {
        let mut pending = pending(2, 3);
        assert!(pending.acknowledge_message(4).unwrap().is_some());
        assert!(pending.acknowledge_message(4).is_err());
        assert!(pending.acknowledge_message(1).unwrap().is_some());
        assert_eq!(pending.open(), 0);
    }
}
