//! Program: a program of a user that makes a value, once a period.
//!
//! ```text
//!   one line of JSON ─► sh -c COMMAND ─► one line: a number, or {"value": a number}
//! ```
//!
//! It runs in a process group of its own, which is killed at a deadline. What it writes to standard
//! error passes through. The agent never waits for it: it sleeps on its descriptors.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use allot_runtime::{Nanos, PollSet};
use allot_signals_rules::{Period, Value};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits::LINE_BYTES_MAX;
use crate::request::read_value;

/// Why there are no data of a program that ran for too long.
const KILLED: &str = "the program still ran at its deadline and was killed; make it faster, or \
                      give it longer with --deadline";

/// A command, and its run if there is one.
pub(crate) struct Program {
    command: String,
    run: Option<Run>,
}

/// A program that runs.
struct Run {
    period: Period,
    child: Child,
    /// Readable when the process has ended.
    ended: OwnedFd,
    stdout: Option<ChildStdout>,
    output: Vec<u8>,
    kill_at: Nanos,
}

impl Program {
    pub(crate) const fn new(command: String) -> Self {
        Self { command, run: None }
    }

    /// Starts it for a period, with a line of input. One that still runs is killed.
    pub(crate) fn start(
        &mut self,
        period: Period,
        input: &str,
        kill_at: Nanos,
    ) -> Result<(), String> {
        self.run = None;
        let run = Run::start(&self.command, period, input, kill_at);
        self.run = Some(run.map_err(|error| format!("cannot run {}: {error}", self.command))?);
        Ok(())
    }

    /// Its answer, once it has ended or its deadline has passed.
    pub(crate) fn poll(&mut self, now: Nanos) -> Option<(Period, Result<Value, String>)> {
        let run = self.run.as_mut()?;
        let made = run.poll(now)?;
        let period = run.period;
        self.run = None;
        Some((period, made))
    }

    pub(crate) fn wake_at(&self) -> Nanos {
        self.run.as_ref().map_or(Nanos::MAX, |run| run.kill_at)
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if let Some(run) = &self.run {
            poll_set.file(run.ended.as_fd());
            if let Some(stdout) = &run.stdout {
                poll_set.file(stdout.as_fd());
            }
        }
    }
}

impl Run {
    fn start(command: &str, period: Period, input: &str, kill_at: Nanos) -> io::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let ended = pid_of(&child).and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        let stdout = child.stdout.take().expect("it is piped");
        let stdin = child.stdin.take().expect("it is piped");
        let mut run = match ended {
            Ok(ended) => {
                Self { period, child, ended, stdout: Some(stdout), output: Vec::new(), kill_at }
            }
            Err(error) => {
                end(&mut child);
                return Err(error);
            }
        };
        rustix::io::ioctl_fionbio(run.stdout.as_ref().expect("it is there"), true)?;
        rustix::io::ioctl_fionbio(&stdin, true)?;
        run.feed(stdin, input)?;
        Ok(run)
    }

    /// Writes the line. It is far shorter than a pipe is wide, and a program need not read it.
    fn feed(&mut self, mut stdin: impl Write, input: &str) -> io::Result<()> {
        match stdin.write_all(format!("{input}\n").as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn poll(&mut self, now: Nanos) -> Option<Result<Value, String>> {
        if let Err(reason) = self.read() {
            return Some(Err(reason));
        }
        match self.child.try_wait() {
            Err(error) => Some(Err(format!("cannot wait for the program: {error}"))),
            Ok(Some(status)) if status.success() => {
                // What it wrote before it ended is in the pipe.
                Some(self.read().and_then(|()| read_answer(&self.output)))
            }
            Ok(Some(status)) => Some(Err(format!("the program failed: {status}"))),
            Ok(None) if self.kill_at <= now => Some(Err(KILLED.to_owned())),
            Ok(None) => None,
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let mut bytes = [0; LINE_BYTES_MAX];
        while let Some(stdout) = &mut self.stdout {
            match stdout.read(&mut bytes) {
                Ok(0) => self.stdout = None,
                Ok(count) => self.output.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("cannot read from the program: {error}")),
            }
            if LINE_BYTES_MAX < self.output.len() {
                return Err(format!("the program wrote more than {LINE_BYTES_MAX} bytes"));
            }
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn pid_of(child: &Child) -> io::Result<Pid> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    id.ok_or_else(|| io::Error::other("the process has no id"))
}

/// Kills what is left of the process group, and waits for its first process, which is dead.
fn end(child: &mut Child) {
    if let Ok(pid) = pid_of(child) {
        // It fails where nothing is left of the group.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.wait();
}

/// The value that a line says.
pub(crate) fn read_answer(output: &[u8]) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer<'a> {
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let text = str::from_utf8(output).map_err(|_| "the program wrote no UTF-8".to_owned())?;
    let line = text.trim();
    if line.is_empty() {
        return Err("the program wrote nothing".to_owned());
    }
    if line.contains('\n') {
        return Err("the program wrote more than one line".to_owned());
    }
    let about = |what: String| {
        let line = allot_domain::Reject::quote(line);
        format!("the program wrote {line}: {what}")
    };
    let number = if line.starts_with('{') {
        let answer: Result<Answer<'_>, _> = serde_json::from_str(line);
        answer.map_err(|error| about(not_an_answer(line, &error)))?.value.get()
    } else {
        line
    };
    read_value(number.trim_matches('"')).map_err(|reject| about(reject.to_string()))
}

/// What is wrong with an object that is no answer.
fn not_an_answer(line: &str, error: &serde_json::Error) -> String {
    // What Python's json.dumps and its like write, which no JSON has.
    let is_not_finite = ["NaN", "Infinity"].iter().any(|word| line.contains(word));
    if error.is_syntax() && is_not_finite {
        return "NaN and Infinity are no numbers of JSON, and no values".to_owned();
    }
    format!("it must be {{\"value\": number}}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_number() {
        for (output, expected) in [
            ("0.5\n", Ok(0.5)),
            ("{\"value\": -1e3}\n", Ok(-1000.0)),
            ("{\"value\":\"2\"}", Ok(2.0)),
            (
                "{\"value\": NaN}",
                Err("the program wrote \"{\\\"value\\\": NaN}\": NaN and Infinity are \
                     no numbers of JSON, and no values"),
            ),
            (
                "{\"value\":1,\"x\":2}",
                Err("the program wrote \"{\\\"value\\\":1,\\\"x\\\":2}\": it must be \
                     {\"value\": number}: unknown field `x`, expected `value` at line 1 column 14"),
            ),
            ("", Err("the program wrote nothing")),
            ("1\n2\n", Err("the program wrote more than one line")),
            (
                "one",
                Err("the program wrote \"one\": a value must be a decimal number; it was \"one\""),
            ),
            (
                "NaN",
                Err("the program wrote \"NaN\": a value must be finite: no NaN, no infinity, \
                     nothing beyond 1.8e308; it was \"NaN\""),
            ),
        ] {
            let expected = expected.map(|number| Value::new(number).unwrap());
            assert_eq!(read_answer(output.as_bytes()), expected.map_err(str::to_owned), "{output}");
        }
    }

    /// Polls until there is an answer; each wait ends with an event of the program.
    fn run(command: &str, kill_at: Nanos) -> Result<Value, String> {
        let mut program = Program::new(command.to_owned());
        program.start(Period::new(5), "{\"period\":5}", kill_at)?;
        loop {
            if let Some((period, made)) = program.poll(Nanos::ZERO) {
                assert_eq!(period, Period::new(5));
                return made;
            }
            let mut poll_set = PollSet::without_waker();
            program.wait_on(&mut poll_set);
            poll_set.sleep(None);
        }
    }

    #[test]
    fn a_program_gets_a_line_and_gives_one() {
        let doubled = "read line; echo \"$line\" | tr -dc 0-9; echo .5";
        assert_eq!(run(doubled, Nanos::MAX), Ok(Value::new(5.5).unwrap()));
        assert_eq!(run("echo 7", Nanos::MAX), Ok(Value::new(7.0).unwrap()), "input is not read");
        let failed = run("echo 1; exit 3", Nanos::MAX);
        assert_eq!(failed, Err("the program failed: exit status: 3".to_owned()));
        let flood = run("yes", Nanos::MAX);
        assert_eq!(flood, Err("the program wrote more than 4096 bytes".to_owned()));
    }

    #[test]
    fn at_the_deadline_the_whole_group_is_killed() {
        let mut program = Program::new("sleep 1000 & sleep 1000".to_owned());
        program.start(Period::new(5), "", Nanos::from_unix(10)).unwrap();
        assert_eq!(program.poll(Nanos::from_unix(9)), None);
        let (_, made) = program.poll(Nanos::from_unix(10)).unwrap();
        assert_eq!(made, Err(KILLED.to_owned()));
        assert_eq!(program.wake_at(), Nanos::MAX);
    }
}
