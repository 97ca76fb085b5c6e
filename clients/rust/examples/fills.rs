//! A split, a fill, and ten sales in flight at once.

use std::time::Duration;

use allot_client::{Client, ClientError, Fill, Split};

fn main() -> Result<(), ClientError> {
    let front = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:9998".to_owned());
    let mut client = Client::connect(&front)?;
    client.ask(Split::new([("account1", "60"), ("account2", "40")])?)?;
    let reply = client.ask(Fill::buy("AAPL", "187.23", 100)?)?;
    println!("{:?}", reply.shares());
    for _ in 0..10 {
        client.submit(Fill::sell("AAPL", "187.25", 10)?)?;
    }
    while let Some(reply) = client.next_reply(Duration::from_secs(1))? {
        // A refusal is a reply too.
        println!("{} {:?}", reply.seq, reply.outcome);
    }
    Ok(())
}
