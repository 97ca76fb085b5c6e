//! Names of things: tickers, accounts, sources. Short texts of a closed alphabet, held inline.
//!
//! `:` is in no alphabet: it separates the parts of a topic of the position feed.

use crate::{Reject, limits};
use core::cmp::Ordering;
use core::fmt;

/// A text of 1 to `N` bytes, padded with zeros; the order is that of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Inline<N> {
    /// Copies a text, unless it is empty, too long, or has a byte outside the alphabet.
    fn new(text: &[u8], allowed: fn(u8) -> bool) -> Option<Self> {
        let len = u8::try_from(text.len()).ok()?;
        if len == 0 || text.len() > N || !text.iter().all(|byte| allowed(*byte)) {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("the alphabet is ASCII")
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $len:expr, $allowed:expr, $reject:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Inline<{ $len }>);

        impl $name {
            /// A name from its text.
            ///
            /// # Errors
            #[doc = concat!("[`Reject::", stringify!($reject), "`]")]
            /// where it is empty, too long, or has a byte outside the alphabet.
            pub fn new(text: &[u8]) -> Result<Self, Reject> {
                Inline::new(text, $allowed)
                    .map(Self)
                    .ok_or_else(|| Reject::$reject(Reject::quote_bytes(text)))
            }

            /// The name's bytes, without padding.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                // Padding is zero and no alphabet holds a zero: whole arrays order like texts.
                self.0.bytes.cmp(&other.0.bytes)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
    };
}

name!(
    /// What is traded: 1 to 16 of `A–Z a–z 0–9 . - / _`; case counts.
    Ticker,
    limits::TICKER_LEN_MAX,
    |byte| byte.is_ascii_alphanumeric() || b".-/_".contains(&byte),
    BadTicker
);

name!(
    /// Who owns shares: 1 to 64 of `A–Z a–z 0–9 . - _ @`.
    AccountId,
    limits::ID_LEN_MAX,
    is_id_byte,
    BadAccount
);

name!(
    /// Who says something: a feed, an AUM server; 1 to 64 of `A–Z a–z 0–9 . - _ @`.
    SourceId,
    limits::ID_LEN_MAX,
    is_id_byte,
    BadSource
);

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_@".contains(&byte)
}

impl Ticker {
    /// The bytes padded with zeros to the full length: the routing key of a binary record.
    #[must_use]
    pub fn padded(&self) -> &[u8; limits::TICKER_LEN_MAX] {
        &self.0.bytes
    }

    /// The shard of this ticker among `shards`: fixed for ever, whatever the version.
    ///
    /// FNV-1a (64 bits) over the bytes without padding, the finaliser of MurmurHash3 (`fmix64`)
    /// because FNV leaves the high bits of short texts poor, then the high part of hash × shards
    /// (Lemire's reduction).
    ///
    /// # Panics
    /// With no shards.
    #[must_use]
    pub fn shard(&self, shards: usize) -> usize {
        assert!(shards > 0);
        let shards = u128::try_from(shards).expect("a usize fits");
        let shard = (u128::from(hash(self.as_bytes())) * shards) >> 64;
        usize::try_from(shard).expect("less than the number of shards")
    }
}

/// FNV-1a with MurmurHash3's finaliser: the same value on every machine and in every version.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// MurmurHash3's `fmix64`: every bit of the input reaches every bit of the output.
pub(crate) fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_are_closed() {
        assert!(Ticker::new(b"BRK/B").is_ok());
        assert!(Ticker::new(b"A:B").is_err());
        assert!(Ticker::new(b"").is_err());
        assert!(Ticker::new(b"ABCDEFGHIJKLMNOPQ").is_err());
        assert!(AccountId::new(b"desk-7@fund.example").is_ok());
        assert!(AccountId::new(b"a/b").is_err());
        assert!(SourceId::new(&[b'x'; 65]).is_err());
        assert!(SourceId::new("é".as_bytes()).is_err());
    }

    #[test]
    fn order_is_that_of_the_bytes() {
        let account = |text: &str| AccountId::new(text.as_bytes()).expect("a good id");
        assert!(account("a") < account("aa"));
        assert!(account("a.b") < account("aa"));
        assert!(account("B") < account("a"));
    }

    #[test]
    fn shards_of_known_tickers_never_change() {
        let shard = |text: &str, of| Ticker::new(text.as_bytes()).expect("a ticker").shard(of);
        let tickers = ["AAPL", "MSFT", "GOOG", "AMZN", "NVDA", "BRK/B", "A", "ZZZZ"];
        assert_eq!(tickers.map(|ticker| shard(ticker, 4)), [1, 3, 0, 3, 3, 2, 3, 3]);
        assert_eq!(tickers.map(|ticker| shard(ticker, 1)), [0; 8]);
    }

    #[test]
    fn the_hash_spreads_real_looking_tickers_evenly() {
        for shards in [2, 3, 4, 8, 16] {
            let mut counts = vec![0_u64; shards];
            for first in b'A'..=b'Z' {
                for second in b'A'..=b'Z' {
                    for third in b'A'..=b'Z' {
                        let ticker = Ticker::new(&[first, second, third]).expect("a ticker");
                        counts[ticker.shard(shards)] += 1;
                    }
                }
            }
            let mean = 26_u64.pow(3) / counts.len() as u64;
            for count in counts {
                // Five standard deviations of a fair spread, at the least.
                assert!(count.abs_diff(mean) < mean / 10, "{count} of {mean} in {shards}");
            }
        }
    }
}
