//! A setting: a value that the user of a server can choose.
//!
//! One table defines all settings. Flags, environment variables, the keys of the configuration
//! file, help texts and defaults all come from it, so they cannot differ.

use allot_runtime::cores;
use allot_wire::nearest_name;

use crate::run_dir;

/// Declares the table: name, default (empty if computed), placeholder of the value in a help page,
/// allowed values, help.
macro_rules! settings {
    ($($key:ident $name:literal $default:literal $placeholder:literal
        $allowed:literal $help:literal)+) => {
        /// One setting.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Key {
            $(#[doc = $help] $key,)+
        }

        impl Key {
            /// All of them, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$key,)+];

            /// Its key in the file, and its flag without the two dashes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)+ }
            }

            /// The placeholder of its value in a help page.
            pub const fn placeholder(self) -> &'static str {
                match self { $(Self::$key => $placeholder,)+ }
            }

            /// The allowed values, to be read after "allowed:".
            pub const fn allowed(self) -> &'static str {
                match self { $(Self::$key => $allowed,)+ }
            }

            /// Its help, one or two sentences.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$key => $help,)+ }
            }

            const fn fixed_default(self) -> &'static str {
                match self { $(Self::$key => $default,)+ }
            }
        }
    };
}

settings! {
    Front "front" "tcp://127.0.0.1:9998" "ENDPOINT"
        "tcp://HOST:PORT (port * or 0: any free port) or ipc://PATH"
        "Endpoint to which clients send: fills and splits, or the commands of a desk."
    Transport "transport" "native" "TRANSPORT"
        "native or libzmq"
        "Who speaks ZeroMQ's protocol to clients and subscribers: the box itself, or libzmq."
    FrontSecret "front-secret" "none" "FILE"
        "a file, or none"
        "File with the CURVE keys of the front door, created if missing; none: no encryption."
    FrontKey "front-key" "none" "KEY"
        "a key of 40 characters, or none"
        "Public key of the front door, as printed by the server at its start; for clients."
    Publish "publish" "tcp://127.0.0.1:9999" "ENDPOINT"
        "tcp://HOST:PORT (port * or 0: any free port) or ipc://PATH"
        "Endpoint from which subscribers receive what is published."
    PublishSecret "publish-secret" "none" "FILE"
        "a file, or none"
        "File with the CURVE keys of the feed, created if missing; none: no encryption."
    PublishKey "publish-key" "none" "KEY"
        "a key of 40 characters, or none"
        "Public key of the feed, as printed by the server at its start; for subscribers."
    RunDir "run-dir" "" "DIR"
        "a directory"
        "Directory of the sockets between processes, if their endpoints are not set."
    Backplane "backplane" "" "ENDPOINT"
        "tcp://HOST:PORT or ipc://PATH"
        "Endpoint of the router, to which the shard and publisher processes connect."
    Parts "parts" "" "ENDPOINT"
        "tcp://HOST:PORT or ipc://PATH"
        "Endpoint of the publisher, to which the shard processes connect."
    Shards "shards" "1" "COUNT"
        "a whole number from 1 to 64"
        "Number of shards that the tickers, or the users of a desk, are spread over; with few \
         cores, 1 is fastest."
    ReportEvery "report-every" "10s" "DURATION"
        "a duration of at least 10ms, such as 10s or 250ms"
        "Interval between reports."
    MarkerEvery "marker-every" "256" "COUNT"
        "a whole number from 1 to 1000000"
        "With several shards, the number of inputs between two markers, at which the shards \
         balance their parts of each account's deviation; no effect with one shard."
    Threads "threads" "" "MODE"
        "dedicated (a thread for each box) or shared (one for all)"
        "Threads of a server in one process; use shared with one or two cores."
    Wait "wait" "adaptive" "STRATEGY"
        "block, adaptive, adaptive:50us (spins for this long, then sleeps) or spin"
        "How an idle thread waits for work."
    Blend "blend" "0" "FRACTION"
        "0, or a fraction such as 1/4 whose two numbers add up to at most 8"
        "How much the allocator evens out the mix of tickers between accounts, relative to total \
         value; 0: it evens out total value only."
    History "history" "65536" "COUNT"
        "a whole number from 1 to 16777216"
        "Number of recent replies that a shard keeps. Only these can be repeated in full, and of \
         the divided fills only theirs can be busted."
    Names "names" "1000000" "COUNT"
        "a whole number from 1 to 67108864"
        "Number of names of fills, busts and splits that a shard remembers exactly: none of them \
         is applied twice."
    Data "data" "none" "DIR"
        "a directory, or none"
        "Directory of the journals; none: the state is in memory only."
    Ack "ack" "auto" "WHEN"
        "journal, memory, or auto (journal if there is a data directory)"
        "When an input is acknowledged: after it is on disk (journal), or at once (memory)."
    SegmentMib "segment-mib" "64" "MIB"
        "a whole number from 8 to 1024"
        "Size of a journal segment, in MiB."
    ImageMib "image-mib" "256" "MIB"
        "a whole number from 1 to 1048576"
        "Journal size between two snapshots of the state, in MiB."
    Prune "prune" "no" "YES-OR-NO"
        "yes or no"
        "Remove journal segments that recovery no longer needs."
    OwedMax "owed-max" "8192" "COUNT"
        "a whole number from 1 to 1048576"
        "Most inputs that may wait for one shard's reply; beyond that the router replies busy."
    Stages "stages" "none" "FILE"
        "a file, or none"
        "File for the stage times of this process; none: nothing is timed."
    StagesEvery "stages-every" "64" "COUNT"
        "a whole number from 1 to 1000000"
        "Sampling interval for stage times: one in this many messages, frames and fills is timed."
    Metrics "metrics" "none" "HOST:PORT"
        "HOST:PORT (port 0: any free port), or none"
        "Address of a page of metrics for Prometheus: what this process counts and times."
}

impl Key {
    /// The setting with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(self) -> String {
        format!("ALLOT_{}", self.name().to_uppercase().replace('-', "_"))
    }

    /// Its default. `{run-dir}` stands for the value of that setting.
    #[must_use]
    pub fn default_text(self) -> String {
        match self {
            Self::RunDir => run_dir::default().display().to_string(),
            Self::Backplane | Self::Parts => format!("ipc://{{run-dir}}/{}", self.name()),
            Self::Threads if cores().len() <= 2 => "shared".to_owned(),
            Self::Threads => "dedicated".to_owned(),
            fixed => fixed.fixed_default().to_owned(),
        }
    }

    /// Its bit in a set of settings.
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The setting with the most similar name, if one is similar enough.
    #[must_use]
    pub fn nearest(name: &str) -> Option<Self> {
        let name = name.replace('_', "-");
        Self::named(nearest_name(&name, Self::ALL.iter().map(|key| key.name()))?)
    }
}

/// A set of settings, as the sum of their bits.
#[must_use]
pub const fn set(keys: &[Key]) -> u32 {
    let mut bits = 0;
    let mut at = 0;
    while at < keys.len() {
        bits |= keys[at].bit();
        at += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_name_a_variable_and_a_help_sentence() {
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()), Some(*key));
            assert!(key.help().ends_with('.') && !key.allowed().ends_with('.'), "{key:?}");
            assert!(!key.default_text().is_empty(), "{key:?}");
        }
        assert_eq!(Key::ReportEvery.variable(), "ALLOT_REPORT_EVERY");
        assert_eq!(set(&[Key::Front, Key::RunDir]), 0b1000_0001);
    }

    #[test]
    fn a_misspelled_name_is_recognised() {
        for (written, meant) in [
            ("shard", Some(Key::Shards)),
            ("report_every", Some(Key::ReportEvery)),
            ("Front", Some(Key::Front)),
            ("publsh", Some(Key::Publish)),
            ("owedmax", Some(Key::OwedMax)),
            ("journal-folder", None),
        ] {
            assert_eq!(Key::nearest(written), meant, "{written}");
        }
    }
}
