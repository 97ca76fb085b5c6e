//! Signals as real processes with a short period: the session of the manual, each component stopped
//! in turn and brought back, and the whole chain from signals to positions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process::{Outcome, Place, Process};
use crate::server::endpoint;

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

#[test]
fn the_session_of_the_manual() {
    let place = Place::new();
    let at = |name: &str| format!("ipc://{}", place.path().join(name).display());
    let mut generators = Vec::new();
    for (name, source) in
        [("G1", "exec:echo 0.75"), ("G2", "exec:echo 0.25"), ("G3", "exec:echo 1")]
    {
        let listen = at(name);
        let arguments =
            ["signals", "generator", "--listen", &listen, "--name", name, "--source", source];
        let mut generator = place.start(&[&arguments[..], &PERIOD].concat());
        generator.line_with("listening");
        generators.push(generator);
    }
    let trader_at = at("trader");
    let arguments = ["signals", "trader", "--listen", &trader_at];
    let mut trader = place.start(&[&arguments[..], &PERIOD].concat());
    let mut strategies = Vec::new();
    for (name, signals) in [("X", at("G1")), ("Y", format!("{},{}", at("G2"), at("G3")))] {
        let arguments =
            ["signals", "strategy", "--name", name, "--trader", &trader_at, "--signals", &signals];
        let mut strategy = place.start(&[&arguments[..], &PERIOD].concat());
        strategy.line_with(&format!("registered {name}"));
        trader.line_with(&format!("registered {name}"));
        strategies.push(strategy);
    }
    strategies[0].line_with("X submitted 0.75");
    strategies[1].line_with("Y submitted 1.25");
    generators[0].line_with("G1 signal 0.75");
    // The median of 0.75 and 1.25.
    trader.line_with("median: 1.0");
    let status = place.run(&["signals", "status", "--trader", &trader_at]).ok();
    for text in ["X ", "  G1 ", "Y ", "  G2 ", "  G3 ", "strategy", "generator"] {
        assert!(status.contains(text), "{text}: {status}");
    }
    for (name, strategy) in ["X", "Y"].into_iter().zip(strategies) {
        strategy.signal("-INT");
        assert!(strategy.outcome().ok().ends_with(&format!("deregistered {name}\n")));
    }
    trader.line_with("deregistered ");
    trader.line_with("deregistered ");
    trader.signal("-TERM");
    trader.outcome().ok();
}

#[test]
fn a_generator_that_stops_is_named_and_healed_when_it_is_back() {
    let mut session = Session::begin();
    for name in ["G1", "G2", "G3"] {
        let address = session.at(name);
        let named = address.as_str();
        session.kill(name);
        session.named(named, "missing");
        session.start(name);
        session.healed();
        session.median_of(2);
        session.interrupt(name).ok();
        session.named(named, "missing");
        session.start(name);
        session.healed();
        session.median_of(2);
    }
}

#[test]
fn a_strategy_that_is_killed_is_named_and_one_that_stops_is_not_missed() {
    let mut session = Session::begin();
    for name in ["X", "Y"] {
        session.kill(name);
        session.named(name, "away");
        session.start(name);
        session.healed();
        session.median_of(2);
        session.interrupt(name).ok();
        session.event(|event| event["type"] == "deregistered" && event["name"] == name);
        session.median_of(1);
        session.start(name);
        session.median_of(2);
    }
}

#[test]
fn a_trader_comes_back_with_its_registrations_and_publishes_no_period_twice() {
    let mut session = Session::begin();
    let mut last = session.median_of(2)["period"].as_u64().unwrap();
    for round in 0..4 {
        if round % 2 == 0 {
            session.kill("trader");
        } else {
            session.interrupt("trader").ok();
        }
        if round == 2 {
            // Y is gone and still registered: the trader must not go on without it.
            session.kill("Y");
        }
        session.start("trader");
        if round == 2 {
            session.named("Y", "away");
            session.start("Y");
        }
        let median = session.event(|event| event["type"] == "median");
        assert_eq!(median["strategies"], 2);
        let period = median["period"].as_u64().unwrap();
        assert!(last < period, "{last} {period}");
        last = period;
    }
}

#[test]
fn the_journal_of_a_trader_can_be_verified_and_inspected() {
    let mut session = Session::begin();
    session.interrupt("Y").ok();
    session.median_of(1);
    session.interrupt("trader").ok();
    for data in ["data", "data/trader"] {
        let verified = session.place.run(&["verify", data]).ok();
        assert!(verified.contains("no failure found"), "{verified}");
        let inspected = session.place.run(&["inspect", data, "--last", "1000"]).ok();
        for text in ["registered X, instance", "deregistered Y", "of 2 strategies"] {
            assert!(inspected.contains(text), "{inspected}");
        }
    }
}

#[test]
fn a_second_live_instance_is_refused_and_a_dead_one_is_deregistered_by_hand() {
    let mut session = Session::begin();
    let error = session.spawn("X").outcome().error();
    assert!(error.contains("another instance of X is registered, and its lease"), "{error}");
    session.median_of(2);
    session.kill("X");
    session.named("X", "away");
    let trader = session.at("trader");
    let deregister = ["signals", "deregister", "--trader", &trader, "-n", "X"];
    assert_eq!(session.place.run(&deregister).ok(), "deregistered X\n");
    session.median_of(1);
    let error = session.place.run(&deregister).error();
    assert!(error.contains("X is not registered"), "{error}");
    let nobody = session.at("nobody");
    let status = ["signals", "status", "--trader", &nobody, "--timeout", "100ms"];
    assert!(session.place.run(&status).error().contains("is a trader running there?"));
    let status = ["signals", "status", "--trader", &format!("{trader}.pub")];
    assert!(session.place.run(&status).error().contains("is where a trader publishes"));
}

#[test]
fn a_strategy_that_cannot_deregister_says_so_and_fails() {
    let mut session = Session::begin();
    session.kill("trader");
    let error = session.interrupt("X").error();
    assert!(
        error.contains("the trader did not confirm within 5 s that X is deregistered"),
        "{error}"
    );
}

#[test]
fn a_strategy_whose_reader_goes_away_deregisters_and_fails() {
    let mut session = Session::begin();
    let strategy = session.processes.remove("X").unwrap();
    assert_eq!(strategy.status_without_reader().code(), Some(1));
    session.event(|event| event["type"] == "deregistered" && event["name"] == "X");
    session.median_of(1);
}

#[test]
fn a_directory_that_holds_no_trader_is_refused() {
    let session = Session::new();
    let trader = session.at("trader");
    let start = |more: &[&str]| {
        let arguments = ["signals", "trader", "--listen", &trader, "--data", "data"];
        session.place.start(&[&arguments[..], more].concat())
    };
    let error = start(&[]).outcome().error();
    assert!(error.contains("add --new once") && !error.contains("allot init"), "{error}");
    let mut first = start(&["--new"]);
    first.line_with("listening");
    first.signal("-INT");
    first.outcome().ok();
    let error = start(&["--new"]).outcome().error();
    assert!(error.contains("data holds a trader already"), "{error}");
    let error = start(&["--period", "30s"]).outcome().error();
    assert!(error.contains("is of --period 1m, and the period is 30s now"), "{error}");
    let error = session.place.run(&["serve", "--data", "data"]).error();
    assert!(error.contains("data is a data directory of signals, not of"), "{error}");
    std::fs::remove_dir_all(session.place.path().join("data/trader")).unwrap();
    let error = start(&[]).outcome().error();
    assert!(error.contains("the journal of this trader is gone"), "{error}");
}

#[test]
fn a_journal_that_is_gone_is_missed_also_after_a_backup_was_restored() {
    let mut session = Session::begin();
    session.interrupt("trader").ok();
    let data = session.place.path().join("data");
    // Restored without the file that says that there is a journal.
    std::fs::remove_file(data.join("begun-trader")).unwrap();
    session.start("trader");
    session.interrupt("trader").ok();
    for entry in std::fs::read_dir(data.join("trader")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("segment-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let verified = session.place.run(&["verify", "data"]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    assert!(verified.stdout.contains("the journal is gone"), "{}", verified.stdout);
    let error = session.spawn("trader").outcome().error();
    assert!(error.contains("the journal of this trader is gone"), "{error}");
}

#[test]
fn what_cannot_work_is_refused_on_the_command_line() {
    let place = Place::new();
    let orders = ["trader", "--port", "1", "--orders", "2", "--ticker", "A"];
    for (arguments, text) in [
        (&["trader", "--port", "1", "--period", "10ms"][..], "the period must be from 100ms"),
        (&["trader", "--port", "1", "--tolerance", "30s"], "less than half of the period"),
        (&["trader", "--port", "1", "--lease", "2h"], "--lease must be from 50ms to 1h"),
        (
            &["strategy", "--name", "X", "--trader", "1", "--signals", "2,2"],
            "--signals names an address twice",
        ),
        (
            &["strategy", "--name", "X", "--trader", "tcp://1010", "--signals", "2"],
            "use a port, HOST:PORT",
        ),
        (&["strategy", "--name", "X", "--trader", "1", "--signals", "0"], "any free port"),
        (&["trader", "--port", "1", "--tolerance", "0s"], "more than zero"),
        (&["generator", "--port", "1", "--repeat"], "--repeat is for --source file:FILE"),
        (&["trader", "--port", "1", "--front-key", "x"], "--front-key needs --orders"),
        (&[&orders[..], &["--price", "x"]].concat(), "--price"),
        (&[&orders[..], &["--price", "-1"]].concat(), "--price"),
        (&[&orders[..], &["--price", "1", "--scale", "0"]].concat(), "--scale must not be zero"),
        (
            &["strategy", "--name", "X", "--trader", "1", "--signals", "2", "--retries", "-1"],
            "--retries",
        ),
    ] {
        let outcome = place.run(&[&["signals"], arguments].concat());
        let error = outcome.stderr;
        assert!(error.contains(text) && !error.contains("in memory only"), "{error}");
        assert_eq!(outcome.status.code(), Some(2), "{error}");
    }
    let none = place.run(&["signals", "generator", "--port", "1", "--source", "file:none.txt"]);
    assert!(none.error().contains("none.txt"));
    place.write("signals.txt", "0.5\n");
    let listen = format!("ipc://{}", place.path().join("g").display());
    let file = ["--source", "file:signals.txt", "--listen", &listen, "--json"];
    let mut generator = place.start(&[&["signals", "generator"], &file[..], &PERIOD].concat());
    generator.line_with("\"value\":0.5");
    generator.line_with("the file has ended");
}

#[test]
fn another_reason_is_logged_and_the_end_says_how_long_it_was() {
    let place = Place::new();
    let listen = format!("ipc://{}", place.path().join("g").display());
    place.write("why", "echo foo");
    let source = ["--source", "exec:. ./why", "--listen", &listen, "--json"];
    let mut generator = place.start(&[&["signals", "generator"], &source[..], &PERIOD].concat());
    generator.line_with("foo");
    place.write("why", "exit 4");
    generator.line_with("exit status: 4");
    place.write("why", "echo 1");
    generator.line_with(r#""problems":[]"#);
    generator.signal("-INT");
    let said = generator.outcome().stderr;
    for text in ["wrote \"foo\"", "exit status: 4", "no_data is over, after ", "well again"] {
        assert_eq!(said.matches(text).count(), 1, "{said}");
    }
}

#[test]
fn a_script_asks_whether_all_is_well_and_a_generator_is_no_trader() {
    let mut session = Session::begin();
    let (trader, generator) = (session.at("trader"), session.at("G1"));
    let check = ["signals", "status", "--trader", &trader, "--check"];
    while !session.place.run(&check).status.success() {
        session.median_of(2);
    }
    session.kill("X");
    session.named("X", "away");
    let outcome = session.place.run(&check);
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stdout.contains("trader error"), "{}", outcome.stdout);
    for verb in [&["status"][..], &["deregister", "--name", "X"]] {
        let command = [&["signals"], verb, &["--trader", &generator]].concat();
        let error = session.place.run(&command).error();
        assert!(error.contains("G1 is a generator; give the address of the trader"), "{error}");
    }
}

#[test]
fn orders_that_a_server_holds_are_named_until_it_has_a_split() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10", "--scale", "1000"]
            .map(str::to_owned)
            .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    session.named_because("orders", "missing", "the server has no split yet");
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.healed();
}

/// Shares of all accounts in a report.
fn shares(report: &str) -> Option<u64> {
    let report: Value = serde_json::from_str(report).ok()?;
    let accounts = report["accounts"].as_object()?.values();
    accounts.map(|account| account["positions"]["AAPL"]["quantity"].as_u64()).sum()
}

#[test]
fn a_median_becomes_a_fill_and_a_position_and_counts_once() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10", "--scale", "1000"]
            .map(str::to_owned)
            .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let mut expected = BTreeMap::new();
    let mut note = |median: &Value| {
        // As the rules do it: rounded to whole shares, ties to even.
        let shares = (median["value"].as_f64().unwrap() * 1_000.0).round_ties_even();
        let shares: u64 = format!("{shares:.0}").parse().unwrap();
        expected.insert(median["period"].as_u64().unwrap(), shares);
    };
    for round in 0..3 {
        session.median_of(2);
        if round == 2 {
            // Nobody decides any more; the trader that comes back sends the last order again.
            session.interrupt("X").ok();
            session.interrupt("Y").ok();
        }
        let trader = session.processes.remove("trader").unwrap();
        trader.signal("-KILL");
        let said = trader.outcome().stdout;
        let events = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["type"] == "median").for_each(|event| note(&event));
        session.start("trader");
        // It may have been killed between the journal and standard output.
        note(&session.status()["median"]);
    }
    let reports = ["positions", "--publish", &ends.publish, "--format", "json"];
    let mut positions = session.place.start(&reports);
    let expected: u64 = expected.values().sum();
    loop {
        let line = positions.line_with("{");
        let shares = shares(&line).unwrap_or_default();
        assert!(shares <= expected, "{shares} shares; the medians were worth {expected}");
        if shares == expected {
            break;
        }
    }
    assert!(!session.status().to_string().contains("orders"));
}

/// Orders of three periods for a front door where nobody listens yet, and the shares in them.
fn orders_without_a_reply(session: &mut Session) -> u64 {
    let front = session.at("front");
    session.more = ["--orders", &front, "--ticker", "AAPL", "--price", "10", "--scale", "1000"]
        .map(str::to_owned)
        .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    for _ in 0..3 {
        session.median_of(2);
    }
    session.interrupt("X").ok();
    session.interrupt("Y").ok();
    let trader = session.processes.remove("trader").unwrap();
    trader.signal("-TERM");
    let outcome = trader.outcome();
    let events = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let medians: Vec<_> = events.filter(|event| event["type"] == "median").collect();
    let error = outcome.error();
    let count = medians.len();
    assert!(error.contains(&format!("no reply to {count} orders of periods")), "{error}");
    let shares = medians.iter().map(|median| {
        let shares = (median["value"].as_f64().unwrap() * 1_000.0).round_ties_even();
        format!("{shares:.0}").parse::<u64>().unwrap()
    });
    shares.sum()
}

#[test]
fn orders_that_were_owed_are_sent_after_a_restart_and_to_no_other_target() {
    let mut session = Session::new();
    let expected = orders_without_a_reply(&mut session);
    let (front, any) = (session.at("front"), "tcp://127.0.0.1:*");
    let serve = ["serve", "--front", &front, "--publish", any, "--report-every", "100ms"];
    let mut server = session.place.start(&serve);
    let publish = endpoint(&server.line_with("listening "), "publish=");
    let split = ["feed", "aum", "--front", &front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.start("trader");
    // It ends when each order has its reply.
    session.interrupt("trader").ok();
    for change in [["--ticker", "MSFT"], ["--scale", "7"], ["--orders-source", "other"]] {
        let at = session.more.iter().position(|word| word == change[0]);
        match at {
            Some(at) => change[1].clone_into(&mut session.more[at + 1]),
            None => session.more.extend(change.map(str::to_owned)),
        }
        session.start("trader");
        session.interrupt("trader").ok();
    }
    let reports = ["positions", "--publish", &publish, "--format", "json"];
    let line = session.place.start(&reports).line_with("AAPL");
    assert_eq!(shares(&line), Some(expected));
    assert!(!line.contains("MSFT"), "{line}");
}

#[test]
fn orders_that_are_owed_to_another_target_are_named_and_not_sent() {
    let mut session = Session::new();
    orders_without_a_reply(&mut session);
    let given = session.more.clone();
    session.more[3] = "MSFT".to_owned();
    session.start("trader");
    session.named_because("unsent-orders", "refused", "owed to another target");
    assert!(session.status().to_string().contains("unsent-orders"));
    session.interrupt("trader").ok();
    session.more = given;
    session.start("trader");
    // Nothing is owed any more, or it would fail.
    session.interrupt("trader").ok();
}

#[test]
fn orders_go_on_and_a_stop_ends_although_nobody_reads_standard_output() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10"].map(str::to_owned).to_vec();
    session.trader_is_unread = true;
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let reports = ["positions", "--publish", &ends.publish, "--format", "json"];
    let mut positions = session.place.start(&reports);
    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        let line = positions.line_with("{");
        seen.extend(shares(&line).filter(|shares| 0 < *shares));
    }
    let trader = session.processes.remove("trader").unwrap();
    trader.signal("-TERM");
    let error = trader.outcome_unread().error();
    assert!(error.contains("standard output is not read"), "{error}");
}

#[test]
fn orders_that_the_server_refuses_are_named() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10", "--scale", "-1000"]
            .map(str::to_owned)
            .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    // Nobody holds what would be sold.
    session.named("orders", "refused");
}

#[test]
fn orders_that_cannot_be_made_or_go_elsewhere_say_why() {
    let mut session = Session::new();
    for name in ["G1", "G2", "G3", "X", "Y"] {
        session.start(name);
    }
    let elsewhere = session.at("G1");
    for (scale, reason) in
        [("100000", "is that the front door of a server?"), ("1e300", "times --scale 1e300")]
    {
        let orders = ["--orders", &elsewhere, "--ticker", "AAPL", "--price", "10"];
        session.more =
            [&orders[..], &["--scale", scale]].concat().into_iter().map(str::to_owned).collect();
        session.start("trader");
        session.named_because("orders", "refused", reason);
        session.interrupt("trader").ok();
    }
}

#[test]
fn orders_reach_a_front_door_that_encrypts() {
    let mut session = Session::new();
    let any = "tcp://127.0.0.1:*";
    let serve = ["serve", "--front", any, "--publish", any, "--front-secret", "keys"];
    let mut server = session.place.start(&serve);
    let line = server.line_with("listening ");
    let (front, key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
    let publish = endpoint(&line, "publish=");
    let split = ["feed", "aum", "--front", &front, "--front-key", &key, "--weights", "a=100"];
    session.place.run(&[&split[..], &["--count", "1"]].concat()).ok();
    let orders = ["--orders", &front, "--front-key", &key, "--ticker", "AAPL", "--price", "10"];
    session.more =
        [&orders[..], &["--scale", "100000"]].concat().into_iter().map(str::to_owned).collect();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let reports = ["positions", "--publish", &publish, "--format", "json"];
    let mut positions = session.place.start(&reports);
    positions.line_with("AAPL");
}

#[test]
fn the_demo_shows_the_whole_chain() {
    let place = Place::new();
    let mut demo = place.start(&["demo", "--with-signals", "--rate", "1", "--tickers", "AAPL"]);
    // A position in what the trader trades, and what it was made of.
    demo.line_with("SIGNALS");
    let line = demo.line_with("median ");
    for name in ["G1 ", "G2 ", "G3 "] {
        assert!(line.contains(name), "{line}");
    }
    demo.signal("-INT");
    assert!(demo.outcome().ok().contains("lost 0"));
}
