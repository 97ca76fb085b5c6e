//! A trader with a data directory: restarts, `allot verify`, and what is no trader's directory.

use super::Session;

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
fn a_journal_without_the_note_that_it_was_begun_is_found() {
    let mut session = Session::begin();
    session.interrupt("trader").ok();
    std::fs::remove_file(session.place.path().join("data/begun-trader")).unwrap();
    for data in ["data", "data/trader"] {
        let verified = session.place.run(&["verify", data]).ok();
        assert!(verified.contains("trader") && verified.contains(" median"), "{verified}");
        let inspected = session.place.run(&["inspect", data]).ok();
        assert!(inspected.contains("registered X, instance"), "{inspected}");
    }
    // A copy under another name is known by its stamp.
    let copy = session.place.path().join("copy");
    std::fs::rename(session.place.path().join("data/trader"), copy).unwrap();
    assert!(session.place.run(&["verify", "copy"]).ok().contains(" median"));
}

#[test]
fn a_trader_with_a_new_journal_waits_for_those_who_think_that_they_are_registered() {
    let mut session = Session::new();
    // It waits that long: far longer than a strategy takes to hear that it is not registered.
    session.more = ["--lease", "4s"].map(str::to_owned).to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    session.median_of(2);
    session.kill("trader");
    std::fs::remove_dir_all(session.place.path().join("data")).unwrap();
    // One of them comes back later than the other, who decides alone until then.
    session.processes["Y"].signal("-STOP");
    session.start("trader");
    session.named("trader", "starting");
    session.event(|event| event["type"] == "registered" && event["name"] == "X");
    session.processes["Y"].signal("-CONT");
    let median = session.event(|event| event["type"] == "median");
    assert_eq!(median["strategies"], 2, "the first to come back would be the median");
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
