//! Program: a program of a user that makes a value, once a period.
//!
//! ```text
//!   one line of JSON ─► sh -c COMMAND ─► one line: a number, or {"value": a number}
//! ```
//!
//! It runs in a process group of its own, which is killed at a deadline. What it writes to standard
//! error passes through. The agent never waits for it: it sleeps on its descriptors. A process that
//! does not end when it is killed is named, and no other is started until it has.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use allot_runtime::{Nanos, PollSet};
use allot_signals_rules::{Period, Value};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits::LINE_BYTES_MAX;

/// Why there are no data of a program that ran for too long.
const KILLED: &str = "the program still ran at its deadline and was killed; make it faster, or \
                      give it longer with --deadline";

/// How long a process may take to end after it was killed, before it is named.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// A command, and its run if there is one.
pub(crate) struct Program {
    command: String,
    run: Option<Run>,
    /// What was killed and has not ended. While it lives no other is started.
    left: Option<Left>,
    /// The run that waits for the end of that.
    due: Option<Due>,
}

/// A run that is to begin.
struct Due {
    period: Period,
    input: String,
    kill_at: Nanos,
}

/// A program that runs.
struct Run {
    period: Period,
    process: Process,
    stdout: Option<ChildStdout>,
    output: Vec<u8>,
    kill_at: Nanos,
}

/// A process that was killed and has not ended: it may be of another user, or wait for a disk.
struct Left {
    process: Process,
    name_at: Nanos,
    is_named: bool,
}

/// The first process of a run, in a group of its own.
struct Process {
    child: Child,
    /// Readable when the process has ended.
    ended: Option<OwnedFd>,
}

impl Program {
    pub(crate) const fn new(command: String) -> Self {
        Self { command, run: None, left: None, due: None }
    }

    /// Starts it for a period, with a line of input. One that still runs is killed.
    pub(crate) fn start(
        &mut self,
        now: Nanos,
        period: Period,
        input: String,
        kill_at: Nanos,
    ) -> Result<(), String> {
        if let Some(run) = self.run.take() {
            self.leave(now, run.process);
        }
        self.look_at_the_left(now);
        let due = Due { period, input, kill_at };
        match &self.left {
            Some(left) if left.is_named => Err(left.reason()),
            Some(_) => {
                self.due = Some(due);
                Ok(())
            }
            None => self.begin(now, due),
        }
    }

    /// Its answer, once it has ended or its deadline has passed.
    pub(crate) fn poll(&mut self, now: Nanos) -> Option<(Period, Result<Value, String>)> {
        self.look_at_the_left(now);
        if let Some(due) = self.due.take() {
            let period = due.period;
            match &self.left {
                Some(left) if left.is_named || due.kill_at <= now => {
                    return Some((period, Err(left.reason())));
                }
                Some(_) => self.due = Some(due),
                None => {
                    if let Err(reason) = self.begin(now, due) {
                        return Some((period, Err(reason)));
                    }
                }
            }
        }
        let made = self.run.as_mut()?.poll(now)?;
        let Run { period, process, .. } = self.run.take()?;
        self.leave(now, process);
        Some((period, made))
    }

    fn begin(&mut self, now: Nanos, due: Due) -> Result<(), String> {
        let Due { period, input, kill_at } = due;
        let about = |error: io::Error| format!("cannot run {}: {error}", self.command);
        let mut process = Process::spawn(&self.command).map_err(about)?;
        match process.connect(&input) {
            Ok(stdout) => {
                let (stdout, output) = (Some(stdout), Vec::new());
                self.run = Some(Run { period, process, stdout, output, kill_at });
                Ok(())
            }
            Err(error) => {
                let reason = about(error);
                self.leave(now, process);
                Err(reason)
            }
        }
    }

    /// Kills what is left of a run. The agent waits for nobody: what does not end is looked at
    /// later.
    fn leave(&mut self, now: Nanos, mut process: Process) {
        process.kill();
        if !process.has_ended() {
            self.left = Some(Left { process, name_at: now + KILL_GRACE, is_named: false });
        }
    }

    fn look_at_the_left(&mut self, now: Nanos) {
        let Some(left) = &mut self.left else { return };
        if left.process.has_ended() {
            self.left = None;
        } else if left.name_at <= now && !left.is_named {
            // By the agent, as the reason why there are no data.
            left.is_named = true;
        }
    }

    pub(crate) fn wake_at(&self) -> Nanos {
        let run = self.run.as_ref().map_or(Nanos::MAX, |run| run.kill_at);
        let due = self.due.as_ref().map_or(Nanos::MAX, |due| due.kill_at);
        let left = self.left.as_ref().filter(|left| !left.is_named);
        run.min(due).min(left.map_or(Nanos::MAX, |left| left.name_at))
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        let processes = self.run.iter().map(|run| &run.process);
        for process in processes.chain(self.left.iter().map(|left| &left.process)) {
            process.ended.iter().for_each(|ended| poll_set.file(ended.as_fd()));
        }
        if let Some(stdout) = self.run.as_ref().and_then(|run| run.stdout.as_ref()) {
            poll_set.file(stdout.as_fd());
        }
    }
}

impl Left {
    fn reason(&self) -> String {
        format!(
            "process {} of an earlier period was killed and has not ended, and no second one is \
             started beside it; end it by hand",
            self.process.child.id()
        )
    }
}

impl Process {
    fn spawn(command: &str) -> io::Result<Self> {
        let child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self { child, ended: None })
    }

    /// Gives it its line; returns what it writes to.
    fn connect(&mut self, input: &str) -> io::Result<ChildStdout> {
        self.ended = Some(pidfd_open(self.id()?, PidfdFlags::empty())?);
        let stdout = self.child.stdout.take().expect("it is piped");
        let mut stdin = self.child.stdin.take().expect("it is piped");
        rustix::io::ioctl_fionbio(&stdout, true)?;
        rustix::io::ioctl_fionbio(&stdin, true)?;
        // The line is far shorter than a pipe is wide, and a program need not read it.
        match stdin.write_all(format!("{input}\n").as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(stdout),
        }
    }

    fn id(&self) -> io::Result<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.ok_or_else(|| io::Error::other("the process has no id"))
    }

    /// Kills it, and what is left of its group. The process itself may have left the group.
    fn kill(&mut self) {
        // Either fails where nothing is left, and where the process is of another user.
        let _ = self.child.kill();
        let _ = self.id().map(|id| kill_process_group(id, Signal::KILL));
    }

    /// Whether it has ended. Where that cannot be known any more it counts as ended.
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let processes = self.run.iter_mut().map(|run| &mut run.process);
        for process in processes.chain(self.left.iter_mut().map(|left| &mut left.process)) {
            process.kill();
            // It has ended already, or it is left behind.
            let _ = process.has_ended();
        }
    }
}

impl Run {
    fn poll(&mut self, now: Nanos) -> Option<Result<Value, String>> {
        if let Err(reason) = self.read() {
            return Some(Err(reason));
        }
        match self.process.child.try_wait() {
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

/// The value that a line says.
pub(crate) fn read_answer(output: &[u8]) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer<'a> {
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let text = str::from_utf8(output).map_err(|_| "the program wrote no UTF-8".to_owned())?;
    // Some programs begin what they write with a mark of its encoding, as some editors do.
    let line = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
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
    // A number may stand in quotes, as in a message.
    let quoted = number.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Value::parse(quoted.unwrap_or(number)).map_err(|bad| about(bad.to_string()))
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
            ("\u{feff}0.5\r\n", Ok(0.5)),
            ("\"8\"", Ok(8.0)),
            ("\"\"8", Err("the program wrote \"\\\"\\\"8\": a value must be a decimal number")),
            ("8\"", Err("the program wrote \"8\\\"\": a value must be a decimal number")),
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
            ("one", Err("the program wrote \"one\": a value must be a decimal number")),
            (
                "NaN",
                Err("the program wrote \"NaN\": a value must be finite: no NaN, no infinity, \
                     nothing beyond 1.8e308"),
            ),
        ] {
            let expected = expected.map(|number| Value::new(number).unwrap());
            assert_eq!(read_answer(output.as_bytes()), expected.map_err(str::to_owned), "{output}");
        }
    }

    /// Polls until there is an answer; each wait ends with an event of the program.
    fn run(command: &str, kill_at: Nanos) -> Result<Value, String> {
        let mut program = Program::new(command.to_owned());
        program.start(Nanos::ZERO, Period::new(5), "{\"period\":5}".to_owned(), kill_at)?;
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
        start(&mut program, 5, 0, 10).unwrap();
        assert_eq!(program.poll(Nanos::from_unix(9)), None);
        let (_, made) = program.poll(Nanos::from_unix(10)).unwrap();
        assert_eq!(made, Err(KILLED.to_owned()));
        await_end(&mut program);
        assert_eq!(program.wake_at(), Nanos::MAX);
    }

    fn start(program: &mut Program, period: u64, now: u64, kill_at: u64) -> Result<(), String> {
        let (now, kill_at) = (Nanos::from_unix(now), Nanos::from_unix(kill_at));
        program.start(now, Period::new(period), String::new(), kill_at)
    }

    /// Waits until what was killed has ended.
    fn await_end(program: &mut Program) {
        while let Some(left) = &mut program.left {
            left.process.child.wait().unwrap();
            program.look_at_the_left(Nanos::ZERO);
        }
    }

    #[test]
    fn a_program_that_leaves_its_group_is_killed_too() {
        let moves = "exec python3 -c 'import os, time; \
                     os.setpgid(0, os.getpgid(os.getppid())); print(1, flush=True); \
                     time.sleep(1000)'";
        let mut program = Program::new(moves.to_owned());
        start(&mut program, 5, 0, 10).unwrap();
        while program.run.as_ref().unwrap().output.is_empty() {
            let mut poll_set = PollSet::without_waker();
            program.wait_on(&mut poll_set);
            poll_set.sleep(None);
            assert_eq!(program.poll(Nanos::ZERO), None);
        }
        let (_, made) = program.poll(Nanos::from_unix(10)).unwrap();
        assert_eq!(made, Err(KILLED.to_owned()));
        await_end(&mut program);
    }

    #[test]
    fn while_a_process_does_not_end_no_other_is_started() {
        let mut program = Program::new("echo 7".to_owned());
        // It lives as if the signal had not reached it, until its standard input is closed.
        let mut process = Process::spawn("read line").unwrap();
        let stdin = process.child.stdin.take().unwrap();
        let (id, second) = (process.child.id(), 1_000_000_000);
        let name_at = Nanos::from_unix(second);
        program.left = Some(Left { process, name_at, is_named: false });
        let reason = format!(
            "process {id} of an earlier period was killed and has not ended, and no second one is \
             started beside it; end it by hand"
        );
        start(&mut program, 5, 0, 2 * second).unwrap();
        assert_eq!(program.poll(Nanos::from_unix(second - 1)), None, "it may end yet");
        assert_eq!(program.wake_at(), name_at);
        let named = program.poll(name_at).unwrap();
        assert_eq!(named, (Period::new(5), Err(reason.clone())));
        assert_eq!(program.wake_at(), Nanos::MAX, "its end wakes the agent");
        assert_eq!(start(&mut program, 6, 3 * second, 4 * second), Err(reason));
        drop(stdin);
        await_end(&mut program);
        start(&mut program, 7, 5 * second, 6 * second).unwrap();
        assert!(program.run.is_some());
    }

    #[test]
    fn a_run_begins_when_the_one_before_has_ended() {
        let mut program = Program::new("echo 7".to_owned());
        let mut process = Process::spawn("read line").unwrap();
        drop(process.child.stdin.take());
        process.ended = Some(pidfd_open(process.id().unwrap(), PidfdFlags::empty()).unwrap());
        program.left = Some(Left { process, name_at: Nanos::MAX, is_named: false });
        program.due =
            Some(Due { period: Period::new(5), input: String::new(), kill_at: Nanos::MAX });
        let made = loop {
            if let Some(made) = program.poll(Nanos::ZERO) {
                break made;
            }
            let mut poll_set = PollSet::without_waker();
            program.wait_on(&mut poll_set);
            poll_set.sleep(None);
        };
        assert_eq!(made, (Period::new(5), Ok(Value::new(7.0).unwrap())));
    }
}
