//! What the command line refuses, and sources that cannot be opened.

use super::PERIOD;
use crate::process::Place;

#[test]
fn what_cannot_work_is_refused_on_the_command_line() {
    let place = Place::new();
    let orders = ["trader", "--port", "1", "--orders", "2", "--ticker", "A"];
    for (arguments, text) in [
        (&["trader", "--port", "1", "--period", "10ms"][..], "the period must be from 100ms"),
        (&["trader", "--port", "1", "--tolerance", "30s"], "less than half of the period"),
        (&["trader", "--port", "1", "--lease", "2h"], "--lease must be from 1s to 1h"),
        (&["trader", "--port", "1", "--lease", "0"], "--lease"),
        (&["trader", "--port", "1", "--lease", "900ms"], "--lease must be from 1s to 1h"),
        (
            &["strategy", "--name", "X", "--trader", "1", "--signals", "2,localhost:2"],
            "--signals names an address twice",
        ),
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
