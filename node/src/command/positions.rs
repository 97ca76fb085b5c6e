//! `allot positions`: every account's positions, printed at every report.

mod csv;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use allot_allocation_service::{AccountStatement, PositionReport, Report, Topic};
use allot_console::write_arrow;
use allot_domain::{AccountId, ReportNumber, Ticker};
use allot_runtime::{Clock, duration};
use allot_wire::{DecodeError, Encoding, nearest_name};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};

use super::history::{account, ticker};
use crate::common_args::CommonArgs;
use crate::feed_reader::FeedReader;
use crate::flags::Flags;
use crate::journal_positions;
use crate::misuse::demand;
use crate::pager::print_page;
use crate::report_request::{self, Promised};
use crate::setting::{Key, set};
use crate::settings::Settings;
use crate::stdout::print;
use crate::table::{self, Layout};
use crate::time_text;

/// Print every account's positions, at every report
///
/// Prints the last report at once, if there is one; with --now one that contains everything that
/// the server has answered so far; with --at the positions of a past time, from the journals of a
/// data directory, which a server may write meanwhile. Warns on stderr if reports are missing or
/// degraded.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot positions
  allot positions --now --ticker AAPL
  allot positions --once --format json | jq .accounts
  allot positions --account account1 --format csv >> account1.csv
  allot positions --now --arrow positions.arrow
  allot positions --at 2026-11-20T16:00:00Z data
  allot positions --publish tcp://10.0.0.1:9999")]
pub(crate) struct Positions {
    /// Data directory to read, with --at
    #[arg(value_name = "DIR", requires = "at")]
    data: Option<PathBuf>,
    /// Print the positions as they were at this time, such as 2026-11-20 or 2026-11-20T16:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time_text::parse, requires = "data",
          conflicts_with_all = ["once", "now"])]
    at: Option<u64>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write one report to this file as a stream of Arrow IPC, or to stdout for `-`, and exit;
    /// money is the nearest float of 64 bits
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "account", "wide"])]
    arrow: Option<PathBuf>,
    /// Print only this account
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<AccountId>,
    /// Print only this ticker; can be repeated. Values and deviations stay those of all tickers
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Vec<Ticker>,
    /// Print whole numbers in one table, however wide, and use no pager
    #[arg(long)]
    wide: bool,
    /// Print one report and exit
    #[arg(long)]
    once: bool,
    /// Ask the server for a report now, print it, and exit
    #[arg(long)]
    now: bool,
    /// How long to wait for that report, with --once or --now
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Publish, Key::Front, Key::FrontKey, Key::PublishKey]) }>,
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

/// Prints reports: one with `--once`, `--now` or `--at`, else all.
pub(crate) fn run(positions: &Positions, common: &CommonArgs) -> Result<ExitCode> {
    let is_json = positions.format == Format::Json;
    demand(
        !is_json || positions.ticker.is_empty(),
        "--ticker is for tables and CSV: JSON is whole",
    )?;
    if let (Some(time_ns), Some(data)) = (positions.at, &positions.data) {
        if Clock::system().now().as_unix() < time_ns {
            let time = time_text::exact(time_ns);
            tracing::warn!("{time} is in the future: these are the positions up to now");
        }
        let report = journal_positions::report_at(data, time_ns)?;
        show_one(positions, &report)?;
    } else {
        follow(positions, &common.settings(&positions.flags.given)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn follow(positions: &Positions, settings: &Settings) -> Result<()> {
    let endpoint = &settings.publish;
    let whole = Topic::Positions(Encoding::Binary).to_string();
    let topic = topic(positions);
    // Whether there is such an account, the report of the whole firm says.
    let topics = if topic == whole { vec![&*topic] } else { vec![&*topic, &*whole] };
    let mut reader = FeedReader::connect(endpoint, settings.publish_key, &topics)?;
    let is_single = positions.once || positions.now || positions.arrow.is_some();
    let promised = match positions.now {
        true => report_request::promised(settings, positions.timeout)?,
        false => Promised::default(),
    };
    let timeout = if is_single { positions.timeout } else { Duration::MAX };
    let mut is_first = true;
    loop {
        let Some(publication) = reader.next(timeout) else {
            return Err(report_request::no_report(settings, timeout)?);
        };
        let undecodable =
            || format!("cannot decode a report from {endpoint}; does the server run this version?");
        if publication.topic != topic.as_bytes() {
            let report = Report::decode(&publication.body).map_err(unreadable);
            let report = report.with_context(undecodable)?;
            if promised.is_kept_by(report.report, report.time_ns, settings)? {
                check_account(positions, &report)?;
            }
            continue;
        }
        let shown = Shown::read(positions, &publication.body).with_context(undecodable)?;
        let (number, time_ns) = shown.moment();
        if !promised.is_kept_by(number, time_ns, settings)? {
            continue;
        }
        if let (true, Shown::Report(report)) = (is_single, &shown) {
            check_tickers(positions, report);
        }
        reader.note_degraded(shown.degraded());
        if let Some(path) = &positions.arrow {
            return write_file(path, shown);
        }
        let body = String::from_utf8_lossy(&publication.body);
        let page = match positions.format {
            Format::Json => body.into_owned(),
            Format::Csv => shown.csv(is_first),
            Format::Table => shown.page(positions),
        };
        if is_single {
            return print_one(positions, &page);
        }
        print(&if positions.format == Format::Table { spaced(page, is_first) } else { page })?;
        is_first = false;
    }
}

/// Prints a report that was worked out here.
fn show_one(positions: &Positions, report: &Report) -> Result<()> {
    check_account(positions, report)?;
    check_tickers(positions, report);
    let mut json = Vec::new();
    let of = |id: &AccountId| report.accounts.iter().position(|account| account.id == *id);
    match positions.account.as_ref().and_then(of) {
        Some(index) => report.encode_account(index, Encoding::Json, &mut json),
        None => report.encode(Encoding::Json, &mut json),
    }
    if positions.format == Format::Json {
        return print(&String::from_utf8_lossy(&json));
    }
    let shown = Shown::read(positions, &json)?;
    if let Some(path) = &positions.arrow {
        return write_file(path, shown);
    }
    let page = match positions.format {
        Format::Csv => shown.csv(true),
        _ => shown.page(positions),
    };
    print_one(positions, &page)
}

fn print_one(positions: &Positions, page: &str) -> Result<()> {
    let has_pager = positions.format == Format::Table && !positions.wide;
    if has_pager { print_page(page) } else { print(page) }
}

/// Writes a report as a stream of Arrow IPC.
fn write_file(path: &Path, shown: Shown) -> Result<()> {
    let Shown::Report(report) = shown else { bail!("--arrow is for the whole firm") };
    if path == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        write_arrow(report, &mut out)?;
        return Ok(out.flush()?);
    }
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut out = BufWriter::new(file);
    let written = write_arrow(report, &mut out).and_then(|()| out.flush());
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn layout(positions: &Positions) -> Layout {
    if positions.wide { Layout::wide() } else { Layout::of_stdout() }
}

/// Refuses an account that there is not.
fn check_account(positions: &Positions, report: &Report) -> Result<()> {
    let Some(wanted) = positions.account else { return Ok(()) };
    if report.accounts.iter().any(|account| account.id == wanted) {
        return Ok(());
    }
    let known: Vec<_> = report.accounts.iter().map(|account| account.id.as_str()).collect();
    // A report is as old as the time between two.
    let since = match positions.now {
        true => String::new(),
        false => format!(
            "; this is of report {}: if a split has opened it since, ask with --now",
            report.report
        ),
    };
    match nearest_name(wanted.as_str(), known.iter().copied()) {
        _ if known.is_empty() => {
            bail!("there is no account {wanted}: there was no split yet{since}")
        }
        Some(near) => bail!(
            "there is no account {wanted}; did you mean {near}?{}",
            since.replacen(";", "", 1)
        ),
        None => {
            let shown = known.iter().take(ACCOUNTS_SHOWN).copied().collect::<Vec<_>>().join(", ");
            let more = if ACCOUNTS_SHOWN < known.len() { ", …" } else { "" };
            bail!("there is no account {wanted}; there are {shown}{more}{since}")
        }
    }
}

/// Warns of a ticker of which nothing ever came: it may be a slip.
fn check_tickers(positions: &Positions, report: &Report) {
    let is_known = |wanted: &Ticker| report.sequences.iter().any(|(ticker, _)| ticker == wanted);
    for unknown in positions.ticker.iter().filter(|wanted| !is_known(wanted)) {
        let known = report.sequences.iter().map(|(ticker, _)| ticker.as_str());
        match nearest_name(unknown.as_str(), known) {
            Some(near) => {
                tracing::warn!("nothing was ever divided of {unknown}; did you mean {near}?");
            }
            None => tracing::warn!("nothing was ever divided of {unknown}: nobody has any"),
        }
    }
}

/// The most accounts that are named where one is not known.
const ACCOUNTS_SHOWN: usize = 10;

/// What one publication says.
enum Shown {
    Report(Report),
    Statement(AccountStatement),
}

impl Shown {
    fn read(positions: &Positions, body: &[u8]) -> Result<Self> {
        let is_wanted = |position: &PositionReport| {
            positions.ticker.is_empty() || positions.ticker.contains(&position.ticker)
        };
        if positions.account.is_some() {
            let mut statement = Report::decode_account(body).map_err(unreadable)?;
            statement.account.positions.retain(is_wanted);
            return Ok(Self::Statement(statement));
        }
        let mut report = Report::decode(body).map_err(unreadable)?;
        report.accounts.iter_mut().for_each(|account| account.positions.retain(is_wanted));
        Ok(Self::Report(report))
    }

    /// Its number, and its time.
    /// A table, and what its sums are of where only some tickers are in it.
    fn page(&self, positions: &Positions) -> String {
        let table = self.table(&layout(positions));
        if positions.ticker.is_empty() {
            return table;
        }
        format!("{table}\n\nvalues, targets and deviations are of all tickers")
    }

    const fn moment(&self) -> (ReportNumber, u64) {
        match self {
            Self::Report(report) => (report.report, report.time_ns),
            Self::Statement(statement) => (statement.report, statement.time_ns),
        }
    }

    fn degraded(&self) -> &[String] {
        match self {
            Self::Report(report) => &report.degraded,
            Self::Statement(statement) => &statement.degraded,
        }
    }

    fn csv(&self, is_first: bool) -> String {
        match self {
            Self::Report(report) => csv::report(report, is_first),
            Self::Statement(statement) => csv::statement(statement, is_first),
        }
    }

    fn table(&self, layout: &Layout) -> String {
        match self {
            Self::Report(report) => table::report(report, layout),
            Self::Statement(statement) => table::statement(statement, layout),
        }
    }
}

fn unreadable(error: DecodeError) -> anyhow::Error {
    anyhow!("{error}")
}

fn topic(positions: &Positions) -> String {
    let encoding = if positions.format == Format::Json { Encoding::Json } else { Encoding::Binary };
    match &positions.account {
        Some(account) => Topic::Account(account, encoding).to_string(),
        None => Topic::Positions(encoding).to_string(),
    }
}

/// An empty line separates tables.
fn spaced(page: String, is_first: bool) -> String {
    if is_first { page } else { format!("\n{page}") }
}
