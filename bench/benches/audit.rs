//! The auditor: how fast it checks a log, on one thread, given the outcomes of a real book.
//!
//! | group        | what one iteration does                                            |
//! |--------------|--------------------------------------------------------------------|
//! | `accounts/N` | checks a log of 20,000 inputs over N accounts from its beginning   |
//!
//! Of a hundred inputs 72 are purchases and 20 sales of 1 to 1,000 shares of one of 50 tickers, 5
//! are busts of a recent fill and 2 repeats, and one in a hundred is a marker; weights are random,
//! and a new split comes every 2,000 inputs. At the end its positions are compared with the book's.

use std::hint::black_box;

use allot_allocation_audit::Auditor;
use allot_allocation_rules::{
    Book, BookConfig, Bust, Fill, Input, Outcomes, Split, Weight, limits,
};
use allot_domain::{
    AccountId, LogIndex, Machine, Marker, Price, Quantity, Seq, Side, SourceId, Ticker,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const INPUTS: u64 = 20_000;
const SPLIT_EVERY: u64 = 2_000;

/// A log, the outcomes of a book for it, and the book at its end.
struct Log {
    config: BookConfig,
    inputs: Vec<(Input, Outcomes)>,
    book: Book,
}

impl Log {
    fn new(accounts: u64) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let config = BookConfig::default();
        let mut book = Book::new(config);
        let mut inputs = Vec::new();
        for number in 1..=INPUTS {
            let input = input(&mut random, number, accounts);
            let mut outcomes = Outcomes::default();
            book.apply_whole(&input, &mut outcomes);
            inputs.push((input, outcomes));
        }
        Self { config, inputs, book }
    }

    /// Checks the whole log.
    fn check(&self) -> Auditor {
        let mut auditor = Auditor::new(self.config);
        for (number, (input, outcomes)) in (1..).zip(&self.inputs) {
            let result =
                auditor.check(LogIndex::new(number), input, outcomes, |at| *self.book.account(at));
            result.expect("the book is right");
        }
        auditor
    }
}

fn input(random: &mut StdRng, number: u64, accounts: u64) -> Input {
    if number % SPLIT_EVERY == 1 {
        return split(random, number, accounts);
    }
    let source = SourceId::new(b"fills").expect("a source");
    let fill = |random: &mut StdRng, seq: u64, side| {
        let ticker = ticker(seq);
        let cents: i128 = random.random_range(1_000..50_000_i64).into();
        let quantity = random.random_range(1..=1_000_i64).into();
        let price = Price::from_nanos(cents * 10_000_000).expect("in range");
        let quantity = Quantity::new(quantity).expect("in range");
        Input::Fill(Fill {
            source,
            seq: Seq::new(seq),
            id: Seq::new(seq).into(),
            time_ns: 0,
            ticker,
            side,
            price,
            quantity,
        })
    };
    match random.random_range(0..100) {
        0..72 => fill(random, number, Side::Buy),
        72..92 => fill(random, number, Side::Sell),
        92..97 => {
            let of = number.saturating_sub(random.random_range(1..100));
            Input::Bust(Bust {
                source,
                seq: Seq::new(number),
                id: Seq::new(number).into(),
                time_ns: 0,
                ticker: ticker(of),
                of: Seq::new(of).into(),
            })
        }
        97..99 => fill(random, number - 1, Side::Buy),
        _ => Input::Marker(Marker { number, time_ns: 0, report: false }),
    }
}

/// The ticker of a fill, so that a bust can name it.
fn ticker(seq: u64) -> Ticker {
    let scattered = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Ticker::new(format!("T{}", scattered % 50).as_bytes()).expect("a ticker")
}

fn split(random: &mut StdRng, seq: u64, accounts: u64) -> Input {
    let draws: Vec<u64> = (0..accounts).map(|_| random.random_range(1..100)).collect();
    let sum: u64 = draws.iter().sum();
    let weights = (0..accounts).zip(draws).map(|(account, draw)| {
        let id = format!("account{account}");
        let nanos = u128::from(draw) * u128::from(limits::WEIGHT_TOTAL) / u128::from(sum);
        let nanos = i128::try_from(nanos).expect("at most the total");
        let account = AccountId::new(id.as_bytes()).expect("an account");
        (account, Weight::from_nanos(&id, nanos).expect("in range"))
    });
    let source = SourceId::new(b"aum").expect("a source");
    Input::Split(Split::new(source, Seq::new(seq), weights.collect()).expect("it adds up"))
}

fn accounts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("accounts");
    group.sample_size(10).throughput(Throughput::Elements(INPUTS));
    for accounts in [5, 10, 100] {
        let log = Log::new(accounts);
        let auditor = log.check();
        auditor.compare(&log.book).expect("the pictures are the same");
        let summary = auditor.summary();
        assert!(INPUTS * 8 / 10 < summary.fills && INPUTS / 100 < summary.busts);
        group.bench_function(accounts.to_string(), |bencher| {
            bencher.iter(|| black_box(log.check()));
        });
    }
    group.finish();
}

criterion_group!(audit, accounts);
criterion_main!(audit);
