//! `allot verify`: checks the journals of a data directory.

mod failure;
mod given_replies;
mod memory;
mod record_counts;
mod replay;
mod shard_checks;
mod agreement;
mod desk;
mod desk_answers;

use std::iter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use allot_allocation_audit::Summary;
use allot_domain::LogIndex;
use allot_feeds::plural;
use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::progress_bar::reading_bar;
use crate::record_reader::Records;
use crate::stdout::print;
use crate::strategy_journal_reader;
use crate::trader_journal_reader;
use crate::{desk_journal, ledger_backup, shard_dirs};
use agreement::Agreement;
use given_replies::{GivenReplies, MessageName, UnreadableLine};
use replay::ShardResult;

/// The most lost replies that the page names, and the most lines that are no replies.
const SHOWN_MAX: usize = 10;

/// Check the journals of a data directory
///
/// Reads every record and changes nothing. Checks that all shards of the ledger are there and
/// belong together; checks lengths, checksums and chained hashes; recomputes
/// every allocation with an independent implementation; checks that nothing is lost, invented or
/// counted twice; compares each snapshot with a replay of the journal; and looks up the replies of
/// clients. Of the journals of a desk, holds every outcome and the whole state against an
/// independent model, and every reply against what the journals make. Of the journal of a trader of
/// signals, checks every record, and that no period has two medians.
///
/// Stop the server first: a write in progress shows up as an incomplete one.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot verify data
  allot verify data --answers replies.ndjson       look up the replies that a feed kept
  allot verify data/shard-0 --json")]
pub(crate) struct Verify {
    /// Data directory of a server, of a desk, of a trader of signals or of a strategy of a mesh, or
    /// the directory of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// File of replies to look up, written by `allot feed` with --answers, or what `allot desk
    /// load` printed; can be repeated
    #[arg(long = "answers", value_name = "FILE")]
    replies: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Verifies every shard; fails if anything is wrong.
pub(crate) fn run(verify: &Verify) -> Result<ExitCode> {
    strategy_journal_reader::demand_alone(&verify.data)?;
    if let Some(trader) = trader_journal_reader::find(&verify.data) {
        ensure!(
            verify.replies.is_empty(),
            "--answers is for fills, and this is a trader's journal"
        );
        return verify_trader(&trader, verify.json);
    }
    if let Some(strategy) = strategy_journal_reader::find(&verify.data) {
        ensure!(
            verify.replies.is_empty(),
            "--answers is for fills, and this is a strategy's journal"
        );
        return verify_strategy(&strategy, verify.json);
    }
    let directories = shard_dirs::find(&verify.data)?;
    if directories.iter().any(|path| desk_journal::is_desk(path)) {
        let is_whole = *directories != [verify.data.clone()];
        return desk::verify(verify, &directories, is_whole);
    }
    let mut given = GivenReplies::default();
    for file in &verify.replies {
        given.read(file)?;
    }
    let bar = reading_bar();
    let results = shard_checks::check(&directories, &mut given, &bar);
    bar.finish_and_clear();
    let results = results?;
    let is_whole = *directories != [verify.data.clone()];
    let agreement =
        if is_whole { Agreement::of(&verify.data, &results) } else { Agreement::default() };
    if results.iter().any(|result| LogIndex::ZERO < result.replayed_from) {
        given.set_unknown_aside();
    }
    let lost = given.lost();
    let verdict = Verdict { agreement, results, given, lost };
    print(&if verify.json { verdict.as_json().to_string() } else { verdict.page() })?;
    Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// So many of something.
fn counted(count: u64, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

/// Verifies the journal of a trader of signals.
fn verify_trader(path: &Path, is_json: bool) -> Result<ExitCode> {
    let checked = trader_journal_reader::check(path)?;
    let (Records { stamp, count, failures }, medians) = (checked.records, checked.medians);
    let directory = path.display().to_string();
    let page = if is_json {
        json!({
            "directory": directory, "stamp": stamp, "records": count, "medians": medians,
            "wrong": failures,
        })
        .to_string()
    } else {
        let counts = [counted(count, "record"), counted(medians, "median")].join(", ");
        let head = format!("{directory}: {stamp}\n  {counts}");
        let wrong = failures.iter().map(|failure| format!("  WRONG: {failure}"));
        let end = if failures.is_empty() { "no failure found" } else { "FAILED: see above" };
        let lines: Vec<_> = iter::once(head).chain(wrong).chain([end.to_owned()]).collect();
        lines.join("\n")
    };
    print(&page)?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies the journal of a strategy of a mesh.
fn verify_strategy(path: &Path, is_json: bool) -> Result<ExitCode> {
    let checked = strategy_journal_reader::check(path)?;
    let directory = path.display().to_string();
    let (Records { stamp, count, failures }, trades) = (checked.records, checked.trades);
    let page = if is_json {
        json!({
            "directory": directory, "stamp": stamp, "records": count, "trades": trades,
            "positions": checked.positions, "wrong": failures,
        })
        .to_string()
    } else {
        let counts = [counted(count, "record"), counted(trades, "trade")].join(", ");
        let mut lines = vec![format!("{directory}: {stamp}"), format!("  {counts}")];
        match &checked.positions {
            Some(positions) => lines.extend(positions.iter().map(|one| format!("  {one}"))),
            None if failures.is_empty() => {
                lines.push("  the first records are not there: sums were not made".to_owned());
            }
            None => {}
        }
        lines.extend(failures.iter().map(|failure| format!("  WRONG: {failure}")));
        let is_good = failures.is_empty();
        lines.push(if is_good { "no failure found" } else { "FAILED: see above" }.to_owned());
        lines.join("\n")
    };
    print(&page)?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was found.
struct Verdict {
    agreement: Agreement,
    results: Vec<ShardResult>,
    given: GivenReplies,
    lost: Vec<MessageName>,
}

impl Verdict {
    fn is_good(&self) -> bool {
        let shards_are_good = self.results.iter().all(|result| result.failures.is_empty());
        let all_read = self.given.unreadable.is_empty();
        all_read
            && self.given.splits_missing.is_empty()
            && self.lost.is_empty()
            && self.agreement.failures.is_empty()
            && shards_are_good
    }

    fn as_json(&self) -> Value {
        let Self { agreement, results, given, lost } = self;
        json!({
            "ledger": agreement.ledger.map(|ledger| ledger.to_string()),
            "wrong": agreement.failures,
            "differing": agreement.differing,
            "shards": results.iter().map(shard_as_json).collect::<Vec<_>>(),
            "answers": {
                "checked": given.count,
                "older": given.older(),
                "lost": texts(lost),
                "splits_missing": split_texts(given),
                "unreadable": texts(&given.unreadable),
                "incomplete": given.incomplete,
            },
        })
    }

    fn page(&self) -> String {
        let Self { agreement, results, given, lost } = self;
        let mut lines = Vec::new();
        let copy = ledger_backup::copy_text(agreement.copy);
        lines.extend(agreement.ledger.map(|ledger| format!("ledger {ledger}{copy}")));
        lines.extend(agreement.failures.iter().map(|failure| format!("WRONG: {failure}")));
        lines.extend(results.iter().flat_map(shard_lines));
        lines.extend(agreement.differing.clone());
        if 0 < given.count {
            let (count, older, lost) = (given.count, given.older(), lost.len());
            let older = if older == 0 {
                String::new()
            } else {
                format!(", {older} older than the pruned journal and known to it by name alone")
            };
            lines.push(format!("{count} replies checked{older}, {lost} lost"));
        }
        let shown = lost.iter().take(SHOWN_MAX);
        lines.extend(
            shown.map(|lost| format!("  LOST: {lost} was acknowledged and is in no journal")),
        );
        lines.extend(split_texts(given).iter().map(|split| format!("  WRONG: {split}")));
        lines.extend(unread_lines(&given.incomplete, &given.unreadable));
        let end = if self.is_good() { "no failure found" } else { "FAILED: see above" };
        lines.push(end.to_owned());
        lines.join("\n")
    }
}

/// The accepted splits that some journals do not have, each once.
fn split_texts(given: &GivenReplies) -> Vec<String> {
    let missing = given.splits_missing.iter().map(|(split, shards)| {
        let shards = shards.join(", ");
        format!("the split {split} was acknowledged and is not in the journals of {shards}")
    });
    missing.collect()
}

/// What could not be read of the files of replies.
fn unread_lines(incomplete: &[PathBuf], unreadable: &[UnreadableLine]) -> Vec<String> {
    let mut lines: Vec<_> = incomplete
        .iter()
        .map(|file| {
            format!(
                "the last line of {} is incomplete: the client was stopped while it wrote it",
                file.display()
            )
        })
        .collect();
    if !unreadable.is_empty() {
        let count = unreadable.len();
        lines.push(format!("{count} lines are no replies, so nothing in them was looked up"));
        let shown = unreadable.iter().take(SHOWN_MAX);
        lines.extend(shown.map(|line| format!("  WRONG: {line}")));
    }
    lines
}

/// The keys are older than the words of the code: an image is a snapshot.
fn shard_as_json(result: &ShardResult) -> Value {
    let Summary { fills, busts, repeats, splits, checks, nettings, markers, .. } = &result.summary;
    let Summary { held, replays, listings, rejected, .. } = &result.summary;
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
        "records_of": result.counts.as_json(),
        "fills": fills, "busts": busts, "repeats": repeats, "splits": splits,
        "checks": checks, "nettings": nettings, "markers": markers,
        "held": held, "replays": replays, "listings": listings, "rejected": rejected,
        "images": result.snapshots,
        "images_unchecked": result.snapshots_unchecked,
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

fn shard_lines(result: &ShardResult) -> Vec<String> {
    let wrong = result.failures.iter().map(|failure| format!("  WRONG: {failure}"));
    if result.stamp.is_empty() && !result.failures.is_empty() {
        let head = format!("{}: cannot be read", result.path.display());
        return iter::once(head).chain(wrong).collect();
    }
    let mut lines = vec![
        format!("{}: {}", result.path.display(), result.stamp),
        format!("  {}; {} snapshots", result.counts, result.snapshots),
    ];
    if result.is_audited {
        let Summary { fills, held, busts, splits, repeats, rejected, .. } = &result.summary;
        let rejected: u64 = rejected.values().sum();
        lines.push(format!(
            "  {fills} fills divided, {held} held, {busts} busted, {splits} splits in force, \
             {repeats} repeats, {rejected} rejected"
        ));
    }
    if LogIndex::ZERO < result.replayed_from && !result.has_lost_segment() {
        lines.push(format!(
            "  the journal was pruned: the replay began with the snapshot of record {}; the \
             allocations before it were not checked",
            result.replayed_from
        ));
    }
    if 0 < result.snapshots_unchecked {
        lines.push(format!(
            "  {} snapshots behind what cannot be read were not compared: they may be good",
            result.snapshots_unchecked
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
    lines.extend(wrong);
    lines
}
