//! Greetings of the first version of the protocol, while a socket closes.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;

use allot_runtime::{Broadcast, BroadcastOptions, Context, Door, DoorOptions};

use crate::PAUSE;

const ROUNDS: usize = 40;
const PEERS: usize = 100;

/// libzmq 4.3.5 ends the whole process if a routing id of ZMTP 1.0 arrives on a connection of a
/// socket that closes. The build under `third_party` fixes it.
#[test]
fn a_peer_of_the_first_version_cannot_end_a_process_that_stops() {
    for _ in 0..ROUNDS {
        greet_while_it_closes(|context, endpoint| {
            Door::bind(context, endpoint, DoorOptions::default()).unwrap()
        });
        greet_while_it_closes(|context, endpoint| {
            Broadcast::bind(context, endpoint, BroadcastOptions::default()).unwrap()
        });
    }
}

/// Half of a greeting before, and the rest meanwhile. The pauses only make it likely that the two
/// meet; the result does not depend on them.
fn greet_while_it_closes<S>(bind: impl FnOnce(&Context, &str) -> S) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let context = Context::new().unwrap();
    let socket = bind(&context, &format!("ipc://{}", path.display()));
    let mut peers: Vec<_> = (0..PEERS).map(|_| UnixStream::connect(&path).unwrap()).collect();
    peers.iter_mut().for_each(|peer| peer.write_all(&[1]).unwrap());
    thread::park_timeout(PAUSE * 4);
    let rest = thread::spawn(move || {
        for peer in &mut peers {
            // The socket may be closed already.
            let _ = peer.write_all(&[0]);
            thread::park_timeout(PAUSE / 50);
        }
        peers
    });
    thread::park_timeout(PAUSE);
    drop(socket);
    drop(context);
    drop(rest.join().unwrap());
}
