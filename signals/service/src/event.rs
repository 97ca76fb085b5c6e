//! Event: what an agent tells whoever runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use allot_runtime::duration;
use allot_signals_rules::{
    ComponentName, Median, Now, Period, ProblemKey, Steady, TraderProblem, Unix, Value,
};

use crate::limits::LOG_LINES_PER_MINUTE;

/// What has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A generator has the signal of a period.
    Signal(Period, Value),
    /// The trader has registered a strategy; the strategy hears it of itself.
    Registered(ComponentName),
    /// A strategy is registered no more.
    Deregistered(ComponentName),
    /// The trader has the decision of this strategy in a period.
    Submitted(ComponentName, Period, Value),
    /// The trader has published a median.
    Median(Median),
    /// The name is taken; the strategy tries on for a lease.
    Taken(String),
    /// What is wrong has changed. Empty is well.
    Problems(Vec<TraderProblem>),
    /// The strategy has ended as it was told to.
    Stopped,
}

/// Who hears what happens. It must not block: the agent waits for it.
pub type Listener = Box<dyn FnMut(Event) + Send>;

/// Logs what is wrong when that changes: each problem when it begins, when its reason is another,
/// and when it is over. Thousands of strategies must not fill a disk, so the lines of a minute are
/// bounded.
#[derive(Debug, Default)]
pub(crate) struct ProblemLog {
    known: BTreeMap<ProblemKey, Logged>,
    minute_ends: Steady,
    /// The lines of this minute, those that were left out with them.
    lines: usize,
}

/// A problem that was logged.
#[derive(Debug)]
struct Logged {
    since: Unix,
    /// The gists of its reasons.
    gists: BTreeSet<String>,
}

/// Reasons of one problem that are logged: what comes and goes with each period is logged once.
const REASONS_MAX: usize = 8;

impl ProblemLog {
    /// Logs what is new and what is over.
    pub(crate) fn change(&mut self, now: Now, problems: &[TraderProblem]) {
        if self.minute_ends <= now.steady {
            let left_out = self.lines.saturating_sub(LOG_LINES_PER_MINUTE);
            if 0 < left_out {
                tracing::warn!("{left_out} lines on problems were left out; see the status");
            }
            (self.minute_ends, self.lines) = (now.steady + Duration::from_secs(60), 0);
        }
        let keys: BTreeSet<_> = problems.iter().map(TraderProblem::key).collect();
        let mut known = std::mem::take(&mut self.known);
        let was_well = known.is_empty();
        for (key, logged) in known.extract_if(.., |key, _| !keys.contains(key)) {
            if self.has_line() {
                let (component, strategy, kind) = key;
                let after = duration::show(shown(now.unix - logged.since));
                let strategy = strategy.as_deref();
                tracing::info!(%component, strategy, "{kind} is over, after {after}");
            }
        }
        for one in problems {
            let TraderProblem { component, strategy, problem } = one;
            let since = problem.since;
            let logged = known.entry(one.key());
            let logged = logged.or_insert_with(|| Logged { since, gists: BTreeSet::new() });
            let is_new = logged.gists.len() < REASONS_MAX && logged.gists.insert(problem.gist());
            if is_new && self.has_line() {
                let (strategy, kind) = (strategy.as_deref(), problem.kind);
                tracing::warn!(%component, strategy, %kind, "{}", problem.reason);
            }
        }
        if known.is_empty() && !was_well {
            tracing::info!("all is well again");
        }
        self.known = known;
    }

    /// Takes a line; false when those of this minute are used up.
    fn has_line(&mut self) -> bool {
        self.lines += 1;
        if self.lines == LOG_LINES_PER_MINUTE + 1 {
            tracing::warn!(
                "more than {LOG_LINES_PER_MINUTE} lines on problems in a minute; the next ones of \
                 it are left out: the status shows what is wrong"
            );
        }
        self.lines <= LOG_LINES_PER_MINUTE
    }
}

/// In whole seconds, where it is longer than one.
fn shown(duration: Duration) -> Duration {
    let seconds = Duration::from_secs(duration.as_secs());
    let milliseconds = duration.subsec_millis().into();
    if seconds.is_zero() { Duration::from_millis(milliseconds) } else { seconds }
}

#[cfg(test)]
mod tests {
    use allot_signals_rules::{Problem, ProblemKind};

    use super::*;

    #[test]
    fn the_lines_of_a_minute_are_bounded() {
        let problems = |kind| {
            let problem = |number| {
                let problem = Problem::new(kind, Unix::new(1), "why");
                TraderProblem::of(format!("S{number}"), problem)
            };
            (0..4_096).map(problem).collect::<Vec<_>>()
        };
        let (mut log, mut logged) = (ProblemLog::default(), 0);
        for (second, kind) in
            [(1, ProblemKind::Away), (2, ProblemKind::NoData), (61, ProblemKind::Away)]
        {
            let steady = Steady::new(0) + Duration::from_secs(second);
            let now = Now { steady, unix: Unix::new(1) };
            let before = if log.minute_ends <= steady { 0 } else { log.lines };
            log.change(now, &problems(kind));
            let bounded = |lines: usize| lines.min(LOG_LINES_PER_MINUTE);
            logged += bounded(log.lines) - bounded(before);
        }
        assert_eq!(logged, 2 * LOG_LINES_PER_MINUTE, "in two minutes");
        assert_eq!(log.known.len(), 4_096, "each is known all the same");
    }
}
