//! A process of the binary under test, in a folder of its own.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use tempfile::TempDir;

/// What a pipe of Linux takes before its writer has to wait.
const PIPE_BYTES: usize = 65_536;

/// A folder in which processes run, without a configuration and without environment variables.
pub(crate) struct Place {
    folder: TempDir,
}

/// A process. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// `None` after the test stops reading it.
    stdout: Option<BufReader<PipeReader>>,
    stderr: PathBuf,
    /// `None` where there is nothing to read.
    stdin: Option<ChildStdin>,
    seen: Vec<String>,
}

/// How a process ended, and its output.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Where a server is found.
pub(crate) struct Endpoints {
    pub(crate) front: String,
    pub(crate) publish: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Starts a process.
    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        self.start_with(arguments, &[])
    }

    /// Starts a process with some environment variables.
    pub(crate) fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let stderr = self.path().join(format!("{}.stderr", arguments.join("-").replace('/', "_")));
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let (stdout, writer) = io::pipe().unwrap();
        command.stdout(writer).stderr(File::create(&stderr).unwrap());
        Process::start(command, stdout, stderr)
    }

    /// Starts a process that reads what the test types.
    pub(crate) fn start_typed(&self, arguments: &[&str]) -> Process {
        let stderr = self.path().join(format!("{}.stderr", arguments.join("-").replace('/', "_")));
        let mut command = self.command(arguments);
        let (stdout, writer) = io::pipe().unwrap();
        command.stdin(Stdio::piped()).stdout(writer).stderr(File::create(&stderr).unwrap());
        Process::start(command, stdout, stderr)
    }

    /// Starts a process whose stdout is full before it begins, and is not read.
    pub(crate) fn start_unread(&self, arguments: &[&str]) -> Process {
        let mut command = self.command(arguments);
        let stderr = self.path().join("unread.stderr");
        let (stdout, mut writer) = io::pipe().unwrap();
        writer.write_all(&[b' '; PIPE_BYTES]).unwrap();
        command.stdout(writer).stderr(File::create(&stderr).unwrap());
        Process::start(command, stdout, stderr)
    }

    /// Starts a process that can write no more than a block to a file.
    pub(crate) fn start_without_room(&self, arguments: &[&str]) -> Process {
        let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_allot")]).args(arguments);
        command.current_dir(self.path()).stdin(Stdio::null());
        command.env_clear().env("ALLOT_RUN_DIR", self.path());
        let stderr = self.path().join("without-room.stderr");
        let (stdout, writer) = io::pipe().unwrap();
        command.stdout(writer).stderr(File::create(&stderr).unwrap());
        Process::start(command, stdout, stderr)
    }

    /// Starts a process that may open so many files, and no more.
    pub(crate) fn start_limited(&self, files: u32, arguments: &[&str]) -> Process {
        let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_allot")]).args(arguments);
        command.current_dir(self.path()).stdin(Stdio::null());
        command.env_clear().env("ALLOT_RUN_DIR", self.path());
        let stderr = self.path().join("limited.stderr");
        let (stdout, writer) = io::pipe().unwrap();
        command.stdout(writer).stderr(File::create(&stderr).unwrap());
        Process::start(command, stdout, stderr)
    }

    /// Starts a process whose stderr is read with its stdout.
    pub(crate) fn start_merged(&self, arguments: &[&str]) -> Process {
        let mut command = self.command(arguments);
        let (stdout, writer) = io::pipe().unwrap();
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        Process::start(command, stdout, PathBuf::new())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allot"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env_clear().env("ALLOT_RUN_DIR", self.path());
        command
    }

    /// Makes `data` a ledger, at the first call.
    pub(crate) fn init(&self) {
        if !self.path().join("data/ledger").exists() {
            self.run(&["init", "data"]).ok();
        }
    }

    /// Runs a process to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).outcome()
    }

    /// Starts a server on free ports, with short cadences.
    pub(crate) fn serve(&self) -> (Process, Endpoints) {
        self.serve_with(&[])
    }

    /// The same, with more flags.
    pub(crate) fn serve_with(&self, more: &[&str]) -> (Process, Endpoints) {
        self.serve_reporting("100ms", more)
    }

    /// The same, with a report as often as this.
    pub(crate) fn serve_reporting(&self, every: &str, more: &[&str]) -> (Process, Endpoints) {
        let any = "tcp://127.0.0.1:*";
        let ends = ["--front", any, "--publish", any, "--report-every", every];
        let mut server = self.start(&[&["serve"], &ends[..], more].concat());
        let line = server.line_with("listening ");
        let find = |name: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
        };
        let endpoints = Endpoints { front: find("front="), publish: find("publish=") };
        (server, endpoints)
    }
}

impl Process {
    /// The command holds ends of the pipe open, so it is dropped before anything is read.
    fn start(mut command: Command, stdout: PipeReader, stderr: PathBuf) -> Self {
        let mut child = command.spawn().unwrap();
        drop(command);
        let (stdin, stdout) = (child.stdin.take(), Some(BufReader::new(stdout)));
        Self { child, stdout, stderr, stdin, seen: Vec::new() }
    }

    /// Waits for a line with this text on stdout.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        loop {
            let Some(line) = self.read_line() else {
                let seen = self.seen.join("");
                let errors = self.errors();
                panic!("the process ended without a line with {text:?}:\n{seen}\n{errors}");
            };
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the process reads what the test types");
        writeln!(stdin, "{line}").unwrap();
    }

    /// Nothing more is typed.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Kills it, and waits until it has gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks for a clean end, as Ctrl-C and service managers do.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn outcome(mut self) -> Outcome {
        while self.read_line().is_some() {}
        let status = self.child.wait().unwrap();
        Outcome { status, stdout: self.seen.concat(), stderr: self.errors() }
    }

    /// Stops reading stdout, as `head` does, and waits for the end.
    pub(crate) fn status_without_reader(mut self) -> ExitStatus {
        self.stdout = None;
        self.child.wait().unwrap()
    }

    /// Waits for the end without reading stdout, which may be full.
    pub(crate) fn status_unread(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Stops reading stdout, types these lines, and waits for the end.
    pub(crate) fn status_after(mut self, lines: &[&str]) -> ExitStatus {
        self.stdout = None;
        lines.iter().for_each(|line| self.type_line(line));
        self.child.wait().unwrap()
    }

    /// Waits for the end without reading stdout.
    pub(crate) fn outcome_unread(mut self) -> Outcome {
        let status = self.child.wait().unwrap();
        Outcome { status, stdout: String::new(), stderr: self.errors() }
    }

    /// The lines of its stdout that were read so far.
    pub(crate) fn seen(&self) -> &[String] {
        &self.seen
    }

    fn read_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.stdout.as_mut()?.read_line(&mut line).unwrap();
        self.seen.push(line.clone());
        (0 < length).then_some(line)
    }

    /// Its stderr so far.
    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// Its stdout; panics if it failed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self.stdout
    }

    /// Its stderr; panics if it did not fail.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        assert_eq!(self.status.code(), Some(1), "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }

    /// Its stderr; panics if the command line was not refused.
    #[track_caller]
    pub(crate) fn misuse(self) -> String {
        assert_eq!(self.status.code(), Some(2), "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }
}
