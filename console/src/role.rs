//! A role: what a person may do.
//!
//! | role       | sees                              | changes                 |
//! |------------|-----------------------------------|-------------------------|
//! | `viewer`   | all pages                         | nothing                 |
//! | `trader`   | the accounts that are theirs      | trades at the desk      |
//! | `operator` | all pages                         | sends splits            |
//! | `admin`    | all pages, and who is logged in   | the same, ends sessions |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everything and changes nothing.
    Viewer,
    /// Sees their own accounts, and trades at the desk.
    Trader,
    /// Sends splits too.
    Operator,
    /// Ends sessions too.
    Admin,
}

impl Role {
    /// All roles, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Trader, Self::Operator, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Trader => "trader",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Whether it sees the whole firm.
    pub(crate) const fn sees_all(self) -> bool {
        !matches!(self, Self::Trader)
    }

    /// Whether it may send a split.
    pub(crate) const fn may_split(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }

    /// Whether it trades at the desk, each as the user of their name.
    pub(crate) const fn may_trade(self) -> bool {
        matches!(self, Self::Trader)
    }

    /// Whether it sees who is logged in, and ends sessions.
    pub(crate) const fn may_end_sessions(self) -> bool {
        matches!(self, Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or_else(|| "the roles are viewer, trader, operator and admin".to_owned())
    }
}
