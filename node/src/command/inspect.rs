//! `allot inspect`: prints what is in the journals of a data directory.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use allot_allocation_rules::{Bust, Fill, Input, Listing, Replay, Split};
use allot_allocation_service::{Allocation, decode_input};
use allot_domain::{LogIndex, MessageId, Side};
use allot_feeds::plural;
use allot_journal::{Folder, JournalError, Reader, SegmentState, SegmentSummary, SnapshotSummary};
use allot_shard::Entry;
use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use crate::stdout::print;
use crate::strategy_journal_reader;
use crate::time_text;
use crate::trader_journal_reader;
use crate::{desk_journal, shard_dirs};

/// Print what is in the journals of a data directory
///
/// Reads everything and changes nothing. A server may run meanwhile; what it is writing then may be
/// shown as an incomplete write.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot inspect data
  allot inspect data/shard-0 --last 100
  allot inspect data --json | jq '.shards[].segments'")]
pub(crate) struct Inspect {
    /// Data directory of a server, of a desk, of a trader of signals or of a strategy of a mesh, or
    /// the directory of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// Number of records to print, counted from the end
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    last: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is in one shard's directory.
struct ShardContents {
    path: PathBuf,
    stamp: String,
    segments: Vec<SegmentSummary>,
    snapshots: Vec<SnapshotSummary>,
    records: u64,
    last: VecDeque<LastRecord>,
    /// A segment that is missing although it was not pruned.
    lost: Option<String>,
    /// What stopped the reading, if something did.
    damage: Option<JournalError>,
}

/// One of the last records.
struct LastRecord {
    index: LogIndex,
    file: String,
    offset: u64,
    bytes: usize,
    /// When the router took the input; zero if the record cannot be decoded.
    time_ns: u64,
    /// The record in words, or why it cannot be decoded.
    input: String,
}

/// Prints what is there; fails if something is damaged.
pub(crate) fn run(inspect: &Inspect) -> Result<ExitCode> {
    strategy_journal_reader::demand_alone(&inspect.data)?;
    let trader = trader_journal_reader::find(&inspect.data);
    let directories = match trader.or_else(|| strategy_journal_reader::find(&inspect.data)) {
        Some(whole) => vec![whole],
        None => shard_dirs::find(&inspect.data)?,
    };
    let shards = directories.iter().map(|path| read(path, inspect.last));
    let shards = shards.collect::<Result<Vec<_>>>()?;
    if inspect.json {
        print(&json!({ "shards": shards.iter().map(as_json).collect::<Vec<_>>() }).to_string())?;
    } else {
        let pages: Vec<_> = shards.iter().map(page).collect();
        print(pages.join("\n\n").as_str())?;
    }
    let is_whole = shards.iter().all(|shard| shard.damage.is_none() && shard.lost.is_none());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path, last_max: usize) -> Result<ShardContents> {
    let what = || format!("cannot inspect {}", path.display());
    let folder = Folder::read_only(path).with_context(what)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(what)?;
    let sentence = sentence_of(reader.stamp());
    let mut records = 0;
    let mut last = VecDeque::new();
    let damage = loop {
        match reader.next() {
            Ok(None) => break None,
            Ok(Some(entry)) => {
                records += 1;
                last.push_back(LastRecord::of(&entry, sentence));
                if last_max < last.len() {
                    last.pop_front();
                }
            }
            Err(error) => break Some(error),
        }
    };
    Ok(ShardContents {
        path: path.to_owned(),
        stamp: reader.stamp().to_owned(),
        segments: reader.segments().to_vec(),
        snapshots: reader.snapshots().to_vec(),
        records,
        last,
        lost: reader.lost().map(str::to_owned),
        damage,
    })
}

/// Says a record of another system than allocation.
type Sentence = fn(u8, &[u8]) -> String;

fn sentence_of(stamp: &str) -> Option<Sentence> {
    if trader_journal_reader::is_stamp(stamp) {
        Some(trader_journal_reader::sentence)
    } else if desk_journal::is_stamp(stamp) {
        Some(desk_journal::sentence)
    } else {
        strategy_journal_reader::is_stamp(stamp).then_some(strategy_journal_reader::sentence)
    }
}

impl LastRecord {
    fn of(entry: &allot_journal::Entry<'_>, of_system: Option<Sentence>) -> Self {
        let record = &entry.record;
        let (time_ns, input) = if let Some(of_system) = of_system {
            (record.time_ns, of_system(record.kind, record.payload))
        } else {
            let input = Entry::of::<Allocation>(record);
            let time_ns = input.as_ref().map_or(0, |entry| entry.time_ns);
            (time_ns, input.map_or_else(|error| error.to_string(), |entry| sentence(&entry)))
        };
        Self {
            index: record.index,
            file: entry.file.to_owned(),
            offset: entry.offset,
            bytes: record.payload.len(),
            time_ns,
            input,
        }
    }
}

fn sentence(entry: &Entry<'_>) -> String {
    match decode_input(entry.kind, entry.time_ns, entry.body) {
        Err(rejection) => format!("rejected as {}", rejection.code),
        Ok(Input::Fill(fill)) => {
            let Fill { source, seq, id, ticker, price, .. } = fill;
            let side = if fill.side == Side::Sell { "sell" } else { "buy" };
            let id = named(&id);
            format!("fill {source} {seq}{id}: {side} {} {ticker} at {price}", fill.quantity.get())
        }
        Ok(Input::Bust(bust)) => {
            let Bust { source, seq, id, ticker, of, .. } = bust;
            format!("bust {source} {seq}{}: of {ticker} {of}", named(&id))
        }
        Ok(Input::Split(split)) => split_text(&split),
        Ok(Input::Check(split)) => format!("check of {}", split_text(&split)),
        Ok(Input::Marker(marker)) => format!("marker {}", marker.number),
        Ok(Input::Netting(netting)) => format!("netting {}", netting.number),
        Ok(Input::Replay(replay)) => {
            let Replay { source, seq, ticker, from, to, .. } = replay;
            let to = to.map_or("the newest".to_owned(), |to| to.to_string());
            format!("replay {source} {seq}: {ticker} from {from} to {to}")
        }
        Ok(Input::Listing(Listing { source, seq, from, .. })) => {
            format!("splits {source} {seq}: from {from}")
        }
    }
}

fn split_text(split: &Split) -> String {
    let (accounts, closes) = (split.weights().len(), split.closes().len());
    let closes = if closes == 0 { String::new() } else { format!(", closes {closes}") };
    format!("split {} {}: {accounts} accounts{closes}", split.source, split.seq)
}

/// The id of a message, where it has one of its own.
fn named(id: &MessageId) -> String {
    match id {
        MessageId::Number(_) => String::new(),
        MessageId::Text(id) => format!(" ({id})"),
    }
}

/// The keys are older than the words of the code: an image is a snapshot, a sequence a log index.
fn as_json(shard: &ShardContents) -> Value {
    let segments = shard.segments.iter().map(|segment| {
        json!({
            "file": segment.file,
            "first": segment.first_index.get(),
            "last": segment.last_index.get(),
            "bytes_used": segment.bytes_used,
            "state": state(&segment.state),
        })
    });
    let images = shard.snapshots.iter().map(|snapshot| {
        json!({
            "file": snapshot.file,
            "sequence": snapshot.index.get(),
            "bytes": snapshot.bytes,
            "hash": format!("{:032x}", snapshot.hash),
            "damage": snapshot.damage,
        })
    });
    let last = shard.last.iter().map(|record| {
        let LastRecord { index, file, offset, bytes, time_ns, input } = record;
        json!({
            "sequence": index.get(),
            "file": file,
            "offset": offset,
            "bytes": bytes,
            "time": (*time_ns != 0).then(|| time_text::exact(*time_ns)),
            "input": input,
        })
    });
    json!({
        "directory": shard.path.display().to_string(),
        "stamp": shard.stamp,
        "records": shard.records,
        "segments": segments.collect::<Vec<_>>(),
        "images": images.collect::<Vec<_>>(),
        "last": last.collect::<Vec<_>>(),
        "lost": shard.lost,
        "damage": shard.damage.as_ref().map(ToString::to_string),
    })
}

fn state(state: &SegmentState) -> String {
    match state {
        SegmentState::Sealed => "sealed".to_owned(),
        SegmentState::Current => "current".to_owned(),
        SegmentState::Torn(bytes) => {
            format!("current, {bytes} bytes of an incomplete write at its end")
        }
        SegmentState::Spare => "spare".to_owned(),
        SegmentState::Damaged(error) => format!("damaged: {error}"),
        SegmentState::Unread => "not read: it follows damage".to_owned(),
    }
}

fn page(shard: &ShardContents) -> String {
    let stamp = if shard.stamp.is_empty() { "nothing written yet" } else { &shard.stamp };
    let mut lines = vec![format!("{}: {stamp}", shard.path.display())];
    lines.push(format!("  {} {}", shard.records, plural(shard.records, "record")));
    let lost = |file| format!("  {file}  missing, and it was not pruned");
    lines.extend(shard.lost.iter().map(lost));
    lines.extend(shard.segments.iter().map(|segment| {
        let SegmentSummary { file, first_index, last_index, bytes_used, .. } = segment;
        let state = state(&segment.state);
        if *first_index == LogIndex::ZERO || last_index < first_index {
            return format!("  {file}  no records, {state}");
        }
        format!("  {file}  records {first_index} to {last_index}, {bytes_used} bytes, {state}")
    }));
    lines.extend(shard.snapshots.iter().map(|snapshot| {
        let SnapshotSummary { file, index, bytes, hash, damage } = snapshot;
        let state = damage.as_ref().map_or("good".to_owned(), Clone::clone);
        format!("  {file}  after record {index}, {bytes} bytes, hash {hash:032x}, {state}")
    }));
    lines.extend(shard.last.iter().map(|record| {
        let LastRecord { index, file, offset, time_ns, input, .. } = record;
        let time = if *time_ns == 0 { String::new() } else { time_text::exact(*time_ns) + " " };
        format!("  record {index} at {file} {offset}: {time}{input}")
    }));
    lines.extend(shard.damage.iter().map(|damage| format!("  DAMAGED: {damage}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use allot_allocation_service::InputName;
    use allot_wire::backplane::InputKind;

    use super::*;

    #[test]
    fn every_kind_of_input_has_a_sentence() {
        let mut body = Vec::new();
        let marker = allot_domain::Marker { number: 7, time_ns: 0, report: false };
        allot_wire::backplane::encode_marker(&marker, &mut body);
        let encoding = allot_wire::Encoding::Json;
        let entry = Entry { kind: InputKind::MARKER, encoding, time_ns: 0, body: &body };
        assert_eq!(sentence(&entry), "marker 7");
        let entry = Entry { kind: InputName::Fill.kind(), encoding, time_ns: 0, body: &[1] };
        assert_eq!(sentence(&entry), "rejected as malformed_message");
    }
}
