//! `allot inspect`: what is in the journals of a data directory.

use crate::shard_dirs;
use crate::stdout::print;
use allot_journal::{Folder, ImageSummary, Reader, SegmentState, SegmentSummary};
use allot_shard::Entry;
use allot_wire::backplane::decode_input;
use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// What is in the journals of a data directory
///
/// Reads everything and changes nothing; a server may run meanwhile, but what it writes then may
/// look torn.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot inspect data
  allot inspect data/shard-0 --last 100
  allot inspect data --json | jq '.shards[].segments'")]
pub(crate) struct Inspect {
    /// A data directory, or that of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// How many of the last records to show
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    last: usize,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// What was found in one shard's directory.
struct Findings {
    path: PathBuf,
    stamp: String,
    segments: Vec<SegmentSummary>,
    images: Vec<ImageSummary>,
    records: u64,
    last: VecDeque<Value>,
    /// What stopped the reading, if something did.
    damage: Option<String>,
}

/// Prints what is there; fails where something is damaged.
pub(crate) fn run(inspect: &Inspect) -> Result<ExitCode> {
    let shards = shard_dirs::find(&inspect.data)?;
    let shards = shards.iter().map(|path| look(path, inspect.last)).collect::<Result<Vec<_>>>()?;
    if inspect.json {
        print(&json!({ "shards": shards.iter().map(as_json).collect::<Vec<_>>() }).to_string())?;
    } else {
        let pages: Vec<_> = shards.iter().map(page).collect();
        print(pages.join("\n\n").as_str())?;
    }
    let is_whole = shards.iter().all(|shard| shard.damage.is_none());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look(path: &Path, last_max: usize) -> Result<Findings> {
    let place = || format!("cannot inspect {}", path.display());
    let folder = Folder::read_only(path).with_context(place)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(place)?;
    let (mut records, mut last, mut damage) = (0, VecDeque::new(), None);
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                records += 1;
                last.push_back(describe(&entry));
                if last.len() > last_max {
                    last.pop_front();
                }
            }
            Err(error) => {
                damage = Some(error.to_string());
                break;
            }
        }
    }
    Ok(Findings {
        path: path.to_owned(),
        stamp: reader.stamp().to_owned(),
        segments: reader.segments().to_vec(),
        images: reader.images().to_vec(),
        records,
        last,
        damage,
    })
}

/// A record, and as much of it as can be understood.
fn describe(entry: &allot_journal::Entry<'_>) -> Value {
    let record = &entry.record;
    let (sequence, bytes) = (record.sequence, record.payload.len());
    let what = Entry::of(record.kind, record.tag, record.payload)
        .map_or_else(|error| error.to_string(), |entry| sentence(&entry));
    let (file, offset) = (entry.file, entry.offset);
    json!({ "sequence": sequence, "file": file, "offset": offset, "bytes": bytes, "input": what })
}

fn sentence(entry: &Entry<'_>) -> String {
    use allot_domain::Input;
    match decode_input(entry.kind, entry.body) {
        Err(rejection) => format!("refused as {}", rejection.reject.code()),
        Ok(Input::Fill(fill)) => format!(
            "fill {} {}: {:?} {} {} at {}",
            fill.source,
            fill.seq,
            fill.side,
            fill.quantity.get(),
            fill.ticker,
            fill.price
        )
        .replace("Buy", "buy")
        .replace("Sell", "sell"),
        Ok(Input::Bust(bust)) => {
            format!("bust {} {}: of {} {}", bust.source, bust.seq, bust.ticker, bust.of)
        }
        Ok(Input::Split(split)) => {
            let accounts = split.weights().len();
            format!("split {} {}: {accounts} accounts", split.source, split.seq)
        }
        Ok(Input::Marker(marker)) => format!("marker {} at cut {}", marker.number, marker.cut),
        Ok(Input::Netting(netting)) => format!("netting {}", netting.number),
    }
}

fn as_json(findings: &Findings) -> Value {
    let segments = findings.segments.iter().map(|segment| {
        json!({
            "file": segment.file,
            "first": segment.first_sequence,
            "last": segment.last_sequence,
            "bytes_used": segment.bytes_used,
            "state": state(&segment.state),
        })
    });
    let images = findings.images.iter().map(|image| {
        json!({
            "file": image.file,
            "sequence": image.sequence,
            "bytes": image.bytes,
            "hash": format!("{:032x}", image.hash),
            "damage": image.damage,
        })
    });
    json!({
        "directory": findings.path.display().to_string(),
        "stamp": findings.stamp,
        "records": findings.records,
        "segments": segments.collect::<Vec<_>>(),
        "images": images.collect::<Vec<_>>(),
        "last": findings.last,
        "damage": findings.damage,
    })
}

fn state(state: &SegmentState) -> String {
    match state {
        SegmentState::Sealed => "sealed".to_owned(),
        SegmentState::Current => "current".to_owned(),
        SegmentState::Torn(bytes) => format!("current, {bytes} bytes of a torn batch at its end"),
        SegmentState::Spare => "spare".to_owned(),
        SegmentState::Damaged(error) => format!("damaged: {error}"),
        SegmentState::Unread => "not read: it stands behind damage".to_owned(),
    }
}

fn page(findings: &Findings) -> String {
    let stamp = if findings.stamp.is_empty() { "nothing written yet" } else { &findings.stamp };
    let mut lines = vec![format!("{}: {stamp}", findings.path.display())];
    lines.push(format!("  {} records", findings.records));
    lines.extend(findings.segments.iter().map(|segment| {
        let SegmentSummary { file, first_sequence, last_sequence, bytes_used, .. } = segment;
        let state = state(&segment.state);
        if *first_sequence == 0 || last_sequence < first_sequence {
            return format!("  {file}  no records, {state}");
        }
        format!(
            "  {file}  records {first_sequence} to {last_sequence}, {bytes_used} bytes, {state}"
        )
    }));
    lines.extend(findings.images.iter().map(|image| {
        let ImageSummary { file, sequence, bytes, hash, damage } = image;
        let good = damage.as_ref().map_or("good".to_owned(), |what| format!("damaged: {what}"));
        format!("  {file}  after record {sequence}, {bytes} bytes, hash {hash:032x}, {good}")
    }));
    lines.extend(findings.last.iter().map(|record| {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        let (sequence, offset) = (&record["sequence"], &record["offset"]);
        format!("  record {sequence} at {} {offset}: {}", text("file"), text("input"))
    }));
    lines.extend(findings.damage.iter().map(|damage| format!("  DAMAGED: {damage}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_wire::backplane::InputKind;

    #[test]
    fn every_kind_of_input_has_a_sentence() {
        let mut body = Vec::new();
        let marker = allot_domain::Marker { number: 7, cut: 9, time_ns: 0, report: false };
        allot_wire::backplane::encode_marker(&marker, &mut body);
        let encoding = allot_wire::Encoding::Json;
        let entry = Entry { kind: InputKind::Marker, encoding, body: &body };
        assert_eq!(sentence(&entry), "marker 7 at cut 9");
        let entry = Entry { kind: InputKind::Fill, encoding, body: &[1] };
        assert_eq!(sentence(&entry), "refused as malformed_message");
    }
}
