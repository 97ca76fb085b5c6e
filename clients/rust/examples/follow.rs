//! Follows the fills of a ticker from its first outcome on: the history, then the feed.

use std::time::Duration;

use allot_client::{Body, Client, ClientError, Feed, Outcome, Replay};

fn main() -> Result<(), ClientError> {
    let mut ends = std::env::args().skip(1);
    let mut end = |default: &str| ends.next().unwrap_or_else(|| default.to_owned());
    let mut client = Client::connect(&end("tcp://127.0.0.1:9998"))?;
    let mut feed = Feed::connect(&end("tcp://127.0.0.1:9999"), ["fills:bin:AAPL:"])?;
    let mut next = 1;
    loop {
        // What the feed has not given, now and whenever it has lost something.
        while let Outcome::Replayed(page) = client.ask(Replay::new("AAPL", next)?)?.outcome {
            next = next.max(page.from);
            for event in page.events {
                println!("{next} {:?}", event.reply.shares());
                next += 1;
            }
            if page.last < next {
                break;
            }
        }
        while let Some(publication) = feed.next(Duration::from_secs(10))? {
            if let Body::Event(event) = publication.body {
                match publication.sequence {
                    sequence if sequence < next => continue,
                    sequence if next < sequence => break,
                    _ => println!("{next} {:?}", event.reply.shares()),
                }
                next += 1;
            }
        }
    }
}
