//! Heap use: none on the Rust side of a link, once its buffers exist.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use allot_runtime::{
    Agent, Clock, Context, Door, DoorOptions, Envelope, Hub, Link, LinkOptions, Nanos, PollSet,
    SendError, ThreadGroup, Threads, Transport, WaitStrategy, Waker, ring_pair,
};

/// The system's allocator. It counts how often this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: every call is passed on unchanged to the system's allocator; the counter is a plain
// thread-local value and does not allocate.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as for `System`.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `System`.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as for `System`.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System`, as all pointers here do.
        unsafe { System.dealloc(pointer, layout) }
    }

    // SAFETY: as for `System`.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: `pointer` came from `System`, as all pointers here do.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs the act a thousand times, then counts the allocations of a thousand more.
#[track_caller]
fn assert_allocates_nothing(mut act: impl FnMut()) {
    (0..1_000).for_each(|_| act());
    let before = allocations();
    (0..1_000).for_each(|_| act());
    assert_eq!(allocations() - before, 0);
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    drop(Vec::<u8>::with_capacity(100));
    assert_eq!(allocations() - before, 1);
}

#[test]
fn a_ring_allocates_nothing() {
    let silent = Waker::silent();
    let (mut ours, mut theirs) = ring_pair(64, &silent, &silent);
    let (mut written, mut read) = (Vec::new(), Vec::new());
    let mut depth = 0;
    assert_allocates_nothing(|| {
        depth = depth % 64 + 1;
        for _ in 0..depth {
            written.extend_from_slice(&[7; 200]);
            ours.send(&mut written).unwrap();
        }
        while theirs.receive(&mut read) {}
    });
}

#[test]
fn a_socket_allocates_nothing_that_is_not_its_own() {
    for transport in [Transport::Native, Transport::Libzmq] {
        let context = Context::new().unwrap();
        let names = ["peer".to_owned()];
        let mut hub = Hub::bind(&context, "tcp://127.0.0.1:*", &names, transport).unwrap();
        let options = LinkOptions { transport, ..LinkOptions::default() };
        let mut link =
            Link::dealer(&context, hub.endpoint().unwrap(), Some("peer"), options).unwrap();
        let (mut written, mut read, clock) = (Vec::new(), Vec::new(), Clock::system());
        written.extend_from_slice(&[7; 200]);
        while link.send(&mut written).is_err() {
            assert_eq!(hub.receive(&mut read), None);
            hub.flush();
            link.tick(clock.now());
            link.flush();
        }
        link.flush();
        assert_allocates_nothing(|| {
            while hub.receive(&mut read).is_none() {}
            hub.send(0, &mut read).unwrap();
            hub.flush();
            while !link.receive(&mut written) {}
            link.send(&mut written).unwrap();
            link.flush();
        });
    }
}

#[test]
fn a_door_allocates_nothing() {
    let context = Context::new().unwrap();
    let mut door = Door::bind(&context, "tcp://127.0.0.1:*", DoorOptions::default()).unwrap();
    let client = zmq::Context::new().socket(zmq::REQ).unwrap();
    client.connect(door.endpoint().unwrap()).unwrap();
    let mut envelope = Envelope::new();
    let mut reply = zmq::Message::new();
    assert_allocates_nothing(|| {
        client.send(&[7; 200][..], 0).unwrap();
        while !door.receive(&mut envelope) {}
        // A door hears about once a millisecond of what a client has read.
        let (identity, delimiter) = (envelope.identity(), envelope.delimiter());
        while door.send(identity, delimiter, envelope.body()) == Err(SendError::Full) {}
        door.flush();
        client.recv(&mut reply, 0).unwrap();
    });
}

/// Sends frames to and fro, and counts the allocations of its thread.
struct Player {
    link: Link,
    door: Door,
    frame: Vec<u8>,
    turns: u64,
    before: u64,
    done: std::sync::mpsc::Sender<u64>,
}

impl Agent for Player {
    fn role(&self) -> &str {
        "player"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        if !self.link.receive(&mut self.frame) {
            return 0;
        }
        self.turns += 1;
        match self.turns {
            1_000 => self.before = allocations(),
            2_000 => {
                let _ = self.done.send(allocations() - self.before);
            }
            _ => {}
        }
        // Fails only if the other has already been stopped.
        usize::from(self.link.send(&mut self.frame).is_ok())
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
    }
}

#[test]
fn sleeping_and_waking_allocates_nothing() {
    let context = Context::new().unwrap();
    let (done, end) = std::sync::mpsc::channel();
    let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
    let slots = ["left", "right"].map(|name| group.thread(name).unwrap());
    let (mut left, right) = ring_pair(4, slots[0].waker(), slots[1].waker());
    left.send(&mut vec![7; 100]).unwrap();
    for (slot, link) in slots.iter().zip([left, right]) {
        let door = Door::bind(&context, "tcp://127.0.0.1:*", DoorOptions::default()).unwrap();
        let (frame, done) = (Vec::with_capacity(100), done.clone());
        group.add(slot, Box::new(Player { link, door, frame, turns: 0, before: 0, done }));
    }
    let running = group.start().unwrap();
    for _ in slots {
        assert_eq!(end.recv_timeout(crate::TIMEOUT), Ok(0));
    }
    running.stop();
    running.join().unwrap();
}
