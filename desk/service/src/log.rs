//! Log: what happened, in the words of the course's schema (`logfile.xsd`).
//!
//! ```text
//!   journal of a shard ═► machine ═► entries ─┐
//!   journal of a shard ═► machine ═► entries ─┼─► by time ─► whose ─► XML
//! ```
//!
//! The journal has everything already: a log is made from it when somebody asks for one, by a
//! replay, and costs nothing until then. So it is complete after a crash, whenever that came.

mod entry;
mod entries;
mod by_time;
mod xml;

pub use by_time::ByTime;
pub use entries::EntryMaker;
pub use entry::{Entry, Event, Hit, Subject};
pub use xml::XmlLog;
