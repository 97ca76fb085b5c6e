//! A program of a peer: where it is installed, and its version.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where servers are installed that are not on every user's path.
const MORE_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// One that is installed.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

impl Program {
    /// Redis.
    ///
    /// # Errors
    /// That it is not installed, and the package that installs it.
    pub(crate) fn redis() -> Result<Self, String> {
        Self::find("redis-server", "redis-server")
    }

    /// The NATS server, which includes JetStream.
    ///
    /// # Errors
    /// As [`Self::redis`].
    pub(crate) fn nats() -> Result<Self, String> {
        Self::find("nats-server", "nats-server")
    }

    /// Python itself, not a wrapper that looks for it.
    ///
    /// # Errors
    /// As [`Self::redis`].
    pub(crate) fn python() -> Result<Self, String> {
        let found = Self::find("python3", "python3")?;
        let output = output(&found.path, &["-c", "import sys; print(sys.executable)"]);
        let path = output.map_err(|_| "python3 does not run".to_owned())?;
        Ok(Self { path: PathBuf::from(path), ..found })
    }

    fn find(name: &str, package: &str) -> Result<Self, String> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(MORE_FOLDERS.map(PathBuf::from));
        let path = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
        let missing = || format!("{name} is not installed: apt-get install {package}");
        let path = path.ok_or_else(missing)?;
        let version = output(&path, &["--version"]).unwrap_or_else(|error| error);
        Ok(Self { path, version })
    }

    /// Whether this server accepts a configuration.
    pub(crate) fn takes(&self, flags: &[&str], configuration: &Path) -> bool {
        let mut command = Command::new(&self.path);
        command.args(flags).arg(configuration);
        command.output().is_ok_and(|output| output.status.success())
    }
}

/// The output of a command, if it succeeds.
fn output(path: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(path).args(arguments).output();
    let good = output.ok().filter(|output| output.status.success());
    let Some(Output { stdout, .. }) = good else {
        return Err("unknown".to_owned());
    };
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_said_with_what_would_install_it() {
        let error = Program::find("allot-no-such-server", "no-such-package").unwrap_err();
        assert!(error.contains("allot-no-such-server is not installed"), "{error}");
        assert!(error.contains("apt-get install no-such-package"), "{error}");
    }
}
