//! Parts that stop, crash and come back: who is named, and that it heals.

use super::{PERIOD, Session};
use crate::process::Place;

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
