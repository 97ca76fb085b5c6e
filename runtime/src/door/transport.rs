//! A transport: who speaks ZeroMQ's protocol at the front door.

use std::fmt;
use std::str::FromStr;

use crate::RuntimeError;

/// Who speaks ZeroMQ's protocol.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Transport {
    /// This project, on the thread of the router.
    #[default]
    Native,
    /// libzmq, on a thread of its own.
    Libzmq,
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Native => "native",
            Self::Libzmq => "libzmq",
        })
    }
}

impl FromStr for Transport {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        match text {
            "native" => Ok(Self::Native),
            "libzmq" => Ok(Self::Libzmq),
            other => Err(RuntimeError::Setting {
                setting: "transport",
                given: other.to_owned(),
                expected: "native or libzmq",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_read_as_it_is_written() {
        for transport in [Transport::Native, Transport::Libzmq] {
            assert_eq!(transport.to_string().parse(), Ok(transport));
        }
        assert!("zmq".parse::<Transport>().is_err());
    }
}
