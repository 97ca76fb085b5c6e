//! A terminal of tmux, in which a shell runs what is tested.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::client::PATIENCE_MS;
use crate::process::Place;

const WIDTH: &str = "130";
const HEIGHT: &str = "40";

/// The terminal. It ends when it is dropped.
pub(crate) struct Terminal {
    socket: PathBuf,
    /// What is written to the terminal: something comes whenever the screen may have changed.
    output: File,
}

impl Terminal {
    /// Runs `allot` with these arguments; none where there is no tmux.
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            eprintln!("skipped: there is no tmux; it is in Debian's package tmux");
            return None;
        }
        let folder = tempfile::TempDir::new_in(place.path()).unwrap().keep();
        let fifo = folder.join("output");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let socket = folder.join("tmux");
        let shell = ["new-session", "-d", "-x", WIDTH, "-y", HEIGHT, "sh"];
        let mut begin = Command::new("tmux");
        begin.args(["-f", "/dev/null", "-S"]).arg(&socket).args(shell);
        begin.current_dir(place.path()).env("ALLOT_RUN_DIR", place.path()).env("PS1", "$ ");
        begin.env("XDG_STATE_HOME", place.path());
        begin.env_remove("TMUX");
        let begun = begin.output().unwrap();
        assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
        let pipe = format!("exec cat > '{}'", fifo.display());
        tmux(&socket, &["pipe-pane", "-O", &pipe]);
        let terminal = Self { socket, output: File::open(&fifo).unwrap() };
        let words = [&[env!("CARGO_BIN_EXE_allot")], arguments].concat().join(" ");
        terminal.press(&[&format!("{words}; echo ended=$?"), "Enter"]);
        Some(terminal)
    }

    /// Presses keys: names of keys, or text.
    pub(crate) fn press(&self, keys: &[&str]) {
        for key in keys {
            tmux(&self.socket, &["send-keys", key]);
        }
    }

    /// Looks at the screen, after each change of it, until it shows what is waited for.
    #[track_caller]
    pub(crate) fn wait(&self, is_there: impl Fn(&str) -> bool) -> String {
        loop {
            let screen = tmux(&self.socket, &["capture-pane", "-p"]);
            if is_there(&screen) {
                return screen;
            }
            self.wait_for_output(&screen);
        }
    }

    #[track_caller]
    fn wait_for_output(&self, screen: &str) {
        let mut ready = [PollFd::new(&self.output, PollFlags::IN)];
        let count = poll(&mut ready, Some(&patience())).unwrap();
        assert!(0 < count, "the screen changes no more:\n{screen}");
        let mut bytes = [0; 65_536];
        assert!(0 < (&self.output).read(&mut bytes).unwrap(), "the terminal has gone:\n{screen}");
    }

    pub(crate) fn resize(&self, width: u16, height: u16) {
        let [width, height] = [width, height].map(|cells| cells.to_string());
        tmux(&self.socket, &["resize-window", "-x", &width, "-y", &height]);
    }

    /// Sends a signal to what the shell runs.
    pub(crate) fn signal_command(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.command()]).status().unwrap();
        assert!(status.success());
    }

    /// The number of the process that the shell runs.
    fn command(&self) -> String {
        let shell = tmux(&self.socket, &["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        children.trim().to_owned()
    }

    /// Closes the terminal; what the shell runs has to end with it.
    #[track_caller]
    pub(crate) fn close(self) {
        let command = Pid::from_raw(self.command().parse().unwrap()).unwrap();
        let process = pidfd_open(command, PidfdFlags::empty()).unwrap();
        drop(self);
        let mut ended = [PollFd::new(&process, PollFlags::IN)];
        assert_eq!(poll(&mut ended, Some(&patience())).unwrap(), 1, "it outlives its terminal");
    }

    /// The shell has its own screen and its own modes again, and what it ran ended so.
    #[track_caller]
    pub(crate) fn check_restored(&self, ended: &str) {
        self.wait(|screen| screen.lines().any(|line| line.trim() == ended));
        let modes = "#{alternate_on} #{cursor_flag}";
        assert_eq!(tmux(&self.socket, &["display-message", "-p", modes]).trim(), "0 1");
        let words = "stty -a | tr ';' ' ' | tr -s ' \\n' '\\n'";
        let ours = "grep -x -e icanon -e echo -e isig; echo mode''s";
        self.press(&[&format!("clear; {words} | {ours}"), "Enter"]);
        let screen = self.wait(|screen| screen.lines().any(|line| line.trim() == "modes"));
        for mode in ["icanon", "echo", "isig"] {
            assert!(screen.lines().any(|line| line.trim() == mode), "{mode}\n{screen}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = command(&self.socket, &["kill-server"]);
    }
}

fn patience() -> Timespec {
    Timespec { tv_sec: i64::from(PATIENCE_MS) / 1_000, tv_nsec: 0 }
}

#[track_caller]
fn tmux(socket: &PathBuf, arguments: &[&str]) -> String {
    let output = command(socket, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn command(socket: &PathBuf, arguments: &[&str]) -> Output {
    Command::new("tmux").arg("-S").arg(socket).args(arguments).output().unwrap()
}
