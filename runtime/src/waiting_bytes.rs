//! Waiting bytes: how much of what was sent ZeroMQ still keeps.
//!
//! ZeroMQ bounds its queues in messages. A frame that is handed over with its buffer comes back
//! when the last peer has it, or has gone: so what waits is counted in bytes, exactly.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zmq_sys::{ZMQ_DONTWAIT, zmq_errno, zmq_msg_close, zmq_msg_init_data, zmq_msg_send, zmq_msg_t};

/// A count of bytes. Clones count into the same.
#[derive(Clone, Default, Debug)]
pub(crate) struct WaitingBytes(Arc<AtomicUsize>);

impl WaitingBytes {
    /// How many there are now.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts so many more.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts so many of those that were added no longer.
    pub(crate) fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A buffer that is counted until it is dropped.
struct Counted {
    bytes: Vec<u8>,
    weight: usize,
    waiting: WaitingBytes,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.waiting.subtract(self.weight);
    }
}

/// A message of ZeroMQ that owns a counted buffer.
pub(crate) struct CountedMessage(zmq_msg_t);

impl CountedMessage {
    /// A message of these bytes; it counts for `extra` more.
    pub(crate) fn new(bytes: Vec<u8>, extra: usize, waiting: &WaitingBytes) -> Self {
        let weight = bytes.len() + extra;
        waiting.add(weight);
        let mut counted =
            ManuallyDrop::new(Box::new(Counted { bytes, weight, waiting: waiting.clone() }));
        let (data, len) = (counted.bytes.as_mut_ptr(), counted.bytes.len());
        let hint: *mut Counted = &raw mut **counted;
        let mut message = zmq_msg_t::default();
        #[expect(unsafe_code, reason = "rust-zmq has no message that says when it is dropped")]
        // SAFETY: the bytes lie in a box that nothing moves or drops before `release` does, which
        // gets the box as the hint; `message` is new, and is closed when it is dropped.
        let made = unsafe {
            zmq_msg_init_data(&raw mut message, data.cast(), len, Some(release), hint.cast())
        };
        assert!(made == 0, "there is memory for a message");
        Self(message)
    }

    /// Sends it as the last frame of a message. It is dropped where the context is being closed.
    pub(crate) fn send(&mut self, socket: &mut zmq::Socket) {
        let flags = i32::try_from(ZMQ_DONTWAIT).expect("flags are small numbers");
        loop {
            #[expect(unsafe_code, reason = "rust-zmq sends no message that it did not make")]
            // SAFETY: socket and message are open; what is taken leaves an empty message behind.
            let (sent, error) = unsafe {
                let sent = zmq_msg_send(&raw mut self.0, socket.as_mut_ptr(), flags);
                (0 <= sent, zmq_errno())
            };
            if sent || zmq::Error::from_raw(error) != zmq::Error::EINTR {
                return;
            }
        }
    }
}

impl Drop for CountedMessage {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the message is not one of rust-zmq")]
        // SAFETY: it was made by `new`, and is closed once.
        unsafe {
            zmq_msg_close(&raw mut self.0);
        }
    }
}

/// Called by ZeroMQ, on any thread, once nobody needs the bytes any more.
#[expect(unsafe_code, reason = "a function for C")]
// SAFETY: ZeroMQ alone calls it, with the hint that `new` gave it, once for each message.
unsafe extern "C" fn release(_: *mut c_void, hint: *mut c_void) {
    // SAFETY: the hint is the box that `new` gave away, and this is called once.
    drop(unsafe { Box::from_raw(hint.cast::<Counted>()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_the_message_is_gone() {
        let waiting = WaitingBytes::default();
        let message = CountedMessage::new(vec![7; 1_000], 10, &waiting);
        assert_eq!(waiting.get(), 1_010);
        drop(message);
        assert_eq!(waiting.get(), 0);
    }

    #[test]
    fn a_message_that_was_taken_is_not_counted() {
        let context = zmq::Context::new();
        let mut sender = context.socket(zmq::PAIR).unwrap();
        let receiver = context.socket(zmq::PAIR).unwrap();
        sender.bind("inproc://counted").unwrap();
        receiver.connect("inproc://counted").unwrap();
        let waiting = WaitingBytes::default();
        CountedMessage::new(vec![7; 1_000], 0, &waiting).send(&mut sender);
        assert_eq!(waiting.get(), 1_000);
        let taken = receiver.recv_msg(0).unwrap();
        assert_eq!(&taken[..], [7; 1_000]);
        drop(taken);
        assert_eq!(waiting.get(), 0);
    }
}
