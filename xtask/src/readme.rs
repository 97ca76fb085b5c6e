//! The commands of the README: the lines of its `sh` fences.

use crate::markdown::{Place, lines};

/// One command of the README.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The line on which it begins, counted from 1.
    pub(crate) line: usize,
    /// As typed, continuation lines joined, comments left out.
    pub(crate) text: String,
}

impl Command {
    /// Its words, without the variables that are set before it (`NAME=value command ...`).
    pub(crate) fn words(&self) -> Vec<&str> {
        let is_assignment = |word: &&str| {
            word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            })
        };
        self.text.split_whitespace().skip_while(is_assignment).collect()
    }
}

/// The commands of all `sh` fences, in order.
pub(crate) fn commands(document: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut continues = false;
    for line in lines(document).iter().filter(|line| line.place == Place::Fence("sh")) {
        let typed = without_comment(line.text);
        let (typed, continues_below) = match typed.strip_suffix('\\') {
            Some(typed) => (typed.trim(), true),
            None => (typed, false),
        };
        match commands.last_mut().filter(|_| continues) {
            Some(command) => command.text = format!("{} {typed}", command.text),
            None if typed.is_empty() => {}
            None => commands.push(Command { line: line.number, text: typed.to_owned() }),
        }
        continues = continues_below;
    }
    commands
}

/// The command that tests the workspace; CI runs it as it is.
pub(crate) fn test_command(document: &str) -> Option<String> {
    let mut commands = commands(document).into_iter();
    commands.find(|command| command.words().starts_with(&["cargo", "test"])).map(|found| found.text)
}

fn without_comment(line: &str) -> &str {
    let line = line.trim();
    let comment = if line.starts_with('#') { Some(0) } else { line.find(" #") };
    line[..comment.unwrap_or(line.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "\
# Title
```sh
# build it
cargo build --release   # a minute
FAST=1 cargo test --workspace \\
    --release

```
```text
cargo test --nothing
```
";

    #[test]
    fn commands_come_from_sh_fences_alone() {
        let expected = [
            Command { line: 4, text: "cargo build --release".to_owned() },
            Command { line: 5, text: "FAST=1 cargo test --workspace --release".to_owned() },
        ];
        assert_eq!(commands(README), expected);
    }

    #[test]
    fn the_test_command_is_taken_as_typed() {
        let expected = "FAST=1 cargo test --workspace --release";
        assert_eq!(test_command(README).as_deref(), Some(expected));
        assert_eq!(test_command("no fence: cargo test"), None);
    }

    #[test]
    fn variables_before_a_command_are_not_its_words() {
        let command = Command { line: 1, text: "A=1 B_C=2 allot demo --x=3".to_owned() };
        assert_eq!(command.words(), ["allot", "demo", "--x=3"]);
    }
}
