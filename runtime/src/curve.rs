//! CURVE: the keys with which a front door and its clients encrypt (CurveZMQ, ZeroMQ's RFC 26).
//!
//! The door has a pair of keys that lasts; a client knows the public one, and so whom it talks to.
//! Clients make up a pair for each connection: the door does not ask who they are.

use std::fmt;
use std::str::FromStr;

use crate::RuntimeError;

/// Bytes of a key.
const KEY_LEN: usize = 32;

/// A public key. Its text is Z85 (ZeroMQ's RFC 32): 40 envelopes, digits and signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurveKey([u8; KEY_LEN]);

/// A pair of keys. The secret one is not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CurveKeys {
    public: CurveKey,
    secret: [u8; KEY_LEN],
}

impl CurveKeys {
    /// A new pair.
    ///
    /// # Errors
    /// When the library was built without CURVE.
    pub fn make() -> Result<Self, RuntimeError> {
        let pair = zmq::CurveKeyPair::new().map_err(|error| RuntimeError::Socket {
            what: "a pair of keys",
            cause: error.message().to_owned(),
        })?;
        Ok(Self { public: CurveKey(pair.public_key), secret: pair.secret_key })
    }

    /// The pair of a text in which two lines begin with `public` and `secret`.
    ///
    /// # Errors
    /// When one of the two is missing or is no key.
    pub fn read(text: &str) -> Result<Self, RuntimeError> {
        let key = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().parse::<CurveKey>()
        };
        Ok(Self { public: key("public ")?, secret: key("secret ")?.0 })
    }

    /// The text that [`CurveKeys::read`] reads: it is to be kept from everybody else.
    pub fn to_secret_text(&self) -> String {
        format!("public {}\nsecret {}\n", self.public, CurveKey(self.secret))
    }

    /// The key that clients are told.
    pub fn public(&self) -> CurveKey {
        self.public
    }

    /// Makes a socket a server that talks to those alone who know its public key.
    pub(crate) fn serve(&self, socket: &zmq::Socket) -> zmq::Result<()> {
        socket.set_curve_server(true)?;
        socket.set_curve_publickey(&self.public.0)?;
        socket.set_curve_secretkey(&self.secret)
    }
}

impl CurveKey {
    /// Makes a socket talk to the holder of this key alone, under a pair made up here.
    pub(crate) fn expect(self, socket: &zmq::Socket) -> zmq::Result<()> {
        let own = zmq::CurveKeyPair::new()?;
        socket.set_curve_serverkey(&self.0)?;
        socket.set_curve_publickey(&own.public_key)?;
        socket.set_curve_secretkey(&own.secret_key)
    }
}

impl FromStr for CurveKey {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        let bytes = zmq::z85_decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        // The text is not repeated: it may be a secret.
        bytes.map(Self).ok_or_else(|| RuntimeError::Setting {
            setting: "key",
            given: format!("a text of {} bytes", text.len()),
            expected: "40 characters of Z85",
        })
    }
}

impl fmt::Display for CurveKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&zmq::z85_encode(&self.0).expect("32 bytes are eight times four"))
    }
}

impl fmt::Debug for CurveKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CurveKeys({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let keys = CurveKeys::make().unwrap();
        assert_eq!(CurveKeys::read(&keys.to_secret_text()), Ok(keys));
        assert_eq!(keys.public().to_string().parse(), Ok(keys.public()));
        assert_ne!(CurveKeys::make().unwrap(), keys);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let keys = CurveKeys::make().unwrap();
        let secret = keys.to_secret_text().lines().last().unwrap()["secret ".len()..].to_owned();
        for text in ["", "public", &secret, &format!("secret {secret}\npublic short\n")] {
            let error = CurveKeys::read(text).unwrap_err().to_string();
            assert!(!error.contains(&secret) && error.contains("Z85"), "{error}");
        }
        assert!(!format!("{keys:?}").contains(&secret));
    }
}
