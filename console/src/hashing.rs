//! Hashing: when a password is hashed, and on which thread.
//!
//! A hash takes a core for some 20 ms, so that guessing is slow. A flood of log-ins must not take
//! the cores from fills by it:
//!
//! * One password is hashed at a time, on a thread that has only the cores that nobody else wants.
//!   Where nobody has one to spare, it is hashed on another thread, which yields but goes on.
//! * Wrong guesses of strangers are one in two seconds, whatever their names and addresses. A right
//!   one costs nothing, so that all may come at nine.
//! * Who is logged in, or has logged in from this browser before, waits for no stranger.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};
use tokio::time::{sleep, timeout};

use crate::each::{Each, One};
use crate::limits::{
    GUESS_KEEPS, GUESSES_AT_ONCE, HASH_NICENESS, LOGINS_WAITING_EACH_MAX, LOGINS_WAITING_MAX,
    SPARE_PATIENCE,
};

/// Whose password is hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whose {
    /// Of somebody who is logged in, or has logged in from this browser.
    Known,
    /// Of anybody at this address.
    Stranger(IpAddr),
}

/// The threads that hash. Nothing but blocking work is given to these runtimes.
pub(crate) struct HashThreads {
    spare: Runtime,
    usual: Runtime,
}

/// Hashes in their turns.
pub(crate) struct Hashing {
    spare: Handle,
    usual: Handle,
    turns: Arc<Semaphore>,
    guesses: Arc<Semaphore>,
    known_waiting: Semaphore,
    strangers_waiting: Semaphore,
    strangers_each: Each,
}

/// What a hash holds until it is done.
struct Held {
    _turn: OwnedSemaphorePermit,
    guess: Option<OwnedSemaphorePermit>,
    tell: oneshot::Sender<bool>,
    /// Where the pages are made.
    pages: Handle,
}

impl HashThreads {
    /// # Errors
    /// When the process is given no more descriptors.
    pub(crate) fn start() -> io::Result<Self> {
        let spare = || {
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            let (thread, least) = (thread_native_id(), ThreadPriority::Min);
            // Where it is not to be had, passwords are still hashed; here and below.
            let _ = set_thread_priority_and_policy(thread, least, idle);
        };
        let usual = || {
            // Of Linux, a thread has its own.
            let _ = rustix::process::nice(HASH_NICENESS);
        };
        Ok(Self { spare: runtime(spare)?, usual: runtime(usual)? })
    }

    /// Ends without waiting for a hash.
    pub(crate) fn stop(self) {
        self.spare.shutdown_background();
        self.usual.shutdown_background();
    }
}

fn runtime(at_start: impl Fn() + Send + Sync + 'static) -> io::Result<Runtime> {
    Builder::new_current_thread()
        .max_blocking_threads(1)
        .thread_name("hasher")
        .on_thread_start(at_start)
        .build()
}

impl Hashing {
    pub(crate) fn new(threads: &HashThreads) -> Self {
        Self {
            spare: threads.spare.handle().clone(),
            usual: threads.usual.handle().clone(),
            turns: Arc::new(Semaphore::new(1)),
            guesses: Arc::new(Semaphore::new(GUESSES_AT_ONCE)),
            known_waiting: Semaphore::new(LOGINS_WAITING_MAX),
            strangers_waiting: Semaphore::new(LOGINS_WAITING_MAX),
            strangers_each: Each::default(),
        }
    }

    /// Whether a guess is right, which `hash` tells; None where too many wait for their turn.
    pub(crate) async fn is_right(
        &self,
        whose: Whose,
        hash: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Option<bool> {
        let _place = self.place(whose)?;
        let guess = match whose {
            Whose::Known => None,
            Whose::Stranger(_) => {
                let guess = Arc::clone(&self.guesses).acquire_owned();
                Some(timeout(GUESS_KEEPS, guess).await.ok()?.ok()?)
            }
        };
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let (tell, told) = oneshot::channel();
        // The thread gives these back, so that whoever goes away meanwhile brings none forward.
        let held = Mutex::new(Some(Held { _turn: turn, guess, tell, pages: Handle::current() }));
        let hash = Arc::new(move || {
            let held = || held.lock().unwrap_or_else(PoisonError::into_inner);
            // None where the other thread was quicker.
            if held().is_some() {
                let is_right = hash();
                if let Some(held) = held().take() {
                    held.give_back(is_right);
                }
            }
        });
        let again = Arc::clone(&hash);
        self.spare.spawn_blocking(move || hash());
        let mut told = pin!(told);
        match timeout(SPARE_PATIENCE, told.as_mut()).await {
            Ok(is_right) => is_right.ok(),
            Err(_) => {
                self.usual.spawn_blocking(move || again());
                told.await.ok()
            }
        }
    }

    /// A place among those that wait.
    fn place(&self, whose: Whose) -> Option<(SemaphorePermit<'_>, Option<One>)> {
        match whose {
            Whose::Known => Some((self.known_waiting.try_acquire().ok()?, None)),
            Whose::Stranger(address) => {
                let one =
                    self.strangers_each.take(&address.to_string(), LOGINS_WAITING_EACH_MAX)?;
                Some((self.strangers_waiting.try_acquire().ok()?, Some(one)))
            }
        }
    }
}

impl Held {
    fn give_back(self, is_right: bool) {
        if let Some(guess) = self.guess.filter(|_| !is_right) {
            self.pages.spawn(async move {
                sleep(GUESS_KEEPS).await;
                drop(guess);
            });
        }
        // Nobody hears it where whoever asked went away.
        let _ = self.tell.send(is_right);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const STRANGER: Whose = Whose::Stranger(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[tokio::test(start_paused = true)]
    async fn wrong_guesses_have_their_pace_and_right_ones_none() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        for _ in 0..4 * GUESSES_AT_ONCE {
            assert_eq!(hashing.is_right(STRANGER, || true).await, Some(true));
            assert_eq!(hashing.guesses.available_permits(), GUESSES_AT_ONCE);
        }
        let begun = tokio::time::Instant::now();
        for _ in 0..=2 * GUESSES_AT_ONCE {
            // Who waited for too long tries again.
            while hashing.is_right(STRANGER, || false).await != Some(false) {}
        }
        assert!(2 * GUESS_KEEPS <= begun.elapsed(), "{:?}", begun.elapsed());
        threads.stop();
    }

    #[tokio::test]
    async fn who_is_known_waits_for_no_stranger() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        let _never = hashing.guesses.acquire_many(u32::try_from(GUESSES_AT_ONCE).unwrap()).await;
        assert_eq!(hashing.is_right(Whose::Known, || true).await, Some(true));
        threads.stop();
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_has_guessed() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        let (tell, told) = mpsc::channel();
        let hash = move || tell.send(()).is_err();
        let gone = timeout(Duration::ZERO, hashing.is_right(STRANGER, hash)).await;
        assert!(gone.is_err());
        told.recv().unwrap();
        assert_eq!(hashing.guesses.available_permits(), GUESSES_AT_ONCE - 1);
        threads.stop();
    }

    #[tokio::test]
    async fn where_no_core_is_spare_the_other_thread_hashes() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        let (go, gone) = mpsc::channel::<()>();
        let (gone, is_first) = (Mutex::new(gone), AtomicBool::new(true));
        let hash = move || {
            let is_starved = is_first.swap(false, Ordering::Relaxed);
            !is_starved || gone.lock().unwrap().recv().is_err()
        };
        assert_eq!(hashing.is_right(STRANGER, hash).await, Some(true));
        go.send(()).unwrap();
        threads.stop();
    }

    #[tokio::test]
    async fn too_many_that_wait_are_put_off() {
        let threads = HashThreads::start().unwrap();
        let hashing = Arc::new(Hashing::new(&threads));
        let turn = hashing.turns.acquire().await.unwrap();
        let ask = |whose| {
            let hashing = Arc::clone(&hashing);
            tokio::spawn(async move { hashing.is_right(whose, || true).await })
        };
        let of_one: Vec<_> = (0..LOGINS_WAITING_EACH_MAX).map(|_| ask(STRANGER)).collect();
        let others: Vec<_> = (LOGINS_WAITING_EACH_MAX..LOGINS_WAITING_MAX)
            .map(|n| ask(Whose::Stranger(IpAddr::V4(u32::try_from(n).unwrap().into()))))
            .collect();
        while hashing.strangers_waiting.available_permits() != 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.is_right(STRANGER, || true).await, None);
        let another = Whose::Stranger(IpAddr::V4(std::net::Ipv4Addr::BROADCAST));
        assert_eq!(hashing.is_right(another, || true).await, None);
        drop(turn);
        assert_eq!(hashing.is_right(Whose::Known, || true).await, Some(true));
        for asked in of_one.into_iter().chain(others) {
            assert_eq!(asked.await.unwrap(), Some(true));
        }
        threads.stop();
    }
}
