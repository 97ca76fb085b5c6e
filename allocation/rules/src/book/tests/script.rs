//! Script: inputs as lines of text, and what comes of them as lines of text.

use std::fmt::Write;

use allot_domain::{AccountId, Machine, Marker, Reject as Core, SourceId, Ticker, decimal};

use crate::book::Book;
use crate::{
    AccountIndex, Allocated, Finding, Input, Listed, Omitted, Origin, Outcome, Outcomes, Reject,
    Replayed, Share, SplitKey,
};

/// A book that a script is played to, and all that came of it as text.
pub(super) struct Script {
    pub(super) book: Book,
    pub(super) printed: String,
    outcomes: Outcomes,
    markers: u64,
    nettings: u64,
}

impl Script {
    pub(super) fn new(book: Book) -> Self {
        let outcomes = Outcomes::default();
        Self { book, printed: String::new(), outcomes, markers: 0, nettings: 0 }
    }

    /// Plays one line and prints what comes of it.
    pub(super) fn play(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[0] {
            "marker" => {
                let marker = self.marker();
                self.apply(&Input::Marker(marker));
                self.print_cut(&marker);
            }
            "positions" => self.print_positions(),
            "net" => {
                self.nettings += 1;
                let (number, transfers) = (self.nettings, words[3..].join(" "));
                let line = format!("netting {number} under {} {}: {transfers}", words[1], words[2]);
                self.apply(&input(&line));
            }
            _ => self.apply(&input(line)),
        }
    }

    /// Applies one input and prints what comes of it.
    pub(super) fn apply(&mut self, input: &Input) {
        for line in outcome_lines(&mut self.book, &mut self.outcomes, input) {
            writeln!(self.printed, "{line}").unwrap();
        }
    }

    fn marker(&mut self) -> Marker {
        self.markers += 1;
        Marker { number: self.markers, time_ns: 0, report: true }
    }

    fn print_cut(&mut self, marker: &Marker) {
        let part = self.book.part(marker);
        let values =
            part.values.iter().fold(String::new(), |text, value| format!("{text} {value}"));
        writeln!(
            self.printed,
            "split {} fills {} held {} netting {} flow {} highest {} values{values}",
            part.split_number,
            part.fills,
            part.held,
            part.netting,
            part.flow,
            decimal::nanos_text(part.price_max.into()),
        )
        .unwrap();
    }

    fn print_positions(&mut self) {
        let marker = self.marker();
        let part = self.book.part(&marker);
        let positions = part.positions.unwrap();
        for (account, index) in positions.accounts.iter().zip((0..).map(AccountIndex::new)) {
            let weight = account.rank.map_or("closed".to_owned(), |rank| {
                let weight = part.weights[rank.index()];
                format!("{}%", decimal::nanos_text(weight.nanos().into()))
            });
            write!(self.printed, "{} {weight} has {}", account.id, account.value).unwrap();
            for row in &positions.rows {
                for cell in row.cells.iter().filter(|cell| cell.account == index) {
                    write!(self.printed, ", {} {} of {}", cell.quantity, row.ticker, cell.value)
                        .unwrap();
                }
            }
            writeln!(self.printed).unwrap();
        }
    }
}

/// Applies one input and returns a line for each outcome.
pub(super) fn outcome_lines(
    book: &mut Book,
    outcomes: &mut Outcomes,
    input: &Input,
) -> Vec<String> {
    outcomes.clear();
    book.apply_whole(input, outcomes);
    outcomes.list.iter().map(|outcome| line(book, outcomes, outcome)).collect()
}

fn line(book: &Book, outcomes: &Outcomes, outcome: &Outcome) -> String {
    let shares = |range: &std::ops::Range<usize>| {
        let shares = outcomes.shares[range.clone()].iter();
        shares_text(shares.map(|Share { account, quantity }| (*book.account(*account), *quantity)))
    };
    match outcome {
        Outcome::Held { origin, .. } => format!("{} held", origin_text(origin, false)),
        Outcome::Accepted { origin, split } => {
            format!("{} accepted as split {split}", origin_text(origin, false))
        }
        Outcome::Checked { origin, finding } => {
            format!("{} checked: {}", origin_text(origin, false), finding_text(finding))
        }
        Outcome::Busted { origin, ticker, of, shares: range, .. } => {
            format!("{} busted {ticker} of {of}:{}", origin_text(origin, false), shares(range))
        }
        Outcome::Rejected { origin, reject, late } => {
            let number = match reject {
                Reject::ExceedsHoldings(number) => format!(" {number}"),
                Reject::Core(Core::SequenceTooOld(seq)) => format!(" {seq}"),
                Reject::UnknownFill(of) => format!(" {of}"),
                _ => String::new(),
            };
            format!("{} rejected {}{number}", origin_text(origin, late.is_some()), reject.code())
        }
        Outcome::Allocated(allocated) => {
            format!("{}:{}", allocated_text(allocated), shares(&allocated.shares))
        }
        Outcome::Replayed(replayed) => {
            let Replayed { origin, ticker, from, last, oldest, fills } = &**replayed;
            let title = format!("{} replayed {ticker}", origin_text(origin, false));
            let fills = fills.iter().map(|fill| format!(" | {}", line(book, outcomes, fill)));
            let fills: String = fills.collect();
            format!("{title} from {from} of {oldest} to {last}:{fills}")
        }
        Outcome::Listed(listed) => {
            let Listed { origin, from, last, oldest, splits } = &**listed;
            let splits = splits.iter().map(|split| {
                let key = SplitKey { source: split.source, seq: split.seq };
                let weights = split.weights.iter().map(|(id, weight)| (*id, weight.nanos()));
                listed_text(split.number.get(), &key, weights)
            });
            let (title, splits) = (origin_text(origin, false), splits.collect::<String>());
            format!("{title} listed from {from} of {oldest} to {last}:{splits}")
        }
    }
}

/// A split of a list, as text.
pub(super) fn listed_text(
    number: u64,
    key: &SplitKey,
    weights: impl Iterator<Item = (AccountId, u64)>,
) -> String {
    let weights = weights.map(|(id, nanos)| format!(" {id}={}", decimal::nanos_text(nanos.into())));
    format!(" | {number} {} {}{}", key.source, key.seq, weights.collect::<String>())
}

fn finding_text(finding: &Finding) -> String {
    match finding {
        Finding::Applied => "applied".to_owned(),
        Finding::Refused(reject) => format!("refused {}", reject.code()),
        Finding::Omits(omitted) => match Omitted::rejection(std::slice::from_ref(omitted)) {
            Some(Reject::SplitOmitsHolder(holders)) => format!("omits {holders}"),
            _ => "clear".to_owned(),
        },
    }
}

fn allocated_text(allocated: &Allocated) -> String {
    let Allocated { origin, ticker, side, price, quantity, split, late, .. } = allocated;
    let origin = origin_text(origin, *late);
    format!("{origin} {side} {ticker} {quantity} @ {price} by split {split}")
}

pub(super) fn shares_text(shares: impl Iterator<Item = (AccountId, u64)>) -> String {
    shares.fold(String::new(), |text, (account, quantity)| format!("{text} {account} {quantity}"))
}

fn origin_text(origin: &Origin, late: bool) -> String {
    let again = if origin.duplicate { "again " } else { "" };
    let late = if late { "late " } else { "" };
    format!("{late}{again}{} {}", origin.source, origin.seq)
}

/// The input of a line.
pub(super) fn input(line: &str) -> Input {
    line.parse().unwrap_or_else(|reject| panic!("{line}: {reject}"))
}

pub(super) fn source(name: &str) -> SourceId {
    SourceId::new(name.as_bytes()).unwrap()
}

pub(super) fn ticker(name: &str) -> Ticker {
    Ticker::new(name.as_bytes()).unwrap()
}
