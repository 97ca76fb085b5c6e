//! A message: one or several frames, as they came.

use crate::frame::{self, Kind};

/// The frames of a message. They are borrowed from the bytes that were read where all of it is one
/// frame, and from the connection otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// Where each frame ends.
    ends: Ends<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Ends<'a> {
    One,
    Many(&'a [usize]),
}

/// Writes the frames of a message as they are on a connection with NULL, and on no other: what goes
/// to many peers is written once.
///
/// # Panics
/// If there is no frame.
pub fn encode_plain(frames: &[&[u8]], out: &mut Vec<u8>) {
    let (last, more) = frames.split_last().expect("a message has a frame");
    let mut write = |kind, frame: &[u8]| {
        frame::write_header(kind, frame.len(), out);
        out.extend_from_slice(frame);
    };
    more.iter().for_each(|frame| write(Kind::More, frame));
    write(Kind::Last, last);
}

impl<'a> Message<'a> {
    pub(crate) const fn one(frame: &'a [u8]) -> Self {
        Self { bytes: frame, ends: Ends::One }
    }

    pub(crate) const fn many(bytes: &'a [u8], ends: &'a [usize]) -> Self {
        Self { bytes, ends: Ends::Many(ends) }
    }

    /// How many frames it has: at least one.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self.ends {
            Ends::One => 1,
            Ends::Many(ends) => ends.len(),
        }
    }

    /// A frame of it.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn frame(&self, at: usize) -> &'a [u8] {
        match self.ends {
            Ends::One => {
                assert!(at == 0, "the message has one frame");
                self.bytes
            }
            Ends::Many(ends) => {
                let begin = if at == 0 { 0 } else { ends[at - 1] };
                &self.bytes[begin..ends[at]]
            }
        }
    }

    /// All of them, in order.
    pub fn frames(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.count()).map(move |at| self.frame(at))
    }
}
