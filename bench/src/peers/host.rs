//! A host: a peer as child processes on this machine, with fresh data; dropping it ends them.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

use crate::load::Load;
use crate::peers::dialect::Dialect;
use crate::peers::jet_stream::JetStream;
use crate::peers::nats::NatsRequest;
use crate::peers::peer::Peer;
use crate::peers::program::Program;
use crate::peers::python::{CONTROLLER, Python};
use crate::peers::redis::Redis;
use crate::process::{LISTENING, Process};

/// Servers listen on this machine alone.
const LOOPBACK: &str = "127.0.0.1";

/// What a NATS server prints once it listens; the address follows.
const NATS_LISTENS: &str = "Listening for client connections on ";

/// A setting of Redis, `name value`, that is checked over the connection too.
type Setting = (&'static str, &'static str);
const NOTHING_APPENDED: Setting = ("appendonly", "no");
const ALWAYS_SYNCED: Setting = ("appendfsync", "always");

/// The programs of the peers, or why one is missing.
pub(crate) struct Programs {
    redis: Result<Program, String>,
    nats: Result<Program, String>,
    /// Whether this NATS server can sync every message.
    nats_syncs: bool,
    python: Result<Program, String>,
}

/// A peer that runs.
pub(crate) struct Host {
    pub(crate) address: String,
    /// In the order in which they end: dependants first.
    _processes: Vec<Process>,
}

impl Programs {
    /// Finds what is installed.
    ///
    /// # Errors
    /// When there is no folder in which a configuration can be tried.
    pub(crate) fn look() -> Result<Self> {
        let nats = Program::nats();
        let nats_syncs = match &nats {
            Ok(nats) => {
                let folder = TempDir::new()?;
                let path = folder.path().join("nats.conf");
                fs::write(&path, nats_configuration(Some(folder.path()), true))?;
                nats.takes(&["-t", "-c"], &path)
            }
            Err(_) => false,
        };
        let (redis, python) = (Program::redis(), Program::python());
        Ok(Self { redis, nats, nats_syncs, python })
    }

    /// Why a peer cannot take part, if it cannot.
    pub(crate) fn lack(&self, peer: Peer) -> Option<String> {
        let program = match peer {
            Peer::Echo | Peer::AllotMemory | Peer::AllotJournal => return None,
            Peer::Redis | Peer::RedisSynced => &self.redis,
            Peer::Nats | Peer::JetStream | Peer::JetStreamSynced => &self.nats,
            Peer::Python => &self.python,
        };
        match program {
            Err(missing) => Some(missing.clone()),
            Ok(nats) if peer == Peer::JetStreamSynced && !self.nats_syncs => {
                Some(format!("{} does not know `sync_interval: always`", nats.version))
            }
            Ok(_) => None,
        }
    }

    /// Their versions, for the environment of a run.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        let named = [("redis", &self.redis), ("nats-server", &self.nats), ("python", &self.python)];
        let version = |program: &Result<Program, String>| match program {
            Ok(program) => program.version.clone(),
            Err(missing) => missing.clone(),
        };
        named.map(|(name, program)| (name.to_owned(), version(program))).into()
    }
}

impl Host {
    /// Starts a peer that is neither Allot nor an echo, with its data in a new folder in `data`.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub(crate) fn start(peer: Peer, programs: &Programs, data: &Path) -> Result<Self> {
        fs::create_dir_all(data)?;
        let kept = TempDir::new_in(data).context("no folder for the data of a peer")?;
        match peer {
            Peer::Redis => redis(known(&programs.redis)?, NOTHING_APPENDED, kept),
            Peer::RedisSynced => redis(known(&programs.redis)?, ALWAYS_SYNCED, kept),
            Peer::Nats => nats_and_responder(known(&programs.nats)?),
            Peer::JetStream => jet_stream(known(&programs.nats)?, false, kept),
            Peer::JetStreamSynced => jet_stream(known(&programs.nats)?, true, kept),
            Peer::Python => python(known(&programs.python)?),
            Peer::Echo | Peer::AllotMemory | Peer::AllotJournal => {
                bail!("{} is no peer of others", peer.name())
            }
        }
    }
}

/// The dialect of a peer.
///
/// # Errors
/// For Allot and the echo, which have a load of their own.
pub(crate) fn dialect(peer: Peer, load: &Load) -> Result<Box<dyn Dialect>> {
    Ok(match peer {
        Peer::Redis => Box::new(Redis::new(load.batch, NOTHING_APPENDED)),
        Peer::RedisSynced => Box::new(Redis::new(load.batch, ALWAYS_SYNCED)),
        Peer::Nats => Box::new(NatsRequest),
        Peer::JetStream | Peer::JetStreamSynced => Box::new(JetStream::new(load.batch)),
        Peer::Python => Box::new(Python::new(load.fills.clone(), load.batch, load.accounts)),
        Peer::Echo | Peer::AllotMemory | Peer::AllotJournal => {
            bail!("{} is spoken to over ZeroMQ", peer.name())
        }
    })
}

fn known(program: &Result<Program, String>) -> Result<&Program> {
    program.as_ref().map_err(|missing| anyhow!(missing.clone()))
}

fn redis(program: &Program, (name, value): Setting, kept: TempDir) -> Result<Host> {
    // Redis cannot choose a free port; if another process takes it meanwhile, Redis reports it.
    let port = TcpListener::bind((LOOPBACK, 0))?.local_addr()?.port();
    let mut command = Command::new(&program.path);
    command.args(["--bind", LOOPBACK, "--port", &port.to_string(), "--save", ""]);
    command.arg("--dir").arg(kept.path());
    // No rewrite of the log while times are taken.
    command.args(["--auto-aof-rewrite-percentage", "0"]);
    if (name, value) == ALWAYS_SYNCED {
        command.args(["--appendonly", "yes"]);
    }
    command.args([&format!("--{name}"), value]);
    let process = Process::start(command, TempDir::new()?, Some(kept), "Ready to accept")?;
    Ok(Host { address: format!("{LOOPBACK}:{port}"), _processes: vec![process] })
}

fn nats(
    program: &Program,
    configuration: &str,
    kept: Option<TempDir>,
) -> Result<(Process, String)> {
    let folder = TempDir::new()?;
    let path = folder.path().join("nats.conf");
    fs::write(&path, configuration)?;
    let mut command = Command::new(&program.path);
    command.arg("-c").arg(path).args(["-l", "/dev/stdout"]);
    let process = Process::start(command, folder, kept, NATS_LISTENS)?;
    let address = process.sign.split_once(NATS_LISTENS).map(|(_, address)| address.trim());
    let address = address.context("a server of NATS that listens nowhere")?.to_owned();
    Ok((process, address))
}

fn nats_and_responder(program: &Program) -> Result<Host> {
    let (server, address) = nats(program, &nats_configuration(None, false), None)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["nats-responder", &address]);
    let responder = Process::start(command, TempDir::new()?, None, LISTENING)?;
    Ok(Host { address, _processes: vec![responder, server] })
}

fn jet_stream(program: &Program, synced: bool, kept: TempDir) -> Result<Host> {
    let configuration = nats_configuration(Some(kept.path()), synced);
    let (server, address) = nats(program, &configuration, Some(kept))?;
    Ok(Host { address, _processes: vec![server] })
}

/// On a port that the server chooses, with JetStream if there is a folder for it.
fn nats_configuration(store: Option<&Path>, synced: bool) -> String {
    let listen = format!("listen: \"{LOOPBACK}:-1\"\n");
    let sync = if synced { "sync_interval: always\n" } else { "" };
    let stream = |store: &Path| format!("jetstream {{\nstore_dir: {store:?}\n{sync}}}\n");
    listen + &store.map(stream).unwrap_or_default()
}

fn python(program: &Program) -> Result<Host> {
    let folder = TempDir::new()?;
    let path = folder.path().join("controller.py");
    fs::write(&path, CONTROLLER)?;
    let mut command = Command::new(&program.path);
    command.arg(path);
    let process = Process::start(command, folder, None, LISTENING)?;
    let address = process.endpoint("front")?;
    Ok(Host { address, _processes: vec![process] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_nats_is_told_where_it_keeps_things_only_if_it_keeps_any() {
        assert_eq!(nats_configuration(None, true), "listen: \"127.0.0.1:-1\"\n");
        let kept = nats_configuration(Some(Path::new("/a b")), false);
        assert!(kept.contains("store_dir: \"/a b\"") && !kept.contains("sync"), "{kept}");
        assert!(nats_configuration(Some(Path::new("/a")), true).contains("sync_interval: always"));
    }
}
