//! A setting: something about a server that its user can choose.
//!
//! One table for all of them. Flags, environment variables, the keys of the file, their help and
//! their defaults are read from it, so that they cannot differ.

use crate::run_dir;
use allot_runtime::cores;

/// Declares the table: name, default (empty: computed), what is allowed, what it is.
macro_rules! settings {
    ($($key:ident $name:literal $default:literal $allowed:literal $help:literal)+) => {
        /// One setting.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Key {
            $(#[doc = $help] $key,)+
        }

        impl Key {
            /// All of them, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$key,)+];

            /// Its name in the file, and that of its flag after two dashes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)+ }
            }

            /// What may be given, to be read after "allowed:".
            pub const fn allowed(self) -> &'static str {
                match self { $(Self::$key => $allowed,)+ }
            }

            /// What it is, in one sentence.
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
    Front "front" "tcp://127.0.0.1:9998"
        "tcp://HOST:PORT (port * or 0: any free one) or ipc://PATH"
        "Where clients send fills and splits."
    FrontSecret "front-secret" "none"
        "a file, or none"
        "The file with the keys of the front door, made if it is not there; with none it is open."
    FrontKey "front-key" "none"
        "a key of 40 characters, or none"
        "The public key of the front door that clients send to, as the server shows it."
    Publish "publish" "tcp://127.0.0.1:9999"
        "tcp://HOST:PORT (port * or 0: any free one) or ipc://PATH"
        "Where subscribers hear positions and fills."
    RunDir "run-dir" ""
        "a directory"
        "Where the sockets between the processes are, unless they are set."
    Backplane "backplane" ""
        "tcp://HOST:PORT or ipc://PATH"
        "Where shards and publisher meet the router, as processes of their own."
    Parts "parts" ""
        "tcp://HOST:PORT or ipc://PATH"
        "Where shards meet the publisher, as processes of their own."
    Shards "shards" "1"
        "a whole number from 1 to 64"
        "How many shards the tickers are spread over; one is fastest on few cores."
    ReportEvery "report-every" "10s"
        "a duration of at least 10ms, such as 10s or 250ms"
        "How often positions are reported."
    MarkerEvery "marker-every" "256"
        "a whole number from 1 to 1000000"
        "After how many inputs the shards balance their shares of each account's deviation."
    Threads "threads" ""
        "dedicated (a thread for each box) or shared (one for all)"
        "How a server in one process uses threads; shared is right for one or two cores."
    Wait "wait" "adaptive"
        "block, adaptive, adaptive:50us (how long it spins before it sleeps) or spin"
        "What a thread does when there is nothing to do."
    Blend "blend" "0"
        "0, or a fraction such as 1/4 whose two numbers add up to at most 8"
        "How much an even mix of tickers counts beside an even total value."
    History "history" "65536"
        "a whole number from 1 to 16777216"
        "How many answers a shard keeps, to repeat them and to bust their fills."
    Data "data" "none"
        "a directory, or none"
        "Where the journals are; with none, state lives in memory only."
    Ack "ack" "auto"
        "journal, memory, or auto (journal where there is a data directory)"
        "When an input is answered: once it is on disk, or at once."
    SegmentMib "segment-mib" "64"
        "a whole number from 8 to 1024"
        "How many MiB a segment of a journal has."
    ImageMib "image-mib" "256"
        "a whole number from 1 to 1048576"
        "After how many MiB of journal an image of the state is kept."
    Prune "prune" "no"
        "yes or no"
        "Whether segments are removed that no recovery needs any more."
    OwedMax "owed-max" "8192"
        "a whole number from 1 to 1048576"
        "How many answers a shard may owe before the router says busy."
    Stages "stages" "none"
        "a file, or none"
        "Where this process writes how long the stages of a fill take; with none, nothing is timed."
    StagesEvery "stages-every" "64"
        "a whole number from 1 to 1000000"
        "Every how many messages, frames and fills are timed for that."
}

impl Key {
    /// The setting of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The environment variable that sets it.
    pub fn variable(self) -> String {
        format!("ALLOT_{}", self.name().to_uppercase().replace('-', "_"))
    }

    /// Its value where nobody has chosen one. `{run-dir}` stands for the value of that setting.
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
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The known name that was probably meant, if one is near.
    pub fn nearest(name: &str) -> Option<Self> {
        let name = name.to_lowercase().replace('_', "-");
        let near = |key: &Self| edits(&name, key.name());
        let key = Self::ALL.iter().copied().min_by_key(near)?;
        (near(&key) <= key.name().len() / 2).then_some(key)
    }
}

/// The set of some settings.
pub const fn set(keys: &[Key]) -> u32 {
    let mut bits = 0;
    let mut at = 0;
    while at < keys.len() {
        bits |= keys[at].bit();
        at += 1;
    }
    bits
}

/// How many envelopes must be put in, taken out or exchanged to turn one word into another
/// (Levenshtein's distance), row by row of its table.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, envelope) in from.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (column, other) in to.bytes().enumerate() {
            let exchanged = corner + usize::from(envelope != other);
            corner = row[column + 1];
            row[column + 1] = exchanged.min(corner + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_name_a_variable_and_a_sentence() {
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()), Some(*key));
            assert!(key.help().ends_with('.') && !key.allowed().ends_with('.'), "{key:?}");
            assert!(!key.default_text().is_empty(), "{key:?}");
        }
        assert_eq!(Key::ReportEvery.variable(), "ALLOT_REPORT_EVERY");
        assert_eq!(set(&[Key::Front, Key::RunDir]), 0b1_0001);
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
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
