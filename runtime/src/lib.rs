//! The machinery under every box: agents and the threads that run them, the links between them,
//! the sockets, the clock, the counters and the stages.
//!
//! ```text
//!              ┌──────────── a thread of the ThreadGroup ─────────────┐
//!   clients ◄──┤ Door      Agent::do_work(now)      Hub │ Link ◄──────┼──► Link   another thread
//!              │               ▲                                      │   (ring or socket)
//!              │   Clock ──────┤  nothing to do: spin, then sleep in  │
//!              │               │  one poll over the Waker and sockets  │
//!              └───────────────┴──────────────────────────────────────┘
//!                                     Broadcast ───────────────────────► subscribers
//! ```
//!
//! Read [`Agent`] first, which a box implements, then [`ThreadGroup`], which runs it.
//! This crate carries bytes: it knows no value of `domain` and no system.
//!
//! Invariants:
//! * No other crate of the server uses ZeroMQ, threads, clocks or `unsafe`, but for the calls of
//!   libsodium in `zmtp`. The echo of `bench`
//!   uses ZeroMQ directly, so that it is a lower bound for this crate too.
//! * No call waits for ever on a peer: every send is non-blocking and returns why it was refused.
//! * Frames that a link or a hub drops have a [`Counter`]. What ZeroMQ drops for a slow subscriber
//!   is a gap in the sequence that the subscriber sees.
//! * A link in its steady state allocates no memory.

mod limits;
pub mod duration;
mod error;
mod clock;
mod wall_clock;
mod counters;
mod levels;
mod spinner;
mod stages;
mod agent;
mod poll_set;
mod poller;
mod waker;
mod wait;
mod threads;
mod affinity;
mod context;
mod curve;
mod ipc_file;
mod descriptors;
mod waiting_bytes;
mod socket_monitor;
mod connections;
mod guard;
mod socket;
mod native_socket;
mod link;
mod hub;
mod envelope;
mod door;
mod door_probe;
mod broadcast;
mod subscriber;
mod thread_group;
mod stop_request;
mod stopper;
mod duty_cycle;
mod running;
mod stepper;

pub use affinity::{cores, pin_to};
pub use agent::Agent;
pub use broadcast::{Broadcast, BroadcastListener, BroadcastOptions, Publication, Subscription};
pub use clock::{Clock, Nanos};
pub use context::{Context, Facts};
pub use counters::{Counter, Counters};
pub use curve::{CurveKey, CurveKeys};
pub use door::{Door, DoorClients, DoorOptions, Transport};
pub use door_probe::{DoorFinding, probe_door};
pub use envelope::Envelope;
pub use error::RuntimeError;
pub use hub::Hub;
pub use levels::{JournalNow, Levels, SubscriberLevel, SubscribersNow};
pub use limits::{PREFIX_BYTES_MAX, RECYCLED_BYTES_MAX, SUBSCRIBERS_TOLD};
pub use link::{Link, LinkOptions, LinkPoller, SendError, ring_pair};
pub use poll_set::PollSet;
pub use running::{Running, ThreadGroupError};
pub use stages::{Stage, StageTimes, Stages};
pub use stepper::Stepper;
pub use stop_request::StopRequest;
pub use stopper::Stopper;
pub use subscriber::Subscriber;
pub use thread_group::{ThreadGroup, ThreadSlot};
pub use threads::Threads;
pub use wait::WaitStrategy;
pub use waker::Waker;
pub use wall_clock::WallClock;
