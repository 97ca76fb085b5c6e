//! A publication: encoded once, and in memory once however many it is due to.

use std::ops::Range;
use std::sync::Arc;

use allot_zmtp::encode_plain;

use crate::waiting_bytes::WaitingBytes;

/// Bytes of a sequence.
const SEQUENCE_LEN: usize = size_of::<u64>();

/// Three frames, as they are on a connection without encryption. They count as waiting until nobody
/// needs them any more.
pub(super) struct Publication {
    bytes: Box<[u8]>,
    topic: Range<usize>,
    body_len: usize,
    /// Whether a later one of its topic takes its place where it waits.
    pub(super) is_state: bool,
    waiting: WaitingBytes,
}

impl Publication {
    pub(super) fn new(
        topic: &[u8],
        sequence: u64,
        body: &[u8],
        is_state: bool,
        waiting: &WaitingBytes,
    ) -> Arc<Self> {
        let header_len = |len: usize| if len <= u8::MAX.into() { 2 } else { 9 };
        let topic_len = header_len(topic.len()) + topic.len();
        let body_len = header_len(body.len()) + body.len();
        let mut bytes = Vec::with_capacity(topic_len + 2 + SEQUENCE_LEN + body_len);
        encode_plain(&[topic, &sequence.to_be_bytes(), body], &mut bytes);
        waiting.add(bytes.len());
        Arc::new(Self {
            bytes: bytes.into_boxed_slice(),
            topic: header_len(topic.len())..topic_len,
            body_len: body.len(),
            is_state,
            waiting: waiting.clone(),
        })
    }

    /// As it is on a connection without encryption.
    pub(super) const fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn topic(&self) -> &[u8] {
        &self.bytes[self.topic.clone()]
    }

    /// Its frames, to be sealed.
    pub(super) fn frames(&self) -> [&[u8]; 3] {
        let sequence_begin = self.topic.end + 2;
        let sequence = &self.bytes[sequence_begin..sequence_begin + SEQUENCE_LEN];
        [self.topic(), sequence, &self.bytes[self.bytes.len() - self.body_len..]]
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        self.waiting.subtract(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_that_were_given_and_count_until_they_are_gone() {
        let waiting = WaitingBytes::default();
        for (topic, body) in [("", vec![]), ("a:", vec![7; 300]), (&*"t".repeat(300), vec![1])] {
            let publication = Publication::new(topic.as_bytes(), 9, &body, false, &waiting);
            let other = Arc::clone(&publication);
            assert_eq!(waiting.get(), publication.bytes().len());
            assert_eq!(publication.frames(), [topic.as_bytes(), &9_u64.to_be_bytes(), &body]);
            drop(publication);
            assert!(0 < waiting.get(), "somebody has it");
            drop(other);
            assert_eq!(waiting.get(), 0);
        }
    }
}
