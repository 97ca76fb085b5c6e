//! Sessions: who is logged in. They are in memory alone, so a restart ends them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use allot_runtime::Nanos;

use crate::limits::{SESSION_IDLE, SESSION_LIFE, SESSIONS_EACH_MAX, SESSIONS_MAX};

/// The name of a session: 256 random bits as hex digits, known to one browser.
pub(crate) type Token = String;

/// One browser that is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// What its user calls it by, who need not see its token.
    pub(crate) number: u64,
    pub(crate) user: String,
    /// Where it began.
    pub(crate) address: IpAddr,
    /// What the file had of the user at the log-in: with another password or second factor the
    /// session ends.
    pub(crate) credentials: String,
    pub(crate) began_at: Nanos,
    pub(crate) used_at: Nanos,
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    all: Mutex<BTreeMap<Token, Session>>,
    begun: AtomicU64,
}

impl Sessions {
    /// Begins a session; those that have ended, or the one that was idle longest, make room.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub(crate) fn begin(
        &self,
        user: &str,
        credentials: &str,
        address: IpAddr,
        now: Nanos,
    ) -> Result<Token, getrandom::Error> {
        let token = random_token()?;
        let mut all = self.all();
        all.retain(|_, session| session.is_open(now));
        while SESSIONS_EACH_MAX <= all.values().filter(|session| session.user == user).count() {
            remove_idlest(&mut all, |session| session.user == user);
        }
        if SESSIONS_MAX <= all.len() {
            remove_idlest(&mut all, |_| true);
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let (user, credentials) = (user.to_owned(), credentials.to_owned());
        let session = Session { number, user, address, credentials, began_at: now, used_at: now };
        all.insert(token.clone(), session);
        Ok(token)
    }

    /// The open session of this token; `is_use` says that a person asked for a page.
    pub(crate) fn find(&self, token: &str, is_use: bool, now: Nanos) -> Option<Session> {
        let mut all = self.all();
        let session = all.get_mut(token)?;
        if !session.is_open(now) {
            all.remove(token);
            return None;
        }
        if is_use {
            session.used_at = now;
        }
        Some(session.clone())
    }

    /// Ends a session.
    pub(crate) fn end(&self, token: &str) {
        self.all().remove(token);
    }

    /// Ends all sessions of a user; returns how many.
    pub(crate) fn end_of(&self, user: &str) -> usize {
        self.end_those(user, |_, _| true)
    }

    /// Ends the sessions of a user that are these; returns how many.
    pub(crate) fn end_those(&self, user: &str, is_one: impl Fn(&Token, &Session) -> bool) -> usize {
        let mut all = self.all();
        let before = all.len();
        all.retain(|token, session| session.user != user || !is_one(token, session));
        before - all.len()
    }

    /// The open sessions of a user, the one that was used last first.
    pub(crate) fn open_of(&self, user: &str, now: Nanos) -> Vec<(Token, Session)> {
        let all = self.all();
        let own = all.iter().filter(|(_, session)| session.user == user && session.is_open(now));
        let mut own: Vec<_> =
            own.map(|(token, session)| (token.clone(), session.clone())).collect();
        own.sort_by_key(|(_, session)| std::cmp::Reverse((session.used_at, session.number)));
        own
    }

    /// All open sessions.
    pub(crate) fn open(&self, now: Nanos) -> Vec<Session> {
        self.all().values().filter(|session| session.is_open(now)).cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Token, Session>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_open(&self, now: Nanos) -> bool {
        now < self.used_at + SESSION_IDLE && now < self.began_at + SESSION_LIFE
    }
}

fn remove_idlest(all: &mut BTreeMap<Token, Session>, of: impl Fn(&Session) -> bool) {
    let idlest = all.iter().filter(|(_, session)| of(session));
    let idlest = idlest.min_by_key(|(_, session)| session.used_at).map(|(token, _)| token.clone());
    if let Some(token) = idlest {
        all.remove(&token);
    }
}

/// 256 random bits as hex digits.
pub(crate) fn random_token() -> Result<Token, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Nanos = Nanos::from_unix(1_000_000_000_000);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        let sessions = Sessions::default();
        let token = sessions.begin("anna", "hash", HERE, START).unwrap();
        let almost = SESSION_IDLE - Duration::from_secs(1);
        assert!(sessions.find(&token, false, START + almost).is_some(), "a look is no use");
        assert!(sessions.find(&token, true, START + almost).is_some());
        assert!(sessions.find(&token, false, START + almost * 2).is_some());
        assert!(sessions.find(&token, false, START + SESSION_IDLE * 2).is_none());
        let token = sessions.begin("anna", "hash", HERE, START).unwrap();
        let mut now = START;
        while now < START + SESSION_LIFE {
            assert!(sessions.find(&token, true, now).is_some());
            now += almost;
        }
        assert!(sessions.find(&token, true, START + SESSION_LIFE).is_none());
    }

    #[test]
    fn a_user_has_few_sessions_and_the_idlest_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.begin("anna", "hash", HERE, START).unwrap();
        let other = sessions.begin("ben", "hash", HERE, START).unwrap();
        let later = START + Duration::from_secs(1);
        let begin = || sessions.begin("anna", "hash", HERE, later).unwrap();
        (0..SESSIONS_EACH_MAX).for_each(|_| drop(begin()));
        assert!(sessions.find(&first, false, later).is_none());
        assert!(sessions.find(&other, false, later).is_some());
        assert_eq!(sessions.end_of("anna"), SESSIONS_EACH_MAX);
        sessions.end(&other);
        assert!(sessions.open(later).is_empty());
    }
}
