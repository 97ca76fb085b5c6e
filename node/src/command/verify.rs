//! `allot verify`: checks the journals of a data directory.

mod failure;
mod given_replies;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;

use allot_allocation_audit::Summary;
use allot_domain::LogIndex;
use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::shard_dirs;
use crate::stdout::print;
use given_replies::{GivenReplies, MessageId};
use replay::{ShardResult, replay};

/// The most lost replies that the page names.
const LOST_SHOWN_MAX: usize = 10;

/// Check the journals of a data directory
///
/// Reads every record and changes nothing. Checks lengths, checksums and chained hashes; recomputes
/// every allocation with an independent implementation; checks that nothing is lost, invented or
/// counted twice; compares each snapshot with a replay of the journal; and looks up the replies of
/// clients.
///
/// Stop the server first: a write in progress shows up as an incomplete one.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot verify data
  allot verify data --answers replies.ndjson       look up the replies that a feed kept
  allot verify data/shard-0 --json")]
pub(crate) struct Verify {
    /// Data directory, or the directory of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// File of replies to look up, written by `allot feed` with --answers; can be repeated
    #[arg(long = "answers", value_name = "FILE")]
    replies: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Verifies every shard; fails if anything is wrong.
pub(crate) fn run(verify: &Verify) -> Result<ExitCode> {
    let directories = shard_dirs::find(&verify.data)?;
    let mut given = GivenReplies::default();
    for file in &verify.replies {
        given.read(file)?;
    }
    let bar = progress_bar();
    let mut results = Vec::new();
    for directory in &directories {
        results.push(replay(directory, &mut given, &bar)?);
    }
    bar.finish_and_clear();
    let lost = given.lost();
    if verify.json {
        print(&as_json(&results, &given, &lost).to_string())?;
    } else {
        print(&page(&results, &given, &lost))?;
    }
    Ok(if is_good(&results, &lost) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress_bar() -> ProgressBar {
    let template = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::new(0).with_style(style)
}

fn as_json(results: &[ShardResult], given: &GivenReplies, lost: &[MessageId]) -> Value {
    let answers = json!({ "checked": given.count, "lost": texts(lost) });
    json!({ "shards": results.iter().map(shard_as_json).collect::<Vec<_>>(), "answers": answers })
}

/// The keys are older than the words of the code: an image is a snapshot.
fn shard_as_json(result: &ShardResult) -> Value {
    let Summary { fills, busts, repeats, splits, nettings, markers, .. } = &result.summary;
    let tickers = result.summary.tickers.iter().map(|(ticker, total)| {
        let net = i128::try_from(total.bought).ok().zip(i128::try_from(total.sold).ok());
        let quantity = net.map(|(bought, sold)| (bought - sold).to_string());
        let value = total.value.to_string();
        let total = json!({ "fills": total.fills, "quantity": quantity, "value": value });
        (ticker.as_str().to_owned(), total)
    });
    json!({
        "directory": result.path.display().to_string(),
        "stamp": result.stamp,
        "records": result.records,
        "fills": fills, "busts": busts, "repeats": repeats, "splits": splits,
        "nettings": nettings, "markers": markers,
        "images": result.snapshots,
        "state_hash": format!("{:032x}", result.state_hash),
        "torn_bytes": result.torn_bytes,
        "replayed_from": result.replayed_from.get(),
        "tickers": tickers.collect::<serde_json::Map<_, _>>(),
        "wrong": texts(&result.failures),
    })
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn page(results: &[ShardResult], given: &GivenReplies, lost: &[MessageId]) -> String {
    let mut lines: Vec<_> = results.iter().flat_map(shard_lines).collect();
    if 0 < given.count {
        lines.push(format!("{} replies checked, {} lost", given.count, lost.len()));
        let shown = lost.iter().take(LOST_SHOWN_MAX);
        lines.extend(
            shown.map(|lost| format!("  LOST: {lost} was acknowledged and is in no journal")),
        );
    }
    let end = if is_good(results, lost) { "no failure found" } else { "FAILED: see above" };
    lines.push(end.to_owned());
    lines.join("\n")
}

fn shard_lines(result: &ShardResult) -> Vec<String> {
    let Summary { fills, busts, repeats, splits, nettings, .. } = &result.summary;
    let records = result.records;
    let snapshots = result.snapshots;
    let mut lines = vec![
        format!("{}: {}", result.path.display(), result.stamp),
        format!(
            "  {records} records: {fills} fills, {busts} busts, {splits} splits, {nettings} \
             nettings, {repeats} repeats; {snapshots} snapshots"
        ),
    ];
    if LogIndex::ZERO < result.replayed_from {
        lines.push(format!(
            "  the journal was pruned: the replay began with the snapshot of record {}; the \
             allocations before it were not checked",
            result.replayed_from
        ));
    }
    if 0 < result.torn_bytes {
        lines.push(format!(
            "  {} bytes at the end are an incomplete write that was never acknowledged; the next \
             start removes them",
            result.torn_bytes
        ));
    }
    lines.push(format!("  state {:032x}", result.state_hash));
    lines.extend(result.failures.iter().map(|failure| format!("  WRONG: {failure}")));
    lines
}

fn is_good(results: &[ShardResult], lost: &[MessageId]) -> bool {
    lost.is_empty() && results.iter().all(|result| result.failures.is_empty())
}
