//! `allot positions`: every account's positions, printed at every report.

mod csv;

use std::process::ExitCode;
use std::time::Duration;

use allot_allocation_service::{Report, Topic};
use allot_domain::AccountId;
use allot_runtime::duration;
use allot_wire::Encoding;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::common_args::CommonArgs;
use crate::feed_reader::FeedReader;
use crate::flags::Flags;
use crate::setting::Key;
use crate::stdout::print;
use crate::table;

/// Print every account's positions, at every report
///
/// Prints the last report at once, if there is one. Warns on stderr if reports are missing or
/// degraded.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot positions
  allot positions --once --format json | jq .accounts
  allot positions --account account1 --format csv >> account1.csv
  allot positions --publish tcp://10.0.0.1:9999")]
pub(crate) struct Positions {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Print only this account
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<AccountId>,
    /// Print one report and exit
    #[arg(long)]
    once: bool,
    /// How long to wait for that report
    #[arg(long, value_name = "DURATION", requires = "once", default_value = "30s",
          value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ Key::Publish.bit() }>,
}

/// Output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// Table for people, rounded to cents
    Table,
    /// The feed as it is, one JSON object per line
    Json,
    /// One line per position, exact
    Csv,
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Prints reports: one with `--once`, else all.
pub(crate) fn run(positions: &Positions, common: &CommonArgs) -> Result<ExitCode> {
    let endpoint = common.settings(&positions.flags.given)?.publish;
    let topic = topic(positions);
    let mut reader = FeedReader::connect(&endpoint, &[&topic])?;
    let subject = positions.account.map_or("of positions".to_owned(), |id| format!("of {id}"));
    let timeout = if positions.once { positions.timeout } else { Duration::MAX };
    for count in 0_u64.. {
        let Some(publication) = reader.next(timeout) else {
            bail!(
                "no report {subject} came from {endpoint} within {}; check that a server publishes \
                 there, and that its --report-every is shorter than --timeout",
                duration::show(timeout)
            );
        };
        let page =
            page(positions, &publication.body, count == 0, &mut reader).with_context(|| {
                format!("cannot decode a report from {endpoint}; does the server run this version?")
            })?;
        print(&page)?;
        if positions.once {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn topic(positions: &Positions) -> String {
    let encoding = if positions.format == Format::Json { Encoding::Json } else { Encoding::Binary };
    match &positions.account {
        Some(account) => Topic::Account(account, encoding).to_string(),
        None => Topic::Positions(encoding).to_string(),
    }
}

/// One publication, as it is printed.
fn page(
    positions: &Positions,
    body: &[u8],
    is_first: bool,
    reader: &mut FeedReader,
) -> Result<String> {
    let unreadable = |error| anyhow!("{error}");
    if positions.account.is_some() {
        let statement = Report::decode_account(body).map_err(unreadable)?;
        reader.note_degraded(&statement.degraded);
        return Ok(match positions.format {
            Format::Table => spaced(table::statement(&statement), is_first),
            Format::Csv => csv::statement(&statement, is_first),
            Format::Json => String::from_utf8_lossy(body).into_owned(),
        });
    }
    let report = Report::decode(body).map_err(unreadable)?;
    reader.note_degraded(&report.degraded);
    Ok(match positions.format {
        Format::Table => spaced(table::report(&report), is_first),
        Format::Csv => csv::report(&report, is_first),
        Format::Json => String::from_utf8_lossy(body).into_owned(),
    })
}

/// An empty line separates tables.
fn spaced(page: String, is_first: bool) -> String {
    if is_first { page } else { format!("\n{page}") }
}
