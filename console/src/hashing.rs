//! Hashing: when a password is hashed, and on which thread.
//!
//! A hash takes a core for some 20 ms, so that guessing is slow. A flood of log-ins must not take
//! the cores from fills by it:
//!
//! * One password is hashed at a time, on a thread that has only the cores that nobody else wants.
//!   Where nobody has one to spare, it is hashed on another thread, which yields but goes on.
//! * Wrong guesses of strangers are a few in some seconds, whatever their names and addresses:
//!   those of addresses that guessed wrong lately, and those of others, apart. A right one gives
//!   its place back, so that all may come at nine.
//! * Who is logged in, or has logged in from this browser before, waits for no stranger.

use std::collections::VecDeque;
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
    SPARE_PATIENCE, WRONG_KEPT,
};

/// Whose password is hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whose<'a> {
    /// Of a user who is logged in, or has logged in from this browser.
    Known(&'a str),
    /// Of anybody in this network.
    Stranger(IpAddr),
}

/// What is looked at after a password that is right, once: the rest of what the person shows.
pub(crate) type Also = Box<dyn FnOnce() -> bool + Send>;

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
    /// Of addresses that have not guessed wrong lately, and of those that have.
    guesses: Arc<Semaphore>,
    guesses_again: Arc<Semaphore>,
    wrong: Wrong,
    known_waiting: Semaphore,
    strangers_waiting: Semaphore,
    guessers_waiting: Semaphore,
    each: Each,
}

/// The addresses of the latest wrong guesses, oldest first.
#[derive(Clone, Default)]
struct Wrong(Arc<Mutex<VecDeque<IpAddr>>>);

/// What a hash holds until it is done.
struct Held {
    _turn: OwnedSemaphorePermit,
    guess: Option<Guess>,
    also: Also,
    tell: oneshot::Sender<bool>,
    /// Where the pages are made.
    pages: Handle,
}

/// A guess of a stranger.
struct Guess {
    permit: OwnedSemaphorePermit,
    address: IpAddr,
    wrong: Wrong,
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
            guesses_again: Arc::new(Semaphore::new(GUESSES_AT_ONCE)),
            wrong: Wrong::default(),
            known_waiting: Semaphore::new(LOGINS_WAITING_MAX),
            strangers_waiting: Semaphore::new(LOGINS_WAITING_MAX),
            guessers_waiting: Semaphore::new(LOGINS_WAITING_MAX),
            each: Each::default(),
        }
    }

    /// Whether a guess is right, which `hash` tells, and `also` where that is right; None where too
    /// many wait for their turn.
    pub(crate) async fn is_right(
        &self,
        whose: Whose<'_>,
        hash: impl Fn() -> bool + Send + Sync + 'static,
        also: Also,
    ) -> Option<bool> {
        let _place = self.place(whose)?;
        let guess = match whose {
            Whose::Known(_) => None,
            Whose::Stranger(address) => Some(self.guess(address).await?),
        };
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let (tell, told) = oneshot::channel();
        // The thread gives these back, so that whoever goes away meanwhile brings none forward.
        let held =
            Mutex::new(Some(Held { _turn: turn, guess, also, tell, pages: Handle::current() }));
        let hash = Arc::new(move || {
            let held = || held.lock().unwrap_or_else(PoisonError::into_inner);
            // None where the other thread was quicker.
            if held().is_some() {
                let is_password = hash();
                // What it held is taken out first: the other thread is not kept waiting for it.
                let held = held().take();
                if let Some(held) = held {
                    held.give_back(is_password);
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
    fn place(&self, whose: Whose<'_>) -> Option<(SemaphorePermit<'_>, One)> {
        let (waiting, who) = match whose {
            Whose::Known(name) => (&self.known_waiting, name.to_owned()),
            // No name has a space.
            Whose::Stranger(address) if self.wrong.has(address) => {
                (&self.guessers_waiting, format!("at {address}"))
            }
            Whose::Stranger(address) => (&self.strangers_waiting, format!("at {address}")),
        };
        let one = self.each.take(&who, LOGINS_WAITING_EACH_MAX)?;
        Some((waiting.try_acquire().ok()?, one))
    }

    /// A guess of a stranger, once there is one.
    async fn guess(&self, address: IpAddr) -> Option<Guess> {
        let take = |guesses: &Arc<Semaphore>| Arc::clone(guesses).acquire_owned();
        let wait = async {
            if !self.wrong.has(address) {
                let permit = take(&self.guesses).await;
                // Meanwhile another one from there may have been wrong.
                if !self.wrong.has(address) {
                    return permit;
                }
            }
            take(&self.guesses_again).await
        };
        let permit = timeout(GUESS_KEEPS, wait).await.ok()?.ok()?;
        Some(Guess { permit, address, wrong: self.wrong.clone() })
    }
}

impl Wrong {
    fn has(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&address)
    }

    fn add(&self, address: IpAddr) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.push_back(address);
        if WRONG_KEPT < latest.len() {
            latest.pop_front();
        }
    }
}

impl Held {
    fn give_back(self, is_password: bool) {
        let is_right = is_password && (self.also)();
        if let Some(Guess { permit, address, wrong }) = self.guess.filter(|_| !is_right) {
            wrong.add(address);
            self.pages.spawn(async move {
                sleep(GUESS_KEEPS).await;
                drop(permit);
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

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const STRANGER: Whose<'_> = Whose::Stranger(ADDRESS);

    fn nothing() -> Also {
        Box::new(|| true)
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_guesses_have_their_pace_and_right_ones_none() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        for _ in 0..4 * GUESSES_AT_ONCE {
            assert_eq!(hashing.is_right(STRANGER, || true, nothing()).await, Some(true));
            assert_eq!(hashing.guesses.available_permits(), GUESSES_AT_ONCE);
        }
        let begun = tokio::time::Instant::now();
        // The first counts as one of an address that has not guessed wrong.
        for _ in 0..=1 + 2 * GUESSES_AT_ONCE {
            // Who waited for too long tries again.
            while hashing.is_right(STRANGER, || false, nothing()).await != Some(false) {}
        }
        assert!(2 * GUESS_KEEPS <= begun.elapsed(), "{:?}", begun.elapsed());
        threads.stop();
    }

    #[tokio::test]
    async fn who_is_known_waits_for_no_stranger_and_who_is_new_for_no_guesser() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        let all = u32::try_from(GUESSES_AT_ONCE).unwrap();
        let _never = hashing.guesses_again.acquire_many(all).await;
        assert_eq!(hashing.is_right(STRANGER, || true, nothing()).await, Some(true));
        let _never = hashing.guesses.acquire_many(all).await;
        assert_eq!(hashing.is_right(Whose::Known("anna"), || true, nothing()).await, Some(true));
        threads.stop();
    }

    #[tokio::test]
    async fn many_that_guess_from_one_address_wait_apart_once_one_was_wrong() {
        let threads = HashThreads::start().unwrap();
        let hashing = Arc::new(Hashing::new(&threads));
        let all = u32::try_from(GUESSES_AT_ONCE).unwrap();
        let _never = hashing.guesses_again.acquire_many(all).await;
        let taken = hashing.guesses.acquire_many(all).await;
        let ask = |address: u32| {
            let (hashing, whose) =
                (Arc::clone(&hashing), Whose::Stranger(IpAddr::V4(address.into())));
            tokio::spawn(async move { hashing.is_right(whose, || true, nothing()).await })
        };
        let places = LOGINS_WAITING_MAX - LOGINS_WAITING_EACH_MAX;
        let _guessers: Vec<_> =
            (0..places).map(|n| ask(u32::try_from(n / LOGINS_WAITING_EACH_MAX).unwrap())).collect();
        while hashing.strangers_waiting.available_permits() != LOGINS_WAITING_EACH_MAX {
            tokio::task::yield_now().await;
        }
        for address in 0..u32::try_from(places / LOGINS_WAITING_EACH_MAX).unwrap() {
            hashing.wrong.add(IpAddr::V4(address.into()));
        }
        let honest = ask(u32::MAX);
        drop(taken);
        assert_eq!(honest.await.unwrap(), Some(true));
        threads.stop();
    }

    #[test]
    fn the_latest_wrong_guesses_are_remembered() {
        let wrong = Wrong::default();
        let address = |number: usize| IpAddr::V4(u32::try_from(number).unwrap().into());
        (0..=WRONG_KEPT).for_each(|number| wrong.add(address(number)));
        assert_eq!(
            [0, 1, WRONG_KEPT].map(|number| wrong.has(address(number))),
            [false, true, true]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_password_with_a_wrong_code_is_a_wrong_guess() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        let wrong_code = || Box::new(|| false);
        assert_eq!(hashing.is_right(STRANGER, || true, wrong_code()).await, Some(false));
        assert!(hashing.wrong.has(ADDRESS));
        // A code that is not looked at counts for nothing: it may be used later.
        let code = Box::new(|| panic!("the password was wrong"));
        assert_eq!(hashing.is_right(Whose::Known("anna"), || false, code).await, Some(false));
        threads.stop();
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_has_guessed() {
        let threads = HashThreads::start().unwrap();
        let hashing = Hashing::new(&threads);
        let (tell, told) = mpsc::channel();
        let hash = move || tell.send(()).is_err();
        let gone = timeout(Duration::ZERO, hashing.is_right(STRANGER, hash, nothing())).await;
        assert!(gone.is_err());
        told.recv().unwrap();
        while !hashing.wrong.has(ADDRESS) {
            std::hint::spin_loop();
        }
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
        assert_eq!(hashing.is_right(STRANGER, hash, nothing()).await, Some(true));
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
            tokio::spawn(async move { hashing.is_right(whose, || true, nothing()).await })
        };
        let of_one: Vec<_> = (0..LOGINS_WAITING_EACH_MAX).map(|_| ask(STRANGER)).collect();
        let others: Vec<_> = (LOGINS_WAITING_EACH_MAX..LOGINS_WAITING_MAX)
            .map(|n| ask(Whose::Stranger(IpAddr::V4(u32::try_from(n).unwrap().into()))))
            .collect();
        while hashing.strangers_waiting.available_permits() != 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.is_right(STRANGER, || true, nothing()).await, None);
        let of_anna: Vec<_> =
            (0..LOGINS_WAITING_EACH_MAX).map(|_| ask(Whose::Known("anna"))).collect();
        while hashing.known_waiting.available_permits() != LOGINS_WAITING_MAX - of_anna.len() {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.is_right(Whose::Known("anna"), || true, nothing()).await, None);
        let ben = ask(Whose::Known("ben"));
        let another = Whose::Stranger(IpAddr::V4(std::net::Ipv4Addr::BROADCAST));
        assert_eq!(hashing.is_right(another, || true, nothing()).await, None);
        drop(turn);
        assert_eq!(hashing.is_right(Whose::Known("carl"), || true, nothing()).await, Some(true));
        for asked in of_one.into_iter().chain(others).chain(of_anna).chain([ben]) {
            assert_eq!(asked.await.unwrap(), Some(true));
        }
        threads.stop();
    }
}
