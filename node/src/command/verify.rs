//! `allot verify`: whether the journals of a data directory say what they must.

mod promises;
mod replay;

use crate::shard_dirs;
use crate::stdout::print;
use allot_audit::Summary;
use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use promises::Promises;
use replay::{Verdict, replay};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// At most so many lost answers are named.
const NAMED_MAX: usize = 10;

/// Whether the journals of a data directory say what they must
///
/// Reads every record and changes nothing. Checks lengths, checksums and chained hashes; divides
/// every fill once more by other means; checks that nothing is lost, made up, or counted twice;
/// compares each image with a replay; and finds the answers of clients again. A server should not
/// run meanwhile: what it is just writing looks torn.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot verify data
  allot verify data --answers answers.ndjson       what a feed was told (its --answers) is there
  allot verify data/shard-0 --json")]
pub(crate) struct Verify {
    /// A data directory, or that of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// A file of answers to be found again in the journals; may be given several times
    #[arg(long, value_name = "FILE")]
    answers: Vec<PathBuf>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// Verifies every shard; fails where anything is wrong.
pub(crate) fn run(verify: &Verify) -> Result<ExitCode> {
    let directories = shard_dirs::find(&verify.data)?;
    let mut promises = Promises::default();
    for file in &verify.answers {
        promises.read(file)?;
    }
    let bar = progress_bar();
    let mut verdicts = Vec::new();
    for directory in &directories {
        verdicts.push(replay(directory, &mut promises, &bar)?);
    }
    bar.finish_and_clear();
    let lost = promises.lost();
    let is_good = lost.is_empty() && verdicts.iter().all(|verdict| verdict.wrong.is_empty());
    if verify.json {
        print(&as_json(&verdicts, &promises, &lost).to_string())?;
    } else {
        print(&page(&verdicts, &promises, &lost))?;
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress_bar() -> ProgressBar {
    let template = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::new(0).with_style(style)
}

fn as_json(verdicts: &[Verdict], promises: &Promises, lost: &[String]) -> Value {
    let shards = verdicts.iter().map(|verdict| {
        let Summary { fills, busts, repeats, splits, nettings, markers, .. } = &verdict.summary;
        let tickers = verdict.summary.tickers.iter().map(|(ticker, total)| {
            let net = i128::try_from(total.bought).ok().zip(i128::try_from(total.sold).ok());
            let quantity = net.map(|(bought, sold)| (bought - sold).to_string());
            (
                ticker.as_str().to_owned(),
                json!({
                    "fills": total.fills,
                    "quantity": quantity,
                    "value": total.value.to_string(),
                }),
            )
        });
        json!({
            "directory": verdict.path.display().to_string(),
            "stamp": verdict.stamp,
            "records": verdict.records,
            "fills": fills, "busts": busts, "repeats": repeats, "splits": splits,
            "nettings": nettings, "markers": markers,
            "images": verdict.images,
            "state_hash": format!("{:032x}", verdict.state_hash),
            "torn_bytes": verdict.torn_bytes,
            "replayed_from": verdict.replayed_from,
            "tickers": tickers.collect::<serde_json::Map<_, _>>(),
            "wrong": verdict.wrong,
        })
    });
    let answers = json!({ "checked": promises.count, "lost": lost });
    json!({ "shards": shards.collect::<Vec<_>>(), "answers": answers })
}

fn page(verdicts: &[Verdict], promises: &Promises, lost: &[String]) -> String {
    let mut lines = Vec::new();
    for verdict in verdicts {
        let Summary { fills, busts, repeats, splits, nettings, .. } = &verdict.summary;
        lines.push(format!("{}: {}", verdict.path.display(), verdict.stamp));
        lines.push(format!(
            "  {} records: {fills} fills, {busts} busts, {splits} splits, {nettings} nettings, \
             {repeats} repeats; {} images",
            verdict.records, verdict.images
        ));
        if verdict.replayed_from > 0 {
            lines.push(format!(
                "  the journal was pruned: the image of record {} is where the replay began; what \
                 was before was not divided again",
                verdict.replayed_from
            ));
        }
        if verdict.torn_bytes > 0 {
            let bytes = verdict.torn_bytes;
            lines.push(format!(
                "  {bytes} bytes at the end were never finished, and never answered: the next \
                 start cuts them"
            ));
        }
        lines.push(format!("  state {:032x}", verdict.state_hash));
        lines.extend(verdict.wrong.iter().map(|wrong| format!("  WRONG: {wrong}")));
    }
    if promises.count > 0 {
        lines.push(format!("{} answers looked up, {} lost", promises.count, lost.len()));
        let named = lost.iter().take(NAMED_MAX);
        lines
            .extend(named.map(|lost| format!("  LOST: {lost} was answered, and is in no journal")));
    }
    let is_good = lost.is_empty() && verdicts.iter().all(|verdict| verdict.wrong.is_empty());
    lines
        .push(if is_good { "everything is as it must be" } else { "NOT as it must be" }.to_owned());
    lines.join("\n")
}
