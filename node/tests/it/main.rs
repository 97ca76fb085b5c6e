//! The binary from outside: real processes and real sockets; and its boxes stepped by hand.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod process;
mod command_line;
mod mistakes;
mod readme;
mod client;
mod native_client;
mod server;
mod world;
mod stepped;
mod rejections;
mod shapes;
mod closing;
mod curve;
mod trials;
mod durability;
mod verify;
mod export;
mod backup;
mod kill_loop;
mod feed_restarts;
mod feed_repairs;
mod stages;
mod replays;
mod asking;
mod looking_back;
mod paging;
mod busy;
mod signals;
mod mesh;
mod desk;
mod console;
mod terminal;
mod prompt;
mod top;
