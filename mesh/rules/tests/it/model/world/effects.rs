//! What replicas want done.

use super::*;

impl World {
    pub(super) fn act(&mut self, place: usize, effect: Effect) {
        match effect {
            Effect::Record(number, record) => self.write(place, number, record),
            Effect::Send(link, message) => self.send(place, link, message),
            Effect::Connect(address) => self.connect(place, address),
            Effect::Forget(address) => {
                self.processes[place].attempts.remove(&address);
            }
            Effect::Close(link) => self.close(place, link),
            Effect::Started(_) => {
                let name = self.processes[place].name;
                self.last_place.insert(name, place);
                if self.has(PlantedBug::ShowsOldRows) {
                    for (owner, row) in self.processes[place].history.clone() {
                        self.show(place, owner, row);
                    }
                }
            }
            Effect::Changed(owner, row) => self.show(place, owner, row),
            Effect::Notice(Notice::Full(what)) => self.violated(format!("a bound is hit: {what}")),
            Effect::Notice(notice) => {
                if let Notice::Superseded { owner, .. } = notice {
                    self.processes[place].superseded.insert(owner);
                }
                self.see_notice(&notice);
            }
            Effect::Refused(trade, _) => {
                let given = self.processes[place].given.pop_front();
                if given.is_some_and(|given| given != trade) {
                    self.violated(format!("{trade:?} is refused, and was not given"));
                }
            }
            Effect::StepDown(why) => self.step_down(place, &why),
        }
    }

    fn see_notice(&mut self, notice: &Notice) {
        let what = match notice {
            Notice::Alone => "started alone",
            Notice::Unanswered(_) => "started without an answer of some",
            Notice::Adopted { rows: 1, .. } => "one row adopted",
            Notice::Adopted { .. } => "rows adopted",
            Notice::Joined(..) => "joined",
            Notice::Away(..) => "away",
            Notice::Back(_) => "back",
            Notice::Forgotten(_) => "forgotten",
            Notice::Foreign { .. } => "a foreign row",
            Notice::Conflict { .. } => "a conflict",
            Notice::Settled { .. } => "a row settled",
            Notice::Superseded { .. } => "rows were superseded",
            Notice::Replaced { .. } => "a position of another life replaced one",
            Notice::OtherLife { .. } => "rows of another life were refused",
            Notice::Unfounded { .. } => "an unfounded summary",
            Notice::NotFound { .. } => "a claim of a name that nobody backed",
            Notice::TwoOfOneName { .. } => "two of one name were heard at once",
            Notice::MovedOn(_) => "moved on",
            Notice::Full(_) => "full",
        };
        self.see(what, 1);
    }

    /// A record goes to disk, in a while.
    fn write(&mut self, place: usize, number: RecordNumber, record: Record) {
        if let Record::Traded(traded) = record
            && traded.origin == Origin::Typed
        {
            let given = self.processes[place].given.pop_front();
            let is_it =
                |given: Trade| (given.symbol, given.quantity) == (traded.symbol, traded.quantity);
            if !given.is_some_and(is_it) {
                self.violated(format!("{traded:?} is written, and was not given"));
            }
        }
        let bug = self.bug;
        let process = &mut self.processes[place];
        process.unsynced.push_back((number, record));
        let (run, is_slow) = (process.run, process.is_slow);
        let longest = if is_slow { 2_000 * MS } else { 20 * MS };
        self.soon(longest, Happening::Synced { place, run, number });
        if bug == Some(PlantedBug::ShowsBeforeDurable) {
            self.tell(place, Event::Durable(number));
        }
    }

    /// Everything up to a record is durable.
    pub(super) fn sync(&mut self, place: usize, number: RecordNumber) {
        let process = &mut self.processes[place];
        let name = process.name;
        let mut synced = Vec::new();
        while let Some((_, record)) = process.unsynced.pop_front_if(|(next, _)| *next <= number) {
            process.disk.push(record);
            synced.push(record);
        }
        for record in synced {
            let found = self.oracle.durable(place, name, &record);
            self.check(found);
            if let Record::Started(started) = record {
                self.look_at_start(place, started.adopted.is_some());
            }
        }
    }

    /// A row is shown. It has to be one that its owner wrote, and later than what was shown.
    fn show(&mut self, place: usize, owner: StrategyName, row: Row) {
        let me = self.processes[place].name;
        let before = self.processes[place].shown.insert((owner, row.symbol), row.version);
        self.see("rows shown", u64::from(owner != me));
        if let Some(before) = before.filter(|before| row.version <= *before) {
            self.violated(format!("{me} shows {row:?} of {owner} after {before}"));
        }
        let is_named = |process: &Process| process.superseded.contains(&owner);
        let (here, elsewhere) =
            (is_named(&self.processes[place]), self.processes.iter().any(is_named));
        if let Some(before) = before
            && owner != me
            && !self.oracle.may_replace(
                &owner,
                (before.incarnation, row.version),
                Named { here, elsewhere },
            )
        {
            self.violated(format!("{me} shows {row:?} of {owner}, who knows nothing of {before}"));
        }
        if !self.oracle.knows(&owner, &row) {
            self.violated(format!("{me} shows {row:?}, which {owner} did not write"));
        }
    }

    fn step_down(&mut self, place: usize, why: &StepDown) {
        let name = self.processes[place].name;
        let is_newer = matches!(why, StepDown::NewerRows { .. });
        let what = match why {
            StepDown::NewerRows { trades: None, .. } => "refused to start",
            StepDown::NewerRows { .. } => "stepped down for newer rows",
            StepDown::NameTaken { .. } => "stepped down for its name",
            StepDown::NoIncarnationLeft => "no incarnation left",
        };
        self.see(what, 1);
        let is_pristine = self.processes[place].is_pristine;
        if is_newer && is_pristine {
            self.violated(format!("{name} has its disk and steps down: {why:?}"));
        }
        let has_run = matches!(why, StepDown::NameTaken { trades: Some(_), .. });
        if has_run && is_pristine {
            self.violated(format!("nobody else is {name}, and it steps down: {why:?}"));
        }
        if matches!(why, StepDown::NoIncarnationLeft) {
            self.violated(format!("{name} has no incarnation left"));
        }
        self.look_at_step_down(place, why);
        self.processes[place].adopts |= is_newer;
        self.end_process(place);
        if self.is_apart && self.exam.is_none() {
            let is_left = self.processes.iter().any(|other| other.name == name && other.is_up());
            if !is_left {
                self.violated(format!("the last process of {name} steps down: {why:?}"));
            }
        } else if is_newer && self.prng.percent(60) {
            self.soon(3 * BEAT, Happening::Fault(Fault::Start(place)));
        }
    }
}
