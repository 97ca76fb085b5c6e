//! Incoming: the frames in a stream of bytes that comes in pieces.

use std::ops::Range;

use crate::Fault;
use crate::frame::{self, Kind};
use crate::limits::KEPT_CAPACITY;

/// The bytes of a frame that has not come completely.
#[derive(Default)]
pub(crate) struct Incoming {
    kept: Vec<u8>,
    /// Whether what is kept was given out, and goes at the next call.
    is_spent: bool,
}

/// Where the body of a frame stands.
pub(crate) enum Body<'b> {
    /// In the bytes that were given.
    Given(&'b [u8]),
    /// In what was kept.
    Kept(Range<usize>),
}

impl Incoming {
    /// The next frame, and what kind it is. All of the bytes are taken where there is none.
    #[inline]
    pub(crate) fn next<'b>(
        &mut self,
        bytes: &mut &'b [u8],
        body_len_max: usize,
    ) -> Result<Option<(Kind, Body<'b>)>, Fault> {
        self.forget();
        if self.kept.is_empty() {
            if let Some(header) = frame::read_header(bytes, body_len_max)?
                && let Some((frame, rest)) = bytes.split_at_checked(header.frame_len())
            {
                *bytes = rest;
                return Ok(Some((header.kind, Body::Given(&frame[header.header_len..]))));
            }
            self.kept.extend_from_slice(bytes);
            *bytes = &[];
            return Ok(None);
        }
        self.complete(bytes, body_len_max)
    }

    /// Goes on with a frame that began in an earlier piece.
    fn complete<'b>(
        &mut self,
        bytes: &mut &'b [u8],
        body_len_max: usize,
    ) -> Result<Option<(Kind, Body<'b>)>, Fault> {
        loop {
            let header = frame::read_header(&self.kept, body_len_max)?;
            let wanted = header.map_or(self.kept.len() + 1, |header| header.frame_len());
            if let Some(header) = header.filter(|_| self.kept.len() == wanted) {
                self.is_spent = true;
                return Ok(Some((header.kind, Body::Kept(header.header_len..wanted))));
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            self.take(bytes, wanted);
        }
    }

    /// Keeps bytes until there are as many as `wanted`; returns whether there are.
    pub(crate) fn take(&mut self, bytes: &mut &[u8], wanted: usize) -> bool {
        let len = bytes.len().min(wanted - self.kept.len());
        let (taken, rest) = bytes.split_at(len);
        if self.kept.capacity() < self.kept.len() + len {
            // Twice as much as there is, but never more than the frame needs.
            self.kept.reserve_exact(self.kept.len().max(len).min(wanted - self.kept.len()));
        }
        self.kept.extend_from_slice(taken);
        *bytes = rest;
        self.kept.len() == wanted
    }

    /// Drops what was given out.
    fn forget(&mut self) {
        if std::mem::take(&mut self.is_spent) {
            self.clear();
        }
    }

    /// Gives back the memory of what is not kept.
    pub(crate) fn trim(&mut self) {
        self.forget();
        self.kept.shrink_to_fit();
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.kept.shrink_to(KEPT_CAPACITY);
    }

    /// What is kept.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How many bytes of an unfinished frame there are.
    pub(crate) fn unfinished(&self) -> usize {
        if self.is_spent { 0 } else { self.kept.len() }
    }
}
