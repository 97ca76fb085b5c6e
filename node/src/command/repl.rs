//! `allot` alone on a terminal: every command again and again, with completion and history.
//!
//! Each line is run as a process of its own, so that Ctrl-C ends the command and not the session.

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use clap::Command;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::config::Origin;
use crate::setting::Key;
use crate::settings::Settings;

const PROMPT: &str = "allot> ";

/// How many lines the history keeps.
const HISTORY_LINES: usize = 10_000;

/// What the session itself does; everything else is a command of `allot`.
const OWN: [&str; 4] = ["help", "set", "exit", "quit"];

const WELCOME: &str = "\
A command of allot on each line, or a message as JSON. Tab completes; help lists the commands;
set front=tcp://HOST:PORT is for all commands after it; Ctrl-D ends.";

/// Whether there is somebody to talk with.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Reads lines and runs them, until the end of input.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    // A command gets Ctrl-C too, and ends; this process goes on.
    flag::register(SIGINT, Arc::new(AtomicBool::new(false)))
        .context("cannot register a signal handler")?;
    let config = Config::builder()
        .max_history_size(HISTORY_LINES)?
        .history_ignore_dups(true)?
        .completion_type(rustyline::CompletionType::List)
        .build();
    let mut editor: Editor<Words, DefaultHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Words { command }));
    let history = history_file();
    if let Some(file) = &history {
        // There is none before the first session.
        let _ = editor.load_history(file);
    }
    println!("{WELCOME}");
    let mut settings = Vec::new();
    loop {
        match editor.readline(PROMPT) {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                editor.add_history_entry(line.trim())?;
                if let Some(file) = &history {
                    keep(&mut editor, file);
                }
                match Line::read(line.trim()) {
                    Ok(Line::End) => break,
                    Ok(Line::Set(key, value)) => settings.push((key, value)),
                    Ok(Line::Run(words)) => drop(start(&words, &settings, Stdio::inherit())?),
                    Err(wrong) => eprintln!("allot: {wrong}"),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps the lines so far at once: a terminal may be closed at any time.
fn keep(editor: &mut Editor<Words, DefaultHistory>, file: &Path) {
    if let Err(error) = editor.save_history(file) {
        tracing::warn!("cannot keep the history in {}: {error}", file.display());
    }
}

/// Runs the lines of standard input, where that is no terminal, one after the other: a script. None
/// where there is no line.
pub(crate) fn run_piped() -> Result<Option<ExitCode>> {
    if io::stdin().is_terminal() {
        return Ok(None);
    }
    let (mut settings, mut any, mut failed) = (Vec::new(), false, false);
    for (place, line) in (1..).zip(io::stdin().lines()) {
        let line = line.context("cannot read standard input")?;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        any = true;
        match Line::read(line) {
            Ok(Line::End) => break,
            Ok(Line::Set(key, value)) => settings.push((key, value)),
            // The next lines are for this process.
            Ok(Line::Run(words)) => failed |= !start(&words, &settings, Stdio::null())?,
            Err(wrong) => {
                eprintln!("allot: line {place}: {wrong}");
                failed = true;
            }
        }
    }
    let code = if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    Ok(any.then_some(code))
}

/// What a line asks for.
#[derive(PartialEq, Eq, Debug)]
enum Line {
    /// A command of `allot`.
    Run(Vec<String>),
    /// A value for the commands that follow.
    Set(Key, String),
    End,
}

impl Line {
    fn read(line: &str) -> Result<Self, String> {
        if line.starts_with('{') {
            return Ok(Self::Run(vec!["send".to_owned(), line.to_owned()]));
        }
        let mut words = shlex::split(line).ok_or_else(|| "a quote is not closed".to_owned())?;
        if words.first().is_some_and(|first| first == "allot") {
            words.remove(0);
        }
        match words.first().map(String::as_str) {
            Some("quit" | "exit") => Ok(Self::End),
            Some("set") => read_set(&words[1..].join(" ")),
            _ => Ok(Self::Run(words)),
        }
    }
}

fn read_set(words: &str) -> Result<Line, String> {
    let wrong = || "set takes NAME=VALUE, such as set front=tcp://10.0.0.1:9998".to_owned();
    let (name, value) = words.split_once('=').ok_or_else(wrong)?;
    let (name, value) = (name.trim(), value.trim());
    let key = Key::named(name).ok_or_else(|| match Key::nearest(name) {
        Some(near) => format!("there is no setting {name}; did you mean {}?", near.name()),
        None => format!("there is no setting {name}; allot help settings lists them"),
    })?;
    Settings::check(key, value, Origin::Prompt).map_err(|error| error.to_string())?;
    Ok(Line::Set(key, value.to_owned()))
}

/// Runs a command to its end; whether it succeeded. What it fails of it says itself.
fn start(words: &[String], settings: &[(Key, String)], stdin: Stdio) -> Result<bool> {
    let mut process = Process::new(env::current_exe()?);
    // The flags that this process was given are those of every command.
    process.args(words).args(env::args_os().skip(1));
    process.envs(settings.iter().map(|(key, value)| (key.variable(), value)));
    let status = process.stdin(stdin).status().context("cannot run the command")?;
    Ok(status.success())
}

/// Where the history is kept between sessions: in the user's folder of states.
fn history_file() -> Option<PathBuf> {
    let of_user = || env::home_dir().map(|home| home.join(".local/state"));
    let states = env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(of_user)?;
    let folder = states.join("allot");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("repl-history"))
}

/// Completes words by the command line's own description.
struct Words {
    command: Command,
}

impl Words {
    /// Where the last word begins, and what it could be.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let from = line.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let last = &line[from..];
        let mut command = &self.command;
        let mut is_first = true;
        for word in line[..from].split_whitespace() {
            if let Some(below) = command.find_subcommand(word) {
                command = below;
            }
            is_first = false;
        }
        let of_command = command.get_subcommands().map(|below| below.get_name().to_owned());
        let flags = command.get_arguments().filter_map(|argument| argument.get_long());
        let flags = flags.map(|long| format!("--{long}"));
        let own = OWN.iter().filter(|_| is_first).map(|&word| word.to_owned());
        let mut all: Vec<_> = match last.starts_with('-') {
            true => flags.collect(),
            false => of_command.chain(own).collect(),
        };
        all.retain(|candidate| candidate.starts_with(last));
        all.sort();
        all.dedup();
        // Nothing else can follow: the next word can.
        if let [only] = &mut all[..] {
            only.push(' ');
        }
        (from, all)
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(&line[..at]))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn words(words: &[&str]) -> Line {
        Line::Run(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn a_line_is_a_command_a_message_or_one_of_the_session() {
        let read = |line| Line::read(line);
        assert_eq!(read("bust desk 17"), Ok(words(&["bust", "desk", "17"])));
        assert_eq!(read("allot positions --now"), Ok(words(&["positions", "--now"])));
        assert_eq!(read("send 'a b'"), Ok(words(&["send", "a b"])));
        let message = r#"{"type":"report", "source":"a","seq":1}"#;
        assert_eq!(read(message), Ok(words(&["send", message])));
        assert_eq!(read("quit"), Ok(Line::End));
        let front = "tcp://10.0.0.1:9998".to_owned();
        assert_eq!(read("set front=tcp://10.0.0.1:9998"), Ok(Line::Set(Key::Front, front)));
        assert!(read("set frnt=x").unwrap_err().contains("did you mean front?"));
        assert!(read("set front").unwrap_err().contains("NAME=VALUE"));
        let wrong = read("set front=junk").unwrap_err();
        assert!(
            wrong.starts_with("invalid setting front = \"junk\", from this line; allowed: "),
            "{wrong}"
        );
        // What goes together is looked at when a command runs.
        assert_eq!(read("set ack=journal"), Ok(Line::Set(Key::Ack, "journal".to_owned())));
        assert_eq!(read("send 'a").unwrap_err(), "a quote is not closed");
    }

    #[test]
    fn words_are_completed_by_the_description_of_the_command_line() {
        let flag = Arg::new("front").long("front");
        let fills = Command::new("fills").arg(Arg::new("from").long("from")).arg(flag.clone());
        let feed = Command::new("feed").subcommand(Command::new("aum")).subcommand(fills);
        let command = Command::new("allot").subcommand(feed).subcommand(Command::new("fills"));
        let words = Words { command };
        let check = |line: &str, from: usize, expected: &[&str]| {
            let expected: Vec<String> = expected.iter().map(|&word| word.to_owned()).collect();
            let (at, candidates) = words.candidates(line);
            assert_eq!((at, candidates), (from, expected), "{line}");
        };
        check("f", 0, &["feed", "fills"]);
        check("", 0, &["exit", "feed", "fills", "help", "quit", "set"]);
        check("feed ", 5, &["aum", "fills"]);
        check("feed fills --fr", 11, &["--from", "--front"]);
        check("feed fi", 5, &["fills "]);
        check("feed x", 5, &[]);
    }
}
