//! The checkpointer: everything that is slow. The next segment, images, and what may be removed.
//!
//! ```text
//!   spare:  zeros under another name, synced ─► renamed ─► folder synced ─► ready
//!   image:  written under another name, synced ─► renamed ─► folder synced ─► read back
//!                                                                               │ good
//!           what neither it nor the good one before it needs is removed ◄───────┘
//! ```
//!
//! It writes in steps of a mebibyte, so that it can share a thread with the shard. What there is
//! no room for is tried again every second; what fails otherwise ends the journal.

mod draft;
mod spares;
mod images;
mod shelf;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use allot_runtime::{Agent, Link, Nanos};

use crate::failure::Failure;
use crate::news::{self, BEGUN, Upkeep};
use crate::{JournalError, Media};
use images::Images;

pub(crate) use shelf::Shelf;
pub(crate) use spares::Spares;

/// How long to wait for somebody to make room.
const RETRY: Duration = Duration::from_secs(1);

/// Looks after the files of one journal, as an agent.
pub struct Checkpointer {
    role: String,
    media: Arc<dyn Media>,
    committer: Link,
    failure: Failure,
    spares: Spares,
    /// When to try again to make a spare segment.
    spare_at: Nanos,
    images: Images,
    /// When to try again to write an image.
    image_at: Nanos,
    upkeep: Upkeep,
    said: Upkeep,
    frame: Vec<u8>,
}

/// What a checkpointer starts from.
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) media: Arc<dyn Media>,
    pub(crate) committer: Link,
    pub(crate) failure: Failure,
    pub(crate) spares: Spares,
    pub(crate) shelf: Shelf,
    pub(crate) stamp: String,
    pub(crate) upkeep: Upkeep,
}

impl Checkpointer {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            role: format!("checkpointer-{}", start.name),
            media: start.media,
            committer: start.committer,
            failure: start.failure,
            spares: start.spares,
            spare_at: Nanos::ZERO,
            images: Images::new(start.stamp, start.shelf),
            image_at: Nanos::ZERO,
            upkeep: start.upkeep,
            said: start.upkeep,
            frame: Vec::new(),
        }
    }

    /// Takes what the committer said.
    fn hear(&mut self) -> usize {
        let mut count = 0;
        while self.committer.receive(&mut self.frame) {
            count += 1;
            if self.frame.last() == Some(&BEGUN) {
                let (number, first_sequence) = news::read_begun(&self.frame);
                self.images.shelf.begun(number, first_sequence);
                self.spares.want(number + 1);
            } else {
                self.images.take(mem::take(&mut self.frame));
            }
        }
        count
    }

    /// One step of the image under way.
    fn image(&mut self, now: Nanos) -> Result<usize, JournalError> {
        if self.images.is_idle() || now < self.image_at {
            return Ok(0);
        }
        match self.images.step(&*self.media) {
            Ok(None) => {}
            Ok(Some(sequence)) => {
                self.upkeep.imaged = sequence + 1;
                // Something may have been removed.
                self.spare_at = Nanos::ZERO;
            }
            Err(JournalError::DiskFull { .. }) => {
                self.images.abandon(&*self.media)?;
                self.image_at = now + RETRY;
            }
            Err(error) => return Err(error),
        }
        Ok(1)
    }

    /// One step of the spare segment that is wanted.
    fn spare(&mut self, now: Nanos) -> Result<usize, JournalError> {
        // Where room is short the image gets it: it is what makes room.
        let yields = self.upkeep.full && self.images.is_under_way();
        if self.spares.is_ready() || now < self.spare_at || yields {
            return Ok(0);
        }
        match self.spares.step(&*self.media) {
            Ok(()) => self.upkeep.full &= !self.spares.is_ready(),
            Err(JournalError::DiskFull { .. }) => {
                self.spares.abandon(&*self.media)?;
                self.upkeep.full = true;
                self.spare_at = now + RETRY;
            }
            Err(error) => return Err(error),
        }
        self.upkeep.spare = self.spares.ready();
        Ok(1)
    }

    /// A journal that has failed is left as it is.
    fn step(&mut self, now: Nanos) -> usize {
        if self.failure.is_set() {
            return 0;
        }
        let image = self.image(now);
        let stepped = image.and_then(|count| Ok(count + self.spare(now)?));
        stepped.unwrap_or_else(|error| {
            self.failure.set(error);
            0
        })
    }

    fn tell(&mut self) -> usize {
        self.upkeep.failed = self.failure.is_set();
        if self.upkeep == self.said {
            return 0;
        }
        self.upkeep.write(&mut self.frame);
        if self.committer.send(&mut self.frame).is_err() {
            return 0;
        }
        self.said = self.upkeep;
        1
    }
}

impl Agent for Checkpointer {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let heard = self.hear();
        let stepped = self.step(now);
        heard + stepped + self.tell()
    }

    fn wake_at(&self) -> Nanos {
        if self.failure.is_set() {
            return Nanos::MAX;
        }
        let spare_at = if self.spares.is_ready() { Nanos::MAX } else { self.spare_at };
        let image_at = if self.images.is_idle() { Nanos::MAX } else { self.image_at };
        spare_at.min(image_at)
    }
}
