//! A reader: a journal that nobody writes, looked at from the first segment on.

use std::sync::Arc;

use crate::file_name::{self, Listing};
use crate::image::{Found, open_image};
use crate::scan::{Scan, Tail};
use crate::survey::{self, Survey};
use crate::{Image, JournalError, Media, Record};

/// Reads a whole journal and changes nothing. It knows no settings: the first segment says them.
pub struct Reader {
    media: Arc<dyn Media>,
    scan: Option<Scan>,
    stamp: String,
    segments: Vec<SegmentSummary>,
    images: Vec<ImageSummary>,
    failed: Option<JournalError>,
}

/// One segment, in brief.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentSummary {
    /// Its name.
    pub file: String,
    /// Its number.
    pub number: u64,
    /// The first record that is or will be in it; zero if it was never begun.
    pub first_sequence: u64,
    /// The last record in it; one less than the first if there is none.
    pub last_sequence: u64,
    /// How much of it is used, its head included.
    pub bytes_used: u64,
    /// What it is.
    pub state: SegmentState,
}

/// What a segment is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SegmentState {
    /// It was filled, and another follows.
    Sealed,
    /// It is written.
    Current,
    /// It is written, and so many bytes at its end were never finished: a start cuts them.
    Torn(u64),
    /// It was made and never begun.
    Spare,
    /// It is not as it was written.
    Damaged(JournalError),
    /// It stands behind the damage, or before a gap, and was not read.
    Unread,
}

/// One image, in brief.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageSummary {
    /// Its name.
    pub file: String,
    /// The last record that is in it.
    pub sequence: u64,
    /// The length of the state.
    pub bytes: u64,
    /// The XXH3 hash of the state, of 128 bits.
    pub hash: u128,
    /// What is wrong with it, if something is.
    pub damage: Option<String>,
}

/// A record and where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// The segment.
    pub file: &'a str,
    /// Where in it the record begins.
    pub offset: u64,
    /// The record.
    pub record: Record<'a>,
}

impl Reader {
    /// Reads everything once for the summaries; damage is in them, and where [`next`](Self::next)
    /// comes to it.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read, or has no segment that could be read first.
    pub fn open(media: Arc<dyn Media>) -> Result<Self, JournalError> {
        let listing = Listing::of(&*media)?;
        let survey = Survey::of(&media, &listing)?;
        let (scan, failed) = match survey::start(&media, &listing) {
            Ok(scan) => (scan, None),
            Err(error) => (None, Some(error)),
        };
        let failed = failed.or_else(|| missing(&listing, &survey, scan.as_ref()));
        let stamp = scan.as_ref().map_or(String::new(), |scan| scan.head().stamp.clone());
        Ok(Self { media, scan, stamp, segments: survey.segments, images: survey.images, failed })
    }

    /// What the journal was stamped with; empty if nothing was ever written.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// All segments, ascending.
    pub fn segments(&self) -> &[SegmentSummary] {
        &self.segments
    }

    /// All images, ascending.
    pub fn images(&self) -> &[ImageSummary] {
        &self.images
    }

    /// The state in the image of this record; none if there is no good one.
    ///
    /// # Errors
    /// [`JournalError`]: the folder cannot be read.
    pub fn image(&self, sequence: u64) -> Result<Option<Image>, JournalError> {
        Ok(match open_image(&*self.media, sequence, None, true)? {
            Found::Good(_, state) => Some(Image { sequence, state }),
            Found::Damaged(_) => None,
        })
    }

    /// The next record and its place; none at the end.
    ///
    /// # Errors
    /// [`JournalError`]: what is wrong, and where. It stays so.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend what it reads")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(scan) = &mut self.scan else {
            return Ok(None);
        };
        match scan.advance() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                self.failed = Some(error.clone());
                return Err(error);
            }
        }
        let (file, offset, record) = (scan.file(), scan.record_at(), scan.record());
        Ok(Some(Entry { file, offset, record }))
    }

    /// Where the journal ends, once [`next`](Self::next) has come there.
    pub fn tail(&self) -> Option<&Tail> {
        self.scan.as_ref().and_then(Scan::tail)
    }
}

/// What is not there and should be: records that are in no segment must be in a good image.
fn missing(listing: &Listing, survey: &Survey, scan: Option<&Scan>) -> Option<JournalError> {
    let first = scan.map_or(1, |scan| scan.head().first_sequence);
    let is_new = scan.is_none() && listing.images.is_empty() && matches!(listing.run(), [] | [1]);
    let is_whole = scan.is_some() && (first == 1 || survey.has_image_from(first - 1));
    if is_new || is_whole {
        return None;
    }
    let number = listing.run().first().map_or(1, |number| number.saturating_sub(1));
    let after_images = listing.images.last().map_or(1, |image| image + 1);
    let sequence = if scan.is_some() { first - 1 } else { after_images };
    Some(JournalError::Missing { file: file_name::segment(number), sequence })
}
