//! CURVE: the keys with which a front door and its clients encrypt (CurveZMQ, ZeroMQ's RFC 26).
//!
//! The door has a permanent pair of keys. A client knows the public one, and so is sure of the
//! server. Clients make a new pair for each connection: the door does not identify them.

use std::ffi::{CString, c_char, c_int};
use std::fmt;
use std::str::FromStr;

use crate::RuntimeError;

/// Bytes of a key.
const KEY_LEN: usize = 32;
/// Characters of its text.
const KEY_TEXT_LEN: usize = 40;

/// A public key. Its text is Z85 (ZeroMQ's RFC 32): 40 letters, digits and signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurveKey([u8; KEY_LEN]);

/// A pair of keys. `Debug` does not show the secret one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CurveKeys {
    public: CurveKey,
    secret: [u8; KEY_LEN],
}

impl CurveKey {
    pub(crate) const fn bytes(self) -> [u8; KEY_LEN] {
        self.0
    }
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

    /// Reads a pair from a text with two lines that begin with `public` and `secret`.
    ///
    /// # Errors
    /// When one of the two is missing, is not a key, or is not of the same pair.
    pub fn read(text: &str) -> Result<Self, RuntimeError> {
        let refused = |given: String| RuntimeError::Setting {
            setting: "pair of keys",
            given,
            expected: "a file with the lines \"public KEY\" and \"secret KEY\", each KEY 40 \
                       characters of Z85, as `allot` makes it",
        };
        let key = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let line = line.ok_or_else(|| refused(format!("a text without a line \"{name}…\"")))?;
            let (key, line_name) = (line.trim(), name.trim_end());
            let wrong = || format!("a line \"{line_name}\" with {}", characters(key));
            key.parse::<CurveKey>().map_err(|_| refused(wrong()))
        };
        let (public, secret) = (key("public ")?, key("secret ")?.0);
        let own = public_of(&secret);
        if own != Some(public) {
            // The public key is the one that clients were given; the secret one is not repeated.
            return Err(refused(format!(
                "a secret key with the public key {public} of another pair"
            )));
        }
        Ok(Self { public, secret })
    }

    /// The text that [`CurveKeys::read`] reads. It must be kept secret.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        format!("public {}\nsecret {}\n", self.public, CurveKey(self.secret))
    }

    /// The key for the clients.
    #[must_use]
    pub fn public(&self) -> CurveKey {
        self.public
    }

    /// The public key and the secret one.
    pub(crate) const fn bytes(&self) -> ([u8; KEY_LEN], [u8; KEY_LEN]) {
        (self.public.0, self.secret)
    }

    /// Makes a socket a server that talks only to clients that know its public key.
    pub(crate) fn serve(&self, socket: &zmq::Socket) -> zmq::Result<()> {
        socket.set_curve_server(true)?;
        socket.set_curve_publickey(&self.public.0)?;
        socket.set_curve_secretkey(&self.secret)
    }
}

#[expect(unsafe_code, reason = "zmq-sys declares this function and does not export it")]
// SAFETY: libzmq has had it with these arguments since 4.2; zmq.h declares it so.
unsafe extern "C" {
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int;
}

/// The public key of a secret one; none when the library was built without CURVE.
fn public_of(secret: &[u8; KEY_LEN]) -> Option<CurveKey> {
    let secret = CString::new(CurveKey(*secret).to_string()).ok()?;
    let mut public = [0_u8; KEY_TEXT_LEN + 1];
    #[expect(unsafe_code, reason = "rust-zmq makes new pairs only")]
    // SAFETY: both texts have the 40 characters and the zero at the end that the function reads and
    // writes.
    let made = unsafe { zmq_curve_public(public.as_mut_ptr().cast(), secret.as_ptr()) };
    let text = std::str::from_utf8(&public[..KEY_TEXT_LEN]).ok()?;
    (made == 0).then(|| text.parse().ok())?
}

impl CurveKey {
    /// Makes a socket talk only to the holder of this key, with a new pair of its own.
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
        bytes.map(Self).ok_or_else(|| RuntimeError::Setting {
            setting: "key",
            given: characters(text),
            expected: "40 characters of Z85",
        })
    }
}

/// How long a text is that is no key; what it says is not repeated, for it may be a secret.
fn characters(text: &str) -> String {
    match text.chars().count() {
        0 => "no key".to_owned(),
        KEY_TEXT_LEN => format!("{KEY_TEXT_LEN} characters that are not Z85"),
        count => format!("{count} characters"),
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
    fn a_text_that_is_not_a_key_is_refused_and_not_repeated() {
        let keys = CurveKeys::make().unwrap();
        let secret = keys.to_secret_text().lines().last().unwrap()["secret ".len()..].to_owned();
        for text in ["", "public", &secret, &format!("secret {secret}\npublic short\n")] {
            let error = CurveKeys::read(text).unwrap_err().to_string();
            assert!(!error.contains(&secret) && error.contains("Z85"), "{error}");
        }
        assert!(!format!("{keys:?}").contains(&secret));
    }

    #[test]
    fn a_public_key_of_another_pair_is_refused() {
        let [one, other] = [(); 2].map(|()| CurveKeys::make().unwrap());
        let mixed = CurveKeys { public: other.public, ..one };
        let error = CurveKeys::read(&mixed.to_secret_text()).unwrap_err().to_string();
        assert!(error.contains(&other.public().to_string()) && error.contains("another pair"));
        assert!(!error.contains(&CurveKey(one.secret).to_string()), "{error}");
    }
}
