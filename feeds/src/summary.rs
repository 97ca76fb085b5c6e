//! A summary: what a feed has done, as text for an operator.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use allot_domain::SourceId;

use crate::notes::{GaveUp, Notes, Rejections};
use crate::{BadLine, Latency, Skipped, Tally, plural};

/// What a feed has done. Displayed as a small table.
#[derive(Clone)]
pub struct Summary {
    pub(crate) source: SourceId,
    pub(crate) counts: Vec<(Tally, u64)>,
    pub(crate) notes: Notes,
    pub(crate) elapsed: Duration,
    pub(crate) latency: Option<Latency>,
    pub(crate) is_finished: bool,
}

impl Summary {
    /// Whether everything is in the books, now or since an earlier run: nothing was rejected, is
    /// held, or has no reply, no line was bad, and every reply was logged if they are.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.has_all_replies()
            && self.get(Tally::Rejected) == 0
            && self.get(Tally::BadLines) == 0
            && self.still_held() == 0
    }

    /// Whether everything was sent and has a reply, of whatever kind: nothing lost, no bad line
    /// that stopped the feed, and no reply that could not be logged.
    #[must_use]
    pub fn has_all_replies(&self) -> bool {
        self.is_finished
            && self.get(Tally::Lost) == 0
            && self.get(Tally::Unsent) == 0
            && self.notes.stopped_by.is_none()
            && self.notes.log_failure.is_none()
    }

    /// The value of a tally.
    #[must_use]
    pub fn get(&self, tally: Tally) -> u64 {
        self.counts.iter().find(|(counted, _)| *counted == tally).map_or(0, |(_, count)| *count)
    }

    /// Fills that were held and had no further reply until the end.
    #[must_use]
    pub fn still_held(&self) -> u64 {
        // The two are read one after the other while the feed may still run.
        self.get(Tally::Held).saturating_sub(self.get(Tally::Followed))
    }

    /// The rejections of each code.
    #[must_use]
    pub const fn rejections(&self) -> &BTreeMap<String, Rejections> {
        &self.notes.rejections
    }

    /// That the feed ended because the server took nothing for too long, if it did.
    #[must_use]
    pub const fn gave_up(&self) -> Option<&GaveUp> {
        self.notes.gave_up.as_ref()
    }

    /// The first few lines or splits that were skipped.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.notes.skipped
    }

    /// The bad line that stopped it.
    #[must_use]
    pub const fn stopped_by(&self) -> Option<&BadLine> {
        self.notes.stopped_by.as_ref()
    }

    /// From the first message that left to the last that arrived.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The times to the replies; `None` before the first.
    #[must_use]
    pub const fn latency(&self) -> Option<Latency> {
        self.latency
    }

    /// Replies per second, rounded down.
    #[must_use]
    pub fn replies_per_second(&self) -> u64 {
        let replies = u128::from(self.get(Tally::Replied)) * 1_000_000_000;
        let rate = replies.checked_div(self.elapsed.as_nanos()).unwrap_or(0);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    fn result_text(&self) -> &'static str {
        match (self.is_finished, self.is_ok()) {
            (false, _) => "not finished",
            (true, true) => "all answered",
            (true, false) if self.notes.stopped_by.is_some() => "stopped by a bad line",
            (true, false) if self.notes.log_failure.is_some() => "not all replies logged",
            (true, false) if 0 < self.get(Tally::Lost) + self.get(Tally::Unsent) => {
                "not all answered"
            }
            (true, false) => "not everything is in the books",
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.source, self.result_text())?;
        for (tally, count) in &self.counts {
            let is_shown = 0 < *count || matches!(tally, Tally::Sent | Tally::Replied);
            if is_shown {
                writeln!(f, "  {:<18} {count:>12}", tally.label())?;
            }
        }
        if 0 < self.get(Tally::Held) {
            writeln!(f, "  {:<18} {:>12}", "still held", self.still_held())?;
        }
        writeln!(f, "  {:<18} {:>12}", "replies per second", self.replies_per_second())?;
        if let Some(Latency { min, max }) = self.latency {
            writeln!(f, "  {:<18} {min:.1?} to {max:.1?}", "answered within")?;
        }
        self.write_notes(f)
    }
}

impl Summary {
    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (code, Rejections { count, first }) in &self.notes.rejections {
            writeln!(f, "  rejected {count} {}: {code}", plural(*count, "time"))?;
            first.iter().try_for_each(|reason| writeln!(f, "    {reason}"))?;
        }
        for (what, places) in [("held", &self.notes.held), ("no reply", &self.notes.unanswered)] {
            places.iter().try_for_each(|place| writeln!(f, "  {what}: {place}"))?;
        }
        match &self.notes.gave_up {
            None => {}
            Some(GaveUp { after, refused: None }) => {
                writeln!(f, "  ended: nothing came from the server for {after:.1?}")?;
            }
            Some(GaveUp { after, refused: Some(why) }) => {
                writeln!(f, "  ended: the server took nothing for {after:.1?}: {why}")?;
            }
        }
        self.notes.skipped.iter().try_for_each(|skipped| writeln!(f, "  skipped {skipped}"))?;
        self.notes.stopped_by.iter().try_for_each(|line| writeln!(f, "  stopped by {line}"))?;
        let failure = self.notes.log_failure.iter();
        failure.into_iter().try_for_each(|failure| writeln!(f, "  replies not logged: {failure}"))
    }
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use allot_runtime::Nanos;

    use super::*;
    use crate::{FeedProgress, LineError, Phase};

    #[test]
    fn a_summary_is_a_table_of_what_happened() {
        let progress = FeedProgress::new(SourceId::new(b"fills-1").unwrap(), Some(1_000));
        progress.touch(Nanos::from_unix(5_000_000_000));
        progress.touch(Nanos::from_unix(7_000_000_000));
        for (tally, count) in [
            (Tally::Sent, 1_000),
            (Tally::Replied, 998),
            (Tally::Allocated, 990),
            (Tally::Held, 6),
            (Tally::Followed, 4),
            (Tally::Lost, 2),
        ] {
            progress.add(tally, count);
        }
        (1..=7).for_each(|seq| {
            progress.note_rejection(&format!("seq {seq}"), "price_too_large", "too dear")
        });
        let line = BadLine { number: 3, cause: LineError::OpenQuote };
        progress.note_skipped(&Skipped::Line(line));
        progress.note_latency(Duration::from_micros(150));
        progress.note_latency(Duration::from_millis(3));
        assert_eq!(progress.summary().result_text(), "not finished");
        progress.enter(Phase::Finished);
        let expected = "\
fills-1: not all answered
  sent                       1000
  answered                    998
  allocated                   990
  rejected                      7
  held                          6
  followed up                   4
  bad lines                     1
  lost                          2
  still held                    2
  replies per second          499
  answered within    150.0µs to 3.0ms
  rejected 7 times: price_too_large
    seq 1: too dear
    seq 2: too dear
    seq 3: too dear
    seq 4: too dear
    seq 5: too dear
  skipped line 3: a quote is not closed
";
        assert_eq!(progress.summary().to_string(), expected);
    }

    #[test]
    fn one_rejection_is_counted_in_the_singular() {
        let progress = FeedProgress::new(SourceId::new(b"f").unwrap(), None);
        progress.note_rejection("seq 1", "price_too_large", "too dear");
        let shown = progress.summary().to_string();
        assert!(shown.contains("  rejected 1 time: price_too_large\n"), "{shown}");
    }

    #[test]
    fn it_is_ok_when_everything_is_in_the_books() {
        let progress = || {
            let progress = FeedProgress::new(SourceId::new(b"f").unwrap(), None);
            progress.enter(Phase::Finished);
            progress
        };
        assert!(progress().summary().is_ok());
        for tally in [Tally::Lost, Tally::Unsent, Tally::Rejected, Tally::BadLines, Tally::Held] {
            let progress = progress();
            progress.add(tally, 1);
            assert!(!progress.summary().is_ok(), "{tally:?}");
        }
        let stopped = progress();
        stopped.note_stop(BadLine { number: 1, cause: LineError::OpenQuote });
        assert!(!stopped.summary().is_ok());
        assert_eq!(stopped.expected(), None);
    }
}
