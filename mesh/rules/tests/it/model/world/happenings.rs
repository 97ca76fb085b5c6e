//! Faults, trades, and how all faults end.

use super::*;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Kill { place, is_power } => self.kill(place, is_power),
            Fault::LoseDisk(place) => self.lose_disk(place),
            Fault::CopyDisk(place) => self.copy_disk(place),
            Fault::OldDisk(place) => self.restore_disk(place),
            Fault::BeginAnew(place) => {
                self.lose_disk(place);
                self.start_alone(place);
            }
            Fault::StartAlone(place) => self.start_alone(place),
            Fault::Start(place) => self.start(place),
            Fault::Remember(place) => self.remember(place),
            Fault::Cut(one, other) => self.set_cut(one, other, true),
            Fault::Join(one, other) => self.set_cut(one, other, false),
            Fault::CutOff(place) => {
                for other in 0..self.cast.places {
                    self.set_cut(place, other, true);
                }
            }
            Fault::JoinAll => self.join_all(),
            Fault::Mute { from, to } => {
                self.muted.insert((from, to));
            }
            Fault::Network(is_bad) => self.network_is_bad = is_bad && !self.is_sound,
            Fault::Slow(place, is_slow) => {
                self.processes[place].is_slow = is_slow && !self.is_sound;
            }
            Fault::SetClock(place, skew) => self.processes[place].skew = skew,
            Fault::Break(place) => self.break_one(place),
            Fault::Trade(place) => self.trade(place),
            Fault::Adopt(place) => self.processes[place].adopts = true,
            Fault::Lie { about, listener } => self.lie(about, listener),
            Fault::Forge { owner, listener } => self.forge(owner, listener),
        }
    }

    pub(super) fn kill(&mut self, place: usize, is_power: bool) {
        if !self.processes[place].is_up() {
            return;
        }
        // Some of what was not synced may be on disk all the same.
        let kept = self.prng.index(self.processes[place].unsynced.len() + 1);
        if let Some((number, _)) = kept.checked_sub(1).map(|at| self.processes[place].unsynced[at])
        {
            self.sync(place, number);
        }
        let process = &mut self.processes[place];
        process.replica = None;
        process.unsynced.clear();
        process.given.clear();
        process.attempts.clear();
        let links = std::mem::take(&mut process.links);
        if self.has(PlantedBug::ForgetsTrades) {
            self.processes[place].disk.pop_if(|record| matches!(record, Record::Traded(_)));
        }
        if self.has(PlantedBug::ForgetsIncarnations) {
            self.processes[place].disk.pop_if(|record| matches!(record, Record::Started(_)));
        }
        for connection in links.into_values().filter(|_| !is_power) {
            let Connection { other, other_link, .. } = connection;
            self.soon(50 * MS, Happening::Down { place: other, link: other_link });
        }
        if self.processes[place].is_forged {
            // Whoever comes back cannot tell what was made up from what it has lost.
            self.processes[place].is_pristine = false;
        }
    }

    /// It has stepped down: what it said before arrives.
    pub(super) fn end_process(&mut self, place: usize) {
        for (to, link, arrival) in self.on_their_way(place) {
            self.at(arrival + 1, Happening::Down { place: to, link });
        }
        self.kill(place, true);
    }

    /// Where each connection of a place ends, and when what was sent on it last arrives.
    fn on_their_way(&self, place: usize) -> Vec<(usize, LinkId, u64)> {
        let links = self.processes[place].links.values();
        links.map(|link| (link.other, link.other_link, link.last_arrival.max(self.time))).collect()
    }

    fn lose_disk(&mut self, place: usize) {
        self.kill(place, false);
        let process = &mut self.processes[place];
        process.disk.clear();
        process.is_pristine = false;
        process.history.clear();
        process.adopts = self.prng.percent(30) && self.exam.is_none();
        self.oracle.lost(place);
    }

    fn copy_disk(&mut self, place: usize) {
        let process = &mut self.processes[place];
        process.copy.clone_from(&process.disk);
        self.oracle.copied(place);
    }

    fn restore_disk(&mut self, place: usize) {
        self.kill(place, false);
        let process = &mut self.processes[place];
        process.disk.clone_from(&process.copy);
        process.is_pristine = false;
        self.oracle.restored(place);
        self.start_alone(place);
    }

    fn start_alone(&mut self, place: usize) {
        self.processes[place].is_lone = !self.is_sound;
        self.start(place);
        self.processes[place].is_lone = false;
    }

    fn remember(&mut self, place: usize) {
        let process = &mut self.processes[place];
        if let Some(replica) = &process.replica {
            process.history = replica.rows().map(|(owner, row)| (*owner, *row)).collect();
            process.lineages = replica.lineages().collect();
        }
    }

    pub(super) fn start(&mut self, place: usize) {
        if self.processes[place].is_up() {
            return;
        }
        let name = self.processes[place].name;
        if self.cast.names <= place {
            for process in self.processes.iter_mut().filter(|process| process.name == name) {
                process.is_pristine = false;
            }
        }
        self.next_instance += 1;
        let one_life = self.has(PlantedBug::OneLife).then(|| u64::try_from(place).unwrap());
        let instance = allot_domain::mix(one_life.unwrap_or(self.next_instance)) | 1;
        let others: Vec<usize> = (0..self.cast.places).filter(|other| *other != place).collect();
        // All know the first two: meshes that do not know of each other are no one mesh.
        let first = others.iter().filter(|other| **other < 2);
        let mut connect: Vec<Address> = first.map(|other| address_of(*other)).collect();
        let is_lone = self.processes[place].is_lone;
        if (!is_lone && self.prng.percent(50)) || self.is_sound {
            connect = others.iter().map(|other| address_of(*other)).collect();
        } else if (self.prng.percent(50) && place == 0) || is_lone {
            // Of two who connect to nobody neither may find the other.
            if *self.lone.get_or_insert(place) == place {
                connect.clear();
            }
        }
        if self.is_chain && !self.is_sound {
            connect = self.links_of_chain(place).into_iter().map(address_of).collect();
        }
        let process = &mut self.processes[place];
        process.run += 1;
        let settings = process.settings(instance, connect, self.direct);
        let others = process.history.iter().filter(|(owner, _)| *owner != name);
        process.shown = others.map(|(owner, row)| ((*owner, row.symbol), row.version)).collect();
        let (history, lineages) = (process.history.iter().copied(), process.lineages.clone());
        process.replica = Some(Replica::new(settings, process.recover(), history, lineages));
        self.last_place.entry(name).or_insert(place);
        self.tell(place, Event::Tick);
        // Somebody may have tried to reach it before it was there.
        let address = address_of(place);
        for other in 0..self.cast.places {
            if self.processes[other].attempts.contains(&address) {
                let (run, address) = (self.processes[other].run, address.clone());
                self.soon(200 * MS, Happening::Open { place: other, run, address });
            }
        }
    }

    /// Whom a place knows where three of one name are known by two each: the second and the third
    /// strategy are linked through the one in the middle alone.
    fn links_of_chain(&self, place: usize) -> Vec<usize> {
        let [middle, last] = [self.cast.names, self.cast.names + 1];
        match place {
            1 => vec![0, middle],
            2 => vec![middle, last],
            _ if place == 0 || self.cast.names <= place => vec![],
            _ => vec![2],
        }
    }

    /// A listener is told a row in the name of an owner: of its incarnation or of an earlier one.
    ///
    /// No relay can be told from a liar, so that it is shown. The owner sees to it that it goes.
    fn forge(&mut self, owner: usize, listener: usize) {
        let name = self.processes[owner].name;
        let Some(replica) = &self.processes[owner].replica else { return };
        let through = replica.owned().version();
        let links = &self.processes[listener].links;
        let link = links.iter().find(|(_, link)| self.processes[link.other].name != name);
        let Some((link, _)) = link.filter(|_| through != Version::ZERO) else { return };
        let link = *link;
        let (incarnation, sequence) = (through.incarnation, through.sequence.get());
        let of_now = |sequence| Version { incarnation, sequence: Sequence::new(sequence) };
        let version = match self.prng.below(3) {
            // One that it has written, as another row.
            0 if 0 < sequence => of_now(1 + self.prng.below(sequence)),
            // One that it has not written yet.
            1 => of_now(sequence + 1 + self.prng.below(3)),
            // One of a life that it never had, or that is over.
            _ => Version::new(1.max(incarnation.start() - 1), 1 + self.prng.below(9)),
        };
        let row = Row {
            symbol: symbol_of(self.prng.index(6)),
            position: Position::from_nanos(i128::from(self.prng.below(99))).unwrap(),
            version,
            updated: Unix::new(7),
        };
        self.oracle.forged(name, &row);
        // One of its own incarnation does not end it; what it is shown of others may be its own.
        let is_of_now = replica_runs_as(&self.processes[owner], version.incarnation);
        self.processes[owner].is_forged |= is_of_now;
        let twins = self.processes.iter_mut().enumerate();
        for (place, twin) in twins.filter(|(_, twin)| twin.name == name) {
            twin.is_pristine &= is_of_now && place == owner;
        }
        let after = replica_through(&self.processes[listener], &name);
        let forged = Delta {
            owner: name,
            after: after.min(Version { sequence: Sequence::ZERO, ..version }),
            through: version,
            adopted: None,
            lives: vec![],
            rows: vec![row],
        };
        self.tell(listener, Event::Received(link, Message::Delta(forged)));
    }

    /// Somebody trades a few times.
    pub(super) fn trade(&mut self, place: usize) {
        for process in &self.processes {
            let found = process.replica.as_ref().map_or(Ok(()), Replica::audit);
            if let Err(wrong) = found {
                let wrong = format!("{}: {wrong}", process.name);
                return self.violated(wrong);
            }
        }
        let count = 1 + self.prng.below(3);
        for _ in 0..count {
            let trade = Trade {
                symbol: symbol_of(self.prng.index(4)),
                quantity: hundredths(i64::try_from(self.prng.below(1_000)).unwrap() - 500),
                time: None,
                origin: Origin::Typed,
            };
            if !self.processes[place].is_up() {
                return;
            }
            self.processes[place].given.push_back(trade);
            self.tell(place, Event::Trade(trade));
            if self.has(PlantedBug::TradesTwice) && self.prng.percent(20) {
                self.tell(place, Event::Trade(trade));
            }
        }
    }

    /// All faults end.
    pub(super) fn end(&mut self) {
        self.is_sound = true;
        self.network_is_bad = false;
        if self.is_blind {
            // Where the later one has no rows, nobody can show the other one any: both go on.
            [0, self.cast.names].into_iter().for_each(|place| self.trade(place));
        }
        self.join_all();
        for process in &mut self.processes {
            process.is_slow = false;
        }
        self.supervise();
    }

    /// Starts a process for each name that has none: where it ran last.
    pub(super) fn supervise(&mut self) {
        for number in 0..self.cast.names {
            let name = name_of(number);
            let is_up = self.processes.iter().any(|one| one.name == name && one.is_up());
            if !is_up {
                let place = self.last_place.get(&name).copied().unwrap_or(number);
                self.start(place);
            }
        }
        self.at(self.time + BEAT, Happening::Supervise);
    }
}

/// Whether a process runs under this incarnation.
fn replica_runs_as(process: &Process, incarnation: Incarnation) -> bool {
    let phase = process.replica.as_ref().map(Replica::phase);
    phase == Some(Phase::Running(incarnation))
}

/// What a process has of an owner.
fn replica_through(process: &Process, owner: &StrategyName) -> Version {
    let replica = process.replica.as_ref();
    let status = replica.map(|replica| replica.status(process.now(0)));
    let mut members = status.into_iter().flat_map(|status| status.members);
    members.find(|member| member.name == *owner).map_or(Version::ZERO, |member| member.through)
}
