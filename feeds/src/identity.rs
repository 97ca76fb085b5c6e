//! Identity: the source name of a run of a feed, and the seed of its random numbers.

use allot_domain::{Reject, SourceId};
use allot_runtime::Nanos;

/// A source name that no other run has: the prefix and a 48-bit hash of `now` and `entropy` (a
/// process id, or anything else that differs between runs that start together).
///
/// `(source, seq)` identifies a message for ever, so the messages of a second run under the same
/// name would be repeats of the first.
///
/// # Errors
/// [`Reject::BadSource`]: the prefix has bytes that a source may not have, or more than 51.
pub fn unique_source(prefix: &str, now: Nanos, entropy: u64) -> Result<SourceId, Reject> {
    let hash = mix(now.as_unix() ^ mix(entropy)) >> 16;
    SourceId::new(format!("{prefix}-{hash:012x}").as_bytes())
}

/// The seed of one feed among several that share a base seed.
#[must_use]
pub fn seed_of(base: u64, feed: u64) -> u64 {
    mix(base ^ mix(feed.wrapping_add(1)))
}

/// `SplitMix64` (Steele, Lea, Flood 2014): every bit of the input reaches every bit of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn runs_at_different_times_or_in_different_processes_have_different_names() {
        let names: BTreeSet<_> = (0..1_000)
            .map(|run| unique_source("fills-1", Nanos::from_unix(run / 10), run % 10).unwrap())
            .collect();
        assert_eq!(names.len(), 1_000);
        let name = unique_source("fills-1", Nanos::from_unix(7), 9).unwrap();
        assert_eq!(name, unique_source("fills-1", Nanos::from_unix(7), 9).unwrap());
        assert!(name.as_str().starts_with("fills-1-") && name.as_str().len() == 20, "{name}");
    }

    #[test]
    fn a_prefix_that_makes_no_source_is_rejected() {
        assert!(unique_source(&"x".repeat(51), Nanos::ZERO, 0).is_ok());
        for prefix in ["a b", "fills:1", &"x".repeat(52)] {
            let reject = unique_source(prefix, Nanos::ZERO, 0).unwrap_err();
            assert_eq!(reject.code(), "bad_source", "{prefix}");
        }
    }

    #[test]
    fn feeds_with_one_base_seed_have_different_seeds() {
        let seeds: BTreeSet<_> =
            (0..10).flat_map(|base| (0..100).map(move |feed| seed_of(base, feed))).collect();
        assert_eq!(seeds.len(), 1_000);
    }
}
