//! A split, and who gets what of two fills.

use allot_client::{Client, ClientError, Fill, Split};

fn main() -> Result<(), ClientError> {
    trade("tcp://127.0.0.1:9998")
}

pub(crate) fn trade(front: &str) -> Result<(), ClientError> {
    let mut client = Client::connect(front)?;
    client.ask(Split::new([("account1", "60"), ("account2", "40")])?)?;
    for quantity in [100, 250] {
        println!("{:?}", client.ask(Fill::buy("AAPL", "187.23", quantity)?)?.shares());
    }
    Ok(())
}
