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

    /// All is well. Now one strategy loses its disk, another one its power for a moment, and
    /// somebody starts a second process of a third.
    pub(super) fn begin_exam(&mut self) {
        let found = self.check_equal();
        self.check(found);
        let Ok(places) = self.places() else { return };
        let first = self.prng.index(self.cast.names);
        let mut places = (0..self.cast.names).map(|number| {
            let name = name_of((first + number) % self.cast.names);
            (name, places[&name])
        });
        let (name, place) = places.next().expect("there are two at least");
        let other = places.next();
        let others: Vec<_> = places.collect();
        let had = self.oracle.positions(place);
        self.exam = Some(Exam { place, had, has_refused: false, intruder: None });
        self.last_place.insert(name, place);
        self.fault(Fault::LoseDisk(place));
        // Of two, the other one is the only one who holds its rows.
        if let Some((other, restarted)) = other.filter(|_| 2 < self.cast.names) {
            self.last_place.insert(other, restarted);
            // Rows of an earlier life, which all others have lost, may be in there.
            self.processes[restarted].history.clear();
            self.fault(Fault::Kill { place: restarted, is_power: true });
            self.soon(2 * BEAT, Happening::Fault(Fault::Start(restarted)));
        }
        for (name, runner) in others {
            let is_spare = |place: &usize| self.processes[*place].name == name && *place != runner;
            if let Some(spare) = (0..self.cast.places).find(is_spare) {
                let run = self.processes[runner].run;
                self.exam.as_mut().expect("it was set").intruder = Some((spare, runner, run));
                // As above: what nobody else holds any more would end its owner.
                self.processes[spare].history.clear();
                self.start(spare);
            }
        }
    }

    /// After the faults nobody steps down but who has lost its disk, and the second of a name.
    pub(super) fn look_at_step_down(&mut self, place: usize, why: &StepDown) {
        let Some(exam) = self.exam.as_mut() else { return };
        let is_newer = matches!(why, StepDown::NewerRows { .. });
        if exam.place == place {
            exam.has_refused |= is_newer;
        } else if exam.intruder.is_none_or(|(intruder, _, _)| intruder != place) || is_newer {
            let name = self.processes[place].name;
            self.violated(format!("all is well, and {name} steps down: {why:?}"));
        }
    }

    /// It has refused to start from zero, and has everything back.
    pub(super) fn check_exam(&self) -> Result<(), String> {
        let Some(Exam { place, had, has_refused, intruder }) = &self.exam else { return Ok(()) };
        if let Some((intruder, runner, run)) = intruder {
            let runner = &self.processes[*runner];
            if self.processes[*intruder].is_up() || !runner.is_up() || runner.run != *run {
                return Err(format!("a second process has driven {} away", runner.name));
            }
        }
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
