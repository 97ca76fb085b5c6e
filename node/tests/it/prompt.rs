//! `allot` alone on a terminal: a prompt for all commands.

use std::fs;

use crate::process::Place;
use crate::terminal::Terminal;

#[test]
fn commands_are_completed_run_and_kept_until_the_end() {
    let place = Place::new();
    let Some(terminal) = Terminal::start(&place, &[]) else { return };
    terminal.wait(|page| page.contains("allot>") && page.contains("Tab completes"));
    terminal.press(&["comp", "Tab", "fish", "Enter"]);
    terminal.wait(|page| page.contains("complete -c allot"));
    terminal.press(&["bogus", "Enter"]);
    terminal.wait(|page| page.contains("unrecognized subcommand 'bogus'"));
    terminal.press(&["set frnt=1", "Enter"]);
    terminal.wait(|page| page.contains("did you mean front?"));
    terminal.press(&["set front=tcp://127.0.0.1:70000", "Enter"]);
    terminal.wait(|page| page.contains("invalid setting front"));
    terminal.press(&["set metrics=127.0.0.1:9101", "Enter", "config show", "Enter"]);
    terminal.wait(|page| page.contains("ALLOT_METRICS"));
    fs::write(place.path().join("fills-of-today.csv"), "").unwrap();
    terminal.press(&["feed fills --file fills-of-t", "Tab"]);
    terminal.wait(|page| page.contains("fills-of-today.csv"));
    terminal.press(&["C-u", "send '{", "Enter"]);
    terminal.wait(|page| page.contains("a quote is not closed"));
    terminal.press(&["C-d"]);
    terminal.wait(|page| page.contains("ended=0"));
    let history = fs::read_to_string(place.path().join("allot/repl-history")).unwrap();
    assert!(history.contains("completions fish") && history.contains("set frnt=1"), "{history}");
}

#[test]
fn ctrl_c_ends_the_command_and_not_the_prompt() {
    let place = Place::new();
    let Some(terminal) = Terminal::start(&place, &[]) else { return };
    terminal.wait(|page| page.contains("allot>"));
    terminal.press(&["serve --front tcp://127.0.0.1:* --publish tcp://127.0.0.1:*", "Enter"]);
    terminal.wait(|page| page.contains("publish=tcp://"));
    terminal.press(&["C-c"]);
    terminal.wait(|page| page.trim_end().ends_with("allot>"));
    terminal.press(&["exit", "Enter"]);
    terminal.wait(|page| page.contains("ended=0"));
}

#[test]
fn lines_from_a_pipe_are_a_script() {
    let place = Place::new();
    let run = |lines: &[&str]| {
        let mut script = place.start_typed(&[]);
        lines.iter().for_each(|line| script.type_line(line));
        script.close_stdin();
        script.outcome()
    };
    let good = run(&["# completions of two shells", "completions fish", "", "completions bash"]);
    let text = good.ok();
    assert!(text.contains("complete -c allot") && text.contains("complete -F _allot"), "{text}");
    let bad = run(&["bogus", "set frnt=1", "completions fish", "exit", "completions bash"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(bad.stderr.contains("unrecognized subcommand 'bogus'"), "{}", bad.stderr);
    assert!(bad.stderr.contains("line 2: there is no setting frnt"), "{}", bad.stderr);
    assert!(bad.stdout.contains("complete -c allot") && !bad.stdout.contains("_allot("));
    let none = run(&[]);
    assert_eq!(none.status.code(), Some(2));
    assert!(none.stderr.contains("Usage: allot"), "{}", none.stderr);
}
