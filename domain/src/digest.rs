//! Digest: bytes as a fixed number of bits, the same in every version: digests are part of states.
//!
//! Each word of eight bytes is mixed in with MurmurHash3's finaliser, and the length at the end, so
//! that padding counts for nothing. Two lanes that begin apart make 128 bits. It is no defence
//! against somebody who looks for collisions: a source that makes two ids collide harms its own
//! messages alone.

use crate::mix;

/// Where the two lanes begin: the first words of the fraction of π.
const LANES: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

/// 64 bits.
pub(crate) fn digest_64(bytes: &[u8]) -> u64 {
    lane(LANES[0], bytes)
}

/// 64 bits of a fixed number of words.
#[inline]
pub(crate) fn digest_of_words<const N: usize>(words: [u64; N]) -> u64 {
    words.into_iter().fold(LANES[0], mix_in)
}

/// 128 bits.
pub(crate) fn digest_128(bytes: &[u8]) -> u128 {
    (u128::from(lane(LANES[0], bytes)) << 64) | u128::from(lane(LANES[1], bytes))
}

fn lane(start: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let length = u64::try_from(bytes.len()).expect("a usize fits");
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    words.chain([length]).fold(start, mix_in)
}

/// The turn keeps two equal words from undoing each other.
#[inline]
fn mix_in(hash: u64, word: u64) -> u64 {
    mix(hash.rotate_left(23) ^ word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn digests_are_the_same_in_every_version() {
        assert_eq!(digest_64(b""), 9_716_399_191_729_933_039);
        assert_eq!(digest_of_words([1, 2, 3]), 3_168_547_204_749_140_722);
        assert_eq!(digest_128(b"AAPL 0001"), 16_646_018_060_488_357_864_468_873_080_166_620_955);
    }

    #[test]
    fn no_two_short_texts_have_one_digest() {
        let numbered = (0..20_000).map(|number| format!("x-{number}").into());
        let mut texts: BTreeSet<Vec<u8>> = numbered.collect();
        texts.extend((0..200).map(|len| vec![0; len]));
        texts.extend((0..200).map(|len| vec![b'a'; len]));
        let digests: BTreeSet<_> = texts.iter().map(|text| digest_64(text)).collect();
        assert_eq!(digests.len(), texts.len());
        let wide: BTreeSet<_> = texts.iter().map(|text| digest_128(text)).collect();
        assert_eq!(wide.len(), texts.len());
    }
}
