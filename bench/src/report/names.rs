//! Names of runs in a report: what tells one from another comes first, and its time last.

use crate::run::Run;

/// A name for each run, all different where the runs are.
pub(crate) fn names(runs: &[&Run]) -> Vec<String> {
    let labels = runs.iter().map(|run| &run.label);
    // A label that all have is the title of the report.
    let is_title = labels.clone().zip(labels.skip(1)).all(|(one, next)| one == next);
    let name = |run: &&Run| if is_title { run.mode.clone() } else { labelled(run) };
    let mut names: Vec<_> = runs.iter().map(name).collect();
    let plain = names.clone();
    for (place, run) in runs.iter().enumerate() {
        let is_alike = |at: &usize| *at != place && plain[*at] == plain[place];
        let alike: Vec<_> = (0..runs.len()).filter(is_alike).map(|at| runs[at]).collect();
        if alike.is_empty() {
            continue;
        }
        let differs = |(name, value): (&String, &String)| {
            // The command has all settings, and would be longer than the rest together.
            let is_other = |other: &&Run| other.server.get(name) != Some(value);
            (name != "command" && alike.iter().any(is_other)).then(|| format!("{name} {value}"))
        };
        let settings: Vec<_> = run.server.iter().filter_map(differs).collect();
        if !settings.is_empty() {
            names[place] = format!("{}, {}", plain[place], settings.join(", "));
        }
    }
    let settled = names.clone();
    for (place, run) in runs.iter().enumerate() {
        if 1 < settled.iter().filter(|name| **name == settled[place]).count() {
            names[place] = format!("{} of {}", settled[place], run.started);
        }
    }
    names
}

fn labelled(run: &Run) -> String {
    if run.label.is_empty() { run.mode.clone() } else { format!("{} {}", run.mode, run.label) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(label: &str, started: &str, curve: &str) -> Run {
        let mut run = Run::new("tcp", label, started.to_owned());
        run.server.insert("curve".to_owned(), curve.to_owned());
        run.server.insert("command".to_owned(), format!("serve {curve}"));
        run
    }

    fn of(runs: &[Run]) -> Vec<String> {
        names(&runs.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_run_is_named_by_what_tells_it_from_the_others() {
        assert_eq!(of(&[run("", "10:00", "false")]), ["tcp"]);
        assert_eq!(of(&[run("a", "10:00", "false")]), ["tcp"], "the title has the label");
        assert_eq!(of(&[run("a", "10:00", "false"), run("", "10:00", "false")]), ["tcp a", "tcp"]);
        assert_eq!(
            of(&[run("", "10:00", "false"), run("", "11:00", "true")]),
            ["tcp, curve false", "tcp, curve true"]
        );
        assert_eq!(
            of(&[run("", "10:00", "true"), run("", "11:00", "true")]),
            ["tcp of 10:00", "tcp of 11:00"]
        );
    }
}
