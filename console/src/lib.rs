//! The console: pages for people with a browser, and metrics for machines.
//!
//! ```text
//!   position feed ──► follower ──► board ──► pages ──► browsers
//!   front door   ◄──►    │                     │ one live stream for each open page
//!                        └──── caller ◄────────┘ splits, with the name of who sends them
//!   desk, trader, peer ◄────── callers ◄───────┘ commands of users; how signals and mesh are
//! ```
//!
//! Start with [`Console`], then `follower.rs`: what it hears; `board.rs`: what is kept of it;
//! `guard.rs`: who may see what; and the pages.
//!
//! Invariants:
//! * It is a client like any other: it subscribes to the feed and asks at front doors.
//! * What it keeps is bounded in bytes, whatever the feed and the browsers send.
//! * Nothing is changed without a person who may change it, and their name goes with it.
//! * Every page and every form works without JavaScript.

#![forbid(unsafe_code)]

mod limits;
mod error;
mod picture;
mod source_log;
mod fill_log;
mod past;
mod split_log;
mod tracking_log;
mod board;
mod caller;
mod front_door;
mod follower;
mod role;
mod password;
mod users;
mod sessions;
mod drafts;
mod each;
mod pace;
mod attempts;
mod desk_reply;
mod desk_book;
mod desk_front;
mod desk_look;
mod desk;
mod signals_trader;
mod mesh_peer;
mod text;
mod metrics;
mod scrape;
mod counting;
mod remedies;
mod arrow;
mod hashing;
mod app;
mod look_up;
mod backfill;
mod split_history;
mod credentials;
mod report_now;
mod one_time_codes;
mod page_form;
mod busy;
mod own_host;
mod guard;
mod parameters;
mod frame;
mod impatient;
mod listener;
mod pages;
mod console;
mod metrics_server;
mod top;

pub use arrow::write_arrow;
pub use console::{Console, ConsoleConfig, ConsoleStopper, DeskPlace, FlagNames, MeshPlace};
pub use error::ConsoleError;
pub use metrics::Measured;
pub use metrics_server::MetricsServer;
pub use one_time_codes::CodeSecret;
pub use pages::PositionsPreview;
pub use role::Role;
pub use top::{Top, TopConfig, TopFormat, TopStopper};
pub use users::{
    User, UserMap, add_user, give_code_secret, give_token, read_users, remove_code_secret,
    remove_token, remove_user,
};
