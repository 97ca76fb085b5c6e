//! The source log: who sent fills, and when last.
//!
//! A feed is known by the name of its source: no message says which process sends it.

use std::collections::BTreeMap;

use crate::limits::SOURCES_MAX;

/// What is known of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SourceHeard {
    /// Its fills and busts that are known.
    pub(crate) outcomes: u64,
    /// When the router took the newest of them: nanoseconds of Unix time.
    pub(crate) newest_ns: u64,
}

/// The sources, by their names.
#[derive(Debug, Default)]
pub(crate) struct SourceLog(BTreeMap<String, SourceHeard>);

impl SourceLog {
    /// A source has sent something that was divided or taken back.
    pub(crate) fn hear(&mut self, source: &str, time_ns: u64) {
        if let Some(heard) = self.0.get_mut(source) {
            heard.outcomes += 1;
            heard.newest_ns = heard.newest_ns.max(time_ns);
            return;
        }
        if SOURCES_MAX <= self.0.len() {
            self.make_room();
        }
        self.0.insert(source.to_owned(), SourceHeard { outcomes: 1, newest_ns: time_ns });
    }

    /// Half of them, so that this is seldom.
    fn make_room(&mut self) {
        let mut times: Vec<_> = self.0.values().map(|heard| heard.newest_ns).collect();
        let (_, middle, _) = times.select_nth_unstable(SOURCES_MAX / 2);
        let middle = *middle;
        self.0.retain(|_, heard| middle < heard.newest_ns);
    }

    /// Those that were heard last first.
    pub(crate) fn newest(&self) -> Vec<(&str, SourceHeard)> {
        let mut all: Vec<_> = self.0.iter().map(|(name, heard)| (name.as_str(), *heard)).collect();
        all.sort_by_key(|(_, heard)| std::cmp::Reverse(heard.newest_ns));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_silent_for_longest_make_room() {
        let mut log = SourceLog::default();
        for time_ns in 0..3 * SOURCES_MAX as u64 {
            log.hear("nyse", time_ns);
            log.hear(&format!("feed-{time_ns}"), time_ns);
        }
        let newest = log.newest();
        assert!(SOURCES_MAX / 2 <= newest.len() && newest.len() <= SOURCES_MAX);
        let nyse = newest.iter().find(|(name, _)| *name == "nyse").unwrap();
        assert_eq!(nyse.1, SourceHeard { outcomes: 3_000, newest_ns: 2_999 });
        let times: Vec<_> = newest.iter().map(|(_, heard)| heard.newest_ns).collect();
        assert!(times.is_sorted_by(|a, b| b <= a), "{times:?}");
    }
}
