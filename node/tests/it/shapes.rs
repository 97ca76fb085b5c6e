//! The same boxes in every shape, over real sockets, as real processes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use allot_allocation_rules::{Book, BookConfig, Fill, Input, Outcome, Outcomes};
use allot_allocation_service::{Reply, Report, Request, decode_line};
use allot_domain::{Machine, Money, Side};

use crate::client::{Client, subscribe};
use crate::server::{SPLIT, Server};
use crate::world::{batch, fill};

/// Fills of ten tickers, with sales of what was bought before.
fn fills(count: u64) -> Vec<Fill> {
    let of = |seq: u64| {
        let ticker = format!("T{}", seq % 10);
        let lot = u128::from(seq * 7919 % 300 + 1);
        let side = if seq.is_multiple_of(7) && 100 < seq { Side::Sell } else { Side::Buy };
        let quantity = if side == Side::Sell { lot % 3 + 1 } else { lot };
        let price = format!("{}.{:02}", 10 + seq * 31 % 490, seq % 100);
        fill(seq, &ticker, side, &price, i128::try_from(quantity).unwrap())
    };
    (1..=count).map(of).collect()
}

type Shares = BTreeMap<u64, Vec<(String, u64)>>;

/// Sends the fills in batches and returns the shares of each; each gets one reply.
fn allocate(client: &Client, fills: &[Fill]) -> Shares {
    let mut shares = Shares::new();
    for chunk in fills.chunks(100) {
        let requests: Vec<_> = chunk.iter().map(|fill| Request::Fill(*fill)).collect();
        client.send(&batch(&requests));
        let mut missing = chunk.len();
        while 0 < missing {
            for reply in client.receive() {
                let Reply::Allocated { seq, shares: given, .. } = reply else {
                    panic!("{reply:?}");
                };
                let given = given.into_iter().map(|(id, count)| (id.to_string(), count)).collect();
                assert_eq!(shares.insert(seq.get(), given), None, "{seq} got two replies");
                missing -= 1;
            }
        }
    }
    shares
}

/// The same allocations from a book without a server.
fn by_the_book(fills: &[Fill]) -> Shares {
    let mut book = Book::new(BookConfig::default());
    let mut outcomes = Outcomes::default();
    let Ok(Request::Split(split)) = decode_line(SPLIT.as_bytes()) else { panic!("a split") };
    book.apply_whole(&Input::Split(split), &mut outcomes);
    let mut shares = Shares::new();
    for fill in fills {
        outcomes.clear();
        book.apply_whole(&Input::Fill(*fill), &mut outcomes);
        let Some(Outcome::Allocated(allocated)) = outcomes.list.first() else {
            panic!("{outcomes:?}");
        };
        let given = &outcomes.shares[allocated.shares.clone()];
        let given =
            given.iter().map(|share| (book.account(share.account).to_string(), share.quantity));
        shares.insert(fill.seq.get(), given.collect());
    }
    shares
}

/// Checks per ticker, per account and in value that the positions are those of the fills before the
/// cut.
fn check_positions(report: &Report, fills: &[Fill], shares: &Shares) {
    let mut held: BTreeMap<(String, String), (i128, i128)> = BTreeMap::new();
    for fill in fills {
        let sign = if fill.side == Side::Buy { 1 } else { -1 };
        for (account, count) in &shares[&fill.seq.get()] {
            let cell = held.entry((account.clone(), fill.ticker.to_string())).or_default();
            cell.0 += sign * i128::from(*count);
            cell.1 += sign * i128::from(*count) * i128::from(fill.price.nanos());
        }
    }
    let mut published = BTreeMap::new();
    for account in &report.accounts {
        for position in &account.positions {
            let key = (account.id.to_string(), position.ticker.to_string());
            published.insert(key, (i128::from(position.quantity), position.value.nanos()));
        }
        let value: Money = account.positions.iter().map(|position| position.value).sum();
        assert_eq!(value, account.value);
    }
    assert_eq!(published, held);
    assert_eq!(report.fills, fills.len() as u64);
    assert_eq!(report.total_value.nanos(), held.values().map(|cell| cell.1).sum::<i128>());
}

#[test]
fn the_same_fills_through_every_shape_with_one_shard_give_the_same_allocations() {
    let fills = fills(2_000);
    let expected = by_the_book(&fills);
    for server in [Server::embedded(1), Server::over_ipc(1), Server::over_tcp(1)] {
        let client = server.split();
        let shares = allocate(&client, &fills);
        assert_eq!(shares, expected);
        check_positions(&client.report(&server.publish), &fills, &shares);
        server.stop();
    }
}

#[test]
fn positions_of_several_shards_add_up_in_every_shape() {
    let fills = fills(2_000);
    for server in [Server::embedded(4), Server::over_ipc(2), Server::over_tcp(3)] {
        let client = server.split();
        let shares = allocate(&client, &fills);
        check_positions(&client.report(&server.publish), &fills, &shares);
        server.stop();
    }
}

#[test]
fn several_feeds_at_once_get_one_reply_for_each_fill() {
    let server = Server::embedded(2);
    let client = server.split();
    let mut totals: BTreeMap<String, i128> = BTreeMap::new();
    let feeds: Vec<_> = (0..3)
        .map(|feed| {
            let mut csv = String::from("ticker,price,quantity,side\n");
            for row in 0..1_500 {
                let ticker = format!("T{}", (row + feed) % 10);
                csv += &format!("{ticker},{}.25,{},buy\n", 10 + row % 50, row % 90 + 1);
                *totals.entry(ticker).or_default() += i128::from(row % 90 + 1);
            }
            let file = format!("{feed}.csv");
            let source = format!("fills-{feed}");
            server.place.write(&file, &csv);
            let arguments =
                ["feed", "fills", "--front", &server.front, "--source", &source, "--file", &file];
            server.place.start(&arguments)
        })
        .collect();
    for feed in feeds {
        feed.outcome().ok();
    }
    let report = client.report(&server.publish);
    assert_eq!(report.fills, 4_500);
    assert_eq!(held_by_ticker(&report), totals);
    server.stop();
}

fn held_by_ticker(report: &Report) -> BTreeMap<String, i128> {
    let mut held: BTreeMap<String, i128> = BTreeMap::new();
    for position in report.accounts.iter().flat_map(|account| &account.positions) {
        *held.entry(position.ticker.to_string()).or_default() += i128::from(position.quantity);
    }
    held
}

/// The recorded tape through a real feed; skipped where the tape is not there.
#[test]
fn the_real_tape_adds_up() {
    let tape =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/tape/binance_20240808.csv");
    let Ok(text) = std::fs::read_to_string(&tape) else {
        eprintln!("skipped: there is no tape at {}", tape.display());
        return;
    };
    let (mut quantities, mut value) = (BTreeMap::<String, i128>::new(), 0);
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let quantity: i128 = fields[3].parse().unwrap();
        *quantities.entry(fields[1].to_owned()).or_default() += quantity;
        value += quantity * allot_domain::decimal::parse_nanos(fields[2]).unwrap();
    }
    let server = Server::embedded(2);
    let client = server.split();
    let tape = tape.display().to_string();
    let arguments = [
        "feed",
        "fills",
        "--front",
        &server.front,
        "--source",
        "tape",
        "--side",
        "buy",
        "--file",
        &tape,
        "--batch",
        "64",
        "--window",
        "1024",
        "--encoding",
        "bin",
    ];
    server.place.run(&arguments).ok();
    let report = client.report(&server.publish);
    assert_eq!(report.fills, text.lines().count() as u64 - 1);
    assert_eq!(held_by_ticker(&report), quantities);
    assert_eq!(report.total_value, Money::from_nanos(value));
    server.stop();
}

#[test]
fn a_restarted_shard_joins_again_and_reports_what_it_lost() {
    let mut server = Server::over_ipc(2);
    let client = server.split();
    let heartbeats = subscribe(&server.publish, "heartbeat:");
    allocate(&client, &fills(200));
    server.kill("shard-1");
    server.start_shard(1);
    loop {
        let frames = heartbeats.recv_multipart(0).expect("a heartbeat in time");
        if String::from_utf8_lossy(&frames[2]).contains("shard 1 restarted without its state") {
            break;
        }
        // The publisher learns of the loss from the next part, so there must be another cut.
        client.ask(br#"{"type":"report","source":"test","seq":2}"#);
    }
    let report = client.report(&server.publish);
    assert!(report.degraded[0].contains("shard 1 restarted without its state"), "{report:?}");
    let shard = server.process("shard-1");
    let log = shard.errors();
    assert!(log.contains("without the state of its earlier incarnation"), "{log}");
    let replies: Vec<_> = (1_001..=1_020)
        .map(|seq| {
            let fill = fill(seq, &format!("T{}", seq % 10), Side::Buy, "10", 5);
            client.ask(&batch(&[Request::Fill(fill)]))
        })
        .collect();
    let held = replies.iter().filter(|reply| matches!(reply, Reply::Held { .. })).count();
    let allocated = replies.iter().filter(|reply| matches!(reply, Reply::Allocated { .. })).count();
    assert!(0 < held && held + allocated == 20, "{replies:?}");
    server.stop();
}

#[test]
fn a_restarted_router_and_publisher_continue_where_the_shards_are() {
    let mut server = Server::over_ipc(2);
    let client = server.split();
    let fills = fills(400);
    let mut shares = allocate(&client, &fills[..200]);
    server.kill("router");
    server.kill("publisher");
    server.start_router();
    server.start_publisher();
    let client = Client::connect(&server.front);
    let repeat = client.ask(&batch(&[Request::Fill(fills[0])]));
    assert!(matches!(repeat, Reply::Allocated { duplicate: true, .. }), "{repeat:?}");
    shares.extend(allocate(&client, &fills[200..]));
    check_positions(&client.report(&server.publish), &fills, &shares);
    server.stop();
}

#[test]
fn garbage_on_the_port_is_dropped_and_the_next_client_served() {
    let server = Server::embedded(1);
    let address = server.front.strip_prefix("tcp://").unwrap();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4_096], &[0; 64]] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        // The server may close the connection while it is being written to.
        let _ = stream.write_all(garbage).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let client = server.split();
    for garbage in [&b"\0\0\0"[..], b"{\"type\":", &[0xa5; 10_000]] {
        client.send(garbage);
        assert!(matches!(client.receive()[..], [Reply::Rejected { .. }]));
    }
    assert_eq!(allocate(&client, &fills(10)).len(), 10);
    server.stop();
}
