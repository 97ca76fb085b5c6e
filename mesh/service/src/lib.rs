//! A mesh of positions as processes: frames, the agent of a peer, the owner's journal, the history.
//!
//! ```text
//!   trades ─► PeerAgent ◄══ frames: Door, Links ══► the other peers
//!               ║   │  └─► ViewBoard ─► standard output
//!      OwnerJournal └───► HistoryAgent ─► SQLite, CSV
//! ```
//!
//! The replica of `allot-mesh-rules` decides; here are the sockets and the files. `docs/MESH.md`
//! describes every byte.

#![forbid(unsafe_code)]

pub mod limits;
mod view_row;
mod status;
mod fields;
mod frame;
mod owner_journal;
mod history;
mod history_agent;
mod view_board;
mod trade_source;
mod notice_text;
mod notice_pace;
mod peer_links;
mod counters;
mod peer_agent;

pub use frame::{Frame, RequestNumber};
pub use history::{History, HistoryError, OpenedHistory, SnapshotKind, ViewSnapshot};
pub use history_agent::{HistoryAgent, HistoryTimes, SnapshotQueue};
pub use notice_pace::NoticePace;
pub use notice_text::step_down_text;
pub use owner_journal::{
    OpenedJournal, OwnerJournal, OwnerJournalError, Progress, STRATEGY_STAMP, read_strategy_record,
};
pub use peer_agent::{PeerAgent, PeerDoor, PeerStart};
pub use status::{PeerStatus, ViewPage};
pub use trade_source::{NoTrades, SourceItem, TradeSource};
pub use view_board::{MemberChange, ViewBoard, ViewChanges};
pub use view_row::ViewRow;

/// A number of things.
fn count(things: usize) -> u64 {
    u64::try_from(things).expect("a usize has at most 64 bits")
}
