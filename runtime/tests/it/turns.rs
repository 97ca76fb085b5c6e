//! Turns: whose messages a native front door hands out next.

use std::io::Write;

use allot_runtime::Envelope;

use crate::bounds::{connect_to, doors};

/// Connections that send without a pause.
const BUSY: usize = 8;
/// Messages of others that one client may have to wait for, where all send.
const WAIT_MAX: usize = 2_048;

/// A message without a byte is two bytes on the wire.
#[test]
fn clients_with_the_shortest_messages_do_not_keep_another_waiting() {
    let (_context, mut door, endpoint, _) = doors().next().unwrap();
    let mut busy: Vec<_> = (0..BUSY).map(|_| connect_to(&mut door, &endpoint)).collect();
    let mut other = connect_to(&mut door, &endpoint);
    let shortest = [0; 64 << 10];
    let mut envelope = Envelope::new();
    // The door does not know yet how long the messages of anybody are.
    let mut waited = 0;
    for _ in 0..3 {
        for stream in &mut busy {
            stream.set_nonblocking(true).unwrap();
            // What the kernel does not take is sent next time.
            let _ = stream.write(&shortest);
        }
        other.write_all(b"\0\x05other").unwrap();
        waited = 0;
        wait_for!([door], {
            let mut is_heard = false;
            while !is_heard && door.receive(&mut envelope) {
                is_heard = envelope.body() == b"other";
                waited += usize::from(!is_heard);
            }
            is_heard.then_some(())
        });
    }
    assert!(waited <= WAIT_MAX, "{waited}");
}
