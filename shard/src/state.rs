//! State: everything that a shard's log of inputs makes of it. The same log, the same state.
//!
//! ```text
//!   log ═► apply ═► Book               who holds what, who misses what, what was seen
//!              ├──► owed               the encodings of answers that follow `held`
//!              └──► routed, splits     how much the router sent, for the next life of the router
//! ```
//!
//! Its **image** is its bytes, the same for equal states:
//!
//! ```text
//!   │ routed 8 │ splits 8 │ marker 8 │ owed 8 ║ length 1 │ source │ seq 8 │ encoding 1 ║ … │ book
//! ```
//!
//! A running shard, a shard that recovers, and the checker that replays a journal all come through
//! here, so that they cannot differ.

use allot_domain::{Book, BookConfig, Input, Machine, Marker, Outcome, Outcomes, SourceId, Step};
use allot_wire::backplane::{InputKind, decode_input};
use allot_wire::{DecodeError, Encoding, Rejection};
use std::collections::BTreeMap;
use std::fmt;

/// One input of the log, as the router sent it and as the journal keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// What the body is.
    pub kind: InputKind,
    /// The encoding in which its answer is due.
    pub encoding: Encoding,
    /// For [`decode_input`].
    pub body: &'a [u8],
}

/// The state of one shard.
#[derive(Clone, Debug)]
pub struct State {
    book: Book,
    /// The encodings of answers still owed for held fills.
    owed: BTreeMap<(SourceId, u64), Encoding>,
    routed: u64,
    splits: u64,
    marker: u64,
}

impl<'a> Entry<'a> {
    /// The entry that a record of the journal keeps: `kind` and `tag` are those of
    /// [`InputKind`] and [`Encoding`].
    ///
    /// # Errors
    /// When there is no such kind or encoding.
    pub fn of(kind: u8, tag: u8, body: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self { kind: kind.try_into()?, encoding: tag.try_into()?, body })
    }
}

impl State {
    /// The state before the first input.
    #[must_use]
    pub fn new(config: BookConfig) -> Self {
        Self { book: Book::new(config), owed: BTreeMap::new(), routed: 0, splits: 0, marker: 0 }
    }

    /// Who holds what, and what was seen.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// How many fills and busts there were, refused ones included.
    #[must_use]
    pub const fn routed(&self) -> u64 {
        self.routed
    }

    /// How many splits there were, refused ones included.
    #[must_use]
    pub const fn splits(&self) -> u64 {
        self.splits
    }

    /// The number of the last marker; zero before the first.
    #[must_use]
    pub const fn marker(&self) -> u64 {
        self.marker
    }

    /// Takes the next entry of the log and says what it is.
    ///
    /// # Errors
    /// Why it is none: it is refused, and changes nothing but the count.
    #[inline]
    pub fn read(&mut self, entry: Entry<'_>) -> Result<Input, Rejection> {
        match entry.kind {
            InputKind::Fill | InputKind::Bust => self.routed += 1,
            InputKind::Split => self.splits += 1,
            InputKind::Marker | InputKind::Netting => {}
        }
        decode_input(entry.kind, entry.body)
    }

    /// Applies an input whose answer is due in `encoding`; see [`Machine::apply`].
    pub fn apply(&mut self, input: &Input, encoding: Encoding, outcomes: &mut Outcomes) -> Step {
        let progress = self.book.apply(input, outcomes);
        match outcomes.list.last() {
            Some(Outcome::Held(origin)) if !origin.duplicate => {
                self.owed.insert((origin.source, origin.seq), encoding);
            }
            Some(Outcome::Busted { origin, of, .. }) => {
                self.owed.remove(&(origin.source, *of));
            }
            _ => {}
        }
        if let Input::Marker(Marker { number, .. }) = input {
            self.marker = *number;
        }
        progress
    }

    /// Goes on with an input that was not done; see [`Machine::resume`].
    pub fn resume(&mut self, outcomes: &mut Outcomes) -> Step {
        self.book.resume(outcomes)
    }

    /// The encoding in which a late answer is due; it is owed no more.
    pub fn settle(&mut self, late: &Outcome) -> Encoding {
        let origin = late.origin();
        self.owed.remove(&(origin.source, origin.seq)).unwrap_or_default()
    }

    /// Applies an entry to its end, and leaves all that came of it in `outcomes`, which may be
    /// much: for checkers.
    ///
    /// # Errors
    /// Why the entry is no input; it is refused, and changes nothing but the count.
    pub fn replay_whole(
        &mut self,
        entry: Entry<'_>,
        outcomes: &mut Outcomes,
    ) -> Result<Input, Rejection> {
        let input = self.read(entry)?;
        outcomes.clear();
        let mut progress = self.apply(&input, entry.encoding, outcomes);
        while progress == Step::Pending {
            progress = self.resume(outcomes);
        }
        for outcome in outcomes.list.iter().filter(|outcome| outcome.is_late()) {
            self.settle(outcome);
        }
        Ok(input)
    }

    /// Applies an entry to its end and gives nobody the answers: recovery.
    pub fn replay(&mut self, entry: Entry<'_>, outcomes: &mut Outcomes) {
        let Ok(input) = self.read(entry) else {
            return;
        };
        outcomes.clear();
        let mut progress = self.apply(&input, entry.encoding, outcomes);
        loop {
            for outcome in outcomes.list.iter().filter(|outcome| outcome.is_late()) {
                self.settle(outcome);
            }
            if progress == Step::Done {
                return;
            }
            outcomes.clear();
            progress = self.resume(outcomes);
        }
    }

    /// Appends the image of the state.
    ///
    /// # Panics
    /// Between the slices of one input: what comes of it is taken whole first.
    pub fn save(&self, image: &mut Vec<u8>) {
        let owed = u64::try_from(self.owed.len()).expect("at most the fills that are held");
        for number in [self.routed, self.splits, self.marker, owed] {
            image.extend_from_slice(&number.to_le_bytes());
        }
        for ((source, seq), encoding) in &self.owed {
            let source = source.as_str().as_bytes();
            image.push(u8::try_from(source.len()).expect("at most ID_LEN_MAX"));
            image.extend_from_slice(source);
            image.extend_from_slice(&seq.to_le_bytes());
            image.push((*encoding).into());
        }
        self.book.save(image);
    }

    /// The state of an image.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(config: BookConfig, image: &[u8]) -> Result<Self, ImageError> {
        let mut image = image;
        let [routed, splits, marker, count] = [
            take_u64(&mut image)?,
            take_u64(&mut image)?,
            take_u64(&mut image)?,
            take_u64(&mut image)?,
        ];
        let mut owed = BTreeMap::new();
        for _ in 0..count {
            let [len] = take(&mut image)?;
            let source = image.split_off(..usize::from(len)).ok_or(ImageError::Short)?;
            let source = SourceId::new(source).map_err(|_| ImageError::Source)?;
            let seq = take_u64(&mut image)?;
            let [encoding] = take(&mut image)?;
            let encoding = encoding.try_into().map_err(|_| ImageError::Encoding)?;
            let after_last = owed.last_key_value().is_none_or(|(last, _)| *last < (source, seq));
            if !after_last {
                return Err(ImageError::Order);
            }
            owed.insert((source, seq), encoding);
        }
        let book = Book::load(config, image).map_err(ImageError::Book)?;
        Ok(Self { book, owed, routed, splits, marker })
    }
}

/// Why bytes are no image of a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageError {
    /// They end too early.
    Short,
    /// A source that is none.
    Source,
    /// An encoding that is none.
    Encoding,
    /// What must stand in order does not.
    Order,
    /// What follows is no book.
    Book(allot_domain::ImageError),
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("it ends too early"),
            Self::Source => f.write_str("a name in it is not one of a source"),
            Self::Encoding => f.write_str("an encoding in it is neither 0 (json) nor 1 (bin)"),
            Self::Order => f.write_str("the answers owed in it are not in order"),
            Self::Book(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ImageError {}

fn take<const LEN: usize>(image: &mut &[u8]) -> Result<[u8; LEN], ImageError> {
    let taken = image.split_off(..LEN).and_then(|bytes| bytes.try_into().ok());
    taken.ok_or(ImageError::Short)
}

fn take_u64(image: &mut &[u8]) -> Result<u64, ImageError> {
    take(image).map(u64::from_le_bytes)
}
