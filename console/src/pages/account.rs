//! Account: what one account holds, what it got lately, and why.

use std::sync::Arc;

use allot_allocation_rules::{SplitNumber, Weight};
use allot_domain::{AccountId, Money, Side};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::board::Known;
use crate::fill_log::{FillKind, FillLine};
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::limits::FILLS_PER_PAGE;
use crate::pages::positions::{drift, sign, warnings};
use crate::picture::{Account, Picture};
use crate::text;

/// A weight of a hundred percent, in 1e-9 of a percent.
const WHOLE: u128 = 100_000_000_000;

/// The page.
#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    id: String,
    weight: String,
    value: String,
    target: String,
    deviation: String,
    sign: &'static str,
    drift: String,
    warnings: Vec<String>,
    sentences: Vec<String>,
    positions: Vec<Holding>,
    /// Whether the person sees whole fills, and not only what this account got.
    has_blocks: bool,
    lines: Vec<Line>,
    /// What there is from before the console began.
    earlier: String,
}

/// What it holds of a ticker.
struct Holding {
    ticker: String,
    quantity: String,
    value: String,
    average: String,
}

/// What it got from a fill, or gave back.
struct Line {
    time: String,
    ticker: String,
    number: u64,
    what: String,
    price: String,
    block: String,
    shares: String,
    by_weight: String,
    split: String,
}

/// Shows the page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    Path(id): Path<String>,
) -> Response {
    let refuse = |status, sentence: &str| notice(&app, Some(&person), status, sentence);
    let Ok(id) = AccountId::new(id.as_bytes()) else {
        return refuse(StatusCode::NOT_FOUND, "This is no name of an account.");
    };
    if !person.sees(&id) {
        return refuse(StatusCode::FORBIDDEN, "A trader sees their own accounts.");
    }
    let Some(picture) = app.board.picture() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "The first report is on its way.");
    };
    let Some(account) = picture.account(&id) else {
        return refuse(StatusCode::NOT_FOUND, "The ledger has never named this account.");
    };
    let frame = Frame::new(&app, Some(&person), "Account");
    let frame = frame.live(format!("/account/{id}"), "sse:report, sse:fills, sse:health");
    let sees_all = person.role.sees_all();
    let (lines, earlier) = {
        let known = app.board.known();
        (lines(&known, &id, sees_all), known.past.told(known.fills.is_cut()))
    };
    let dash = || "–".to_owned();
    let template = AccountPage {
        frame,
        weight: account.weight.map_or_else(|| "closed".to_owned(), weight_text),
        value: text::money(account.value),
        target: account.target.map_or_else(dash, text::money),
        deviation: account.deviation.map_or_else(dash, text::signed_money),
        sign: sign(account.deviation.map_or(0, Money::nanos)),
        drift: drift(account).map_or_else(dash, text::basis_points),
        warnings: warnings(&picture, account),
        sentences: sentences(&picture, account, sees_all),
        positions: holdings(&picture, account),
        has_blocks: sees_all,
        lines,
        earlier,
        id: id.to_string(),
    };
    page(StatusCode::OK, &template)
}

fn weight_text(weight: Weight) -> String {
    format!("{} %", text::weight(weight))
}

fn holdings(picture: &Picture, account: &Account) -> Vec<Holding> {
    let held = picture.cells(account).iter();
    let holding = |cell: &crate::picture::Cell| Holding {
        ticker: picture.tickers[cell.ticker as usize].to_string(),
        quantity: text::count(cell.quantity),
        value: text::money(cell.value),
        average: match cell.quantity {
            0 => "–".to_owned(),
            count => text::money(Money::from_nanos(cell.value.nanos() / i128::from(count))),
        },
    };
    held.map(holding).collect()
}

/// Why the account is where it is, in sentences; how it is beside others is for who sees them.
fn sentences(picture: &Picture, account: &Account, sees_all: bool) -> Vec<String> {
    let mut sentences = Vec::new();
    match account.weight {
        None => sentences.push(
            "The split in force does not name this account: it is closed, keeps what it has, gets \
             nothing, and is not sold from."
                .to_owned(),
        ),
        Some(weight) if weight.nanos() == 0 => sentences.push(
            "The split in force gives this account 0 %: it buys nothing and is sold from first."
                .to_owned(),
        ),
        Some(weight) => sentences.push(format!(
            "The split in force gives this account {} % of the value of all open accounts.",
            text::weight(weight)
        )),
    }
    if let (Some(target), Some(deviation)) = (account.target, account.deviation) {
        let side = match sign(deviation.nanos()) {
            "less" => "below its target: purchases go to it before others, and sales come later",
            "more" => "above its target: sales come from it before others, and purchases later",
            _ => "exactly at its target",
        };
        let far = match deviation.nanos() {
            0 => String::new(),
            nanos => format!("{} ", text::money(Money::from_nanos(nanos.abs()))),
        };
        sentences.push(format!("Its target is {}; it is {far}{side}.", text::money(target)));
        sentences.push(
            "Fills are divided in whole shares and never moved again, so a deviation of up to \
             about one share is normal, and a change of split leaves one that only new fills correct."
                .to_owned(),
        );
    }
    if sees_all && picture.tracking.is_some_and(|tracking| tracking.worst_account == account.id) {
        sentences.push("It is the account that is farthest from its target.".to_owned());
    }
    sentences
}

/// What the account got from the latest fills. How large these were is for who sees all accounts.
fn lines(known: &Known, id: &AccountId, sees_all: bool) -> Vec<Line> {
    let of = |line: &FillLine| {
        let place = line.shares.binary_search_by_key(id, |(account, _)| *account).ok()?;
        let mut own = line_of(known, line, id, line.shares[place].1);
        if !sees_all {
            (own.block, own.by_weight) = Default::default();
        }
        Some(own)
    };
    known.fills.newest().filter_map(of).take(FILLS_PER_PAGE).collect()
}

fn line_of(known: &Known, line: &FillLine, id: &AccountId, shares: u64) -> Line {
    let (what, price, block, split) = match &line.kind {
        FillKind::Divided { side, price, quantity, split } => {
            let what = if *side == Side::Sell { "sold" } else { "bought" };
            (what.to_owned(), text::price(*price), *quantity, *split)
        }
        FillKind::Busted { of } => (format!("bust of {of}"), String::new(), 0, SplitNumber::ZERO),
    };
    let weight = known.splits.weight(split, id);
    let by_weight = weight.filter(|_| 0 < block).map(|weight| {
        let hundredths = u128::from(block) * u128::from(weight.nanos()) * 100 / WHOLE;
        format!("{}.{:02}", text::thousands(hundredths / 100), hundredths % 100)
    });
    Line {
        time: text::time(line.time_ns),
        ticker: line.ticker.to_string(),
        number: line.number,
        what,
        price,
        block: if block == 0 { String::new() } else { text::count(block) },
        shares: match &line.kind {
            FillKind::Divided { .. } => text::count(shares),
            FillKind::Busted { .. } => format!("{} taken back", text::count(shares)),
        },
        by_weight: by_weight.unwrap_or_default(),
        split: if split == SplitNumber::ZERO { String::new() } else { split.to_string() },
    }
}
