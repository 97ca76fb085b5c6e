//! The pace: open pages are told one after the other, and never all at once.
//!
//! A page that is told of a change asks for itself. Two hundred that did so in the same moment
//! would take both cores of a small machine from the fills for as long as they are made.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Gives turns that are some time apart, in the order in which they were asked for. The first is at
/// once.
pub(crate) struct Pace {
    apart: Duration,
    /// When the next turn may be. Whoever is next has the lock, and the others wait for it.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(crate) fn new(apart: Duration) -> Self {
        Self { apart, next: Mutex::new(None) }
    }

    /// Waits for a turn. Whoever gives up before it comes has used none.
    pub(crate) async fn turn(&self) {
        let mut next = self.next.lock().await;
        if let Some(at) = *next {
            sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.apart);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::future::join_all;
    use tokio::runtime::Builder;

    use super::*;

    const APART: Duration = Duration::from_millis(5);

    /// Time stands still while anything can be done, and goes on to the next timer at once.
    fn run(test: impl Future<Output = ()>) {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap().block_on(test);
    }

    #[test]
    fn who_comes_alone_does_not_wait() {
        run(async {
            let pace = Pace::new(APART);
            for _ in 0..3 {
                let asked = Instant::now();
                pace.turn().await;
                assert_eq!(Instant::now(), asked);
                tokio::time::sleep(APART).await;
            }
        });
    }

    #[test]
    fn who_comes_with_others_waits_for_those_before() {
        run(async {
            let pace = Pace::new(APART);
            let began = Instant::now();
            let turn = async |_| {
                pace.turn().await;
                Instant::now() - began
            };
            let turns = join_all((0..200).map(turn)).await;
            assert!(turns.iter().zip(0..).all(|(turn, place)| *turn == place * APART), "{turns:?}");
        });
    }

    #[test]
    fn a_turn_that_was_given_up_is_the_next_ones() {
        run(async {
            let pace = Pace::new(APART);
            pace.turn().await;
            let began = Instant::now();
            for _ in 0..10_000 {
                let mut turn = pin!(pace.turn());
                poll_fn(|context| {
                    assert!(turn.as_mut().poll(context).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
            pace.turn().await;
            assert_eq!(Instant::now() - began, APART);
        });
    }
}
