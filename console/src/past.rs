//! The past: what the console has from before it began, and how far back that goes.

/// What is known of the time before the console began.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Past {
    /// There was no report yet.
    #[default]
    Waiting,
    /// It is being fetched.
    Reading,
    /// It is there.
    Read(Reach),
    /// The server did not give it; a sentence says why.
    Failed(String),
}

/// How far back it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reach {
    /// The server has older ones that the console did not fetch.
    pub(crate) is_bounded: bool,
    /// There were older ones that the server keeps no longer.
    pub(crate) is_pruned: bool,
}

impl Reach {
    /// That of two parts.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            is_bounded: self.is_bounded || other.is_bounded,
            is_pruned: self.is_pruned || other.is_pruned,
        }
    }
}

impl Past {
    /// What a page says of it.
    pub(crate) fn told(&self, is_cut: bool) -> String {
        match self {
            Self::Waiting => "Earlier fills are fetched with the first report.".to_owned(),
            Self::Reading => "Earlier fills are being fetched.".to_owned(),
            Self::Failed(reason) => {
                format!("Earlier fills could not be fetched, and are asked for again. {reason}")
            }
            Self::Read(Reach { is_bounded, .. }) if *is_bounded || is_cut => {
                "There are older ones: the console fetches the latest alone (--earlier-fills), and \
                 keeps 32 MiB. allot history prints what the server keeps."
                    .to_owned()
            }
            Self::Read(Reach { is_pruned: true, .. }) => {
                "There were older ones, which the server keeps no longer: allot history DIR prints \
                 them from the journal."
                    .to_owned()
            }
            Self::Read(_) => "The console has all fills of the ledger.".to_owned(),
        }
    }
}
