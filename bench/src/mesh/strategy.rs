//! Strategy: a peer in a process of its own, `allot mesh`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process::ServerSettings;

/// Where the peers of a mesh listen, and what they keep.
pub(super) struct Site {
    folder: TempDir,
    addresses: Vec<String>,
    has_data: bool,
}

/// A process; it is killed when this is dropped.
pub(super) struct Strategy {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Site {
    /// Room for so many. With `has_data` each has a journal, in a folder that is gone afterwards.
    pub(super) fn new(peers: usize, has_data: bool) -> Result<Self> {
        // All are held until all are known, so that none is given twice.
        let held: Vec<_> = (0..peers).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
        let address = |listener: std::io::Result<TcpListener>| -> Result<String> {
            Ok(format!("tcp://{}", listener?.local_addr()?))
        };
        let held = held.into_iter().collect::<std::io::Result<Vec<_>>>()?;
        let addresses = held.iter().map(|one| address(one.try_clone())).collect::<Result<_>>()?;
        Ok(Self { folder: TempDir::new()?, addresses, has_data })
    }

    pub(super) fn peers(&self) -> usize {
        self.addresses.len()
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(String::as_str)
    }

    /// Starts a peer, with the same arguments each time.
    pub(super) fn start(&self, number: usize) -> Result<(Strategy, ChildStdin)> {
        let mut command = Command::new(ServerSettings::default().binary()?);
        command.args(["mesh", &format!("s{number}"), "--quiet"]);
        command.args(["--listen", self.addresses.get(number).context("there is no such peer")?]);
        // Two that are known: one of them may be down.
        for (_, address) in self.addresses().enumerate().take(2).filter(|(at, _)| *at != number) {
            command.args(["--connect", address]);
        }
        if self.has_data {
            command.arg("--data").arg(self.folder.path().join(format!("s{number}")));
        }
        let errors = fs::File::create(self.folder.path().join(format!("stderr{number}")))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn()?;
        let trades = child.stdin.take().context("its stdin is a pipe")?;
        let stdout = BufReader::new(child.stdout.take().context("its stdout is a pipe")?);
        Ok((Strategy { child, stdout }, trades))
    }

    /// What a peer has said to standard error.
    pub(super) fn errors(&self, number: usize) -> String {
        fs::read_to_string(self.folder.path().join(format!("stderr{number}"))).unwrap_or_default()
    }
}

impl Strategy {
    /// Waits until it takes trades.
    pub(super) fn wait_until_started(&mut self) -> Result<()> {
        let mut line = String::new();
        while !line.starts_with("started ") {
            line.clear();
            ensure!(self.stdout.read_line(&mut line)? != 0, "a peer has ended");
        }
        Ok(())
    }

    /// Kills it, as `kill -9` does.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it has taken of the processors so far, all its threads together.
    pub(super) fn cpu(&self) -> Result<Duration> {
        let mut spent_ns = 0;
        for thread in fs::read_dir(self.file("task"))? {
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            spent_ns += text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        }
        ensure!(0 < spent_ns, "the kernel does not count the time of threads");
        Ok(Duration::from_nanos(spent_ns))
    }

    /// Its resident memory, with what it shares with others.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(self.file("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: Option<u64> =
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        Ok(kib.context("the kernel does not tell the memory of a process")? << 10)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(name)
    }
}

impl Drop for Strategy {
    fn drop(&mut self) {
        self.kill();
    }
}
