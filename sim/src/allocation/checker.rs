//! The checkers of allocation's promises; those of every system are in
//! [`crate::engine::checker`].
//!
//! | promise | where it is checked                                                           |
//! |---------|-------------------------------------------------------------------------------|
//! | P1      | `replies`: what clients have seen is in the journal, at every recovery        |
//! | P2      | `replies`: repeats; the auditor in [`crate::allocation::replica`]             |
//! | P4, P5  | the auditor                                                                   |
//! | P9      | `reports`, `publications`, `nettings`; [`crate::allocation::subscriber`]      |
//! | P10     | `replies`: each refusal is due; the auditor                                   |

pub mod nettings;
pub mod publications;
pub mod replies;
pub mod reports;
