//! A configuration: what can be chosen of a client.

use std::sync::atomic::{AtomicU64, Ordering};

use allot_domain::{Seq, SourceId, mix};
use allot_wire::Encoding;

use crate::limits::{BYTES_DEFAULT, BYTES_LEAST, IN_FLIGHT_DEFAULT, IN_FLIGHT_MAX};
use crate::{ClientError, Endpoint, Patience, ServerKey, clock};

/// What can be chosen of a client.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the front door is.
    pub endpoint: Endpoint,
    /// The key of the front door, if it encrypts.
    pub key: Option<ServerKey>,
    /// How requests are written, and so their replies: binary is shorter and quicker, and JSON can
    /// be read in a capture of the network.
    pub encoding: Encoding,
    /// The source that requests are sent under; with none, each client has one that nobody else
    /// has. See [`Config::named`].
    pub source: Option<SourceId>,
    /// The number of the first request.
    pub first_seq: Seq,
    /// The most requests without a reply.
    pub in_flight_max: usize,
    /// The most bytes of requests without a reply; and of replies that were not taken.
    pub bytes_max: usize,
    /// How long it waits before it acts.
    pub patience: Patience,
}

impl Config {
    /// Binary, a source that nobody else has, numbers from 1, 1,024 requests in flight, 16 MiB.
    /// Each client that is opened with it, or with a clone of it, has a source of its own.
    ///
    /// # Errors
    /// [`ClientError::Setting`]: it is no endpoint.
    pub fn new(endpoint: &str) -> Result<Self, ClientError> {
        Ok(Self {
            endpoint: endpoint.parse()?,
            key: None,
            encoding: Encoding::Binary,
            source: None,
            first_seq: Seq::new(1),
            in_flight_max: IN_FLIGHT_DEFAULT,
            bytes_max: BYTES_DEFAULT,
            patience: Patience::default(),
        })
    }

    /// The same for a front door that encrypts, with the key that it prints as `front-key=`.
    ///
    /// # Errors
    /// [`ClientError::Setting`]: it is no key.
    pub fn with_key(mut self, key: &str) -> Result<Self, ClientError> {
        self.key = Some(key.parse()?);
        Ok(self)
    }

    /// The same with messages in JSON.
    #[must_use]
    pub const fn in_json(mut self) -> Self {
        self.encoding = Encoding::Json;
        self
    }

    /// The same under this source, from this number on.
    ///
    /// Source and number name a request for ever. A number that was used, by this program or by an
    /// earlier one, names what was sent then: the same contents are answered as a repeat, with
    /// [`Reply::duplicate`](crate::Reply::duplicate), and book nothing, and others are refused with
    /// `name_reused`. So a program that starts again goes on above its last number, which it keeps,
    /// unless it sends the same requests again on purpose. Two clients never share a source.
    ///
    /// # Errors
    /// [`ClientError::Request`]: it is no name of a source.
    pub fn named(mut self, source: &str, first_seq: u64) -> Result<Self, ClientError> {
        self.source = Some(SourceId::new(source.as_bytes())?);
        self.first_seq = Seq::new(first_seq);
        Ok(self)
    }

    pub(crate) fn check(&self) -> Result<(), ClientError> {
        let bound = |setting, given: u64, expected, holds: bool| {
            let given = given.to_string();
            if holds { Ok(()) } else { Err(ClientError::Setting { setting, given, expected }) }
        };
        let wide = |number| u64::try_from(number).unwrap_or(u64::MAX);
        let Self { first_seq, in_flight_max, bytes_max, .. } = self;
        let (least, most) = (1, IN_FLIGHT_MAX);
        let is_number = first_seq.get() != 0;
        bound("first number", first_seq.get(), "a number from 1", is_number)?;
        let is_count = (least..=most).contains(in_flight_max);
        bound("requests in flight", wide(*in_flight_max), "a number from 1 to 16384", is_count)?;
        let is_room = BYTES_LEAST <= *bytes_max;
        bound("bytes", wide(*bytes_max), "at least 2 MiB", is_room)
    }
}

/// A source that nobody else has: a hash of the moment, of the process, and of how many it made.
pub(crate) fn unique_source() -> SourceId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let hash = mix(clock::entropy() ^ mix(COUNT.fetch_add(1, Ordering::Relaxed))) >> 16;
    SourceId::new(format!("rust-{hash:012x}").as_bytes()).expect("it is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under one source the second fill of the first number would be a repeat.
    #[test]
    fn each_client_of_one_configuration_has_a_source_of_its_own() {
        let config = Config::new("tcp://127.0.0.1:1").unwrap();
        let source = |config: Config| *crate::Client::open(config).unwrap().source();
        assert_ne!(source(config.clone()), source(config.clone()));
        let named = config.named("desk", 1).unwrap();
        assert_eq!(source(named.clone()), source(named));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let config = Config::new("tcp://127.0.0.1:1").unwrap();
        assert!(config.check().is_ok());
        for wrong in [
            Config { first_seq: Seq::ZERO, ..config.clone() },
            Config { in_flight_max: 0, ..config.clone() },
            Config { in_flight_max: IN_FLIGHT_MAX + 1, ..config.clone() },
            Config { bytes_max: BYTES_LEAST - 1, ..config.clone() },
        ] {
            let error = wrong.check().unwrap_err();
            assert!(matches!(error, ClientError::Setting { .. }), "{error}");
        }
        assert_eq!(config.named("a b", 1).unwrap_err().code(), Some("bad_source"));
    }
}
