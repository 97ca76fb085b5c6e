//! Client: asks a peer, and waits a bounded time for the reply.

use std::path::PathBuf;
use std::time::Duration;

use allot_mesh_service::limits::FRAME_BYTES_MAX;
use allot_mesh_service::{Frame, RequestNumber};
use allot_runtime::{Clock, Context, CurveKeys, Link, LinkOptions, Nanos, PollSet, duration};
use anyhow::{Result, bail};
use clap::Args;

use crate::address::{Address, parse};
use crate::front_keys::read;

/// After this long without a reply a request is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Whom to ask.
#[derive(Args)]
pub(super) struct ClientFlags {
    /// Where the peer listens: a port of this machine, HOST:PORT, tcp:// or ipc://
    #[arg(value_name = "ADDR", value_parser = parse)]
    address: Address,
    /// The file with the keys of the mesh, if it encrypts
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// How long to wait for the peer
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
}

/// A connection to a peer.
pub(super) struct Client {
    link: Link,
    address: String,
    clock: Clock,
    number: RequestNumber,
    gives_up_at: Nanos,
}

impl ClientFlags {
    /// A connection on which everything must be done within the time.
    pub(super) fn connect(&self) -> Result<Client> {
        let keys = self.secret.as_deref().map(|path| read(path, "the mesh")).transpose()?;
        let options = LinkOptions {
            frame_bytes_max: FRAME_BYTES_MAX,
            door_key: keys.as_ref().map(CurveKeys::public),
            ..LinkOptions::default()
        };
        let clock = Clock::system();
        Ok(Client {
            link: Link::dealer(&Context::new()?, &self.address.0, None, options)?,
            address: self.address.0.clone(),
            gives_up_at: clock.now() + self.timeout,
            number: RequestNumber::new(clock.now().as_unix()),
            clock,
        })
    }
}

impl Client {
    /// Whether there is time for another try.
    pub(super) fn has_time(&self) -> bool {
        self.clock.now() < self.gives_up_at
    }

    /// Where it asks.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The reply to a request, which is made with its number.
    pub(super) fn ask(&mut self, request: impl Fn(RequestNumber) -> Frame) -> Result<Frame> {
        self.number = self.number.next();
        let request = request(self.number);
        let (mut send_at, mut frame, mut received) = (Nanos::ZERO, Vec::new(), Vec::new());
        loop {
            let now = self.clock.now();
            if self.gives_up_at <= now {
                bail!(
                    "no reply from {}; does a peer listen there, and does --secret have its keys?",
                    self.address
                );
            }
            if send_at <= now {
                request.encode(&mut frame);
                // Until the connection is there it is tried soon again.
                let is_sent = self.link.send(&mut frame).is_ok();
                send_at = now + if is_sent { AGAIN_AFTER } else { AGAIN_AFTER / 50 };
            }
            if self.link.receive(&mut received) {
                match Frame::decode(&received) {
                    Ok(frame @ (Frame::Status(number, _) | Frame::View(number, _)))
                        if number == self.number =>
                    {
                        return Ok(frame);
                    }
                    // A reply to what was asked before.
                    Ok(_) => continue,
                    Err(error) => bail!("cannot read a reply of {}: {error}", self.address),
                }
            }
            let mut poll_set = PollSet::without_waker();
            self.link.wait_on(&mut poll_set);
            poll_set.sleep(Some(send_at.min(self.gives_up_at) - now));
        }
    }
}
