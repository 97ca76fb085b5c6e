//! An endpoint: where a front door is.

use std::fmt;
use std::str::FromStr;

use crate::ClientError;

/// Where a front door is: `tcp://HOST:PORT` or `ipc://PATH`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint(Place);

/// What an endpoint names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Tcp {
        /// An address, or a name that is resolved at each connection.
        host: String,
        port: u16,
    },
    Path(String),
    /// A socket of Linux that has no file.
    Abstract(String),
}

impl Endpoint {
    pub(crate) const fn place(&self) -> &Place {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        place(text).map(Self).ok_or_else(|| ClientError::Setting {
            setting: "endpoint",
            given: text.to_owned(),
            expected: "tcp://HOST:PORT or ipc://PATH",
        })
    }
}

fn place(text: &str) -> Option<Place> {
    if let Some(path) = text.strip_prefix("ipc://") {
        return match path.strip_prefix('@') {
            Some(name) => (!name.is_empty()).then(|| Place::Abstract(name.to_owned())),
            None => (!path.is_empty() && path != "*").then(|| Place::Path(path.to_owned())),
        };
    }
    let (host, port) = text.strip_prefix("tcp://")?.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| 0 < *port)?;
    let is_host = !host.is_empty() && host != "*";
    is_host.then(|| Place::Tcp { host: host.to_owned(), port })
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tcp { host, port } if host.contains(':') => {
                write!(out, "tcp://[{host}]:{port}")
            }
            Place::Tcp { host, port } => write!(out, "tcp://{host}:{port}"),
            Place::Path(path) => write!(out, "ipc://{path}"),
            Place::Abstract(name) => write!(out, "ipc://@{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_written_as_it_is_read() {
        for text in
            ["tcp://127.0.0.1:9998", "tcp://[::1]:1", "tcp://host:65535", "ipc:///a/b", "ipc://@a"]
        {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_what_is_expected() {
        for text in [
            "",
            "127.0.0.1:9998",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:0",
            "tcp://127.0.0.1:65536",
            "tcp://*:9998",
            "tcp://:9998",
            "tcp://127.0.0.1:*",
            "ipc://",
            "ipc://*",
            "ipc://@",
            "udp://127.0.0.1:1",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.ends_with("expected tcp://HOST:PORT or ipc://PATH"), "{error}");
        }
    }
}
