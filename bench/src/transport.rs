//! A transport: how the load reaches the server.

use std::fmt;
use std::path::Path;

/// How two processes are connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum Transport {
    /// TCP over the loopback device
    #[default]
    Tcp,
    /// Unix domain socket
    Ipc,
}

impl Transport {
    /// An endpoint that is free: a free port, or a path in this folder.
    pub(crate) fn endpoint(self, folder: &Path, name: &str) -> String {
        match self {
            Self::Tcp => "tcp://127.0.0.1:*".to_owned(),
            Self::Ipc => format!("ipc://{}", folder.join(name).display()),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "tcp",
            Self::Ipc => "ipc",
        })
    }
}
