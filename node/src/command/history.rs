//! `allot history`: who got what, when, of which fill, under which split.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use allot_domain::{AccountId, SourceId, Ticker};
use allot_runtime::duration;
use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::front_history;
use crate::history_event::{CSV_HEAD, Event, Filter, TEXT_HEAD};
use crate::journal_history;
use crate::misuse::demand_period;
use crate::pager::Pager;
use crate::setting::{Key, set};
use crate::table::Layout;
use crate::time_text;

/// Print who got what, when, of which fill, and under which split
///
/// Of a data directory it reads every journal and changes nothing; a server may run meanwhile.
/// Without one it asks a running server, which keeps the latest outcomes only, as many as its
/// setting history says. Events are in order of time, oldest first; a bust says what was given
/// back.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot history data
  allot history data --account growth --ticker AAPL --from 2026-11-20 --to 2026-11-21
  allot history data --format csv > history.csv
  allot history --front tcp://127.0.0.1:9998 --source desk")]
pub(crate) struct History {
    /// Data directory of a server, or the directory of one shard in it [default: ask a server]
    #[arg(value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print only what this account got or gave; can be repeated
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Vec<AccountId>,
    /// Print only this ticker; can be repeated
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Vec<Ticker>,
    /// Print only what this source sent; can be repeated
    #[arg(long, value_name = "NAME", value_parser = source)]
    source: Vec<SourceId>,
    /// Print only from this time on, such as 2026-11-20 or 2026-11-20T16:00:00Z (UTC)
    #[arg(long, value_name = "TIME", value_parser = time_text::parse)]
    from: Option<u64>,
    /// Print only what was before this time
    #[arg(long, value_name = "TIME", value_parser = time_text::parse)]
    to: Option<u64>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// How long to wait for each answer of the server
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish, Key::PublishKey]) }>,
}

/// Output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// One line per event, for people
    Table,
    /// One line per event and account, exact; change is negative where shares were given away
    Csv,
    /// One JSON object per event and line
    Json,
}

pub(super) fn account(text: &str) -> Result<AccountId, String> {
    AccountId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

pub(super) fn ticker(text: &str) -> Result<Ticker, String> {
    Ticker::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

pub(super) fn source(text: &str) -> Result<SourceId, String> {
    SourceId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Prints the events that are asked for.
pub(crate) fn run(history: &History, common: &CommonArgs) -> Result<ExitCode> {
    demand_period(history.from, history.to)?;
    let filter = Filter {
        accounts: history.account.clone(),
        tickers: history.ticker.clone(),
        sources: history.source.clone(),
        from: history.from.unwrap_or(0),
        to: history.to.unwrap_or(u64::MAX),
    };
    let is_filtered = filter != Filter { to: u64::MAX, ..Filter::default() };
    let (format, layout) = (history.format, Layout::of_stdout());
    let write = move |event: &Event, text: &mut Vec<u8>| format.write(event, layout, text);
    let mut page = Page { out: None, format };
    match &history.data {
        Some(data) => journal_history::read(data, &filter, write, |text| page.print(text))?,
        None => {
            let settings = common.settings(&history.flags.given)?;
            let mut text = Vec::new();
            front_history::read(&settings, filter, history.timeout, |event| {
                text.clear();
                write(&event, &mut text);
                page.print(&text)
            })?;
        }
    }
    page.end(is_filtered)?;
    Ok(ExitCode::SUCCESS)
}

/// Where the rest of a line stands that is longer than the terminal is wide: below what happened.
const TEXT_BELOW: usize = TEXT_HEAD.len() - "what".len();

/// Where the events go.
struct Page {
    /// Begun with the first event, so that a failure before it shows no page.
    out: Option<Pager>,
    format: Format,
}

impl Format {
    /// Adds the lines of an event.
    fn write(self, event: &Event, layout: Layout, text: &mut Vec<u8>) {
        match self {
            Self::Table => {
                text.extend_from_slice(layout.broken(&event.text(), TEXT_BELOW).as_bytes());
                text.push(b'\n');
            }
            Self::Csv => event.csv(text),
            Self::Json => {
                event.json(text);
                text.push(b'\n');
            }
        }
    }
}

impl Page {
    fn out(&mut self) -> Result<&mut Pager> {
        if self.out.is_none() {
            let mut out = Pager::begin();
            match self.format {
                Format::Table => writeln!(out, "{TEXT_HEAD}")?,
                Format::Csv => writeln!(out, "{CSV_HEAD}")?,
                Format::Json => {}
            }
            self.out = Some(out);
        }
        Ok(self.out.as_mut().expect("it was begun"))
    }

    fn print(&mut self, text: &[u8]) -> Result<()> {
        Ok(self.out()?.write_all(text)?)
    }

    fn end(mut self, is_filtered: bool) -> Result<()> {
        if self.out.is_none() {
            let names = "names in --account, --ticker and --source are taken as they are written";
            match is_filtered {
                true => tracing::warn!("no event of that kind; {names}"),
                false => tracing::info!("no event yet"),
            }
        }
        self.out()?;
        self.out.map_or(Ok(()), Pager::end)
    }
}
