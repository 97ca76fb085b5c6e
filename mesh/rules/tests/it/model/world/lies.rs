//! Lies: what somebody says of processes that are not there.

use core::time::Duration;

use super::*;

impl World {
    /// A listener is told that a later process has a name. It listens nowhere, or where another
    /// process does.
    pub(super) fn lie(&mut self, about: usize, listener: usize) {
        let name = self.processes[about].name;
        let dialled =
            self.processes[listener].links.iter().find(|(_, link)| link.address.is_some());
        let link = dialled.map(|(link, _)| *link);
        let Some((replica, link)) = self.processes[about].replica.as_ref().zip(link) else {
            return;
        };
        let last = replica.owned().version().incarnation;
        let incarnation =
            (0..=self.prng.below(3)).fold(last, |last, _| last.next(Instance::new(6)));
        let elsewhere = self.prng.index(self.cast.places + 2);
        let taken = NameTaken {
            incarnation,
            instance: Instance::new(self.prng.below(1_000) + 1),
            address: address_of(elsewhere),
            is_alive: self.prng.percent(60),
            heard: Duration::from_nanos(self.prng.below(BEAT)),
        };
        self.see("a lie", 1);
        if self.has(PlantedBug::StopsOnHearsay) && self.processes[listener].name == name {
            self.tell(listener, Event::Received(link, as_if_met(name, taken)));
        } else if self.processes[listener].name == name && self.prng.percent(50) {
            self.tell(listener, Event::Received(link, Message::NameTaken(taken)));
        } else {
            let NameTaken { incarnation, instance, address, is_alive, heard } = taken;
            let member = Member { name, address, incarnation, instance, is_alive, heard };
            self.tell(listener, Event::Received(link, Message::Members(vec![member])));
        }
    }
}

/// What it hears who dials an address and finds the process that was claimed.
fn as_if_met(name: StrategyName, taken: NameTaken) -> Message {
    let NameTaken { incarnation, instance, address, .. } = taken;
    let heartbeat = Duration::from_nanos(BEAT);
    let heard = Instance::ZERO;
    let hello = Hello { name, incarnation, instance, address, is_joining: false, heartbeat, heard };
    Message::Hello(hello)
}
