//! The machinery under every box: agents and the threads that run them, the links between them,
//! the sockets, the clock, the counters and the stages.
//!
//! ```text
//!              ┌──────────────── a thread of the Crew ────────────────┐
//!   clients ◄──┤ Door      Agent::do_work(now)      Hub │ Link ◄──────┼──► Link   another thread
//!              │               ▲                                      │   (ring or socket)
//!              │   Clock ──────┤  nothing to do: spin, then sleep in  │
//!              │               │  one poll over the Waker and sockets  │
//!              └───────────────┴──────────────────────────────────────┘
//!                                     Broadcast ───────────────────────► subscribers
//! ```
//!
//! Start with [`Agent`]: it is what a box implements; then [`Crew`], which runs it.
//! Everything that is carried here is bytes: this crate knows no price and no account.
//!
//! Invariants:
//! * ZeroMQ, threads, clocks and `unsafe` are used in this crate and in no other that serves; the
//!   echo of `bench` talks to ZeroMQ itself, so that it is a floor under this crate too.
//! * Nothing waits for ever on a peer: every send is non-blocking and says why it was refused.
//! * What a link or a hub drops has a [`Counter`]; what ZeroMQ drops for a slow subscriber is a gap
//!   in the sequence that the subscriber sees.
//! * A link in its steady state allocates no memory.

mod limits;
mod error;
mod clock;
mod counters;
mod stages;
mod agent;
mod poll_set;
mod waker;
mod wait;
mod threads;
mod affinity;
mod context;
mod curve;
mod ipc_file;
mod socket;
mod link;
mod hub;
mod envelope;
mod door;
mod broadcast;
mod subscriber;
mod crew;
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
pub use crew::{Crew, ThreadSlot};
pub use curve::{CurveKey, CurveKeys};
pub use door::{Door, DoorClients, DoorOptions};
pub use envelope::Envelope;
pub use error::RuntimeError;
pub use hub::Hub;
pub use link::{Link, LinkOptions, SendError, ring_pair};
pub use poll_set::PollSet;
pub use running::{CrewError, Running};
pub use stages::{Stage, StageTimes, Stages};
pub use stepper::Stepper;
pub use stopper::Stopper;
pub use subscriber::Subscriber;
pub use threads::Threads;
pub use wait::WaitStrategy;
pub use waker::Waker;
