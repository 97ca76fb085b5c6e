//! Every command of the README is run by CI.
//!
//! A verb of cargo is known to be run by a step of `ci`; a script, and a sub-command of
//! the binary, is run if `scripts/smoke.sh` runs it. Silent until that script exists.

use crate::finding::Finding;
use crate::readme;
use crate::repository::Repository;
use crate::steps::{CARGO_VERBS, SMOKE};
use crate::words::contains_word;

const README: &str = "README.md";

/// All findings of this rule.
pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let (Some(document), Some(smoke)) = (repository.file(README), repository.file(SMOKE)) else {
        return Vec::new();
    };
    let commands = readme::commands(&document.text);
    let not_run = commands.iter().filter(|command| !is_run(&command.words(), &smoke.text));
    let finding = |command: &readme::Command| {
        let wrong = format!("CI does not run `{}`", command.text);
        let remedy = format!("run it in {}, or add its step to xtask/src/ci.rs", SMOKE);
        Finding::new(README, command.line, wrong, remedy)
    };
    not_run.map(finding).collect()
}

fn is_run(words: &[&str], smoke: &str) -> bool {
    match words {
        ["cargo", "run", rest @ ..] => {
            let arguments = rest.iter().skip_while(|word| **word != "--").nth(1);
            arguments.is_none_or(|sub_command| contains_word(smoke, sub_command))
        }
        ["cargo", verb, ..] => CARGO_VERBS.contains(verb),
        [program, rest @ ..] if is_binary(program) => {
            rest.first().is_none_or(|sub_command| contains_word(smoke, sub_command))
        }
        [script, ..] if script.trim_start_matches("./").starts_with("scripts/") => {
            let script = script.trim_start_matches("./");
            script == SMOKE || smoke.contains(script)
        }
        _ => true,
    }
}

fn is_binary(program: &str) -> bool {
    program == "allot" || program.ends_with("/allot")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_findings;

    const SMOKE_TEXT: &str = "\"$ALLOT_BIN\" demo --once\nscripts/start-router.sh\n";

    #[test]
    fn a_command_is_run_by_a_step_or_by_the_smoke_script() {
        for (command, expected) in [
            ("cargo test --workspace", true),
            ("cargo xtask ci", true),
            ("cargo publish", false),
            ("cargo run --release -- demo", true),
            ("cargo run --release -- serve", false),
            ("target/release/allot demo --shards 2", true),
            ("allot positions", false),
            ("./scripts/start-router.sh", true),
            ("scripts/stop.sh", false),
            ("scripts/smoke.sh", true),
            ("cd allot", true),
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            assert_eq!(is_run(&words, SMOKE_TEXT), expected, "{command}");
        }
    }

    #[test]
    fn a_command_that_ci_does_not_run_is_found() {
        let readme = (README, "# R\n```sh\ncargo test --workspace\nscripts/stop.sh\n```\n");
        let repository = Repository::of(&[readme, (SMOKE, SMOKE_TEXT)]);
        assert_findings(&check(&repository), &["README.md:4: CI does not run `scripts/stop.sh`"]);
        assert_findings(&check(&Repository::of(&[readme])), &[]);
    }
}
