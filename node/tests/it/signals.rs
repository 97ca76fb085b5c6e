//! Signals as real processes with a short period: the session of the manual, each component stopped
//! in turn and brought back, and the whole chain from signals to positions.

mod coming_and_going;
mod journal;
mod command_line;
mod orders;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::process::{Outcome, Place, Process};

const PERIOD: [&str; 2] = ["--period", "600ms"];

/// Three generators, strategy X on the first and Y on the other two, and a trader with a journal.
struct Session {
    place: Place,
    processes: BTreeMap<&'static str, Process>,
    /// What of the trader runs beside its usual arguments.
    more: Vec<String>,
    /// Whether nobody reads the standard output of the trader.
    trader_is_unread: bool,
}

impl Session {
    fn new() -> Self {
        let (place, processes) = (Place::new(), BTreeMap::new());
        Self { place, processes, more: Vec::new(), trader_is_unread: false }
    }

    fn at(&self, name: &str) -> String {
        format!("ipc://{}", self.place.path().join(name).display())
    }

    /// Starts a component under its name, and waits until it is there.
    fn start(&mut self, name: &'static str) {
        let process = self.spawn(name);
        self.processes.insert(name, process);
        match name {
            "trader" if self.trader_is_unread => {}
            "G1" | "G2" | "G3" | "trader" => drop(self.line(name, "listening")),
            _ => {}
        }
    }

    fn spawn(&self, name: &str) -> Process {
        let trader = self.at("trader");
        let on = |generators: &[&str]| {
            let addresses: Vec<_> = generators.iter().map(|name| self.at(name)).collect();
            addresses.join(",")
        };
        let (kind, mut arguments) = match name {
            "X" => {
                ("strategy", vec!["--trader".to_owned(), trader, "--signals".into(), on(&["G1"])])
            }
            "Y" => {
                let signals = on(&["G2", "G3"]);
                ("strategy", vec!["--trader".to_owned(), trader, "--signals".into(), signals])
            }
            "trader" => {
                let is_new = !self.place.path().join("data").exists();
                let data = ["--listen", &trader, "--data", "data", "--json"].map(str::to_owned);
                let new = is_new.then(|| "--new".to_owned());
                ("trader", data.into_iter().chain(new).chain(self.more.clone()).collect())
            }
            generator => ("generator", vec!["--listen".to_owned(), self.at(generator)]),
        };
        if kind != "trader" {
            arguments.extend(["--name".to_owned(), name.to_owned()]);
        }
        let mut all = vec!["signals", kind];
        all.extend(arguments.iter().map(String::as_str));
        all.extend(PERIOD);
        if kind == "trader" && self.trader_is_unread {
            return self.place.start_unread(&all);
        }
        self.place.start(&all)
    }

    fn line(&mut self, name: &str, text: &str) -> String {
        self.processes.get_mut(name).expect("it runs").line_with(text)
    }

    /// The next line of the trader that this is true of.
    fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.line("trader", "{");
            let event: Value = serde_json::from_str(&line).unwrap();
            if wanted(&event) {
                return event;
            }
        }
    }

    fn median_of(&mut self, strategies: u64) -> Value {
        self.event(|event| event["type"] == "median" && event["strategies"] == strategies)
    }

    /// Waits until the trader names somebody for this.
    fn named(&mut self, component: &str, kind: &str) {
        self.named_because(component, kind, "");
    }

    /// Waits until the trader names somebody for this, with this in the reason.
    fn named_because(&mut self, component: &str, kind: &str, reason: &str) {
        self.event(|event| {
            let mut problems = event["problems"].as_array().into_iter().flatten();
            problems.any(|one| {
                one["component"] == component
                    && one["kind"] == kind
                    && one["reason"].as_str().is_some_and(|text| text.contains(reason))
            })
        });
    }

    /// Waits until the trader says that all is well.
    fn healed(&mut self) {
        self.event(|event| event["problems"].as_array().is_some_and(Vec::is_empty));
    }

    fn kill(&mut self, name: &str) {
        // A process that is dropped is killed with SIGKILL.
        self.processes.remove(name);
    }

    fn interrupt(&mut self, name: &str) -> Outcome {
        let process = self.processes.remove(name).expect("it runs");
        process.signal("-INT");
        process.outcome()
    }

    /// What the trader says of everything.
    fn status(&self) -> Value {
        let trader = self.at("trader");
        let status = ["signals", "status", "--trader", &trader, "--json"];
        serde_json::from_str(&self.place.run(&status).ok()).unwrap()
    }

    fn begin() -> Self {
        let mut session = Self::new();
        for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
            session.start(name);
        }
        session.median_of(2);
        session
    }
}
