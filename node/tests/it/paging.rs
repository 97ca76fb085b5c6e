//! Paging: a long page on a terminal goes through the user's pager, and nothing else does.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::process::Place;
use crate::verify::written;

/// Runs `allot` on a terminal of its own, with this pager.
fn on_a_terminal(place: &Place, arguments: &str, pager: &str) -> Output {
    let command = format!("'{}' {arguments}", env!("CARGO_BIN_EXE_allot"));
    // Part of every Debian; it gives the command a terminal and takes over its exit status.
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    script.current_dir(place.path()).stdin(Stdio::null());
    script.env("ALLOT_RUN_DIR", place.path()).env("PAGER", pager).env_remove("LESS");
    script.env("TERM", "dumb").env("SHELL", "/bin/sh");
    script.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The lines of a page: those of a terminal end otherwise.
fn lines(page: &str) -> Vec<&str> {
    page.lines().map(|line| line.trim_end_matches('\r')).collect()
}

fn paged(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join("page")).ok()
}

#[test]
fn a_history_on_a_terminal_goes_through_the_pager_of_the_user() {
    let place = written(false);
    place.write("page.sh", "cat > page\n");
    place.write("first.sh", "head -n 1 > page\n");
    let take = || {
        let page = paged(place.path()).unwrap_or_default();
        let _ = fs::remove_file(place.path().join("page"));
        page
    };
    let plain = place.run(&["history", "data"]).ok();
    assert_eq!(take(), "", "a page that is not on a terminal is not paged");

    let shown = text(&on_a_terminal(&place, "history data", "sh page.sh"));
    assert_eq!(take(), plain);
    assert!(!shown.contains("buy"), "what the pager got is not printed as well: {shown}");

    // Whoever has seen enough is no failure, however much is left.
    let shown = text(&on_a_terminal(&place, "history data", "sh first.sh"));
    assert_eq!(take().lines().collect::<Vec<_>>(), plain.lines().take(1).collect::<Vec<_>>());
    assert!(!shown.to_lowercase().contains("pipe"), "{shown}");

    // Without a pager the terminal gets the page.
    for pager in ["cat", "/nowhere/pager", ""] {
        let shown = text(&on_a_terminal(&place, "history data", pager));
        assert!(lines(&shown).ends_with(&lines(&plain)), "{pager:?}: {shown}");
    }
    assert_eq!(take(), "");

    let positions = "positions --at 2100-01-01 data";
    text(&on_a_terminal(&place, positions, "sh page.sh"));
    let page = take();
    assert!(page.contains("weight") && page.contains("AAPL"), "{page}");
    let wide = text(&on_a_terminal(&place, &format!("{positions} --wide"), "sh page.sh"));
    assert!(wide.contains("weight") && paged(place.path()).is_none(), "{wide}");

    // A failure shows no page.
    let failed = on_a_terminal(&place, "history nowhere", "sh page.sh");
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(paged(place.path()).is_none());
}
