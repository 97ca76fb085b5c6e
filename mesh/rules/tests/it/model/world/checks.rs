//! What must hold when all faults have ended, and when a strategy has lost its disk.

use super::*;

impl World {
    /// The place where each name runs: exactly one.
    fn places(&self) -> Result<BTreeMap<StrategyName, usize>, String> {
        let mut places = BTreeMap::new();
        for (place, process) in self.processes.iter().enumerate() {
            let Some(replica) = &process.replica else { continue };
            let name = process.name;
            if !matches!(replica.phase(), Phase::Running(_)) {
                return Err(format!("{name} at {place} is {:?}", replica.phase()));
            }
            if let Some(other) = places.insert(name, place) {
                return Err(format!("{name} runs at {other} and at {place}"));
            }
        }
        match places.len() == self.cast.names {
            true => Ok(places),
            false => Err(format!("only {:?} run", places.keys())),
        }
    }

    /// Every replica shows what the oracle has of every owner.
    pub(super) fn check_equal(&self) -> Result<(), String> {
        let places = self.places()?;
        let mut truth = BTreeMap::new();
        for (name, place) in &places {
            let positions = self.oracle.positions(*place);
            truth.extend(positions.into_iter().map(|(symbol, nanos)| ((*name, symbol), nanos)));
        }
        let mut digests = BTreeSet::new();
        for (name, place) in &places {
            let process = &self.processes[*place];
            let replica = process.replica.as_ref().expect("it runs");
            replica.audit().map_err(|wrong| format!("{name}: {wrong}"))?;
            let rows = replica.rows();
            let rows: BTreeMap<_, _> =
                rows.map(|(owner, row)| ((*owner, row.symbol), row.position.nanos())).collect();
            if let Some(lacking) = truth.iter().find(|(key, nanos)| rows.get(key) != Some(nanos)) {
                let has = rows.get(lacking.0);
                return Err(format!("{name} has {has:?}, and the truth is {lacking:?}"));
            }
            if let Some(other) = rows.iter().find(|(key, _)| !truth.contains_key(key)) {
                return Err(format!("{name} has {other:?}, which nobody has"));
            }
            digests.insert(replica.digest());
            let status = replica.status(process.now(self.time));
            if let Some(away) = status.members.iter().find(|member| !member.is_alive) {
                return Err(format!("{name} does not hear {}", away.name));
            }
        }
        match digests.len() {
            1 => Ok(()),
            _ => Err(format!("equal views have the digests {digests:?}")),
        }
    }

    /// All is well; now a strategy loses its disk, and nothing else happens.
    pub(super) fn begin_exam(&mut self) {
        let found = self.check_equal();
        self.check(found);
        let name = name_of(self.prng.index(self.cast.names));
        let Ok(places) = self.places() else { return };
        let place = places[&name];
        let had = self.oracle.positions(place);
        self.exam = Some(Exam { place, had, has_refused: false });
        self.last_place.insert(name, place);
        self.fault(Fault::LoseDisk(place));
    }

    /// It has refused to start from zero, and has everything back.
    pub(super) fn check_exam(&self) -> Result<(), String> {
        let Some(Exam { place, had, has_refused }) = &self.exam else { return Ok(()) };
        let has = self.oracle.positions(*place);
        if *has_refused == had.is_empty() {
            return Err(format!("it had {had:?} and refused to start from zero: {has_refused}"));
        }
        match has == *had {
            true => Ok(()),
            false => Err(format!("it had {had:?} and adopted {has:?}")),
        }
    }

    /// A strategy starts. After the faults it does not start from zero while others hold its rows.
    pub(super) fn look_at_start(&mut self, place: usize, has_adopted: bool) {
        let name = self.processes[place].name;
        let is_exam = self.exam.as_ref().is_some_and(|exam| exam.place == place);
        if is_exam && !has_adopted {
            let replicas = self.processes.iter().filter_map(|process| process.replica.as_ref());
            let holds = replicas.flat_map(Replica::rows).any(|(owner, _)| *owner == name);
            if holds {
                self.violated(format!("{name} starts from zero, and peers hold its rows"));
            }
        }
    }
}
