//! A wait strategy: what a thread does when none of its agents has work.
//!
//! A round trip client → thread → ring → thread and back, over TCP on two cores, in µs (median of
//! the medians of three runs), by how long a thread looks for more work before it sleeps:
//!
//! | looks for                             | 0 (`block`) | 5 µs |  20 µs |  50 µs |
//! |---------------------------------------|------------:|-----:|-------:|-------:|
//! | three other processes want the cores  |          34 |   48 |     94 |    110 |
//! | the same, and it yields between looks |          34 |   35 |  3,590 |  3,860 |
//!
//! On few cores, a thread that looks for work delays the thread that would send it, and one that
//! yields its core gets it back late. So threads look for work only if there are cores to spare,
//! and only as long as it pays: see `spinner.rs`. Where nothing but the client wants the second
//! core, one message in flight then takes a third of the time (docs/internals/latency.md).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::limits::SPIN_DEFAULT;
use crate::{RuntimeError, duration};

/// How a thread waits.
///
/// Sleeping costs the sender a system call and the sleeper a wake-up of 5 to 50 µs; spinning
/// costs a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitStrategy {
    /// Sleeps at once: for machines on which other work needs the cores.
    Block,
    /// Spins for a bounded time after the last work, then sleeps; after spins in vain, for a while
    /// without a spin. If there are not enough cores, or it waits for another thread of this
    /// process, it sleeps at once.
    Adaptive {
        /// How long it spins.
        spin: Duration,
    },
    /// Never sleeps: the shortest latency, for machines with a core to spare for every thread.
    Spin,
}

impl WaitStrategy {
    /// How long to look for work before a sleep.
    pub(crate) fn spin(self) -> Duration {
        match self {
            Self::Block => Duration::ZERO,
            Self::Adaptive { spin } => spin,
            Self::Spin => Duration::MAX,
        }
    }

    /// The strategy for this many threads, those of ZeroMQ that bring their work included, on this
    /// many cores: adaptive spins only if there is a core for each, and one for everything else. A
    /// thread that spins on the core of the I/O thread doubles the time until a reply.
    #[must_use]
    pub fn fitted(self, threads: usize, cores: usize) -> Self {
        match self {
            Self::Adaptive { .. } if cores <= threads => Self::Block,
            other => other,
        }
    }

    /// Refuses to spin if the spinning threads would take cores from each other, from the I/O
    /// thread and from the kernel.
    ///
    /// # Errors
    /// [`RuntimeError::SpinNeedsCores`] when `self` is [`Spin`](Self::Spin) and there are not
    /// more cores than threads.
    pub fn check(self, threads: usize, cores: usize) -> Result<(), RuntimeError> {
        if self == Self::Spin && cores <= threads {
            return Err(RuntimeError::SpinNeedsCores { threads, cores });
        }
        Ok(())
    }
}

impl Default for WaitStrategy {
    fn default() -> Self {
        Self::Adaptive { spin: SPIN_DEFAULT }
    }
}

impl fmt::Display for WaitStrategy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => out.write_str("block"),
            Self::Adaptive { spin } => write!(out, "adaptive:{spin:?}"),
            Self::Spin => out.write_str("spin"),
        }
    }
}

impl FromStr for WaitStrategy {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        let refused = || RuntimeError::Setting {
            setting: "wait strategy",
            given: text.to_owned(),
            expected: "block, adaptive, adaptive:50us or spin",
        };
        match text {
            "block" => Ok(Self::Block),
            "adaptive" => Ok(Self::default()),
            "spin" => Ok(Self::Spin),
            other => {
                let spin =
                    other.strip_prefix("adaptive:").and_then(duration).ok_or_else(refused)?;
                Ok(Self::Adaptive { spin })
            }
        }
    }
}

/// As everywhere, but for `m` and `h`: nothing spins for minutes.
fn duration(text: &str) -> Option<Duration> {
    if text.ends_with(['m', 'h']) { None } else { duration::parse(text).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_is_read_as_it_is_written() {
        for (text, strategy) in [
            ("block", WaitStrategy::Block),
            ("spin", WaitStrategy::Spin),
            ("adaptive", WaitStrategy::Adaptive { spin: Duration::from_micros(200) }),
            ("adaptive:50us", WaitStrategy::Adaptive { spin: Duration::from_micros(50) }),
            ("adaptive:0ns", WaitStrategy::Adaptive { spin: Duration::ZERO }),
            ("adaptive:2ms", WaitStrategy::Adaptive { spin: Duration::from_millis(2) }),
        ] {
            assert_eq!(text.parse(), Ok(strategy), "{text}");
            assert_eq!(strategy.to_string().parse(), Ok(strategy), "{strategy}");
        }
        for text in ["", "Block", "adaptive:", "adaptive:50", "adaptive:-1us", "adaptive:1h"] {
            let error = text.parse::<WaitStrategy>().unwrap_err();
            assert!(error.to_string().contains("use block, adaptive"), "{error}");
        }
    }

    #[test]
    fn adaptive_spins_only_with_cores_to_spare() {
        let adaptive = WaitStrategy::default();
        assert_eq!(adaptive.fitted(4, 5), adaptive);
        assert_eq!(adaptive.fitted(4, 4), WaitStrategy::Block);
        assert_eq!(adaptive.fitted(1, 2), adaptive);
        assert_eq!(adaptive.fitted(2, 2), WaitStrategy::Block);
        assert_eq!(WaitStrategy::Spin.fitted(3, 3), WaitStrategy::Spin, "`check` refuses it");
    }

    #[test]
    fn spinning_is_refused_on_few_cores() {
        assert!(WaitStrategy::Spin.check(2, 2).is_err());
        assert!(WaitStrategy::Spin.check(2, 3).is_ok());
        assert!(WaitStrategy::default().check(9, 1).is_ok());
        assert_eq!(
            WaitStrategy::Spin.check(4, 2).unwrap_err().to_string(),
            "--wait spin needs a core for each of the 4 threads and one for everything else, \
             but there are only 2; use --wait adaptive, or fewer threads"
        );
    }
}
