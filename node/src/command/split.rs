//! `allot split`: one split, now; or what it would do.

use std::process::{self, ExitCode};
use std::time::Duration;

use allot_allocation_rules::Split as Message;
use allot_allocation_service::{AccountReport, Report, Request, encode_line};
use allot_domain::{AccountId, Seq, SourceId};
use allot_feeds::{Target, Weights, WeightsPull, unique_source};
use allot_runtime::{Clock, duration};
use anyhow::{Result, anyhow};
use clap::Args;

use super::history::{account, source};
use super::report::tell;
use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::front_client::FrontClient;
use crate::misuse::{Misuse, demand};
use crate::report_request;
use crate::setting::{Key, set};
use crate::stdout::print;
use crate::table::{self, Layout};

/// Bring a split into force: the percentage of the assets that each account is to hold
///
/// It applies to later fills only; shares that were allocated stay where they are. An account that
/// holds shares and is left out is refused: give it 0, or list it with --closes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot split growth=50,income=30,pension=20
  allot split growth=60,income=40 --dry-run
  allot split growth=60,income=40 --closes pension")]
pub(crate) struct Split {
    /// The percentage of each account, as a=40,b=60; they add up to 100
    #[arg(value_name = "WEIGHTS")]
    weights: String,
    /// Accounts that the split may close although they hold shares, such as c,d
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = account)]
    closes: Vec<AccountId>,
    /// Print which accounts the split would open and close and what they hold, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Source name of the split; needs --seq [default: unique to this run]
    #[arg(long, value_name = "NAME", value_parser = source, requires = "seq")]
    source: Option<SourceId>,
    /// Sequence number of the split; a number that its source has used is not used again
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "source",
          value_parser = clap::value_parser!(u64).range(1..))]
    seq: u64,
    /// Print the reply as JSON
    #[arg(long)]
    json: bool,
    /// How long to wait for each reply
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish, Key::PublishKey]) }>,
}

/// Sends it, or says what it would do.
pub(crate) fn run(split: &Split, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&split.flags.given)?;
    let mut weights =
        Weights::fixed(&split.weights).map_err(Misuse::error)?.closing(split.closes.clone());
    let WeightsPull::Weights(target) = weights.pull() else {
        return Err(anyhow!("fixed weights are there at every tick"));
    };
    let source = match split.source {
        Some(source) => source,
        None => unique_source("split", Clock::system().now(), process::id().into())
            .map_err(|reject| anyhow!("{reject}"))?,
    };
    // The list as it was given: an account that is to be closed and has a weight is a mistake.
    let message = Message::new(source, Seq::new(split.seq), target.weights.clone())
        .and_then(|message| message.closing(split.closes.clone()))
        .map_err(Misuse::error)?;
    if split.dry_run {
        demand(!split.json, "--json prints a reply, and --dry-run asks for none")?;
        let report = report_request::report_now(&settings, split.timeout)?;
        let effect = Effect::of(&target, &report);
        print(&effect.page())?;
        return Ok(if effect.is_refused() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let mut client = FrontClient::connect(&settings.front, settings.front_key)?;
    let mut line = Vec::new();
    encode_line(&Request::Split(message), &mut line);
    tell(&client.ask(&line, split.timeout)?, split.json)
}

/// What a split would do to each account.
struct Effect {
    rows: Vec<[String; 5]>,
    /// The accounts that it leaves out although they hold shares.
    omitted: Vec<AccountId>,
    /// Accounts to be closed that no split ever named.
    unknown: Vec<AccountId>,
}

impl Effect {
    fn of(target: &Target, report: &Report) -> Self {
        let weight_of = |id: &AccountId| {
            target.weights.iter().find(|(account, _)| account == id).map(|(_, weight)| *weight)
        };
        let is_known = |id: &AccountId| report.accounts.iter().any(|account| account.id == *id);
        let closes = |id: &AccountId| target.closes.contains(id);
        let mut effect = Self { rows: Vec::new(), omitted: Vec::new(), unknown: Vec::new() };
        for account in &report.accounts {
            let (now, then) = (account.weight, weight_of(&account.id));
            let is_omitted = now.is_some() && then.is_none() && holds(account);
            if is_omitted && !closes(&account.id) {
                effect.omitted.push(account.id);
            }
            let what = match (now, then) {
                (None, None) => continue,
                (None, Some(_)) => "opens again",
                (Some(_), None) if is_omitted && !closes(&account.id) => "may not be left out",
                (Some(_), None) => "closes",
                (Some(now), Some(then)) if now == then => "",
                (Some(_), Some(_)) => "changes",
            };
            let percent = |weight| weight_text(weight).unwrap_or_else(|| "closed".to_owned());
            let id = account.id.to_string();
            effect.rows.push([id, percent(now), percent(then), what.to_owned(), held(account)]);
        }
        for (id, weight) in target.weights.iter().filter(|(id, _)| !is_known(id)) {
            let then = table::percent(*weight);
            let (what, held) = ("opens: a new account".to_owned(), "nothing".to_owned());
            effect.rows.push([id.to_string(), String::new(), then, what, held]);
        }
        effect.unknown.extend(target.closes.iter().filter(|id| !is_known(id)));
        effect.rows.sort();
        effect
    }

    const fn is_refused(&self) -> bool {
        !self.omitted.is_empty() || !self.unknown.is_empty()
    }

    fn page(&self) -> String {
        let head = ["", "now", "then", "", "holds"].map(str::to_owned);
        let rows = self.rows.iter().cloned().map(Vec::from);
        let table = table::plain([head.to_vec()].into_iter().chain(rows).collect());
        let names =
            |ids: &[AccountId]| ids.iter().map(AccountId::to_string).collect::<Vec<_>>().join(",");
        let mut page = vec![table, String::new()];
        if !self.omitted.is_empty() {
            let omitted = names(&self.omitted);
            let (holders, each) = holders(self.omitted.len());
            page.push(format!(
                "it would be refused: it leaves out {holders}; give {each} 0 to wind it down, or \
                 close it with --closes {omitted}"
            ));
        }
        if !self.unknown.is_empty() {
            let unknown = names(&self.unknown);
            page.push(format!("it would be refused: no split ever named {unknown}"));
        }
        if !self.is_refused() {
            page.push("nothing was sent; without --dry-run the split comes into force".to_owned());
        }
        page.join("\n")
    }
}

/// So many accounts that hold shares, and each of them, in words.
fn holders(count: usize) -> (String, &'static str) {
    match count {
        1 => ("an account that holds shares".to_owned(), "it"),
        _ => (format!("{count} accounts that hold shares"), "each"),
    }
}

fn weight_text(weight: Option<allot_allocation_rules::Weight>) -> Option<String> {
    weight.map(table::percent)
}

fn holds(account: &AccountReport) -> bool {
    account.positions.iter().any(|position| 0 < position.quantity)
}

/// Columns of a terminal on which more than one position of an account is shown.
const WIDE: usize = 120;

/// What an account holds: its value and its largest positions.
fn held(account: &AccountReport) -> String {
    let is_narrow = Layout::of_stdout().is_narrower_than(WIDE);
    let most = if is_narrow { 1 } else { 3 };
    let mut held: Vec<_> =
        account.positions.iter().filter(|position| 0 < position.quantity).collect();
    if held.is_empty() {
        return "nothing".to_owned();
    }
    held.sort_by_key(|position| std::cmp::Reverse(position.value));
    let shown = held.iter().take(most);
    let mut shown: Vec<_> = shown
        .map(|position| format!("{} {}", table::grouped(position.quantity.into()), position.ticker))
        .collect();
    if most < held.len() {
        shown.push(format!("{} more", held.len() - most));
    }
    format!("{}: {}", table::cents(account.value), shown.join(", "))
}
