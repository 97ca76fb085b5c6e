//! Dials: the addresses that a replica wants a connection to, and when it asks for one again.

use std::collections::BTreeMap;

use allot_domain::mix;

use crate::limits::{CLAIMS_DIALLED_MAX, RECONNECT_FIRST, RECONNECT_MOST};
use crate::{Address, Settings, Steady, StrategyName};

/// The addresses, each with its pauses.
#[derive(Clone, Debug)]
pub(crate) struct Dials {
    dials: BTreeMap<Address, Dial>,
    /// Whoever dials mixes itself in, so that not all dial at once.
    salt: u64,
    /// When the first of them is due.
    next: Steady,
}

#[derive(Clone, Debug, Default)]
struct Dial {
    asked: u32,
    next: Steady,
    /// It was given at the start, and is wanted whoever is there.
    is_given: bool,
    /// Who answered there last.
    peer: Option<StrategyName>,
    /// This replica answered itself.
    is_own: bool,
    /// Nobody was met there: somebody says that another process of this name is.
    is_claimed: bool,
}

impl Dials {
    pub(crate) fn new(settings: &Settings) -> Self {
        let dial = |address: &Address| {
            let is_own = *address == settings.address;
            (address.clone(), Dial { is_given: true, is_own, ..Dial::default() })
        };
        let dials = settings.connect.iter().map(dial).collect();
        let mut dials = Self { dials, salt: settings.instance.get(), next: Steady::MAX };
        dials.find_next();
        dials
    }

    /// A member listens there.
    pub(crate) fn want(&mut self, address: &Address) {
        let dial = self.dials.entry(address.clone()).or_default();
        dial.is_claimed = false;
        if !dial.is_own {
            self.next = self.next.min(dial.next);
        }
    }

    /// Another process of this name is said to listen there: it is asked for at once.
    pub(crate) fn ask_now(&mut self, now: Steady, address: &Address) {
        let is_known = self.dials.contains_key(address);
        if !is_known && self.claimed().count() < CLAIMS_DIALLED_MAX {
            let dial = Dial { is_claimed: true, ..Dial::default() };
            self.dials.insert(address.clone(), dial);
        }
        if let Some(dial) = self.dials.get_mut(address) {
            (dial.asked, dial.next) = (0, dial.next.min(now));
        }
        self.find_next();
    }

    /// Nobody listens there any more; whether an attempt has to end.
    pub(crate) fn forget(&mut self, address: &Address) -> bool {
        match self.dials.get(address) {
            Some(dial) if !dial.is_given => {}
            _ => return false,
        }
        self.dials.remove(address);
        self.find_next();
        true
    }

    /// The addresses that are asked for because of a claim alone.
    pub(crate) fn claimed(&self) -> impl Iterator<Item = &Address> {
        self.dials.iter().filter(|(_, dial)| dial.is_claimed).map(|(address, _)| address)
    }

    #[cfg(test)]
    pub(crate) fn has(&self, address: &Address) -> bool {
        self.dials.contains_key(address)
    }

    /// Somebody answered there.
    pub(crate) fn answered(&mut self, now: Steady, address: &Address, peer: StrategyName) {
        if let Some(dial) = self.dials.get_mut(address) {
            (dial.peer, dial.asked, dial.next) = (Some(peer), 0, now + RECONNECT_MOST);
        }
        self.find_next();
    }

    /// Whoever listened there, or answered there, is not heard any more.
    pub(crate) fn lost(&mut self, now: Steady, address: &Address, peer: &StrategyName) {
        for (dialled, dial) in &mut self.dials {
            if dialled == address || dial.peer.as_ref() == Some(peer) {
                (dial.asked, dial.next) = (0, now + RECONNECT_FIRST);
            }
        }
        self.find_next();
    }

    /// This replica itself answered there.
    pub(crate) fn is_own(&mut self, address: &Address) {
        if let Some(dial) = self.dials.get_mut(address) {
            dial.is_own = true;
        }
        self.find_next();
    }

    /// The addresses to ask for now: those that are due, and that `is_reached` does not know to be
    /// reached in another way.
    pub(crate) fn due(
        &mut self,
        now: Steady,
        is_reached: impl Fn(&Address, Option<StrategyName>) -> bool,
    ) -> Vec<Address> {
        let mut due = Vec::new();
        for (number, (address, dial)) in (0_u64..).zip(&mut self.dials) {
            if dial.is_own || now < dial.next {
                continue;
            }
            if is_reached(address, dial.peer) {
                dial.next = now + RECONNECT_MOST;
                continue;
            }
            let pause = RECONNECT_FIRST.saturating_mul(1 << dial.asked.min(16)).min(RECONNECT_MOST);
            let salt = mix(self.salt ^ mix(number ^ now.get()));
            let share = u32::try_from(salt % 1_024).expect("below 1024");
            dial.next = now + (pause - pause / 4 * share / 1_024);
            dial.asked = dial.asked.saturating_add(1);
            due.push(address.clone());
        }
        self.find_next();
        due
    }

    /// When an address is due.
    pub(crate) const fn next(&self) -> Steady {
        self.next
    }

    /// It is asked for at every message, and all addresses are looked at when one of them changes.
    fn find_next(&mut self) {
        let next = self.dials.values().filter(|dial| !dial.is_own).map(|dial| dial.next);
        self.next = next.min().unwrap_or(Steady::MAX);
    }
}
