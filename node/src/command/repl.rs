//! `allot` alone on a terminal: every command again and again, with completion and history.
//!
//! Each line is run as a process of its own, so that Ctrl-C ends the command and not the session.

use std::env;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use clap::Command;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
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

/// The longest line that is read: twice the longest message.
const LINE_LEN_MAX: usize = 2 << 20;

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
    editor.set_helper(Some(Words::new(command)));
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
                    Ok(Line::Help) => println!("{WELCOME}"),
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
    let mut input = io::stdin().lock();
    for place in 1_u64.. {
        let Some(line) = next_line(&mut input).context("cannot read standard input")? else {
            break;
        };
        let line = match &line {
            Ok(line) => line.trim(),
            Err(wrong) => {
                eprintln!("allot: line {place}: {wrong}");
                (any, failed) = (true, true);
                continue;
            }
        };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        any = true;
        match Line::read(line) {
            Ok(Line::End) => break,
            Ok(Line::Set(key, value)) => settings.push((key, value)),
            // The next lines are for this process.
            Ok(Line::Run(words)) => {
                if !start(&words, &settings, Stdio::null())? {
                    eprintln!("allot: line {place} failed");
                    failed = true;
                }
            }
            Ok(Line::Help) => println!("{WELCOME}"),
            Err(wrong) => {
                eprintln!("allot: line {place}: {wrong}");
                failed = true;
            }
        }
    }
    let code = if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    Ok(any.then_some(code))
}

/// The next line, or what is wrong with it; none at the end.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Result<String, String>>> {
    let mut line = Vec::new();
    let most = u64::try_from(LINE_LEN_MAX).unwrap_or(u64::MAX);
    if input.by_ref().take(most + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if LINE_LEN_MAX < line.len() && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Err(format!("it has more than {LINE_LEN_MAX} bytes"))));
    }
    Ok(Some(String::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())))
}

/// What a line asks for.
#[derive(PartialEq, Eq, Debug)]
enum Line {
    /// A command of `allot`.
    Run(Vec<String>),
    /// A value for the commands that follow.
    Set(Key, String),
    /// What the session itself does.
    Help,
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
            Some("help") if words.get(1).is_some_and(|word| OWN.contains(&word.as_str())) => {
                Ok(Self::Help)
            }
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

/// Completes words by the command line's own description, and names of files where it has none.
struct Words {
    command: Command,
    files: FilenameCompleter,
}

impl Words {
    fn new(command: Command) -> Self {
        Self { command, files: FilenameCompleter::new() }
    }

    /// Where the last word begins, and what it could be; nothing where it may be a file.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let from = line.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let before: Vec<&str> = line[..from].split_whitespace().collect();
        let (from, mut all) = match (&before[..], line[from..].split_once('=')) {
            ([.., flag], None) if self.values(&before, flag).is_some() => {
                (from, self.values(&before, flag).unwrap_or_default())
            }
            (_, Some((flag, _))) if flag.starts_with('-') => {
                (from + flag.len() + 1, self.values(&before, flag).unwrap_or_default())
            }
            (["set"], None) => {
                (from, Key::ALL.iter().map(|key| format!("{}=", key.name())).collect())
            }
            (["help"], None) => {
                let topics = ["settings".to_owned()];
                (from, Self::below(&self.command).into_iter().chain(topics).collect())
            }
            _ => (from, self.next_words(&before, &line[from..])),
        };
        let last = &line[from..];
        all.retain(|candidate| candidate.starts_with(last));
        all.sort();
        all.dedup();
        // Nothing else can follow: the next word can.
        if let [only] = &mut all[..]
            && !only.ends_with('=')
        {
            only.push(' ');
        }
        (from, all)
    }

    /// The command that these words have led to.
    fn reached(&self, before: &[&str]) -> &Command {
        let mut command = &self.command;
        for word in before {
            command = command.find_subcommand(word).unwrap_or(command);
        }
        command
    }

    fn below(command: &Command) -> Vec<String> {
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect()
    }

    fn next_words(&self, before: &[&str], last: &str) -> Vec<String> {
        let command = self.reached(before);
        if last.starts_with('-') {
            let flags = command.get_arguments().filter_map(|argument| argument.get_long());
            return flags.map(|long| format!("--{long}")).collect();
        }
        let own = OWN.iter().filter(|_| before.is_empty()).map(|&word| word.to_owned());
        Self::below(command).into_iter().chain(own).collect()
    }

    /// The values of a flag that has a list of them, or none of a list where it takes another; none
    /// where it is no flag with a value.
    fn values(&self, before: &[&str], flag: &str) -> Option<Vec<String>> {
        let long = flag.strip_prefix("--")?;
        let mut flags = self.reached(before).get_arguments();
        let flag = flags.find(|argument| argument.get_long() == Some(long))?;
        let values = flag.get_possible_values();
        let shown = values.iter().filter(|value| !value.is_hide_set());
        let names = shown.map(|value| value.get_name().to_owned()).collect();
        flag.get_action().takes_values().then_some(names)
    }
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (from, words) = self.candidates(&line[..at]);
        if words.is_empty() && line[..at].contains(char::is_whitespace) {
            return self.files.complete(line, at, context);
        }
        let pair = |word: String| Pair { display: word.clone(), replacement: word };
        Ok((from, words.into_iter().map(pair).collect()))
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
    use clap::{Arg, ArgAction};

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
        assert_eq!(read("help set"), Ok(Line::Help));
        assert_eq!(read("help serve"), Ok(words(&["help", "serve"])));
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
        let format = Arg::new("format").long("format").value_parser(["csv", "json", "jsonl"]);
        let fills = Command::new("fills").arg(Arg::new("from").long("from")).arg(flag.clone());
        let fills = fills.arg(format).arg(Arg::new("now").long("now").action(ArgAction::SetTrue));
        let feed = Command::new("feed").subcommand(Command::new("aum")).subcommand(fills);
        let command = Command::new("allot").subcommand(feed).subcommand(Command::new("fills"));
        let words = Words::new(command);
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
        check("feed fills --format js", 20, &["json", "jsonl"]);
        check("feed fills --format=c", 20, &["csv "]);
        check("feed fills --now ", 17, &[]);
        check("feed fills --from data/", 18, &[]);
        check("help fe", 5, &["feed "]);
        check("set fro", 4, &["front-key=", "front-secret=", "front="]);
        check("set ack", 4, &["ack="]);
    }

    #[test]
    fn files_are_completed_where_no_word_is_known() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fills.csv"), "").unwrap();
        let words = Words::new(Command::new("allot").subcommand(Command::new("send")));
        let line = format!("send --file {}/fil", folder.path().display());
        let history = DefaultHistory::new();
        let (from, found) = words.complete(&line, line.len(), &Context::new(&history)).unwrap();
        let whole = format!("{}{}", &line[..from], found[0].replacement);
        assert_eq!(whole, format!("send --file {}/fills.csv", folder.path().display()));
        assert_eq!(words.complete("fil", 3, &Context::new(&history)).unwrap().1.len(), 0);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_and_passed_over() {
        let long = vec![b'x'; LINE_LEN_MAX + 2];
        let text = [b"one\n\xff\n", &long[..], b"\nlast"].concat();
        let mut text = &text[..];
        let mut next = || next_line(&mut text).unwrap();
        assert_eq!(next(), Some(Ok("one\n".to_owned())));
        assert_eq!(next(), Some(Err("it is not UTF-8".to_owned())));
        assert_eq!(next(), Some(Err("it has more than 2097152 bytes".to_owned())));
        assert_eq!(next(), Some(Ok("last".to_owned())));
        assert_eq!(next(), None);
    }
}
