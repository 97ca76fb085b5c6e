//! Desk: the account of a day trader, and the buttons that trade.
//!
//! Each button has the number of its command, so that pressing it twice, or going back and pressing
//! it again, sends the same command: it counts once.

use std::sync::Arc;

use allot_desk_rules::{Cents, Command, CommandName, Reject, Symbol};
use allot_domain::Seq;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::board::sentence_of;
use crate::desk::{Desk, DeskTrader};
use crate::desk_book::{DeskTold, Typed, to_its_user};
use crate::desk_look::Looked;
use crate::desk_reply::is_shown;
use crate::frame::{Frame, notice, page};
use crate::guard::{Person, is_by_script, see_other};
use crate::page_form::PageForm;
use crate::pages::desk_rows::{Holding, Order, Transaction, Trigger, orders};
use crate::text;

/// The page.
#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage {
    frame: Frame,
    /// Where the part that renews itself is.
    place: String,
    now_ms: u64,
    /// Why a command was not sent. The part that renews itself knows nothing of it.
    refusal: Option<String>,
    told: Option<DeskTold>,
    again: Option<Again>,
    is_open: bool,
    cash: String,
    held: String,
    reserved: String,
    holdings: Vec<Holding>,
    pending: Vec<Order>,
    triggers: Vec<Trigger>,
    recent: Vec<Transaction>,
    /// What was typed before, for each form.
    trade: Typed,
    amount: Typed,
    add: Typed,
    /// The numbers of the buttons that are always there.
    buttons: Buttons,
    has_logs: bool,
}

/// The page while the desk does not answer.
#[derive(Template)]
#[template(path = "desk_away.html")]
struct AwayPage {
    frame: Frame,
    place: String,
    /// What comes in place of what, once it answers: the account, or all where no form is shown.
    part: &'static str,
    problem: String,
    told: Option<DeskTold>,
    again: Option<Again>,
}

/// A command that has no answer, to be sent again under the same number.
struct Again {
    /// That of a log, which has a form of its own.
    log: Option<Seq>,
    typed: Typed,
}

impl Again {
    fn of(told: Option<&DeskTold>, typed: &Typed, seq: Option<Seq>) -> Option<Self> {
        told.filter(|told| told.is_unanswered)?;
        let log = seq.filter(|_| typed.pressed.is_empty());
        let is_known = log.is_some() || !typed.pressed.is_empty();
        is_known.then(|| Self { log, typed: typed.clone() })
    }
}

/// The number of each button.
struct Buttons {
    quote: Seq,
    buy: Seq,
    sell: Seq,
    buy_amount: Seq,
    sell_amount: Seq,
    add: Seq,
    log: Seq,
}

/// Which command the page tells of.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    done: Option<String>,
}

/// Shows the account, and what came of a command.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let (desk, trader) = match trader(&app, &person) {
        Ok(found) => found,
        Err(refusal) => return *refusal,
    };
    let seq = match asked.done.as_deref().map(str::parse).transpose() {
        Ok(seq) => seq.map(Seq::new),
        Err(_) => {
            let sentence = "done is the number of a command: leave it out.";
            return notice(&app, Some(&person), StatusCode::BAD_REQUEST, sentence);
        }
    };
    let entry = seq.and_then(|seq| desk.book.find(trader.user.as_str(), seq));
    let (typed, told) = entry.map(|entry| (entry.typed, entry.told)).unzip();
    let place = match seq {
        Some(seq) => format!("/desk?done={seq}"),
        None => "/desk".to_owned(),
    };
    let (typed, status) = (typed.unwrap_or_default(), StatusCode::OK);
    let renews = is_by_script(&headers).then(|| {
        let is_all = headers.get("hx-target").is_some_and(|target| target == "live");
        if is_all { "#live" } else { "#account" }
    });
    let shown = Shown { place, seq, typed, told, status, renews };
    desk_page(&app, &person, desk, &trader, shown).await
}

/// Sends a command, and leads to what came of it.
pub(super) async fn send(
    State(app): State<Arc<App>>,
    person: Person,
    PageForm { form: typed, _page }: PageForm<Typed>,
) -> Response {
    let (desk, trader) = match trader(&app, &person) {
        Ok(found) => found,
        Err(refusal) => return *refusal,
    };
    let user = trader.user.as_str();
    let (seq, command) = match read(&typed) {
        Ok(read) => read,
        Err(problem) => {
            let told = DeskTold::refused(problem);
            let shown = Shown::refused(StatusCode::UNPROCESSABLE_ENTITY, typed, told);
            return desk_page(&app, &person, desk, &trader, shown).await;
        }
    };
    // One that got no reply may not have been done, and the last order may be another one by now.
    let is_known = desk.book.find(user, seq).is_some_and(|entry| !entry.told.is_unanswered);
    if !is_known && let Some(told) = doubt(&app, desk, &trader, &command, &typed.order).await {
        let is_away = told.is_unanswered;
        let shown = Shown::refused(StatusCode::CONFLICT, typed, told);
        if is_away {
            return away_page(&app, &person, "The desk does not answer.".to_owned(), shown);
        }
        return desk_page(&app, &person, desk, &trader, shown).await;
    }
    desk.book.begin(user, seq, &typed);
    let name = command.name();
    let answer = desk.send(&trader, seq, command).await;
    let code = answer.as_ref().map_or("no answer", |reply| reply.code.as_str());
    tracing::info!(user, %seq, command = %name, code, "a command was sent");
    see_other(&format!("/desk?done={seq}"))
}

/// The desk and the user of a person, if they may trade.
pub(super) fn trader<'a>(
    app: &'a Arc<App>,
    person: &Person,
) -> Result<(&'a Desk, DeskTrader), Box<Response>> {
    let refuse =
        |status, sentence: &str| Err(Box::new(notice(app, Some(person), status, sentence)));
    let Some(desk) = &app.desk else {
        return refuse(
            StatusCode::NOT_FOUND,
            "This console was started without a desk: --desk says where its front door is.",
        );
    };
    if !person.role.may_trade() {
        return refuse(StatusCode::FORBIDDEN, "The desk is for traders, each with an account.");
    }
    match DeskTrader::of(person) {
        Some(trader) => Ok((desk, trader)),
        None => refuse(
            StatusCode::FORBIDDEN,
            "The desk can have no user of your name: it has at most 32 characters.",
        ),
    }
}

/// Reads what was pressed and typed.
fn read(typed: &Typed) -> Result<(Seq, Command), String> {
    let pressed = typed.pressed.split_once(' ').and_then(|(name, seq)| {
        Some((CommandName::parse(name).ok()?, Seq::new(seq.parse().ok()?)))
    });
    let Some((name, seq)) = pressed else {
        return Err("The form has no button that is known here: load the page again.".to_owned());
    };
    if seq == Seq::ZERO {
        return Err("The button has no number: load the page again.".to_owned());
    }
    let is_trigger = matches!(name, CommandName::SetBuyTrigger | CommandName::SetSellTrigger);
    if is_trigger && typed.amount.trim().is_empty() {
        return Err("The trigger has no price: type at what price it fires.".to_owned());
    }
    let is_of_money = matches!(
        name,
        CommandName::Add
            | CommandName::Buy
            | CommandName::Sell
            | CommandName::SetBuyAmount
            | CommandName::SetSellAmount
    );
    if is_of_money && typed.amount.trim().is_empty() {
        return Err("There is no amount: type how much money.".to_owned());
    }
    let command = command(name, typed).and_then(|command| {
        command.check()?;
        Ok(command)
    });
    let told = |reject: Reject| sentence_of(&to_its_user(&reject.to_string()));
    command.map(|command| (seq, command)).map_err(told)
}

fn command(name: CommandName, typed: &Typed) -> Result<Command, Reject> {
    let symbol = || Symbol::new(typed.symbol.trim().as_bytes());
    let amount = || Cents::parse(typed.amount.trim());
    Ok(match name {
        CommandName::Add => Command::Add(amount()?),
        CommandName::Quote => Command::Quote(symbol()?),
        CommandName::Buy => Command::Buy(symbol()?, amount()?),
        CommandName::CommitBuy => Command::CommitBuy,
        CommandName::CancelBuy => Command::CancelBuy,
        CommandName::Sell => Command::Sell(symbol()?, amount()?),
        CommandName::CommitSell => Command::CommitSell,
        CommandName::CancelSell => Command::CancelSell,
        CommandName::SetBuyAmount => Command::SetBuyAmount(symbol()?, amount()?),
        CommandName::SetBuyTrigger => Command::SetBuyTrigger(symbol()?, amount()?),
        CommandName::CancelSetBuy => Command::CancelSetBuy(symbol()?),
        CommandName::SetSellAmount => Command::SetSellAmount(symbol()?, amount()?),
        CommandName::SetSellTrigger => Command::SetSellTrigger(symbol()?, amount()?),
        CommandName::CancelSetSell => Command::CancelSetSell(symbol()?),
        // The log and the account have pages of their own.
        CommandName::DumpLog | CommandName::DisplaySummary => {
            return Err(Reject::UnknownCommand(name.to_string()));
        }
    })
}

/// Why a command should be looked at again: a commit and a cancel take the last order of their
/// side, which may be another than the one that was shown.
async fn doubt(
    app: &App,
    desk: &Desk,
    trader: &DeskTrader,
    command: &Command,
    seen: &str,
) -> Option<DeskTold> {
    let side = match command {
        Command::CommitBuy | Command::CancelBuy => "buy",
        Command::CommitSell | Command::CancelSell => "sell",
        _ => return None,
    };
    let looked = match desk.look(trader, app.board.clock.now()).await {
        Ok(looked) => looked,
        Err(problem) => {
            let told = DeskTold::refused(format!("{problem} The command was not sent."));
            return Some(DeskTold { is_unanswered: true, ..told });
        }
    };
    let pending = &looked.account.pending;
    let now_ms = app.board.clock.now().as_unix() / 1_000_000;
    match pending.iter().rposition(|order| order.side == side) {
        Some(last) if is_shown(pending, last, now_ms, seen) => None,
        Some(last) => Some(DeskTold::refused(format!(
            "The last pending order is now another one, {}: look at it, and press its button.",
            pending[last].text()
        ))),
        None => Some(DeskTold::refused(
            "The order is no longer pending: it was committed, cancelled, or 60 seconds passed.",
        )),
    }
}

/// What a page shows beside the account.
struct Shown {
    place: String,
    /// The command that it tells of.
    seq: Option<Seq>,
    typed: Typed,
    told: Option<DeskTold>,
    status: StatusCode,
    /// The part of an open page that it renews, if it does.
    renews: Option<&'static str>,
}

impl Shown {
    fn refused(status: StatusCode, typed: Typed, told: DeskTold) -> Self {
        let (place, typed, told) = ("/desk".to_owned(), typed.cut(), Some(told));
        Self { place, seq: None, typed, told, status, renews: None }
    }
}

/// The page, with a sentence on a command that was not sent.
pub(super) async fn refused_page(
    app: &Arc<App>,
    person: &Person,
    desk: &Desk,
    trader: &DeskTrader,
    status: StatusCode,
    problem: String,
) -> Response {
    let told = DeskTold::refused(problem);
    let shown = Shown::refused(status, Typed::default(), told);
    desk_page(app, person, desk, trader, shown).await
}

async fn desk_page(
    app: &Arc<App>,
    person: &Person,
    desk: &Desk,
    trader: &DeskTrader,
    shown: Shown,
) -> Response {
    // An open page need not wait to say so; it is renewed once there is a connection.
    if shown.renews.is_some() && !desk.caller.is_connected() {
        return away_page(app, person, "The desk cannot be reached.".to_owned(), shown);
    }
    let looked = match desk.look_again(trader, &app.board.clock).await {
        Ok(looked) => looked,
        Err(problem) => return away_page(app, person, problem, shown),
    };
    let now = app.board.clock.now();
    let next = || desk.next_seq(now);
    let now_ms = now.as_unix() / 1_000_000;
    let Shown { place, seq, typed, told, status, .. } = shown;
    let told = told.filter(|told| !told.text.is_empty()).map(|told| told.at(now_ms));
    let (told, refusal) = match seq {
        Some(_) => (told, None),
        None => (None, told.map(|told| told.text)),
    };
    let pressed = typed.pressed.split(' ').next().unwrap_or_default().to_owned();
    let of = |names: &[&str]| match names.contains(&pressed.as_str()) {
        true => typed.clone(),
        false => Typed::default(),
    };
    let Looked { cash, account, is_open } = looked;
    let price = |side: &str, symbol: &str| {
        let is_it = pressed.starts_with("SET_") && pressed.ends_with("_TRIGGER");
        let is_it = is_it && pressed.contains(&side.to_uppercase()) && typed.symbol == symbol;
        if is_it { typed.amount.clone() } else { String::new() }
    };
    let frame = Frame::new(app, Some(person), "Desk").in_part();
    let template = DeskPage {
        frame,
        place,
        now_ms,
        is_open,
        refusal,
        again: Again::of(told.as_ref(), &typed, seq),
        told,
        cash: text::grouped(&cash),
        held: text::grouped(&account.held),
        reserved: text::grouped(&account.reserved),
        holdings: account.holdings.iter().map(Holding::of).collect(),
        pending: orders(&account.pending, now_ms, next),
        triggers: account
            .triggers
            .iter()
            .map(|one| Trigger::of(one, price(&one.side, &one.symbol), next))
            .collect(),
        recent: account.recent.iter().rev().map(Transaction::of).collect(),
        trade: of(&["QUOTE", "BUY", "SELL"]),
        amount: of(&["SET_BUY_AMOUNT", "SET_SELL_AMOUNT"]),
        add: of(&["ADD"]),
        buttons: Buttons {
            quote: next(),
            buy: next(),
            sell: next(),
            buy_amount: next(),
            sell_amount: next(),
            add: next(),
            log: next(),
        },
        has_logs: desk.logs.is_some(),
    };
    page(status, &template)
}

/// Says that the desk does not answer. A page that is open takes only a success as news.
fn away_page(app: &Arc<App>, person: &Person, problem: String, shown: Shown) -> Response {
    let Shown { place, seq, typed, told, renews, .. } = shown;
    let (status, part) = match renews {
        Some(part) => (StatusCode::OK, part),
        None => (StatusCode::SERVICE_UNAVAILABLE, "#live"),
    };
    let now_ms = app.board.clock.now().as_unix() / 1_000_000;
    let told = told.map(|told| told.at(now_ms));
    let again = Again::of(told.as_ref(), &typed, seq);
    let frame = Frame::new(app, Some(person), "Desk").in_part();
    page(status, &AwayPage { frame, place, part, problem, told, again })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pressed: &str, symbol: &str, amount: &str) -> Typed {
        let [pressed, symbol, amount] = [pressed, symbol, amount].map(str::to_owned);
        Typed { pressed, symbol, amount, order: String::new() }
    }

    #[test]
    fn a_form_is_a_command_or_a_sentence() {
        let (seq, command) = read(&typed("BUY 7", " ABC ", "10.5")).unwrap();
        assert_eq!((seq, command.name()), (Seq::new(7), CommandName::Buy));
        for (pressed, symbol, amount, why) in [
            ("", "", "", "load the page again"),
            ("BUY", "ABC", "1", "load the page again"),
            ("BUY 0", "ABC", "1", "load the page again"),
            ("FLY 7", "ABC", "1", "load the page again"),
            ("DUMPLOG 7", "", "", "DUMPLOG"),
            ("BUY 7", "ABCD", "1", "ABCD"),
            ("BUY 7", "ABC", "ten", "12.34"),
            ("BUY 7", "ABC", "0", "more than zero"),
            ("BUY 7", "ABC", "", "There is no amount"),
        ] {
            let problem = read(&typed(pressed, symbol, amount)).unwrap_err();
            assert!(problem.contains(why) && problem.ends_with('.'), "{problem}");
        }
    }
}
