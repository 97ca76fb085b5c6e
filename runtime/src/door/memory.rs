//! A front door in memory: it has no sockets, and a test acts as its clients.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{DoorOptions, Envelope, SendError};

/// The server's side.
pub(crate) struct MemoryDoor {
    shared: Arc<Mutex<Shared>>,
}

/// The clients' side of [`Door::memory`](crate::Door::memory): all clients at once, distinguished
/// by their identities.
#[derive(Clone)]
pub struct DoorClients {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    options: DoorOptions,
    requests: VecDeque<Request>,
    replies: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// The clients that are connected, by their identities.
    clients: BTreeMap<Vec<u8>, Client>,
}

struct Request {
    identity: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Client {
    delimiter: bool,
    replies_waiting: usize,
}

impl MemoryDoor {
    pub(crate) fn new(options: DoorOptions) -> Self {
        let shared = Shared {
            options,
            requests: VecDeque::new(),
            replies: VecDeque::new(),
            clients: BTreeMap::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    pub(crate) fn receive(&self, envelope: &mut Envelope) -> bool {
        let Some(request) = lock(&self.shared).requests.pop_front() else { return false };
        envelope.fill(&request.identity, request.frames.len(), |at| &request.frames[at]);
        true
    }

    pub(crate) fn reply(
        &self,
        identity: &[u8],
        delimiter: bool,
        body: &[u8],
    ) -> Result<(), SendError> {
        let mut shared = lock(&self.shared);
        let high_water = shared.options.high_water;
        let client = shared.clients.get_mut(identity).ok_or(SendError::Away)?;
        if high_water <= client.replies_waiting {
            return Err(SendError::Full);
        }
        assert_eq!(delimiter, client.delimiter, "the delimiter is that of the request");
        client.replies_waiting += 1;
        shared.replies.push_back((identity.to_vec(), body.to_vec()));
        Ok(())
    }
}

impl MemoryDoor {
    /// Disconnects a client, and drops what it sent.
    pub(crate) fn cut_off(&self, identity: &[u8]) {
        let mut shared = lock(&self.shared);
        shared.clients.remove(identity);
        shared.requests.retain(|request| request.identity != identity);
    }
}

impl DoorClients {
    pub(crate) fn new(door: &MemoryDoor) -> Self {
        Self { shared: Arc::clone(&door.shared) }
    }

    /// Sends as a DEALER does. The client is connected from now on.
    pub fn send(&self, identity: &[u8], body: &[u8]) {
        self.send_frames(identity, &[body]);
    }

    /// Sends as a REQ does, with the delimiter.
    pub fn request(&self, identity: &[u8], body: &[u8]) {
        self.send_frames(identity, &[b"", body]);
    }

    /// Sends any frames in one message, as a faulty client may.
    ///
    /// # Panics
    /// When a frame is too large: over a socket, the client would be disconnected.
    pub fn send_frames(&self, identity: &[u8], frames: &[&[u8]]) {
        let mut shared = lock(&self.shared);
        let bytes_max = shared.options.message_bytes_max;
        assert!(
            frames.iter().all(|frame| frame.len() <= bytes_max),
            "the client would be disconnected"
        );
        let client = shared.clients.entry(identity.to_vec()).or_default();
        client.delimiter = 1 < frames.len() && frames[0].is_empty();
        let (identity, frames) =
            (identity.to_vec(), frames.iter().map(|frame| frame.to_vec()).collect());
        shared.requests.push_back(Request { identity, frames });
    }

    /// The oldest reply that was not read yet, with the identity of its client.
    #[must_use]
    pub fn receive(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut shared = lock(&self.shared);
        let (identity, body) = shared.replies.pop_front()?;
        if let Some(client) = shared.clients.get_mut(&identity) {
            client.replies_waiting -= 1;
        }
        Some((identity, body))
    }

    /// Disconnects a client. What it has not read is lost, as with a socket.
    pub fn leave(&self, identity: &[u8]) {
        let mut shared = lock(&self.shared);
        shared.clients.remove(identity);
        shared.replies.retain(|(client, _)| client != identity);
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("nothing panics while it holds the lock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Door;

    #[test]
    fn a_client_is_away_before_it_connects_and_after_it_leaves() {
        let (mut door, clients) = Door::memory();
        assert_eq!(door.send(b"ann", false, b"early"), Err(SendError::Away));
        clients.send(b"ann", b"hello");
        let mut envelope = Envelope::new();
        assert!(door.receive(&mut envelope));
        assert_eq!((envelope.identity(), envelope.body()), (&b"ann"[..], &b"hello"[..]));
        assert!(!envelope.delimiter() && !envelope.malformed());
        assert!(!door.receive(&mut envelope));
        door.send(b"ann", false, b"welcome").unwrap();
        assert_eq!(clients.receive(), Some((b"ann".to_vec(), b"welcome".to_vec())));
        clients.leave(b"ann");
        assert_eq!(door.send(b"ann", false, b"late"), Err(SendError::Away));
    }

    #[test]
    fn frames_are_read_as_from_a_socket() {
        let (mut door, clients) = Door::memory();
        let mut envelope = Envelope::new();
        for (frames, body, delimiter, malformed) in [
            (&["a"][..], "a", false, false),
            (&[""], "", false, false),
            (&["", "a"], "a", true, false),
            (&["a", "b"], "", false, true),
            (&["", "a", "b"], "", true, true),
        ] {
            let bytes: Vec<&[u8]> = frames.iter().map(|frame| frame.as_bytes()).collect();
            clients.send_frames(b"eve", &bytes);
            assert!(door.receive(&mut envelope));
            assert_eq!(envelope.body(), body.as_bytes(), "{frames:?}");
            assert_eq!((envelope.delimiter(), envelope.malformed()), (delimiter, malformed));
        }
    }

    #[test]
    fn a_client_is_full_until_it_reads() {
        let options = DoorOptions { high_water: 2, ..DoorOptions::default() };
        let (mut door, clients) = Door::memory_with(options);
        clients.request(b"bob", b"1");
        for _ in 0..2 {
            door.send(b"bob", true, b"reply").unwrap();
        }
        assert_eq!(door.send(b"bob", true, b"one more"), Err(SendError::Full));
        assert!(clients.receive().is_some());
        door.send(b"bob", true, b"one more").unwrap();
    }
}
