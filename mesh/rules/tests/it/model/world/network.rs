//! What is on its way, and whom it reaches.

use super::*;

impl World {
    fn is_cut(&self, one: usize, other: usize) -> bool {
        let is_blind = self.is_blind && one.min(other) == 0 && one.max(other) == self.cast.names;
        is_blind || self.cut.contains(&(one.min(other), one.max(other)))
    }

    pub(super) fn set_cut(&mut self, one: usize, other: usize, is_cut: bool) {
        let pair = (one.min(other), one.max(other));
        match is_cut && one != other {
            true => self.cut.insert(pair),
            false => self.cut.remove(&pair),
        };
    }

    pub(super) fn join_all(&mut self) {
        self.cut.clear();
        self.muted.clear();
    }

    pub(super) fn send(&mut self, from: usize, link: LinkId, message: Message) {
        let call = self.calls;
        if let Message::Delta(delta) = &message {
            let name = self.processes[from].name;
            if delta.owner == name
                && let Some(row) = delta.rows.iter().find(|row| !self.oracle.knows(&name, row))
            {
                self.violated(format!("{name} sends {row:?}, which is not durable"));
            }
            self.take_room(from, link, call);
        }
        let Some(connection) = self.processes[from].links.get(&link) else { return };
        let (to, theirs, last) = (connection.other, connection.other_link, connection.last_arrival);
        let copies = match self.network_is_bad {
            false => 1,
            true if self.prng.percent(20) => 0,
            true if self.prng.percent(15) => 2,
            true => 1,
        };
        for _ in 0..copies {
            let arrival = match self.network_is_bad {
                true => self.time + 1 + self.prng.below(1_500 * MS),
                false => last.max(self.time + 1 + self.prng.below(3 * MS)),
            };
            let message = message.clone();
            self.at(arrival, Happening::Deliver { from, to, link: theirs, message });
            if let Some(connection) =
                self.processes[from].links.get_mut(&link).filter(|_| !self.network_is_bad)
            {
                connection.last_arrival = arrival;
            }
        }
    }

    /// A delta takes the room of its link, which comes back later.
    fn take_room(&mut self, from: usize, link: LinkId, call: u64) {
        let is_slow = self.processes[from].is_slow;
        let name = self.processes[from].name;
        let Some(connection) = self.processes[from].links.get_mut(&link) else { return };
        match connection.full_since {
            Some(before) if before != call => {
                self.violated(format!("{name} sends a delta on a link that has no room"));
            }
            Some(_) => {}
            None => {
                connection.full_since = Some(call);
                let longest = if is_slow { 2_500 * MS } else { 2 * MS };
                self.soon(longest, Happening::Room { place: from, link });
            }
        }
    }

    pub(super) fn has_room(&mut self, place: usize, link: LinkId) {
        if let Some(connection) = self.processes[place].links.get_mut(&link) {
            connection.full_since = None;
            self.tell(place, Event::Room(link));
        }
    }

    pub(super) fn deliver(&mut self, from: usize, to: usize, link: LinkId, message: Message) {
        let is_lost = self.is_cut(from, to) || self.muted.contains(&(from, to));
        if is_lost || !self.processes[to].links.contains_key(&link) {
            return;
        }
        if let Some(message) = self.distort(from, to, message) {
            self.tell(to, Event::Received(link, message));
        }
    }

    pub(super) fn connect(&mut self, place: usize, address: Address) {
        if self.has(PlantedBug::NeverReconnects) && START + 3 * BEAT < self.time {
            return;
        }
        let process = &self.processes[place];
        let is_linked = process.links.values().any(|link| link.address.as_ref() == Some(&address));
        if is_linked {
            return;
        }
        let run = process.run;
        self.processes[place].attempts.insert(address.clone());
        self.soon(20 * MS, Happening::Open { place, run, address });
    }

    /// A service may go on trying an address without being told to.
    pub(super) fn connect_by_itself(&mut self, place: usize, connection: Connection) {
        if let Some(address) = connection.address
            && self.processes[place].is_up()
            && self.prng.percent(50)
        {
            self.connect(place, address);
        }
    }

    pub(super) fn open(&mut self, place: usize, run: u64, address: Address) {
        let process = &self.processes[place];
        let is_linked = process.links.values().any(|link| link.address.as_ref() == Some(&address));
        let is_wanted = process.attempts.contains(&address) && process.run == run;
        let to = (0..self.processes.len()).find(|to| address_of(*to) == address);
        let Some(to) = to.filter(|to| self.processes[*to].is_up() && process.is_up()) else {
            return;
        };
        if is_linked || !is_wanted || self.is_cut(place, to) {
            return;
        }
        let (mine, theirs) = (LinkId::new(self.next_link + 1), LinkId::new(self.next_link + 2));
        self.next_link += 2;
        self.processes[place].attempts.remove(&address);
        let connection = |other, other_link, address| Connection {
            other,
            other_link,
            address,
            last_arrival: 0,
            full_since: None,
        };
        let outgoing = connection(to, theirs, Some(address.clone()));
        self.processes[place].links.insert(mine, outgoing);
        self.processes[to].links.insert(theirs, connection(place, mine, None));
        self.tell(place, Event::LinkUp(mine, Some(address)));
        // It is there when its first message is.
        if self.processes[to].links.contains_key(&theirs) {
            self.tell(to, Event::LinkUp(theirs, None));
        }
    }

    pub(super) fn close(&mut self, place: usize, link: LinkId) {
        let Some(connection) = self.processes[place].links.remove(&link) else { return };
        let Connection { other, other_link, .. } = connection;
        self.soon(50 * MS, Happening::Down { place: other, link: other_link });
    }

    /// A connection breaks, and both ends are told.
    pub(super) fn break_one(&mut self, place: usize) {
        let links: Vec<LinkId> = self.processes[place].links.keys().copied().collect();
        if links.is_empty() {
            return;
        }
        let link = links[self.prng.index(links.len())];
        let connection = &self.processes[place].links[&link];
        let (other, other_link) = (connection.other, connection.other_link);
        self.soon(50 * MS, Happening::Down { place, link });
        self.soon(50 * MS, Happening::Down { place: other, link: other_link });
    }
}
