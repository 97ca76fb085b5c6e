//! Topic: the first frame of everything that allocation publishes.
//!
//! ```text
//!   positions:json        positions:bin        the whole firm
//!   account:json:<id>:    account:bin:<id>:    one account
//!   fills:json:<ticker>:  fills:bin:<ticker>:  every allocation of a ticker
//!   heartbeat:                                 a sign of life
//! ```

use std::fmt;

use allot_domain::{AccountId, Ticker};
use allot_wire::{Encoding, HEARTBEAT, split_topic, write_topic};

/// What a message of the position feed is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic<'a> {
    /// The whole firm at one cut.
    Positions(Encoding),
    /// One account at one cut.
    Account(&'a AccountId, Encoding),
    /// Every allocation of a ticker as it becomes durable.
    Fills(&'a Ticker, Encoding),
    /// Each second: the publisher is there.
    Heartbeat,
}

impl Topic<'_> {
    /// What every topic of accounts begins with.
    pub const ACCOUNTS: &'static str = "account:";
    /// What every topic of fills begins with.
    pub const FILLS: &'static str = "fills:";
    const POSITIONS: &'static str = "positions:";

    /// Writes the topic's bytes; `out` then holds nothing else.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Positions(encoding) => write_topic(Self::POSITIONS, None, *encoding, out),
            Self::Account(id, encoding) => {
                write_topic(Self::ACCOUNTS, Some(id.as_str()), *encoding, out);
            }
            Self::Fills(ticker, encoding) => {
                write_topic(Self::FILLS, Some(ticker.as_str()), *encoding, out);
            }
            Self::Heartbeat => {
                out.clear();
                out.extend_from_slice(HEARTBEAT.as_bytes());
            }
        }
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Positions(encoding) => write!(f, "{}{encoding}", Self::POSITIONS),
            Self::Heartbeat => f.write_str(HEARTBEAT),
            Self::Account(..) | Self::Fills(..) => {
                let mut topic = Vec::new();
                self.write(&mut topic);
                f.write_str(&String::from_utf8_lossy(&topic))
            }
        }
    }
}

/// A topic that was read: it owns its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TopicName {
    /// As [`Topic::Positions`].
    Positions(Encoding),
    /// As [`Topic::Account`].
    Account(AccountId, Encoding),
    /// As [`Topic::Fills`].
    Fills(Ticker, Encoding),
    /// As [`Topic::Heartbeat`].
    Heartbeat,
}

impl TopicName {
    /// Reads a topic; none where it is not one of the four.
    #[must_use]
    pub fn parse(topic: &[u8]) -> Option<Self> {
        if topic == HEARTBEAT.as_bytes() {
            return Some(Self::Heartbeat);
        }
        if let Some((name, encoding)) = split_topic(Topic::POSITIONS, topic) {
            return name.is_none().then_some(Self::Positions(encoding));
        }
        if let Some((name, encoding)) = split_topic(Topic::ACCOUNTS, topic) {
            return Some(Self::Account(AccountId::new(name?.as_bytes()).ok()?, encoding));
        }
        let (name, encoding) = split_topic(Topic::FILLS, topic)?;
        Some(Self::Fills(Ticker::new(name?.as_bytes()).ok()?, encoding))
    }

    /// The same, borrowed.
    #[must_use]
    pub const fn as_topic(&self) -> Topic<'_> {
        match self {
            Self::Positions(encoding) => Topic::Positions(*encoding),
            Self::Account(id, encoding) => Topic::Account(id, *encoding),
            Self::Fills(ticker, encoding) => Topic::Fills(ticker, *encoding),
            Self::Heartbeat => Topic::Heartbeat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_their_texts() {
        let id = AccountId::new(b"desk-7@fund.example").unwrap();
        let ticker = Ticker::new(b"BRK/B").unwrap();
        let swap = Ticker::new(b"BTC/USDT:USDT").unwrap();
        let topics = [
            (Topic::Positions(Encoding::Json), "positions:json"),
            (Topic::Account(&id, Encoding::Binary), "account:bin:desk-7@fund.example:"),
            (Topic::Fills(&ticker, Encoding::Json), "fills:json:BRK/B:"),
            (Topic::Fills(&swap, Encoding::Json), "fills:json:BTC/USDT%3AUSDT:"),
            (Topic::Heartbeat, "heartbeat:"),
        ];
        for (topic, text) in topics {
            assert_eq!(topic.to_string(), text);
            assert_eq!(TopicName::parse(text.as_bytes()).unwrap().as_topic(), topic);
        }
    }

    #[test]
    fn a_prefix_that_ends_with_a_colon_matches_no_neighbour() {
        let neighbour = AccountId::new(b"ab").unwrap();
        let topic = Topic::Account(&neighbour, Encoding::Json).to_string();
        assert!(topic.starts_with("account:json:a") && !topic.starts_with("account:json:a:"));
    }

    #[test]
    fn what_is_no_topic_is_none() {
        let texts = [
            "",
            ":",
            "positions",
            "positions:",
            "positions:xml",
            "positions:json:",
            "heartbeat",
            "heartbeat:json",
            "account:json::",
            "account:json:a",
            "account:json:a b:",
            "account:a:json",
            "fills:json:A:B:",
        ];
        for text in texts {
            assert_eq!(TopicName::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(TopicName::parse(b"account:json:\xff:"), None);
    }
}
