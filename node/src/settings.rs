//! Settings: the configuration, parsed and checked.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use allot_allocation_rules::Blend;
use allot_domain::limits::{NAMES_MAX, SHARDS_MAX};
use allot_journal::Ack;
use allot_runtime::duration;
use allot_runtime::{CurveKey, Threads, Transport, WaitStrategy};
use anyhow::{Result, anyhow};

use crate::config::{Config, InvalidSetting, Origin};
use crate::limits::{
    HISTORY_MAX, IMAGE_MIB, MARKER_EVERY_MAX, MIB, OWED_MAX, REPORT_EVERY_MIN, SEGMENT_MIB,
    SOCKET_PATH_LEN_MAX, STAGES_EVERY_MAX,
};
use crate::setting::Key;

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The endpoint for clients.
    pub front: String,
    /// Who speaks ZeroMQ's protocol at the front door.
    pub transport: Transport,
    /// The file with the CURVE keys of the front door, if it encrypts.
    pub front_secret: Option<PathBuf>,
    /// The public key of the front door, for clients, if it encrypts.
    pub front_key: Option<CurveKey>,
    /// The endpoint for subscribers.
    pub publish: String,
    /// The file with the keys of the feed, if it encrypts.
    pub publish_secret: Option<PathBuf>,
    /// The key that subscribers expect of the feed.
    pub publish_key: Option<CurveKey>,
    /// The directory of the sockets between the processes.
    pub run_dir: PathBuf,
    /// The endpoint of the router for shards and publisher.
    pub backplane: String,
    /// The endpoint of the publisher for shards.
    pub parts: String,
    /// The number of shards.
    pub shards: usize,
    /// The interval between reports.
    pub report_every: Duration,
    /// Inputs between two markers.
    pub marker_every: u64,
    /// A thread for each box, or one for all.
    pub threads: Threads,
    /// How an idle thread waits.
    pub wait: WaitStrategy,
    /// The weight of an even mix of tickers.
    pub blend: Blend,
    /// The number of replies that a shard keeps.
    pub history: usize,
    /// The number of names that a shard remembers.
    pub names: usize,
    /// The directory of the journals, if there are any.
    pub data: Option<PathBuf>,
    /// Whether a reply waits for the disk.
    pub ack: Ack,
    /// Bytes of a segment of a journal.
    pub segment_bytes: u64,
    /// Bytes of journal between two snapshots.
    pub snapshot_every_bytes: u64,
    /// Whether segments that recovery no longer needs are removed.
    pub prune: bool,
    /// The number of replies that a shard may owe.
    pub owed_max: u64,
    /// The stage file, if stages are timed.
    pub stages: Option<PathBuf>,
    /// One in this many is timed.
    pub stages_every: u64,
    /// Where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
}

impl Settings {
    /// Parses every setting.
    ///
    /// # Errors
    /// All that is wrong, one a line: names that are no setting, and texts that are invalid.
    pub fn of(config: &Config) -> Result<Self> {
        let mut problems: Vec<_> = config.check_names().err().into_iter().collect();
        let mut rest = config.clone();
        // Each invalid text is replaced by the default, so that those after it are looked at.
        let settings = loop {
            let error = match Self::read(&rest) {
                Ok(settings) => break Some(settings),
                Err(error) => error,
            };
            let invalid = error.downcast_ref::<InvalidSetting>().map(|invalid| invalid.key);
            problems.push(error);
            match invalid {
                Some(key) => rest.set(key, &key.default_text(), Origin::Default),
                None => break None,
            }
        };
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        settings.filter(|_| problems.is_empty()).ok_or_else(|| anyhow!(problems.join("\n")))
    }

    /// Whether a setting allows a text, whatever the others are.
    ///
    /// # Errors
    /// The text and what is allowed.
    pub fn check(key: Key, text: &str, origin: Origin) -> Result<()> {
        let mut config = Config::default();
        config.set(key, text, origin);
        match Self::read(&config) {
            Err(error) if error.is::<InvalidSetting>() => Err(error),
            _ => Ok(()),
        }
    }

    /// Parses them up to the first whose text is invalid.
    fn read(config: &Config) -> Result<Self> {
        let data = config.read(Key::Data, path_or_none)?;
        Ok(Self {
            front: config.read(Key::Front, endpoint)?,
            transport: config.read(Key::Transport, |text| text.parse().ok())?,
            front_secret: config.read(Key::FrontSecret, path_or_none)?,
            front_key: config.read(Key::FrontKey, key_or_none)?,
            publish: config.read(Key::Publish, endpoint)?,
            publish_secret: config.read(Key::PublishSecret, path_or_none)?,
            publish_key: config.read(Key::PublishKey, key_or_none)?,
            run_dir: config
                .read(Key::RunDir, |text| (!text.is_empty()).then(|| PathBuf::from(text)))?,
            backplane: config.read(Key::Backplane, endpoint)?,
            parts: config.read(Key::Parts, endpoint)?,
            shards: config.read(Key::Shards, |text| within(text, 1..=SHARDS_MAX))?,
            report_every: config.read(Key::ReportEvery, |text| {
                duration::parse(text).ok().filter(|every| REPORT_EVERY_MIN <= *every)
            })?,
            marker_every: config
                .read(Key::MarkerEvery, |text| within(text, 1..=MARKER_EVERY_MAX))?,
            threads: config.read(Key::Threads, |text| text.parse().ok())?,
            wait: config.read(Key::Wait, |text| text.parse().ok())?,
            blend: config.read(Key::Blend, |text| text.parse().ok())?,
            history: config.read(Key::History, |text| within(text, 1..=HISTORY_MAX))?,
            names: config.read(Key::Names, |text| within(text, 1..=NAMES_MAX))?,
            ack: ack(config, data.is_some())?,
            data,
            segment_bytes: config.read(Key::SegmentMib, |text| within(text, SEGMENT_MIB))? * MIB,
            snapshot_every_bytes: config.read(Key::ImageMib, |text| within(text, IMAGE_MIB))? * MIB,
            prune: config.read(Key::Prune, |text| match text {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            })?,
            owed_max: config.read(Key::OwedMax, |text| within(text, 1..=OWED_MAX))?,
            stages: config.read(Key::Stages, path_or_none)?,
            stages_every: config
                .read(Key::StagesEvery, |text| within(text, 1..=STAGES_EVERY_MAX))?,
            metrics: config.read(Key::Metrics, |text| match text {
                "none" => Some(None),
                address => address.parse().ok().map(Some),
            })?,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&Config::default()).expect("the defaults of the table are valid")
    }
}

/// When an input is acknowledged.
fn ack(config: &Config, has_journal: bool) -> Result<Ack> {
    let ack = config.read(Key::Ack, |text| match text {
        "auto" if has_journal => Some(Ok(Ack::Journal)),
        "auto" | "memory" => Some(Ok(Ack::Memory)),
        "journal" if has_journal => Some(Ok(Ack::Journal)),
        "journal" => Some(Err(anyhow!("--ack journal needs a data directory; add --data DIR"))),
        _ => None,
    });
    ack?
}

/// A key; none for the word.
fn key_or_none(text: &str) -> Option<Option<CurveKey>> {
    if text == "none" { Some(None) } else { text.parse().ok().map(Some) }
}

/// A path, or `none`. An empty text is invalid.
fn path_or_none(text: &str) -> Option<Option<PathBuf>> {
    match text {
        "" => None,
        "none" => Some(None),
        path => Some(Some(PathBuf::from(path))),
    }
}

fn within<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|number| range.contains(number))
}

/// An endpoint that ZeroMQ accepts.
fn endpoint(text: &str) -> Option<String> {
    let is_endpoint = match text.split_once("://")? {
        ("tcp", address) => {
            let (host, port) = address.rsplit_once(':')?;
            !host.is_empty() && (port == "*" || port.parse::<u16>().is_ok())
        }
        ("ipc", path) => (1..=SOCKET_PATH_LEN_MAX).contains(&path.len()),
        _ => false,
    };
    is_endpoint.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::limits::{HISTORY_DEFAULT, NAMES_DEFAULT};
    use allot_domain::limits::MARKER_EVERY;

    use super::*;
    use crate::config::Origin;

    fn error_of(key: Key, text: &str) -> Option<String> {
        let mut config = Config::default();
        config.set(key, text, Origin::Flag(key.name()));
        Settings::of(&config).err().map(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_boxes() {
        let settings = Settings::default();
        assert_eq!(settings.front, "tcp://127.0.0.1:9998");
        assert_eq!(settings.marker_every, MARKER_EVERY);
        assert_eq!(settings.history, HISTORY_DEFAULT);
        assert_eq!(settings.names, NAMES_DEFAULT);
        assert_eq!(settings.report_every, Duration::from_secs(10));
        assert_eq!(settings.blend, Blend::NONE);
        assert!(settings.backplane.starts_with("ipc:///"), "{}", settings.backplane);
    }

    #[test]
    fn allowed_values_are_accepted() {
        for (key, text) in [
            (Key::Front, "tcp://127.0.0.1:*"),
            (Key::Front, "tcp://*:0"),
            (Key::Front, "tcp://[::1]:9998"),
            (Key::Publish, "ipc:///tmp/x"),
            (Key::Shards, "64"),
            (Key::ReportEvery, "10ms"),
            (Key::Threads, "dedicated"),
            (Key::Wait, "adaptive:50us"),
            (Key::Transport, "libzmq"),
            (Key::Blend, "1/4"),
            (Key::Blend, "0/1"),
            (Key::Stages, "/tmp/stages.json"),
            (Key::StagesEvery, "1"),
            (Key::Metrics, "127.0.0.1:0"),
        ] {
            assert_eq!(error_of(key, text), None, "{key:?} {text}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut config = Config::default();
        for (key, text) in [(Key::Shards, "x"), (Key::Wait, "long"), (Key::Ack, "journal")] {
            config.set(key, text, Origin::Default);
        }
        let error = Settings::of(&config).unwrap_err().to_string();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 3, "{error}");
        assert!(lines[0].starts_with("invalid setting shards = \"x\""), "{error}");
        assert!(lines[1].starts_with("invalid setting wait = \"long\""), "{error}");
        assert!(lines[2].starts_with("--ack journal needs a data directory"), "{error}");
    }

    #[test]
    fn other_values_are_rejected_with_the_allowed_ones() {
        for (key, text) in [
            (Key::Front, "9998"),
            (Key::Front, "tcp://127.0.0.1"),
            (Key::Front, "tcp://:9998"),
            (Key::Front, "tcp://localhost:99999"),
            (Key::Front, "http://localhost:80"),
            (Key::Backplane, "ipc://"),
            (Key::RunDir, ""),
            (Key::Shards, "0"),
            (Key::Shards, "65"),
            (Key::Shards, "1.5"),
            (Key::ReportEvery, "10"),
            (Key::ReportEvery, "9ms"),
            (Key::MarkerEvery, "0"),
            (Key::Threads, "many"),
            (Key::Wait, "sleep"),
            (Key::Transport, "tcp"),
            (Key::Blend, "1/0"),
            (Key::Blend, "4/5"),
            (Key::Blend, "0.25"),
            (Key::History, "0"),
            (Key::OwedMax, "-1"),
            (Key::Stages, ""),
            (Key::StagesEvery, "0"),
            (Key::Metrics, "9100"),
            (Key::FrontSecret, ""),
            (Key::FrontKey, "0123456789"),
            (Key::PublishSecret, ""),
            (Key::PublishKey, "0123456789"),
        ] {
            let error = error_of(key, text).unwrap_or_else(|| panic!("{key:?} accepts {text:?}"));
            assert!(error.contains(key.allowed()), "{error}");
            assert!(
                error.starts_with(&format!(
                    "invalid setting {} = {text:?}, from flag --",
                    key.name()
                )),
                "{error}"
            );
        }
    }

    #[test]
    fn the_range_in_the_help_is_the_range_that_is_checked() {
        let mut count = 0;
        for key in Key::ALL {
            let Some(range) = key.allowed().strip_prefix("a whole number from ") else { continue };
            let (first, last) = range.split_once(" to ").unwrap();
            let first: u64 = first.parse().unwrap();
            let last: u64 = last.parse().unwrap();
            for (number, is_allowed) in
                [(first, true), (last, true), (first - 1, false), (last + 1, false)]
            {
                let error = error_of(*key, &number.to_string());
                assert_eq!(error.is_none(), is_allowed, "{key:?} {number}");
            }
            count += 1;
        }
        assert_eq!(count, 8, "every setting that is a number");
    }

    #[test]
    fn a_socket_path_that_is_too_long_for_the_kernel_is_rejected() {
        let path = |len: usize| format!("ipc://{}", "x".repeat(len));
        assert_eq!(error_of(Key::Parts, &path(SOCKET_PATH_LEN_MAX)), None);
        assert!(error_of(Key::Parts, &path(SOCKET_PATH_LEN_MAX + 1)).is_some());
    }
}
