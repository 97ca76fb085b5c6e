//! A process under measurement: started, awaited until it listens, and ended with this one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use allot_runtime::CurveKey;
use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::transport::Transport;

/// What our own programs print before their endpoints once they listen.
pub(crate) const LISTENING: &str = "listening ";

/// The file with the keys of a server, in its working folder.
const KEYS: &str = "keys";

/// A server or an echo, in a process of its own. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    /// Kept open: a process that writes to a closed pipe is killed.
    _stdout: BufReader<PipeReader>,
    /// Its working folder, with its sockets.
    folder: TempDir,
    _data: Option<TempDir>,
    /// The line that it printed once it listened.
    pub(crate) sign: String,
    /// Its `--stages` file, if it writes one.
    pub(crate) stages: Option<PathBuf>,
    /// Its endpoints, by name.
    pub(crate) endpoints: BTreeMap<String, String>,
}

/// The settings of a server that is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerSettings {
    /// The binary; without it, `allot` beside this one.
    pub(crate) allot: Option<PathBuf>,
    pub(crate) shards: Option<usize>,
    pub(crate) threads: Option<String>,
    pub(crate) wait: Option<String>,
    pub(crate) ack: Option<String>,
    /// Where its journal is kept, in a new folder that is removed afterwards.
    pub(crate) data: Option<PathBuf>,
    /// Whether it runs with `--stages`.
    pub(crate) stages: bool,
    /// Whether its front door is encrypted, with keys made for the run.
    pub(crate) curve: bool,
    /// Extra arguments.
    pub(crate) more: Vec<String>,
}

impl Process {
    /// Starts a server with an empty book.
    ///
    /// # Errors
    /// When there is no binary, or it does not start.
    pub(crate) fn allot(settings: &ServerSettings, transport: Transport) -> Result<Self> {
        let binary = settings.binary()?;
        let folder = TempDir::new()?;
        let data = settings.data.as_ref().map(|data| {
            fs::create_dir_all(data)?;
            TempDir::new_in(data)
        });
        let data = data.transpose().context("no folder for the data of the server")?;
        let mut command = Command::new(&binary);
        command.arg("serve");
        for (flag, name) in [("--front", "front"), ("--publish", "publish")] {
            command.args([flag, &transport.endpoint(folder.path(), name)]);
        }
        let stages = settings.stages.then(|| folder.path().join("stages.json"));
        command.args(stages.iter().flat_map(|file| ["--stages".as_ref(), file.as_os_str()]));
        command.args(settings.arguments(data.as_ref().map(TempDir::path)));
        let mut process = Self::start(command, folder, data, LISTENING)?;
        process.stages = stages;
        Ok(process)
    }

    /// Starts an echo: this program again.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn echo(verb: &str, transport: Transport) -> Result<Self> {
        Self::echo_with(verb, transport, &[])
    }

    /// The same, with more arguments.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn echo_with(verb: &str, transport: Transport, more: &[&str]) -> Result<Self> {
        let folder = TempDir::new()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args([verb, &transport.endpoint(folder.path(), "front")]).args(more);
        Self::start(command, folder, None, LISTENING)
    }

    /// Starts a program in `folder`, and waits until it prints a line that contains `sign`.
    ///
    /// # Errors
    /// When there is no such program, or it ends before that.
    pub(crate) fn start(
        mut command: Command,
        folder: TempDir,
        data: Option<TempDir>,
        sign: &str,
    ) -> Result<Self> {
        let (stdout, writer) = io::pipe()?;
        let errors = File::create(folder.path().join("stderr"))?;
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(writer).stderr(errors);
        command.env_clear().env("ALLOT_RUN_DIR", folder.path());
        let program = command.get_program().display().to_string();
        let child = command.spawn().with_context(|| format!("{program} cannot be started"))?;
        // It holds the writing end: as long as it exists, the pipe does not end.
        drop(command);
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let mut said_before = String::new();
        let listens = loop {
            std::mem::swap(&mut line, &mut said_before);
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                break false;
            }
            if line.contains(sign) {
                break true;
            }
        };
        let endpoints = endpoints(&line);
        let (_stdout, _data, sign) = (stdout, data, line);
        let process = Self { child, _stdout, folder, _data, sign, stages: None, endpoints };
        let said = said_before.trim();
        ensure!(listens, "{program} ended before it listened: {said} {}", process.last_words());
        Ok(process)
    }

    /// The endpoint of this name.
    ///
    /// # Errors
    /// When it did not print one.
    pub(crate) fn endpoint(&self, name: &str) -> Result<String> {
        let known = self.endpoints.get(name).cloned();
        known.with_context(|| format!("the server did not print its {name} endpoint"))
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The key of its front door, if that is encrypted.
    ///
    /// # Errors
    /// When what it printed is not a key.
    pub(crate) fn front_key(&self) -> Result<Option<CurveKey>> {
        Ok(self.endpoints.get("front-key").map(|key| key.parse()).transpose()?)
    }

    /// The end of its stderr.
    pub(crate) fn last_words(&self) -> String {
        let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; its folder is removed in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ServerSettings {
    /// The binary.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn binary(&self) -> Result<PathBuf> {
        if let Some(allot) = &self.allot {
            return Ok(std::path::absolute(allot)?);
        }
        let beside = std::env::current_exe()?.with_file_name("allot");
        if !beside.is_file() {
            let beside = beside.display();
            bail!("no server at {beside}; cargo build --release -p allot, or give --allot PATH");
        }
        Ok(beside)
    }

    fn arguments(&self, data: Option<&Path>) -> Vec<String> {
        let shards = self.shards.map(|shards| shards.to_string());
        let data = data.map(|data| data.display().to_string());
        let keys = self.curve.then(|| KEYS.to_owned());
        let given = [
            ("--front-secret", &keys),
            ("--shards", &shards),
            ("--threads", &self.threads),
            ("--wait", &self.wait),
            ("--data", &data),
            ("--ack", &self.ack),
        ];
        let given = given.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        let words = given.flat_map(|(flag, value)| [flag.to_owned(), value.clone()]);
        // Each run has a folder of its own.
        let new = self.data.is_some().then(|| "--new".to_owned());
        words.chain(new).chain(self.more.iter().cloned()).collect()
    }

    /// The transport that it is told to use.
    fn transport(&self) -> Option<String> {
        let told = self.more.iter().position(|word| word == "--transport")?;
        self.more.get(told + 1).cloned()
    }

    /// For the JSON of a run.
    pub(crate) fn described(&self) -> BTreeMap<String, String> {
        let words = self.arguments(self.data.as_deref());
        let binary = self.binary().ok();
        let version = binary.as_deref().and_then(version);
        let defaults = binary.as_deref().and_then(defaults).unwrap_or_default();
        let default = |name: &str, value: Option<String>| {
            let value = value.or_else(|| defaults.get(name).cloned());
            (name.to_owned(), value.unwrap_or_else(|| "default".to_owned()))
        };
        let ack = if self.data.is_some() { "journal" } else { "memory" };
        BTreeMap::from([
            ("command".to_owned(), format!("serve {}", words.join(" "))),
            ("server".to_owned(), version.unwrap_or_else(|| "unknown".to_owned())),
            default("shards", self.shards.map(|shards| shards.to_string())),
            default("threads", self.threads.clone()),
            default("wait", self.wait.clone()),
            default("transport", self.transport()),
            ("stages".to_owned(), if self.stages { "timed" } else { "not timed" }.to_owned()),
            ("curve".to_owned(), self.curve.to_string()),
            ("ack".to_owned(), self.ack.clone().unwrap_or_else(|| ack.to_owned())),
        ])
    }
}

/// What a server says of its version, with the commit if its build knew one.
fn version(binary: &Path) -> Option<String> {
    let output = Command::new(binary).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The settings of a server that is told nothing, as it says itself: `wait = adaptive (default)`.
fn defaults(binary: &Path) -> Option<BTreeMap<String, String>> {
    // As a server is started: without the environment, where there is no file of settings.
    let mut command = Command::new(binary);
    command.args(["config", "show"]).env_clear().current_dir("/").stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let settings = text.lines().filter_map(|line| line.split_once('='));
    let value = |rest: &str| rest.split_whitespace().next().map(str::to_owned);
    Some(settings.filter_map(|(name, rest)| Some((name.trim().to_owned(), value(rest)?))).collect())
}

/// The endpoints of `listening front=… publish=…`.
fn endpoints(line: &str) -> BTreeMap<String, String> {
    let words = line.split_whitespace().filter_map(|word| word.split_once('='));
    words.map(|(name, endpoint)| (name.to_owned(), endpoint.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_where_it_is() {
        let found = endpoints("listening front=tcp://127.0.0.1:1 publish=ipc:///a=b\n");
        assert_eq!(found["front"], "tcp://127.0.0.1:1");
        assert_eq!(found["publish"], "ipc:///a=b");
        assert!(endpoints("").is_empty());
    }

    #[test]
    fn a_binary_that_is_not_there_is_an_error_with_its_name() {
        let allot = Some(PathBuf::from("/nowhere/allot"));
        let settings = ServerSettings { allot, ..ServerSettings::default() };
        let error = Process::allot(&settings, Transport::Tcp).err().unwrap().to_string();
        assert!(error.contains("/nowhere/allot"), "{error}");
    }

    #[test]
    fn what_a_server_is_told_is_what_was_chosen() {
        let settings = ServerSettings {
            shards: Some(2),
            threads: Some("shared".to_owned()),
            ..ServerSettings::default()
        };
        assert_eq!(settings.arguments(None), ["--shards", "2", "--threads", "shared"]);
        assert_eq!(settings.described()["ack"], "memory");
        assert_eq!(settings.described()["threads"], "shared");
        // Nobody can be asked for what it would be.
        let allot = Some(PathBuf::from("/nowhere/allot"));
        assert_eq!(ServerSettings { allot, ..settings }.described()["wait"], "default");
    }
}
