//! The console: how long a page of positions takes, of a firm of 10,000 accounts by 100 tickers.
//!
//! | group         | what one iteration does                                             |
//! |---------------|---------------------------------------------------------------------|
//! | `page/SEARCH` | finds, sorts and cuts the accounts, and writes the page as HTML      |
//! | `pack`        | packs a report of that size, as the console does with each           |
//!
//! A page is to take less than 100 ms, whatever is looked for. Each is checked once before.

use std::hint::black_box;

use allot_allocation_rules::{TickerSeq, Weight};
use allot_allocation_service::{AccountReport, PositionReport, Report};
use allot_console::PositionsPreview;
use allot_domain::{AccountId, Money, Ticker};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const ACCOUNTS: u64 = 10_000;
const TICKERS: u64 = 100;

/// What is looked for, and how many accounts have it.
const SEARCHES: &[(&str, &str, &str)] = &[
    ("first", "/", "10,000 of 10,000"),
    ("account", "/?account=777", "of 10,000"),
    ("ticker", "/?ticker=T09", "10,000 of 10,000"),
    ("value", "/?sort=value&down=1", "10,000 of 10,000"),
    ("shares", "/?sort=ticker:T050&down=1", "10,000 of 10,000"),
    ("warned", "/?show=warned&sort=drift", "of 10,000"),
    ("last", "/?sort=warnings&row=199&column=8", "10,000 of 10,000"),
];

fn report() -> Report {
    let tickers: Vec<_> = (0..TICKERS)
        .map(|number| Ticker::new(format!("T{number:03}").as_bytes()).expect("a ticker"))
        .collect();
    let account = |number: u64| {
        let value = |of: u64| Money::from_nanos(i128::from(of) * 1_000_000_000);
        let position = |(place, ticker): (u64, &Ticker)| PositionReport {
            ticker: *ticker,
            quantity: (number * 7 + place) % 1_000 + 1,
            value: value((number * 7 + place) % 1_000 * 150),
            average_price: None,
        };
        let deviation = i128::from(number % 2_000) - 1_000;
        AccountReport {
            id: AccountId::new(format!("account{number:05}").as_bytes()).expect("an account"),
            weight: Weight::parse("", "0.01").ok(),
            value: value(number * 31 % 100_000),
            target: Some(value(50_000)),
            deviation: Some(Money::from_nanos(deviation * 1_000_000_000)),
            positions: (0..).zip(&tickers).map(position).collect(),
        }
    };
    Report {
        accounts: (0..ACCOUNTS).map(account).collect(),
        sequences: tickers.iter().map(|ticker| (*ticker, TickerSeq::new(1))).collect(),
        ..Report::default()
    }
}

fn pages(criterion: &mut Criterion) {
    let report = report();
    let pages = PositionsPreview::new(report.clone());
    let mut group = criterion.benchmark_group("page");
    group.sample_size(20);
    for (name, address, found) in SEARCHES {
        let page = pages.page(address).expect("the address can be read");
        assert!(page.contains(found) && page.contains("row-account"), "{address}");
        group.bench_function(*name, |bencher| bencher.iter(|| black_box(pages.page(address))));
    }
    group.finish();
    criterion.bench_function("pack", |bencher| {
        let pack = |report| black_box(PositionsPreview::new(report));
        bencher.iter_batched(|| report.clone(), pack, BatchSize::PerIteration);
    });
}

criterion_group!(benches, pages);
criterion_main!(benches);
