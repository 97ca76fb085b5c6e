//! A follower: reads the records of a journal while a server appends to it.

use std::sync::Arc;

use allot_domain::LogIndex;

use crate::file_name::Listing;
use crate::opened_segment::{OpenedSegment, open_segment};
use crate::scan::Scan;
use crate::{JournalError, Media, Record};

/// Reads what is there, and later what has come since. It changes nothing.
///
/// An unfinished batch is the end for now; whether it is damage is for a start to say, and for
/// [`Reader`](crate::Reader). What it reads may not be on disk yet.
pub struct Follower {
    media: Arc<dyn Media>,
    /// None while nothing was ever written.
    scan: Option<Scan>,
    from: LogIndex,
}

impl Follower {
    /// Begins with the segment in which the record `from` is, or will be: records before it may
    /// come first.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read.
    pub fn open(media: Arc<dyn Media>, from: LogIndex) -> Result<Self, JournalError> {
        let scan = start(&media, from)?;
        Ok(Self { media, scan, from })
    }

    /// The next record; `None` where there is none yet.
    ///
    /// # Errors
    /// [`JournalError`]: what is wrong, and where. A batch that was read while it was written can
    /// look so: open another follower then.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend what it reads")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        if self.scan.is_none() {
            self.scan = start(&self.media, self.from)?;
        }
        let Some(scan) = &mut self.scan else {
            return Ok(None);
        };
        scan.go_on()?;
        Ok(if scan.advance()? { Some(scan.record()) } else { None })
    }

    /// The file of the last record; none while nothing was ever written.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.scan.as_ref().map(Scan::file)
    }
}

/// Starts at the last segment that begins at or before a record.
fn start(media: &Arc<dyn Media>, from: LogIndex) -> Result<Option<Scan>, JournalError> {
    let listing = Listing::of(&**media)?;
    let mut found = None;
    for (place, number) in listing.run().iter().enumerate() {
        match open_segment(&**media, *number, LogIndex::FIRST, None)? {
            OpenedSegment::Begun(head, read_ahead)
                if found.is_none() || head.first_index <= from =>
            {
                found = Some((place, head, read_ahead));
            }
            _ => break,
        }
    }
    Ok(found.map(|(place, head, read_ahead)| {
        let following = listing.run()[place + 1..].to_vec();
        Scan::start(Arc::clone(media), head, read_ahead, following).followed()
    }))
}
