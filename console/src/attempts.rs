//! Attempts: who may try to log in now.
//!
//! Addresses and names are limited apart, so that a stranger keeps only themselves out:
//!
//! | what is counted                              | limit                                     |
//! |----------------------------------------------|-------------------------------------------|
//! | an address, whatever the names               | some in a minute                          |
//! | a name from one address                      | a wait that grows with each failure       |
//! | a name from all browsers that do not know it | some in an hour                           |
//! | a name from a browser that has logged in     | a wait that grows with each failure, alone |
//!
//! A browser that has logged in has a cookie that says so. What others do counts for nothing there.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allot_runtime::Nanos;

use crate::limits::{
    ATTEMPTS_KEPT, LOGIN_WAIT_FIRST, LOGIN_WAIT_MAX, LOGINS_FREE, LOGINS_OF_ADDRESS,
    LOGINS_OF_STRANGERS, NAME_LEN_MAX, PUT_OFF_TOLD_EVERY,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// All that is remembered of attempts; in memory alone, so a restart forgets it.
#[derive(Default)]
pub(crate) struct Attempts(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    addresses: BTreeMap<IpAddr, Bucket>,
    strangers: BTreeMap<String, Bucket>,
    failures: BTreeMap<(String, Origin), Failures>,
    /// Browsers that have logged in, and as whom.
    browsers: BTreeMap<String, (String, Nanos)>,
    /// When the log may say again that attempts were put off, and how many it has not named.
    tells_at: Nanos,
    untold: u64,
}

/// Where an attempt comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Origin {
    Address(IpAddr),
    Browser(String),
}

/// An attempt, as it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: IpAddr,
    /// The cookie of a browser that says that it has logged in.
    pub(crate) browser: Option<&'a str>,
}

/// Attempts that are left, in thousandths of one; they come back evenly.
#[derive(Clone, Copy, Default)]
struct Bucket {
    used: u64,
    at: Nanos,
}

/// Attempts that have failed, one after the other.
#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    wait_until: Nanos,
    at: Nanos,
}

impl Bucket {
    /// How long until there is one; zero where there is.
    fn wait(&mut self, limit: u32, span: Duration, now: Nanos) -> Duration {
        let (limit, span_ms) = (u64::from(limit) * 1_000, millis(span));
        let back = millis(now - self.at).saturating_mul(limit) / span_ms;
        self.used = self.used.saturating_sub(back);
        self.at = now;
        let over = (self.used + 1_000).saturating_sub(limit);
        Duration::from_millis((over * span_ms).div_ceil(limit))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Attempts {
    /// Takes an attempt, which counts as failed until [`Attempts::succeeded`] says otherwise.
    /// Names that nobody has count as others do, so that nobody can tell them apart.
    ///
    /// # Errors
    /// How long there is to wait. An attempt meanwhile makes the wait no longer.
    pub(crate) fn take(&self, attempt: &Attempt<'_>, now: Nanos) -> Result<(), Duration> {
        let name: String = attempt.name.chars().take(NAME_LEN_MAX).collect();
        let mut known = self.known();
        let key = (name, known.origin(attempt));
        let mut failures = known.failures.get(&key).copied().unwrap_or_default();
        if failures.at + HOUR <= now {
            failures = Failures::default();
        }
        if now < failures.wait_until {
            return Err(failures.wait_until - now);
        }
        if let (name, Origin::Address(address)) = &key {
            known.take_of_strangers(name, *address, now)?;
        }
        failures.count += 1;
        failures.at = now;
        failures.wait_until = now + wait_after(failures.count);
        make_room(&mut known.failures, |failures| failures.at);
        known.failures.insert(key, failures);
        Ok(())
    }

    /// The attempt was not looked at: it counts for nothing.
    pub(crate) fn give_back(&self, attempt: &Attempt<'_>) {
        let name: String = attempt.name.chars().take(NAME_LEN_MAX).collect();
        let known = &mut *self.known();
        let key = (name, known.origin(attempt));
        if let Some(failures) = known.failures.get_mut(&key) {
            failures.count = failures.count.saturating_sub(1);
            failures.wait_until = Nanos::ZERO;
        }
        if let (name, Origin::Address(address)) = &key {
            let buckets = [known.addresses.get_mut(address), known.strangers.get_mut(name)];
            for bucket in buckets.into_iter().flatten() {
                bucket.used = bucket.used.saturating_sub(1_000);
            }
        }
    }

    /// The attempt was right: those that failed before it count no more.
    pub(crate) fn was_right(&self, attempt: &Attempt<'_>) {
        let mut known = self.known();
        let key = (attempt.name.to_owned(), known.origin(attempt));
        known.failures.remove(&key);
    }

    /// The attempt was right: its browser is known from now on by this cookie.
    pub(crate) fn succeeded(&self, attempt: &Attempt<'_>, cookie: &str, now: Nanos) {
        self.was_right(attempt);
        let mut known = self.known();
        if let Some(old) = attempt.browser {
            known.browsers.remove(old);
        }
        make_room(&mut known.browsers, |(_, at)| *at);
        known.browsers.insert(cookie.to_owned(), (attempt.name.to_owned(), now));
    }

    /// Whether the user of this name has logged in from this browser before.
    pub(crate) fn is_known(&self, attempt: &Attempt<'_>) -> bool {
        matches!(self.known().origin(attempt), Origin::Browser(_))
    }

    /// Whether the log says now that an attempt was put off: a flood of attempts is a line now and
    /// then. How many were put off since the last line.
    pub(crate) fn tells_put_off(&self, now: Nanos) -> Option<u64> {
        let mut known = self.known();
        known.untold += 1;
        if now < known.tells_at {
            return None;
        }
        known.tells_at = now + PUT_OFF_TOLD_EVERY;
        Some(std::mem::take(&mut known.untold))
    }

    fn known(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn origin(&self, attempt: &Attempt<'_>) -> Origin {
        let is_own = |browser: &&str| {
            self.browsers.get(*browser).is_some_and(|(name, _)| name == attempt.name)
        };
        match attempt.browser.filter(is_own) {
            Some(browser) => Origin::Browser(browser.to_owned()),
            None => Origin::Address(network(attempt.address)),
        }
    }

    fn take_of_strangers(&mut self, name: &str, at: IpAddr, now: Nanos) -> Result<(), Duration> {
        let mut address = self.addresses.get(&at).copied().unwrap_or_default();
        let mut strangers = self.strangers.get(name).copied().unwrap_or_default();
        let wait = address.wait(LOGINS_OF_ADDRESS, MINUTE, now);
        let wait = wait.max(strangers.wait(LOGINS_OF_STRANGERS, HOUR, now));
        if Duration::ZERO < wait {
            return Err(wait);
        }
        address.used += 1_000;
        strangers.used += 1_000;
        make_room(&mut self.addresses, |bucket| bucket.at);
        self.addresses.insert(at, address);
        make_room(&mut self.strangers, |bucket| bucket.at);
        self.strangers.insert(name.to_owned(), strangers);
        Ok(())
    }
}

/// The one that is oldest makes room for another.
fn make_room<K: Ord + Clone, V>(all: &mut BTreeMap<K, V>, at: impl Fn(&V) -> Nanos) {
    if ATTEMPTS_KEPT <= all.len() {
        let oldest = all.iter().min_by_key(|(_, value)| at(value)).map(|(key, _)| key.clone());
        oldest.and_then(|oldest| all.remove(&oldest));
    }
}

/// How long to wait after so many failures.
fn wait_after(count: u32) -> Duration {
    match count.checked_sub(LOGINS_FREE) {
        None => Duration::ZERO,
        Some(more) => {
            let times = 1_u32.checked_shl(more.min(16)).unwrap_or(u32::MAX);
            LOGIN_WAIT_FIRST.saturating_mul(times).min(LOGIN_WAIT_MAX)
        }
    }
}

/// Whoever has an address of version 6 has some 2^64 of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Nanos = Nanos::from_unix(1_000_000_000_000_000);
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 8));

    const fn attempt(name: &str, address: IpAddr) -> Attempt<'_> {
        Attempt { name, address, browser: None }
    }

    #[test]
    fn the_wait_grows_and_ends() {
        let attempts = Attempts::default();
        let anna = attempt("anna", STRANGER);
        for _ in 0..LOGINS_FREE {
            assert_eq!(attempts.take(&anna, START), Ok(()));
        }
        let mut now = START;
        let mut waits = Vec::new();
        for _ in 0..7 {
            let wait = attempts.take(&anna, now).unwrap_err();
            assert_eq!(attempts.take(&anna, now), Err(wait), "asking makes it no longer");
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(attempts.take(&anna, now), Ok(()));
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(attempts.take(&anna, now + HOUR), Ok(()));
        assert_eq!(attempts.take(&anna, now + HOUR), Ok(()), "it was forgotten");
    }

    #[test]
    fn an_attempt_that_was_not_looked_at_counts_for_nothing() {
        let attempts = Attempts::default();
        for browser in [None, Some("cookie")] {
            attempts.succeeded(&attempt("anna", HOME), "cookie", START);
            let anna = Attempt { browser, ..attempt("anna", STRANGER) };
            for _ in 0..10 * LOGINS_OF_STRANGERS {
                assert_eq!(attempts.take(&anna, START), Ok(()));
                attempts.give_back(&anna);
            }
        }
    }

    #[test]
    fn a_flood_that_is_put_off_is_a_line_now_and_then() {
        let attempts = Attempts::default();
        assert_eq!(attempts.tells_put_off(START), Some(1));
        assert_eq!((0..999).find_map(|_| attempts.tells_put_off(START)), None);
        assert_eq!(attempts.tells_put_off(START + PUT_OFF_TOLD_EVERY), Some(1_000));
    }

    #[test]
    fn a_stranger_keeps_no_user_out() {
        let attempts = Attempts::default();
        let mut now = START;
        // For a day, from many addresses, as often as they are let.
        for turn in 0..24 * 60_u32 {
            let address = IpAddr::V4((0xC633_6400 | (turn % 256)).into());
            let _ = attempts.take(&attempt("anna", address), now);
            let _ = attempts.take(&attempt("anna", STRANGER), now);
            now += MINUTE;
        }
        let browser = Attempt { name: "anna", address: STRANGER, browser: Some("cookie") };
        let later = now + HOUR;
        attempts.take(&attempt("anna", HOME), later).unwrap();
        attempts.succeeded(&attempt("anna", HOME), "cookie", later);
        for turn in 0..1_000_u32 {
            let address = IpAddr::V4((0xC633_6400 | (turn % 256)).into());
            let _ = attempts.take(&attempt("anna", address), later);
        }
        assert!(attempts.take(&attempt("anna", HOME), later).is_err());
        assert_eq!(attempts.take(&browser, later), Ok(()), "even from the stranger's address");
        let other = Attempt { name: "ben", ..browser };
        assert_eq!([browser, other].map(|one| attempts.is_known(&one)), [true, false]);
        attempts.take(&other, later).unwrap();
        assert!(attempts.known().failures.contains_key(&("ben".into(), Origin::Address(STRANGER))));
    }

    #[test]
    fn an_address_and_a_name_have_their_own_limits() {
        let attempts = Attempts::default();
        let of_address = (0..1_000)
            .filter(|number| {
                attempts.take(&attempt(&format!("n{number}"), STRANGER), START).is_ok()
            })
            .count();
        assert_eq!(of_address, usize::try_from(LOGINS_OF_ADDRESS).unwrap());
        assert_eq!(attempts.take(&attempt("anna", HOME), START), Ok(()));
        let of_name = (0..1_000_u32).filter(|number| {
            let address = IpAddr::V4((0x0A00_0000 | number).into());
            attempts.take(&attempt("ben", address), START).is_ok()
        });
        assert_eq!(of_name.count(), usize::try_from(LOGINS_OF_STRANGERS).unwrap());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::default();
        for number in 0..u32::try_from(ATTEMPTS_KEPT + 100).unwrap() {
            let (name, address) = (format!("{number}{}", "x".repeat(1_000)), number.into());
            let one = attempt(&name, IpAddr::V4(address));
            attempts.take(&one, START).unwrap();
            attempts.succeeded(&attempt("anna", HOME), &number.to_string(), START);
        }
        let known = attempts.known();
        let sizes = [known.addresses.len(), known.strangers.len(), known.failures.len()];
        assert_eq!((sizes, known.browsers.len()), ([ATTEMPTS_KEPT; 3], ATTEMPTS_KEPT));
        assert!(known.strangers.keys().all(|name| name.len() <= NAME_LEN_MAX));
    }

    #[test]
    fn a_network_of_version_six_is_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), STRANGER);
    }
}
