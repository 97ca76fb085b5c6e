//! `allot explain`: why a fill was divided as it was.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use allot_allocation_audit::{AccountExplanation, Auditor, Explanation};
use allot_allocation_rules::{Bust, Fill, Input, Outcome, Outcomes};
use allot_allocation_service::{Allocation, InputName, decode_input};
use allot_domain::{LogIndex, Marker, MessageId, Money, Side, SourceId, Ticker};
use allot_journal::Reader;
use allot_shard::Entry;
use allot_wire::json::Object;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use indicatif::ProgressBar;

use super::bust::id;
use super::history::{source, ticker};
use crate::pager::print_page;
use crate::progress_bar::{RECORDS_PER_TICK, reading_bar};
use crate::replay_threads::{ReplayThreads, Replayed};
use crate::reply_text::verb;
use crate::shard_replay::{NoStart, ShardReplay, Start, of_another_system, open_whole};
use crate::stdout::print;
use crate::table::{self, Layout};
use crate::{shard_dirs, time_text};

/// Explain one fill: who missed how much, and why each account got its last share
///
/// Reads the journals of a data directory and changes nothing; a server may run meanwhile. What
/// accounts had before comes of the records before, of which `allot verify` checks every one; this
/// division the auditor works out and checks by the definition of the residual, with no code of the
/// allocator. What an account misses is its percentage of the value of all accounts of the split,
/// less its own value, both of the shard that divided the fill. Each share goes to the account that
/// then misses most, a share of a sale to the one that has most too much; among equals, to the id
/// that is first in byte order. Of fills of one name, which their shard had forgotten in between,
/// the first is explained.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot explain data --source desk --id 17
  allot explain data --source nyse --id X-4711 --ticker AAPL --json")]
pub(crate) struct Explain {
    /// Data directory of a server, or the directory of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// Who sent the fill
    #[arg(long, value_name = "NAME", value_parser = source)]
    source: SourceId,
    /// The fill's id, or its number if it has none
    #[arg(long, value_name = "ID", value_parser = id)]
    id: MessageId,
    /// The fill's ticker, where several tickers have a fill of this id
    #[arg(long, value_name = "TICKER", value_parser = ticker)]
    ticker: Option<Ticker>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Explains it; fails if it was not divided.
pub(crate) fn run(explain: &Explain) -> Result<ExitCode> {
    let bar = reading_bar();
    let found = find(explain, &bar)?;
    let Explain { source, id, .. } = explain;
    let (directory, index, fill) = match (&found.fills[..], &found.bust) {
        ([one], _) => one,
        ([], Some(Bust { ticker, of, .. })) => bail!(
            "{id} of source {source} is a bust, of fill {of} of {ticker}; --id {of} explains \
             that fill"
        ),
        ([], None) => match explain.ticker {
            None => bail!(
                "{} has no fill {id} of source {source}; allot history {0} --source {source} \
                 lists those that it has",
                explain.data.display()
            ),
            Some(ticker) => bail!(
                "{} has no fill {id} of {ticker} by {source}; leave out --ticker to look for it \
                 in all tickers",
                explain.data.display()
            ),
        },
        (several, _) => {
            let tickers = several.iter().map(|(.., fill)| fill.ticker.to_string());
            let tickers: Vec<_> = tickers.collect();
            bail!(
                "{source} has a fill {id} in each of {}; say which with --ticker",
                tickers.join(", ")
            )
        }
    };
    let busting = found.busting.get(directory).copied().unwrap_or_default();
    let explained = work_out(directory, *index, fill, busting, &bar)?;
    bar.finish_and_clear();
    match explain.json {
        true => print(&json(&explained))?,
        false => print_page(&page(&explained))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What has this name.
#[derive(Default)]
struct Found {
    /// The fills, one for each ticker, each with the directory of its shard and its record there.
    fills: Vec<(PathBuf, LogIndex, Fill)>,
    /// The first bust of this name.
    bust: Option<Bust>,
    /// The last record that asks to bust a fill of this name, in each directory.
    busting: BTreeMap<PathBuf, LogIndex>,
}

/// Finds what has this name in all shards, without applying anything.
fn find(explain: &Explain, bar: &ProgressBar) -> Result<Found> {
    let directories = shard_dirs::find_all(&explain.data)?;
    let name = (explain.source, explain.ticker, explain.id);
    let mut threads = ReplayThreads::open(directories.iter().map(|path| {
        let (path, bar) = (path.clone(), bar.clone());
        move || Search::open(name, path, bar)
    }))?;
    let mut found = Found::default();
    for (shard, path) in directories.iter().enumerate() {
        let mut named = VecDeque::new();
        while threads.read(shard, &mut named)? {
            named.drain(..).for_each(|(index, input)| found.take(&explain.id, path, index, input));
        }
    }
    threads.end()?;
    Ok(found)
}

impl Found {
    fn take(&mut self, id: &MessageId, path: &Path, index: LogIndex, input: Input) {
        match input {
            Input::Fill(fill)
                if !self.fills.iter().any(|(.., known)| known.ticker == fill.ticker) =>
            {
                self.fills.push((path.to_owned(), index, fill));
            }
            Input::Bust(bust) if bust.of == *id => {
                self.busting.insert(path.to_owned(), index);
            }
            Input::Bust(bust) => {
                self.bust.get_or_insert(bust);
            }
            _ => {}
        }
    }
}

/// What the fill is called; no ticker stands for every one.
type Name = (SourceId, Option<Ticker>, MessageId);

/// The inputs of one shard that have this name.
struct Search {
    path: PathBuf,
    reader: Reader,
    name: Name,
    bar: ProgressBar,
    bytes: u64,
}

impl Search {
    fn open(name: Name, path: PathBuf, bar: ProgressBar) -> Result<Self> {
        let reader = open_whole(&path)?;
        if let Err(NoStart::Stamp(stamp)) = Start::of(&reader) {
            return Err(of_another_system(&path, &stamp));
        }
        // Every shard is looked through, and one is then replayed.
        bar.inc_length(2 * reader.segments().iter().map(|segment| segment.bytes_used).sum::<u64>());
        Ok(Self { path, reader, name, bar, bytes: 0 })
    }

    fn is_it(&self, source: SourceId, id: MessageId, ticker: Ticker) -> bool {
        let (of, on, named) = self.name;
        source == of && id == named && on.is_none_or(|on| on == ticker)
    }
}

impl Replayed for Search {
    type Item = (LogIndex, Input);

    fn read(&mut self, named: &mut VecDeque<(LogIndex, Input)>) -> Result<bool> {
        let next = self.reader.next();
        let next = next.with_context(|| format!("cannot read {}", self.path.display()))?;
        let Some(found) = next else { return Ok(false) };
        let record = &found.record;
        let index = record.index;
        self.bytes += u64::try_from(record.payload.len()).unwrap_or(0);
        if index.get().is_multiple_of(RECORDS_PER_TICK) {
            self.bar.inc(std::mem::take(&mut self.bytes));
        }
        let kinds = [InputName::Fill, InputName::Bust].map(|name| name.kind().get());
        if !kinds.contains(&record.kind) {
            return Ok(true);
        }
        let Ok(entry) = Entry::of::<Allocation>(record) else { return Ok(true) };
        let Ok(input) = decode_input(entry.kind, entry.time_ns, entry.body) else {
            return Ok(true);
        };
        let is_it = match &input {
            Input::Fill(fill) => self.is_it(fill.source, fill.id, fill.ticker),
            Input::Bust(bust) => {
                self.is_it(bust.source, bust.id, bust.ticker)
                    || self.is_it(bust.source, bust.of, bust.ticker)
            }
            _ => false,
        };
        if is_it {
            named.push_back((index, input));
        }
        Ok(true)
    }
}

/// A fill that was divided, and where that is written.
struct Explained {
    path: PathBuf,
    /// The record of the input that divided it: its own, or that of the first split.
    index: LogIndex,
    explanation: Explanation,
    /// The bust that took its shares back later, if one did.
    busted: Option<TakenBack>,
}

/// A bust, and where it is written.
struct TakenBack {
    id: MessageId,
    time_ns: u64,
    index: LogIndex,
}

/// Replays a shard until the fill is divided, and lets the auditor say why. `record` is that of the
/// fill.
fn work_out(
    path: &Path,
    record: LogIndex,
    fill: &Fill,
    busting: LogIndex,
    bar: &ProgressBar,
) -> Result<Explained> {
    let Fill { source, ticker, id, .. } = *fill;
    let mut replay = ShardReplay::open(path)?;
    let config = replay.start().stamp.as_ref().map_or_else(<_>::default, |stamp| stamp.machine);
    let is_it = |held: &Fill| (held.source, held.ticker, held.id) == (source, ticker, id);
    let mut may_be_held = replay.state().machine().held().any(is_it);
    let mut came_of_it = None;
    while let Some(logged) = replay.next(u64::MAX)? {
        let is_it = is_of(&logged.input, fill);
        may_be_held |= is_it;
        let may_divide = is_it || may_be_held && matches!(logged.input, Input::Split(_));
        let before = may_divide.then(|| {
            let whole = Marker { number: 0, time_ns: 0, report: true };
            Auditor::at(config, &replay.state().machine().part(&whole))
        });
        replay.apply_whole(&logged);
        let (index, input, outcomes) = (replay.index(), &logged.input, replay.outcomes());
        if let Some(auditor) = before {
            let book = replay.state().machine();
            let explained = auditor.explain_next(input, fill, outcomes, |at| *book.account(at));
            let explained = explained.map_err(|mismatch| {
                anyhow!("{} divides that fill otherwise than is due: {mismatch}", path.display())
            })?;
            if let Some(explanation) = explained {
                let busted = find_bust(&mut replay, fill, busting)?;
                return Ok(Explained { path: path.to_owned(), index, explanation, busted });
            }
        }
        tell(&mut came_of_it, fill, input, outcomes);
        if index.get().is_multiple_of(RECORDS_PER_TICK) {
            bar.inc(replay.take_bytes());
        }
    }
    if record <= replay.start().from {
        bail!(
            "{} was pruned, and what came of fill {id} of {ticker} by {source} was before what is \
             left of it; look in a copy that was made before",
            path.display()
        );
    }
    let why = came_of_it.unwrap_or_else(|| "nothing came of it".to_owned());
    bail!("fill {id} of {ticker} by {source} was not divided: {why}")
}

/// The bust of a fill that is divided, if one comes up to this record.
fn find_bust(
    replay: &mut ShardReplay,
    fill: &Fill,
    through: LogIndex,
) -> Result<Option<TakenBack>> {
    while replay.index() < through
        && let Some(logged) = replay.next(u64::MAX)?
    {
        replay.apply_whole(&logged);
        for outcome in &replay.outcomes().list {
            if let Outcome::Busted { ticker, of, .. } = outcome
                && let origin = outcome.origin()
                && (origin.source, *ticker, *of) == (fill.source, fill.ticker, fill.id)
                && !origin.duplicate
            {
                let (id, time_ns) = (origin.id, logged.time_ns);
                return Ok(Some(TakenBack { id, time_ns, index: logged.index }));
            }
        }
    }
    Ok(None)
}

/// What the outcomes of an input say of a fill that is not divided.
fn tell(came_of_it: &mut Option<String>, fill: &Fill, input: &Input, outcomes: &Outcomes) {
    let Fill { source, ticker, id, .. } = *fill;
    for outcome in &outcomes.list {
        let origin = outcome.origin();
        if origin.source != source || origin.duplicate {
            continue;
        }
        match outcome {
            Outcome::Held { ticker: of, .. } if origin.id == id && *of == ticker => {
                *came_of_it = Some("it is held until the first split".to_owned());
            }
            Outcome::Rejected { reject, late: Some(of), .. }
                if origin.id == id && *of == ticker =>
            {
                *came_of_it = Some(format!("it was refused: {reject}"));
            }
            // Another fill that took a name in use is refused too, and says nothing of this.
            Outcome::Rejected { reject, late: None, .. } if is_of(input, fill) => {
                came_of_it.get_or_insert_with(|| format!("it was refused: {reject}"));
            }
            // It was held: of a fill that was divided there is an explanation.
            Outcome::Busted { ticker: on, of, .. } if *of == id && *on == ticker => {
                *came_of_it = Some(format!(
                    "it was busted while it was held until the first split, by bust {}",
                    origin.id
                ));
            }
            _ => {}
        }
    }
}

/// Whether an input is a fill of this name.
fn is_of(input: &Input, named: &Fill) -> bool {
    let name = |fill: &Fill| (fill.source, fill.ticker, fill.id);
    matches!(input, Input::Fill(fill) if name(fill) == name(named))
}

fn page(explained: &Explained) -> String {
    let Explained { path, index, explanation, busted } = explained;
    let Explanation { fill, split, key, is_late, accounts, last, next } = explanation;
    let Fill { source, id, ticker, side, price, quantity, time_ns, .. } = fill;
    let mut lines = vec![
        format!(
            "{source}/{id}: {} {} {ticker} at {price}",
            verb(*side),
            table::grouped(quantity.get().into())
        ),
        format!(
            "taken {}, divided by record {index} of {}",
            time_text::exact(*time_ns),
            path.display()
        ),
        format!("split {split} ({} {}) was in force", key.source, key.seq),
    ];
    if *is_late {
        lines.push("it had been held until that split".to_owned());
    }
    lines.extend(busted.iter().map(|bust| {
        format!(
            "busted {} by bust {}, record {}: its shares were taken back",
            time_text::exact(bust.time_ns),
            bust.id,
            bust.index
        )
    }));
    lines.push(String::new());
    let of = |id: &Option<_>| accounts.iter().find(|account| Some(account.account) == *id);
    let (last, next) = (of(last), of(next));
    let wants = last.and_then(|last| last.want_of_last);
    let wants = wants.zip(next.and_then(|next| next.want_of_next));
    let looks_equal = |(last, next)| last != next && table::cents(last) == table::cents(next);
    let wanted = Wanted { side: *side, is_exact: wants.is_some_and(looks_equal) };
    let head = [
        "",
        "weight",
        "held before",
        "value before",
        "missed before",
        "shares",
        "misses after",
        "at its last share",
        "at one more",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(accounts.iter().map(|account| row(account, wanted)));
    lines.push(table::plain(rows));
    lines.push(String::new());
    let mut said = vec![wanted.legend().to_owned()];
    if let Some(last) = last {
        let want = last.want_of_last.map_or_else(String::new, |want| wanted.said(want));
        said.push(format!("The last share of all went to {}, which {want}.", last.account));
    }
    said.push(match next.and_then(|next| Some((next.account, next.want_of_next?))) {
        Some((next, want)) => {
            let as_much = match wants.is_some_and(|(last, next)| last == next) {
                true => ", as much: among equals, the id goes first that is first in byte order",
                false => "",
            };
            format!("The next in line was {next}, which then {}{as_much}.", wanted.said(want))
        }
        None => "No account could take another.".to_owned(),
    });
    said.extend(accounts.iter().map(|account| reason(account, wanted)));
    let layout = Layout::of_stdout();
    lines.extend(said.iter().map(|line| layout.broken(line, 2)));
    lines.join("\n")
}

/// How much an account wants a share, in words.
#[derive(Clone, Copy)]
struct Wanted {
    side: Side,
    /// Whether cents would hide what decided.
    is_exact: bool,
}

impl Wanted {
    fn said(self, want: Money) -> String {
        let text = self.text(want);
        match self.side {
            Side::Buy => format!("missed {text}"),
            Side::Sell => format!("had {text} too much"),
        }
    }

    fn text(self, want: Money) -> String {
        if self.is_exact { want.to_string() } else { table::cents(want) }
    }

    const fn legend(self) -> &'static str {
        match self.side {
            Side::Buy => {
                "At its last share, and at one more: what the account missed when that share was \
                 given, or would be, the whole fill counted. Each share goes where most is missed."
            }
            Side::Sell => {
                "At its last share, and at one more: what the account had too much when that share \
                 was taken, or would be, the whole fill counted. Each share is taken where there is \
                 most too much."
            }
        }
    }
}

fn row(account: &AccountExplanation, wanted: Wanted) -> Vec<String> {
    let optional = |want: Option<Money>| want.map_or_else(String::new, |want| wanted.text(want));
    vec![
        account.account.to_string(),
        table::percent(account.weight),
        table::grouped(account.held.into()),
        table::cents(account.value),
        table::cents(account.missed_before),
        table::grouped(account.shares.into()),
        table::cents(account.misses_after),
        optional(account.want_of_last),
        optional(account.want_of_next),
    ]
}

/// Why an account got its last share, or none.
fn reason(account: &AccountExplanation, wanted: Wanted) -> String {
    let AccountExplanation { account, want_of_last, want_of_next, .. } = account;
    match (want_of_last, want_of_next) {
        (Some(last), Some(next)) => format!(
            "{account}: at its last share it {}, and was not behind the next in line; then it {}",
            wanted.said(*last),
            wanted.said(*next)
        ),
        (Some(last), None) => {
            format!("{account}: at its last share it {}, and had no more", wanted.said(*last))
        }
        (None, Some(next)) => {
            format!(
                "{account}: no share: it {}, and was behind all who got one",
                wanted.said(*next)
            )
        }
        (None, None) => format!("{account}: no share: it may take none"),
    }
}

fn json(explained: &Explained) -> String {
    let Explained { path, index, explanation, busted } = explained;
    let Explanation { fill, split, key, is_late, accounts, last, next } = explanation;
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    object.text("directory", &path.display().to_string());
    object.number("record", index.get());
    object.plain("source", fill.source.as_str());
    object.number("seq", fill.seq.get());
    object.plain("id", &fill.id.to_string());
    object.time("time", fill.time_ns);
    object.plain("ticker", fill.ticker.as_str());
    object.plain("side", verb(fill.side));
    object.decimal("price", fill.price.nanos().into());
    object.number("quantity", fill.quantity.get());
    object.flag("late", *is_late);
    object.number("split", split.get());
    object.plain("split_source", key.source.as_str());
    object.number("split_seq", key.seq.get());
    for (name, id) in [("last", last), ("next", next)] {
        if let Some(id) = id {
            object.plain(name, id.as_str());
        }
    }
    if let Some(bust) = busted {
        let mut one = object.object("busted");
        one.plain("id", &bust.id.to_string());
        one.time("time", bust.time_ns);
        one.number("record", bust.index.get());
        one.end();
    }
    let mut by_id = object.object("accounts");
    for account in accounts {
        let mut one = by_id.object(account.account.as_str());
        one.decimal("weight", account.weight.nanos().into());
        one.number("held", account.held);
        one.decimal("value", account.value.nanos());
        one.decimal("missed_before", account.missed_before.nanos());
        one.number("shares", account.shares);
        one.decimal("misses_after", account.misses_after.nanos());
        for (name, want) in
            [("want_of_last", account.want_of_last), ("want_of_next", account.want_of_next)]
        {
            if let Some(want) = want {
                one.decimal(name, want.nanos());
            }
        }
        one.end();
    }
    by_id.end();
    object.end();
    String::from_utf8(out).expect("JSON is text")
}
