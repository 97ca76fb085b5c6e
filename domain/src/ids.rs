//! Names of things: tickers, accounts, sources. Short texts of a closed alphabet, held inline.

use core::cmp::Ordering;
use core::fmt;

use crate::digest::digest_128;
use crate::{Reject, Seq, ShardId, limits};

/// A text of 1 to `N` bytes, padded with zeros; the order is that of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Inline<N> {
    /// Copies a text that [`is_name`].
    #[inline]
    fn of_name(text: &[u8]) -> Self {
        let len = u8::try_from(text.len()).expect("a name is short");
        let mut bytes = [0; N];
        bytes[..text.len()].copy_from_slice(text);
        Self { bytes, len }
    }

    /// A hash for tables in memory, eight bytes at a time; it may change with any version.
    fn hash(&self) -> u64 {
        let (words, _) = self.bytes.as_chunks();
        let used = usize::from(self.len).div_ceil(8);
        mix(words[..used].iter().fold(0, |hash: u64, word| {
            (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        }))
    }

    /// The order of the bytes, eight at a time: names nearly always differ in the first or the
    /// second eight. Padding is zero and no alphabet holds a zero: whole arrays order like texts.
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        const { assert!(N.is_multiple_of(8), "words have all bytes") };
        let (own, others) = (self.bytes.as_chunks().0, other.bytes.as_chunks().0);
        let word = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
        let unequal = own.iter().zip(others).find(|(own, other)| own != other);
        unequal.map_or(Ordering::Equal, |(own, other)| word(own).cmp(&word(other)))
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
    /// All that prints in ASCII, the space too, except these.
    const fn printable_without(others: &[u8]) -> Self {
        let mut has = [false; 256];
        let mut byte = b' ';
        while byte <= b'~' {
            has[byte as usize] = true;
            byte += 1;
        }
        let mut other = 0;
        while other < others.len() {
            has[others[other] as usize] = false;
            other += 1;
        }
        Self(has)
    }
}

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

/// Without what JSON escapes.
static OF_TICKERS: Alphabet = Alphabet::printable_without(b"\"\\");
static OF_MESSAGE_IDS: Alphabet = Alphabet::printable_without(b" \"\\");
static OF_IDS: Alphabet = Alphabet::of(b".-_@");

/// Whether a text is a name of at most `len_max` bytes. No branch for each byte: names are short,
/// and nearly all of them are good.
#[inline]
fn is_name(text: &[u8], len_max: usize, alphabet: &Alphabet) -> bool {
    let is_of_it = text.iter().fold(true, |all, byte| all & alphabet.0[usize::from(*byte)]);
    is_of_it && (1..=len_max).contains(&text.len())
}

/// Whether spaces stand only between other characters, one at a time; or as an option symbol of the
/// OCC has them: a root of up to six characters, padded with spaces to six, before the date, `C` or
/// `P`, and the strike price in eight digits (the 21 characters of the Options Symbology
/// Initiative).
#[inline]
fn has_good_spaces(text: &[u8]) -> bool {
    // Nearly no ticker has a space.
    !text.contains(&b' ') || has_inner_spaces(text)
}

#[cold]
fn has_inner_spaces(text: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| byte == Some(&b' ');
    if is_space(text.first()) || is_space(text.last()) {
        return false;
    }
    let is_single = text.windows(2).all(|pair| pair != b"  ");
    is_single || is_option_symbol(text)
}

fn is_option_symbol(text: &[u8]) -> bool {
    let Some((root, rest)) = text.split_first_chunk::<6>() else { return false };
    let ([date @ .., kind], strike) = match rest.split_first_chunk::<7>() {
        Some((dated, strike)) => (dated, strike),
        None => return false,
    };
    let is_root = !root.trim_ascii_end().contains(&b' ');
    let are_digits = date.iter().chain(strike).all(u8::is_ascii_digit);
    is_root && are_digits && matches!(kind, b'C' | b'P') && strike.len() == 8
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $len:expr, $alphabet:expr, $reject:ident) => {
        name!($(#[$doc])* $name, $len, $alphabet, $reject, |_| true);
    };
    ($(#[$doc:meta])* $name:ident, $len:expr, $alphabet:expr, $reject:ident, $also:expr) => {
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
                if Self::is_name(text) {
                    Ok(Self(Inline::of_name(text)))
                } else {
                    Err(Reject::$reject(Reject::quote_bytes(text)))
                }
            }

            /// Whether a text is such a name: what [`Self::new`] asks, without a copy.
            #[inline]
            #[must_use]
            pub fn is_name(text: &[u8]) -> bool {
                is_name(text, $len, &$alphabet) && Self::is_also(text)
            }

            /// What more a text must be than of its alphabet.
            #[inline]
            fn is_also(text: &[u8]) -> bool {
                let is_also: fn(&[u8]) -> bool = $also;
                is_also(text)
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
                self.0.order(&other.0)
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
    /// What is traded: 1 to 32 printable characters of ASCII, without `"` and `\`; case counts.
    ///
    /// A space stands only between two other characters, except in an option symbol of the OCC,
    /// which pads its root with spaces.
    Ticker,
    limits::TICKER_LEN_MAX,
    OF_TICKERS,
    BadTicker,
    has_good_spaces
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

name!(
    /// The id of a message as a text: 1 to 64 printable characters of ASCII without the space, `"`
    /// and `\`.
    TextId,
    limits::ID_LEN_MAX,
    OF_MESSAGE_IDS,
    BadId
);

/// What names a message of its source for ever: a number or a text.
///
/// A text that is a number as it is written (`17`, not `017`) is that number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MessageId {
    /// A number, from 1.
    Number(Seq),
    /// Anything else.
    Text(TextId),
}

/// Set in the digest of every text, and of no number.
const OF_TEXT: u128 = 1 << 127;

impl MessageId {
    /// An id from its text.
    ///
    /// # Errors
    /// [`Reject::BadId`] where it is empty, too long, or has a byte outside the alphabet.
    pub fn new(text: &[u8]) -> Result<Self, Reject> {
        let id = TextId::new(text)?;
        let is_number = matches!(text.first(), Some(b'1'..=b'9'));
        let number = if is_number { id.as_str().parse().ok() } else { None };
        Ok(number.map_or(Self::Text(id), |number| Self::Number(Seq::new(number))))
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<Seq> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// A fixed number of bytes in its place: the number itself, or 128 bits for the text. The
    /// same in every version: it is part of states.
    #[inline]
    #[must_use]
    pub fn digest(&self) -> u128 {
        match self {
            Self::Number(number) => number.get().into(),
            Self::Text(text) => digest_128(text.as_bytes()) | OF_TEXT,
        }
    }

    /// The same as two words, the lower half first.
    #[must_use]
    pub fn digest_words(&self) -> [u64; 2] {
        let digest = self.digest();
        [Self::low_half(digest), Self::low_half(digest >> 64)]
    }

    /// The number of which this is the digest; none where it is that of a text.
    #[inline]
    pub(crate) fn number_of(digest: u128) -> Option<Seq> {
        u64::try_from(digest).ok().map(Seq::new)
    }

    /// Whether something has this digest.
    pub(crate) const fn is_digest(digest: u128) -> bool {
        digest & OF_TEXT != 0 || (0 < digest && digest >> 64 == 0)
    }

    /// Half of a digest, for tables in memory.
    pub(crate) fn low_half(digest: u128) -> u64 {
        u64::try_from(digest & u128::from(u64::MAX)).expect("the mask leaves 64 bits")
    }
}

impl From<Seq> for MessageId {
    fn from(number: Seq) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Ticker {
    /// A ticker from its bytes padded with zeros to the full length; none where it is no name.
    #[inline]
    #[must_use]
    pub fn from_padded(bytes: &[u8; limits::TICKER_LEN_MAX]) -> Option<Self> {
        let (halves, _) = bytes.as_chunks::<{ limits::TICKER_LEN_MAX / 2 }>();
        let unused = |half: &[u8; 16]| u128::from_le_bytes(*half).leading_zeros() / 8;
        // Nearly every ticker ends in the first half.
        let (low, high) = (unused(&halves[0]), unused(&halves[1]));
        let used = if high == 16 { 16 - low } else { 32 - high };
        let len = u8::try_from(used).ok()?;
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
        assert!(Ticker::new(b"").is_err());
        assert!(Ticker::new(&[b'A'; 32]).is_ok());
        assert!(Ticker::new(&[b'A'; 33]).is_err());
        assert!(AccountId::new(b"desk-7@fund.example").is_ok());
        assert!(AccountId::new(b"a/b").is_err());
        assert!(SourceId::new(&[b'x'; 65]).is_err());
        assert!(SourceId::new("é".as_bytes()).is_err());
    }

    #[test]
    fn tickers_are_what_venues_write() {
        let good = [
            "BRK B",
            "M&M",
            "ES=F",
            "BTC/USDT:USDT",
            "^GSPC",
            "BTC-27DEC24-100000-C",
            "7203.T",
            "SPXW  260120P06835000",
            "F     260116C00012000",
            "AAPL260116C00250000",
            "!ES",
            "#1",
        ];
        for text in good {
            assert!(Ticker::is_name(text.as_bytes()), "{text}");
        }
        let bad = [
            " A",
            "A ",
            "BRK  B",
            "A\tB",
            "A\"B",
            "A\\B",
            "A\u{7f}",
            "é",
            "A\0B",
            " ",
            "SPXW  260120X06835000",
            "SP W  260120P06835000",
            "SPXW  260120P0683500",
            "      260120P06835000",
        ];
        for text in bad {
            assert!(!Ticker::is_name(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn an_id_that_is_written_like_a_number_is_that_number() {
        let id = |text: &str| MessageId::new(text.as_bytes()).unwrap();
        assert_eq!(id("17"), MessageId::Number(Seq::new(17)));
        assert_eq!(id("18446744073709551615"), MessageId::Number(Seq::new(u64::MAX)));
        for text in ["0", "017", "+17", "1.0", "18446744073709551616", "ab-7", "a:b"] {
            assert_eq!(id(text).number(), None, "{text}");
            assert_eq!(id(text).to_string(), text);
            assert_eq!(MessageId::number_of(id(text).digest()), None);
        }
        assert!(MessageId::is_digest(id("17").digest()) && MessageId::is_digest(id("a").digest()));
        assert!(!MessageId::is_digest(0) && !MessageId::is_digest(1 << 64));
        for text in [&b""[..], b"a b", b"a\"", &[b'x'; 65], "é".as_bytes()] {
            assert!(MessageId::new(text).is_err());
        }
    }

    #[test]
    fn padding_is_zeros_at_the_end_and_nowhere_else() {
        let padded = |text: &[u8]| {
            let mut bytes = [0; limits::TICKER_LEN_MAX];
            bytes[..text.len()].copy_from_slice(text);
            bytes
        };
        let longest = [b'X'; limits::TICKER_LEN_MAX];
        for text in [&b"A"[..], b"BRK/B", b"ABCDEFGHIJKLMNOP", b"ABCDEFGHIJKLMNOPQ", &longest] {
            assert_eq!(Ticker::from_padded(&padded(text)), Ticker::new(text).ok());
            assert_eq!(Ticker::new(text).unwrap().padded(), &padded(text));
        }
        for text in [&b""[..], b"A\0B", b"\0A", b"A ", b"A\xff", b"ABCDEFGHIJKLMNOP\0Q"] {
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
