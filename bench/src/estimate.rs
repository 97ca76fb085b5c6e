//! An estimate of how long a run will take, for whoever waits for it.

use std::time::Duration;

/// What it takes to start a process, to connect, and to check what came.
pub(crate) const START: Duration = Duration::from_secs(1);

/// A span of waiting as people say it: to five seconds, or to the minute.
pub(crate) fn about(span: Duration) -> String {
    let seconds = span.as_secs() + u64::from(0 < span.subsec_nanos());
    match seconds {
        0..10 => format!("about {} s", seconds.max(1)),
        10..90 => format!("about {} s", seconds.div_ceil(5) * 5),
        90..5_400 => format!("about {} min", (seconds + 30) / 60),
        _ => format!("about {}.{} h", seconds / 3_600, seconds % 3_600 / 360),
    }
}

/// What is left, if the rest takes as long each as what is done.
pub(crate) fn left(elapsed: Duration, done: u32, all: u32) -> Duration {
    elapsed / done.max(1) * all.saturating_sub(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_as_people_do() {
        for (seconds, text) in [
            (0.2, "about 1 s"),
            (8.5, "about 9 s"),
            (41.0, "about 45 s"),
            (100.0, "about 2 min"),
            (600.0, "about 10 min"),
            (5_400.0, "about 1.5 h"),
        ] {
            assert_eq!(about(Duration::from_secs_f64(seconds)), text);
        }
    }

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        assert_eq!(left(Duration::from_secs(20), 2, 5), Duration::from_secs(30));
        assert_eq!(left(Duration::from_secs(20), 5, 5), Duration::ZERO);
    }
}
