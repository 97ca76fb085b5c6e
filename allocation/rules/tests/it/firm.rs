//! Firm: one to eight books, fed as the router feeds shards, with markers and nettings.
//!
//! ```text
//!   inputs ──► marker every 256, and at a split ──► parts ──► plan ──► some inputs later ──►
//! ```

use allot_allocation_rules::{
    Book, BookConfig, Input, Netting, Outcomes, Part, Split, plan_netting,
};
use allot_domain::{Machine, Marker, Money, limits};

/// The shards of a firm, and what is on its way to them.
pub(crate) struct Firm {
    pub(crate) books: Vec<Book>,
    /// How many inputs a netting takes; none where shards are left alone.
    lag: Option<u64>,
    inputs: u64,
    pub(crate) markers: u64,
    pub(crate) nettings: u64,
    on_its_way: Option<(u64, Vec<Netting>)>,
    /// The parts at the latest marker.
    pub(crate) parts: Vec<Part>,
    pub(crate) outcomes: Outcomes,
}

impl Firm {
    pub(crate) fn new(shards: usize, lag: Option<u64>) -> Self {
        let config = BookConfig { history: 16, ..BookConfig::default() };
        Self {
            books: (0..shards).map(|_| Book::new(config)).collect(),
            lag,
            inputs: 0,
            markers: 0,
            nettings: 0,
            on_its_way: None,
            parts: Vec::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// A split goes to all shards, and a marker after it.
    pub(crate) fn split(&mut self, split: &Split) {
        self.outcomes.clear();
        for book in &mut self.books {
            book.apply_whole(&Input::Split(split.clone()), &mut self.outcomes);
        }
        self.inputs += 1;
        self.marker();
        self.deliver();
    }

    /// A fill or a bust goes to one shard; `outcomes` has what came of it.
    pub(crate) fn apply(&mut self, shard: usize, input: &Input) {
        self.outcomes.clear();
        self.books[shard].apply_whole(input, &mut self.outcomes);
        self.inputs += 1;
    }

    /// What may follow an input: a marker, the arrival of a netting.
    pub(crate) fn tick(&mut self) {
        if self.inputs.is_multiple_of(limits::MARKER_EVERY) {
            self.marker();
        }
        self.deliver();
    }

    fn marker(&mut self) {
        self.markers += 1;
        let marker = Marker { number: self.markers, time_ns: 0, report: true };
        let mut nothing = Outcomes::default();
        for book in &mut self.books {
            book.apply_whole(&Input::Marker(marker), &mut nothing);
        }
        self.parts = self.books.iter().map(|book| book.part(&marker)).collect();
        let all_contain_the_last = self.parts.iter().all(|part| part.netting == self.nettings);
        if let (Some(lag), true) = (self.lag, all_contain_the_last) {
            self.send_netting(lag);
        }
    }

    fn send_netting(&mut self, lag: u64) {
        let (Some(split), Some(transfers)) = (self.parts[0].split, plan_netting(&self.parts))
        else {
            return;
        };
        for rank in 0..self.parts[0].values.len() {
            let sum: Money = transfers.iter().map(|row| row[rank]).sum();
            assert_eq!(sum, Money::ZERO, "transfers of an account add up to nothing");
        }
        self.nettings += 1;
        let number = self.nettings;
        let nettings = transfers.into_iter().map(|transfers| Netting { number, split, transfers });
        self.on_its_way = Some((self.inputs + lag, nettings.collect()));
    }

    fn deliver(&mut self) {
        let inputs = self.inputs;
        let Some((_, nettings)) = self.on_its_way.take_if(|(due, _)| *due <= inputs) else {
            return;
        };
        let mut nothing = Outcomes::default();
        for (book, netting) in self.books.iter_mut().zip(nettings) {
            book.apply_whole(&Input::Netting(netting), &mut nothing);
        }
    }
}
