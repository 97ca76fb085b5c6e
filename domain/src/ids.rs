//! Names of things: tickers, accounts, sources. Short texts of a closed alphabet, held inline.
//!
//! `:` is in no alphabet: it separates the parts of a topic of the position feed.

use core::cmp::Ordering;
use core::fmt;

use crate::{Reject, ShardId, limits};

/// A text of 1 to `N` bytes, padded with zeros; the order is that of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Inline<N> {
    /// Copies a text, unless it is empty, too long, or has a byte outside the alphabet.
    #[inline]
    fn new(text: &[u8], alphabet: &Alphabet) -> Option<Self> {
        let len = u8::try_from(text.len()).ok()?;
        if !is_name(text, N, alphabet) {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self { bytes, len })
    }

    /// A hash for tables in memory, eight bytes at a time; it may change with any version.
    fn hash(&self) -> u64 {
        let (words, _) = self.bytes.as_chunks();
        let used = usize::from(self.len).div_ceil(8);
        mix(words[..used].iter().fold(0, |hash: u64, word| {
            (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        }))
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("the alphabet is ASCII")
    }
}

/// The bytes of which a name may consist.
struct Alphabet([bool; 256]);

impl Alphabet {
    /// The letters and digits of ASCII, and these.
    const fn of(others: &[u8]) -> Self {
        let mut has = [false; 256];
        let (mut at, mut byte) = (0, 0_u8);
        while at < has.len() {
            has[at] = byte.is_ascii_alphanumeric();
            let mut other = 0;
            while other < others.len() {
                has[at] |= others[other] == byte;
                other += 1;
            }
            (at, byte) = (at + 1, byte.wrapping_add(1));
        }
        Self(has)
    }
}

static OF_TICKERS: Alphabet = Alphabet::of(b".-/_");
static OF_IDS: Alphabet = Alphabet::of(b".-_@");

/// Whether a text is a name of at most `len_max` bytes. No branch for each byte: names are short,
/// and nearly all of them are good.
#[inline]
fn is_name(text: &[u8], len_max: usize, alphabet: &Alphabet) -> bool {
    let is_of_it = text.iter().fold(true, |all, byte| all & alphabet.0[usize::from(*byte)]);
    is_of_it && (1..=len_max).contains(&text.len())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $len:expr, $alphabet:expr, $reject:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Inline<{ $len }>);

        impl $name {
            /// A name from its text.
            ///
            /// # Errors
            #[doc = concat!("[`Reject::", stringify!($reject), "`]")]
            /// where it is empty, too long, or has a byte outside the alphabet.
            #[inline]
            pub fn new(text: &[u8]) -> Result<Self, Reject> {
                Inline::new(text, &$alphabet)
                    .map(Self)
                    .ok_or_else(|| Reject::$reject(Reject::quote_bytes(text)))
            }

            /// Whether a text is such a name: what [`Self::new`] asks, without a copy.
            #[inline]
            #[must_use]
            pub fn is_name(text: &[u8]) -> bool {
                is_name(text, $len, &$alphabet)
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
    OF_TICKERS,
    BadTicker
);

name!(
    /// Who owns shares: 1 to 64 of `A–Z a–z 0–9 . - _ @`.
    AccountId,
    limits::ID_LEN_MAX,
    OF_IDS,
    BadAccount
);

name!(
    /// Who says something: a feed, an AUM server; 1 to 64 of `A–Z a–z 0–9 . - _ @`.
    SourceId,
    limits::ID_LEN_MAX,
    OF_IDS,
    BadSource
);

impl Ticker {
    /// A ticker from its bytes padded with zeros to the full length; none where it is no name.
    #[inline]
    #[must_use]
    pub fn from_padded(bytes: &[u8; limits::TICKER_LEN_MAX]) -> Option<Self> {
        let unused = u128::from_le_bytes(*bytes).leading_zeros() / 8;
        let len = u8::try_from(u128::BITS / 8 - unused).ok()?;
        let is_name = Self::is_name(&bytes[..usize::from(len)]);
        is_name.then_some(Self(Inline { bytes: *bytes, len }))
    }

    /// The bytes padded with zeros to the full length: the routing key of a binary record.
    #[must_use]
    pub fn padded(&self) -> &[u8; limits::TICKER_LEN_MAX] {
        &self.0.bytes
    }

    /// A hash for tables in memory: never written down, never sent.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.0.hash()
    }

    /// The shard of this ticker: see [`shard_of`].
    ///
    /// # Panics
    /// With no shards.
    #[inline]
    #[must_use]
    pub fn shard(&self, shards: usize) -> ShardId {
        shard_of(self.as_bytes(), shards)
    }
}

impl SourceId {
    /// A hash for tables in memory: never written down, never sent.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.0.hash()
    }
}

/// The shard that owns a key, among `shards`: fixed for ever, whatever the version.
///
/// FNV-1a (64 bits) over the bytes, the finaliser of MurmurHash3 (`fmix64`) because FNV leaves the
/// high bits of short texts poor, then the high part of hash × shards (Lemire's reduction).
///
/// # Panics
/// With no shards.
#[inline]
#[must_use]
pub fn shard_of(key: &[u8], shards: usize) -> ShardId {
    assert!(0 < shards);
    if shards == 1 {
        return ShardId::default();
    }
    let shards = u128::try_from(shards).expect("a usize fits");
    let shard = (u128::from(fnv(key)) * shards) >> 64;
    ShardId::new(u32::try_from(shard).expect("less than the number of shards"))
}

/// FNV-1a with MurmurHash3's finaliser: the same value on every machine and in every version.
fn fnv(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// MurmurHash3's `fmix64`: every bit of the input reaches every bit of the output.
#[must_use]
pub fn mix(hash: u64) -> u64 {
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
    fn padding_is_zeros_at_the_end_and_nowhere_else() {
        let padded = |text: &[u8]| {
            let mut bytes = [0; limits::TICKER_LEN_MAX];
            bytes[..text.len()].copy_from_slice(text);
            bytes
        };
        for text in [&b"A"[..], b"BRK/B", b"ABCDEFGHIJKLMNOP"] {
            assert_eq!(Ticker::from_padded(&padded(text)), Ticker::new(text).ok());
            assert_eq!(Ticker::new(text).unwrap().padded(), &padded(text));
        }
        for text in [&b""[..], b"A\0B", b"\0A", b"A:B", b"A\xff"] {
            assert_eq!(Ticker::from_padded(&padded(text)), None);
        }
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
        let shard =
            |text: &str, of| Ticker::new(text.as_bytes()).expect("a ticker").shard(of).get();
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
                        counts[ticker.shard(shards).index()] += 1;
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
