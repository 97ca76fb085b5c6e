//! Health: what the processes of the server count, and how their journals do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::{Browser, Client, FREE, Place, endpoint};

const ENDS: [&str; 6] = ["--front", FREE, "--publish", FREE, "--report-every", "100ms"];
const ANYWHERE: &str = "127.0.0.1:0";

/// The text of a cell of which the begin was taken away.
fn cell(rest: &str) -> String {
    rest.split('<').next().unwrap_or_default().to_owned()
}

fn browser(line: &str) -> Browser {
    Browser::new(line.trim_start_matches("console=http://").trim_end_matches('/'))
}

#[test]
fn shards_journals_and_counters_stand_on_the_page_of_health() {
    let place = Place::new();
    let flags = ["serve", "--data", "d", "--new", "--metrics", ANYWHERE, "--console", ANYWHERE];
    let mut server = place.start(&[&flags[..], &["--console-open"], &ENDS].concat());
    let line = server.line_with("listening ");
    let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
    let metrics = endpoint(&line, "metrics=http://");
    let metrics = metrics.trim_end_matches("/metrics");
    let mut inside = browser(&server.line_with("console="));
    inside.wait("/health", |page| page.contains("data-testid=\"shards\""));
    let page = inside.get("/health").body;
    assert!(page.contains("None of those that need attention"), "{page}");
    assert!(page.contains("Room on the disk of the journals: "), "{page}");

    let client = Client::connect(&front);
    client.ask(br#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":100}}"#);
    let mut fill = br#"{"type":"fill","source":"x","seq":1,"ticker":"AAPL","side":"buy","#.to_vec();
    fill.extend_from_slice(br#""price":"10","quantity":5}"#);
    client.ask(&fill);
    inside.wait("/health", |page| page.contains(" ms</td>"));
    inside.wait("/health", |page| page.contains("href=\"/fills?source=x\""));
    // Both inputs, and what the reports bring, are on disk.
    let is_behind_none = |page: &str| {
        let shard = page.split("data-testid=\"shards\"").nth(1).and_then(|rest| {
            let row = rest.split("<tr>").nth(2)?;
            Some(row.split("class=\"num\">").skip(2).map(cell).collect::<Vec<_>>())
        });
        let [_, durable, behind, ..] = &shard.unwrap()[..] else { panic!("{page}") };
        let durable: u64 = durable.replace(',', "").parse().unwrap();
        1 < durable && behind == "0"
    };
    inside.wait("/health", is_behind_none);

    // Somebody who takes the front door for something else.
    let mut stranger = TcpStream::connect(front.trim_start_matches("tcp://")).unwrap();
    stranger.write_all(&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4)).unwrap();
    // It is closed, or reset with what it sent unread.
    let _ = stranger.read_to_end(&mut Vec::new());
    let is_counted = |page: &str| {
        page.contains("what came was not the protocol.")
            && page.contains("Check what connects to that port, and its key.")
    };
    inside.wait("/health", is_counted);

    let ends = ["--front", &*front, "--publish", &*publish];
    let flags = ["console", "--listen", ANYWHERE, "--open"];
    let mut console = place.start(&[&flags[..], &ends, &["--metrics", metrics]].concat());
    browser(&console.line_with("console=")).wait("/health", is_counted);
    let mut untold = place.start(&[&flags[..], &ends].concat());
    let mut untold_browser = browser(&untold.line_with("console="));
    untold_browser.wait("/health", |page| page.contains("allot console --metrics HOST:PORT"));
    let nowhere = TcpListener::bind(ANYWHERE).unwrap().local_addr().unwrap().to_string();
    let mut wrong = place.start(&[&flags[..], &ends, &["--metrics", &*nowhere]].concat());
    let told = format!("No metrics from {nowhere}");
    browser(&wrong.line_with("console=")).wait("/health", |page| {
        // What is not known is not good.
        page.contains(&told) && page.contains("not-all") && !page.contains("no-faults")
    });
    for process in [&mut console, &mut untold, &mut wrong, &mut server] {
        process.signal("-TERM");
    }
}
