//! A client: a load's end of one connection to a front door or to an echo.
//!
//! With libzmq, as most clients of a front door have it, or native: `allot-client`, whose
//! connection is read and written on the load's own thread.

use std::fmt;
use std::time::Duration;

use allot_client::{Connection, Endpoint, ServerKey};
use allot_runtime::{Clock, Context, Link, LinkOptions, PollSet};
use anyhow::{Context as _, Result, ensure};

use crate::positions::{FrontDoor, no_server, wait_for};

/// How long a server on a loaded machine may take to open a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one wait for that lasts.
const LOOK: Duration = Duration::from_millis(20);

/// Connections per context: each takes three of the thousand sockets that a context has.
const CONNECTIONS_EACH: u64 = 250;

/// Which client sends a load.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(crate) enum ClientKind {
    /// A DEALER of libzmq, with its I/O thread
    #[default]
    Libzmq,
    /// allot-client, on the thread that sends
    Native,
}

impl fmt::Display for ClientKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Libzmq => "libzmq",
            Self::Native => "native",
        })
    }
}

/// One connection.
pub(crate) enum Client {
    Libzmq(Box<Link>),
    Native(Box<Connection>),
}

impl Client {
    /// Sends a message, which is then empty; false, and the message unchanged, if there is no room.
    pub(crate) fn send(&mut self, message: &mut Vec<u8>) -> bool {
        match self {
            Self::Libzmq(link) => link.send(message).is_ok(),
            Self::Native(connection) => {
                let is_sent = connection.send(message).is_ok();
                if is_sent {
                    message.clear();
                }
                is_sent
            }
        }
    }

    /// Puts on its way what was sent.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(crate) fn flush(&mut self) -> Result<(), String> {
        match self {
            Self::Libzmq(_) => Ok(()),
            Self::Native(connection) => connection.flush().map_err(|lost| lost.to_string()),
        }
    }

    /// Replaces the content of `message` by the next message of the server; false if there is none.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(crate) fn receive(&mut self, message: &mut Vec<u8>) -> Result<bool, String> {
        match self {
            Self::Libzmq(link) => Ok(link.receive(message)),
            Self::Native(connection) => {
                connection.receive(message).map_err(|lost| lost.to_string())
            }
        }
    }

    /// Adds what must end the sleep of the thread that owns it.
    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        match self {
            Self::Libzmq(link) => link.wait_on(poll_set),
            Self::Native(connection) => {
                let Some(descriptor) = connection.descriptor() else { return };
                poll_set.file(descriptor);
                if connection.wants_write() {
                    poll_set.writable(descriptor);
                }
            }
        }
    }
}

impl ClientKind {
    /// Opens `connections` connections, and waits until all of them are up.
    ///
    /// # Errors
    /// When the target is not reachable, or there are no more descriptors.
    pub(crate) fn connect(
        self,
        context: &Context,
        door: FrontDoor<'_>,
        connections: u64,
    ) -> Result<Vec<Client>> {
        let clock = Clock::system();
        match self {
            Self::Libzmq => {
                let links = links(context, door, connections, &clock)?.into_iter();
                Ok(links.map(|link| Client::Libzmq(Box::new(link))).collect())
            }
            Self::Native => (0..connections).map(|_| native(door, &clock)).collect(),
        }
    }
}

fn links(
    context: &Context,
    door: FrontDoor<'_>,
    connections: u64,
    clock: &Clock,
) -> Result<Vec<Link>> {
    // Room for what an overload leaves behind; a message without room is sent late.
    let options = LinkOptions { high_water: 1 << 16, door_key: door.key, ..LinkOptions::default() };
    let mut context = context.clone();
    let mut links = Vec::new();
    for place in 0..connections {
        if 0 < place && place.is_multiple_of(CONNECTIONS_EACH) {
            context = Context::new()?;
        }
        links.push(Link::dealer(&context, door.endpoint, None, options)?);
    }
    // A connection within the process is up at once, and there is no event for it.
    if !door.endpoint.starts_with("inproc://") {
        links.iter().try_for_each(|link| wait_for(link, clock, door.endpoint))?;
    }
    Ok(links)
}

fn native(door: FrontDoor<'_>, clock: &Clock) -> Result<Client> {
    let endpoint: Endpoint = door.endpoint.parse()?;
    let key = door.key.map(|key| key.to_string().parse::<ServerKey>()).transpose()?;
    let mut connection = Connection::new(endpoint, key);
    connection.connect()?;
    let give_up = clock.now() + PATIENCE;
    let mut message = Vec::new();
    while !connection.is_open() {
        ensure!(clock.now() < give_up, "{}", no_server(door.endpoint));
        connection.wait(LOOK);
        let received = connection.receive(&mut message);
        let received = received.with_context(|| no_server(door.endpoint))?;
        ensure!(!received, "a message before the first");
    }
    Ok(Client::Native(Box::new(connection)))
}
