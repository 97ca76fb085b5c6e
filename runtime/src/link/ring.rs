//! A ring: the link between two threads of one process, with two bounded queues in each direction.
//!
//! ```text
//!               frames  ─────────────────────►
//!   Outlet                                      Inlet
//!               empties ◄─────────────────────
//! ```
//!
//! Buffers are reused: each buffer that was read returns to the sender. So a ring allocates only
//! while its deepest queue or its longest frame still grows.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::SendError;
use crate::Waker;
use crate::limits::{RECYCLED_BYTES_MAX, RING_BYTES_MAX};

/// One end.
pub(super) struct Ring {
    outlet: Outlet,
    inlet: Inlet,
}

impl Ring {
    pub(super) fn pair(capacity: usize, waker_a: &Waker, waker_b: &Waker) -> (Self, Self) {
        let (outlet_a, inlet_b) = one_way(capacity, waker_a, waker_b);
        let (outlet_b, inlet_a) = one_way(capacity, waker_b, waker_a);
        (Self { outlet: outlet_a, inlet: inlet_a }, Self { outlet: outlet_b, inlet: inlet_b })
    }

    pub(super) fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        self.outlet.send(frame)
    }

    pub(super) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        self.inlet.receive(frame)
    }
}

/// One direction.
fn one_way(capacity: usize, sender_waker: &Waker, receiver_waker: &Waker) -> (Outlet, Inlet) {
    let (frames_in, frames_out) = bounded(capacity);
    // A buffer is made only when none is in `empties`. Then all others are in `frames` or held by
    // one of the two ends, so that there are never more than fit here.
    let (empties_in, empties_out) = bounded(capacity + 2);
    let refused = Arc::new(AtomicBool::new(false));
    let bytes = Arc::new(AtomicUsize::new(0));
    let outlet = Outlet {
        frames: frames_in,
        bytes: Arc::clone(&bytes),
        empties: empties_out,
        refused: Arc::clone(&refused),
        waker: receiver_waker.clone(),
    };
    let inlet = Inlet {
        frames: frames_out,
        bytes,
        empties: empties_in,
        refused,
        waker: sender_waker.clone(),
    };
    (outlet, inlet)
}

struct Outlet {
    frames: Sender<Vec<u8>>,
    /// How many bytes wait in `frames`.
    bytes: Arc<AtomicUsize>,
    empties: Receiver<Vec<u8>>,
    /// Whether a frame was refused. Then the sender may sleep until there is room.
    refused: Arc<AtomicBool>,
    waker: Waker,
}

impl Outlet {
    fn send(&mut self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        self.offer(frame).or_else(|error| self.offer_again(frame, error))?;
        *frame = self.empties.try_recv().unwrap_or_default();
        self.waker.wake();
        Ok(())
    }

    fn offer(&self, frame: &mut Vec<u8>) -> Result<(), SendError> {
        let len = frame.len();
        if RING_BYTES_MAX <= self.bytes.load(Ordering::Relaxed) {
            return Err(SendError::Full);
        }
        // Before it can be received, which takes it off again.
        self.bytes.fetch_add(len, Ordering::Relaxed);
        self.frames.try_send(mem::take(frame)).map_err(|error| {
            self.bytes.fetch_sub(len, Ordering::Relaxed);
            let full = error.is_full();
            *frame = error.into_inner();
            if full { SendError::Full } else { SendError::Away }
        })
    }

    /// Asks to be woken, then tries once more: the receiver may have emptied the queue before it
    /// could see the request. The fences are as in `waker.rs`.
    fn offer_again(&self, frame: &mut Vec<u8>, error: SendError) -> Result<(), SendError> {
        if error == SendError::Away {
            return Err(error);
        }
        self.refused.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.offer(frame)
    }
}

struct Inlet {
    frames: Receiver<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
    empties: Sender<Vec<u8>>,
    refused: Arc<AtomicBool>,
    waker: Waker,
}

impl Inlet {
    fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        let Ok(full) = self.frames.try_recv() else {
            self.wake_refused();
            return false;
        };
        self.bytes.fetch_sub(full.len(), Ordering::Relaxed);
        self.recycle(mem::replace(frame, full));
        true
    }

    /// A buffer that carried something huge is freed: kept, it would in time make every buffer
    /// of the ring as large. One that was never written has nothing worth returning.
    fn recycle(&self, mut buffer: Vec<u8>) {
        if (1..=RECYCLED_BYTES_MAX).contains(&buffer.capacity()) {
            buffer.clear();
            match self.empties.try_send(buffer) {
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
    }

    /// Only an empty queue is worth a wake-up, and a receiver always reads until it is empty:
    /// the check costs nothing while there is traffic.
    fn wake_refused(&self) {
        fence(Ordering::SeqCst);
        if self.refused.load(Ordering::Relaxed) && self.refused.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent_pair(capacity: usize) -> (Ring, Ring) {
        Ring::pair(capacity, &Waker::silent(), &Waker::silent())
    }

    #[test]
    fn a_full_ring_refuses_and_leaves_the_frame_untouched() {
        let (mut sender, mut receiver) = silent_pair(2);
        for byte in 0..2 {
            sender.send(&mut vec![byte]).unwrap();
        }
        let mut frame = vec![2];
        assert_eq!(sender.send(&mut frame), Err(SendError::Full));
        assert_eq!(frame, [2]);

        let mut received = Vec::new();
        for byte in 0..2 {
            assert!(receiver.receive(&mut received));
            assert_eq!(received, [byte]);
        }
        assert!(!receiver.receive(&mut received));
        assert_eq!(received, [1], "unchanged when there is nothing");
        sender.send(&mut frame).unwrap();
        assert!(frame.is_empty());
    }

    #[test]
    fn a_peer_that_has_gone_is_away_after_its_last_frames_were_read() {
        let (mut sender, mut receiver) = silent_pair(2);
        sender.send(&mut vec![1]).unwrap();
        drop(sender);
        let mut frame = Vec::new();
        assert!(receiver.receive(&mut frame));
        assert!(!receiver.receive(&mut frame));
        assert_eq!(receiver.send(&mut frame), Err(SendError::Away));
        assert_eq!(frame, [1]);
    }

    #[test]
    fn a_ring_is_full_at_so_many_bytes_and_takes_any_frame_when_it_is_empty() {
        let (mut sender, mut receiver) = silent_pair(1_000);
        let large = vec![7; RING_BYTES_MAX];
        sender.send(&mut large.clone()).unwrap();
        assert_eq!(sender.send(&mut vec![7]), Err(SendError::Full));
        assert!(receiver.receive(&mut Vec::new()));
        sender.send(&mut vec![7]).unwrap();
    }

    #[test]
    fn buffers_are_reused() {
        let (mut sender, mut receiver) = silent_pair(1);
        let (mut written, mut read) = (Vec::new(), Vec::new());
        let mut buffers = Vec::new();
        for turn in 0..12 {
            written.extend_from_slice(b"a frame");
            sender.send(&mut written).unwrap();
            assert!(receiver.receive(&mut read));
            if turn < 3 {
                buffers.push(read.as_ptr());
            }
            assert!(buffers.contains(&read.as_ptr()), "turn {turn}: a fourth buffer");
        }
    }

    #[test]
    fn a_refused_sender_is_woken_when_the_queue_is_empty() {
        let waker = Waker::new().unwrap();
        let (mut sender, mut receiver) = Ring::pair(1, &waker, &Waker::silent());
        let mut frame = vec![1];
        sender.send(&mut frame).unwrap();
        frame.push(2);
        assert_eq!(sender.send(&mut frame), Err(SendError::Full));
        waker.declare_asleep();
        assert!(receiver.receive(&mut Vec::new()));
        assert!(!receiver.receive(&mut Vec::new()));
        let mut count = [0; 8];
        assert!(rustix::io::read(waker.descriptor().unwrap(), &mut count).is_ok());
    }
}
