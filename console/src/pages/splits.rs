//! Splits: the one in force, those before it, and a form that shows what a new one would do.
//!
//! A split gets its number when it is shown, and is sent under the name of the person. So pressing
//! the button twice, or going back and pressing it again, sends the same split: it counts once.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use allot_allocation_rules::{Split, Weight};
use allot_allocation_service::{Reply, Request};
use allot_domain::{AccountId, Money, Seq, SourceId};
use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::join;
use serde::Deserialize;
use tokio::time::timeout;

use crate::app::App;
use crate::board::sentence_of;
use crate::busy::busy;
use crate::caller::NoAnswer;
use crate::drafts::{Draft, Drafts, Told};
use crate::frame::{Frame, notice, page};
use crate::guard::{Person, see_other};
use crate::limits::{SPLIT_PATIENCE, SPLIT_TURN_PATIENCE};
use crate::page_form::PageForm;
use crate::pages::split_check::{self, Standing, basis};
use crate::pages::split_text::{read_accounts, read_weights, split};
use crate::picture::Picture;
use crate::report_now::report_now;
use crate::text;

/// Accounts of the split in force that its page shows; that of the split itself has all.
const SHOWN_MAX: usize = 200;

/// Accounts of an earlier split that a row names.
const NAMED_MAX: usize = 12;

/// The page.
#[derive(Template)]
#[template(path = "splits.html")]
struct SplitsPage {
    frame: Frame,
    may_split: bool,
    problem: String,
    success: String,
    number: String,
    in_force: Vec<InForce>,
    folded: usize,
    draft: String,
    earlier: String,
    history: Vec<Seen>,
}

/// An account of the split in force.
struct InForce {
    id: String,
    weight: String,
    value: String,
}

/// A split that is in force, or was.
struct Seen {
    number: String,
    since: String,
    /// Empty where the front door was not asked yet.
    sent: String,
    accounts: String,
    weights: String,
}

/// What a split would do.
#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage {
    frame: Frame,
    problem: String,
    rows: Vec<Change>,
    unchanged: usize,
    opens: usize,
    closes: usize,
    changed: usize,
    holders: Vec<Holder>,
    /// Whether it was sent before, and got no reply.
    is_again: bool,
    closing: String,
    seq: u64,
    basis: String,
}

/// An account whose weight changes.
struct Change {
    id: String,
    what: &'static str,
    before: String,
    after: String,
    difference: String,
    sign: &'static str,
}

/// An account that the split closes and that holds shares.
struct Holder {
    id: String,
    shares: String,
    tickers: String,
    value: String,
}

/// The form of the page.
#[derive(Deserialize)]
pub(super) struct Written {
    weights: String,
}

/// The form of the preview.
#[derive(Deserialize)]
pub(super) struct Confirmed {
    seq: u64,
    /// What was in force when this one was shown.
    basis: String,
    /// The holders that were shown.
    #[serde(default)]
    closes: String,
    /// Given where holders are closed.
    #[serde(default)]
    is_sure: String,
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    if !person.role.sees_all() {
        let sentence = "A trader sees their own accounts.";
        return notice(&app, Some(&person), StatusCode::FORBIDDEN, sentence);
    }
    splits_page(&app, &person, StatusCode::OK, None, Told::default())
}

/// Reads a split, keeps it under a number, and leads to what it would do.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    person: Person,
    PageForm { form: Written { weights }, _page: page }: PageForm<Written>,
) -> Response {
    let Some(source) = source(&person) else { return refuse(&app, &person) };
    let seq = Seq::new(app.board.clock.now().as_unix());
    report_now(&app, source).await;
    aside(page, move || {
        let made = read_weights(&weights);
        let made = made.and_then(|weights| split(source, seq, weights, Vec::new()));
        if let Err(problem) = made {
            let told = Told { problem, ..Told::default() };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return splits_page(&app, &person, status, Some(&weights), told);
        }
        drafts(&app).push(person.label(), seq, &weights);
        see_other(&format!("/splits/preview/{seq}"))
    })
    .await
}

/// Does long work on a thread of its own, so that it keeps no other page waiting. It counts as a
/// page until it is done, also where nobody waits for it any more.
async fn aside(
    page: impl Send + 'static,
    work: impl FnOnce() -> Response + Send + 'static,
) -> Response {
    let work = move || {
        let response = work();
        drop(page);
        response
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!("a page cannot be made: {error}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// Shows what a split would do.
pub(super) async fn show_preview(
    State(app): State<Arc<App>>,
    person: Person,
    seq: Result<Path<u64>, PathRejection>,
) -> Response {
    let Ok(Path(seq)) = seq else { return gone(&app, &person) };
    let seq = Seq::new(seq);
    match draft(&app, &person, seq) {
        // It is done: there is nothing to confirm.
        Some(draft) if !draft.told.success.is_empty() => see_other(&format!("/splits/sent/{seq}")),
        _ => {
            let Ok(page) = Arc::clone(&app.pages).try_acquire_owned() else { return busy() };
            aside(page, move || preview_page(&app, &person, seq, String::new())).await
        }
    }
}

/// Shows what came of a split.
pub(super) async fn show_sent(
    State(app): State<Arc<App>>,
    person: Person,
    seq: Result<Path<u64>, PathRejection>,
) -> Response {
    let Ok(Path(seq)) = seq else { return gone(&app, &person) };
    let Some(draft) = draft(&app, &person, Seq::new(seq)) else { return gone(&app, &person) };
    let Ok(page) = Arc::clone(&app.pages).try_acquire_owned() else { return busy() };
    aside(page, move || {
        let weights = (!draft.told.problem.is_empty()).then_some(&*draft.weights);
        splits_page(&app, &person, StatusCode::OK, weights, draft.told.clone())
    })
    .await
}

/// Sends a split that was shown, and leads to what came of it.
pub(super) async fn send(
    State(app): State<Arc<App>>,
    person: Person,
    PageForm { form, _page: page }: PageForm<Confirmed>,
) -> Response {
    let Some(source) = source(&person) else { return refuse(&app, &person) };
    let seq = Seq::new(form.seq);
    let Some(draft) = draft(&app, &person, seq) else { return gone(&app, &person) };
    // What is in force is looked at and changed for one split after the other.
    let Ok(_turn) = timeout(SPLIT_TURN_PATIENCE, app.splits_turn.lock()).await else {
        let problem = "Another split is being sent: press the button again in a moment.";
        return preview_page(&app, &person, seq, problem.to_owned());
    };
    let (standing, ()) =
        join(split_check::ask(&app, source, &form.basis), report_now(&app, source)).await;
    let (reader, sender) = (Arc::clone(&app), person.clone());
    let read = move || {
        let read = read_again(&reader, &draft, source, &form, standing);
        // The page counts until the split is answered.
        match read {
            Ok(split) => Ok((split, page)),
            Err(problem) => Err(Box::new(preview_page(&reader, &sender, seq, problem))),
        }
    };
    let (split, _page) = match tokio::task::spawn_blocking(read).await {
        Ok(Ok(read)) => read,
        Ok(Err(page)) => return *page,
        Err(error) => {
            tracing::error!("a split cannot be read: {error}");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let told = outcome(&app, &person, split).await;
    if !told.success.is_empty() {
        report_now(&app, source).await;
    }
    if let Some(kept) = drafts(&app).find(person.label(), seq) {
        kept.tell(told);
    }
    see_other(&format!("/splits/sent/{seq}"))
}

/// Reads a split that was shown, and notes that it is sent.
///
/// # Errors
/// Why it is not.
fn read_again(
    app: &App,
    draft: &Draft,
    source: SourceId,
    form: &Confirmed,
    standing: Result<Standing, String>,
) -> Result<Split, String> {
    let closes = draft.sent.as_ref().unwrap_or(&form.closes);
    let (weights, closing) = (read_weights(&draft.weights)?, read_accounts(closes)?);
    let split = split(source, draft.seq, weights, closing)?;
    let is_unsure = draft.sent.is_none() && form.is_sure.is_empty();
    if is_unsure && !split.closes().is_empty() {
        let problem = "This split closes accounts that hold shares: tick the box to say that you \
                       mean it.";
        return Err(problem.to_owned());
    }
    // Of one that is there already the server says so again, and it counts once.
    let standing = standing?;
    if !standing.has(source, draft.seq)
        && let Some(problem) = doubt(app, form, &standing)
    {
        return Err(problem);
    }
    drafts(app).note_sent(&draft.user, draft.seq, closes);
    Ok(split)
}

/// Why a split should be looked at again: another is in force than the one that it was shown
/// against.
fn doubt(app: &App, form: &Confirmed, standing: &Standing) -> Option<String> {
    match app.board.picture() {
        None => Some("The split in force is not known now: try again in a moment.".to_owned()),
        Some(picture) if basis(&picture) != form.basis => {
            let split = picture.split;
            Some(format!("Split {split} came into force meanwhile: look at the changes again."))
        }
        Some(picture) => (!standing.is_of(&picture)).then(|| standing.said()),
    }
}

fn drafts(app: &App) -> MutexGuard<'_, Drafts> {
    app.drafts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draft(app: &App, person: &Person, seq: Seq) -> Option<Draft> {
    drafts(app).find(person.label(), seq).cloned()
}

fn gone(app: &Arc<App>, person: &Person) -> Response {
    let sentence = "This split was shown too long ago, or to somebody else: write it again.";
    notice(app, Some(person), StatusCode::NOT_FOUND, sentence)
}

async fn outcome(app: &Arc<App>, person: &Person, split: Split) -> Told {
    let seq = split.seq;
    let user = person.label();
    let asked = timeout(SPLIT_PATIENCE, app.front.ask(Request::Split(split)));
    let problem = match asked.await.unwrap_or(Err(NoAnswer::Late(None))) {
        Ok(Reply::Accepted { split, duplicate, .. }) => {
            tracing::info!(user, %seq, %split, duplicate, "a split was sent");
            let again = if duplicate { ", as before: it counts once" } else { "" };
            let success = format!("Split {split} is in force{again}.");
            return Told { success, split: Some(split), ..Told::default() };
        }
        Ok(Reply::Rejected { code, reason, .. }) => {
            tracing::info!(user, %seq, code, "a split was rejected");
            let problem = format!("Rejected ({code}): {}", sentence_of(&reason));
            return Told { problem, is_refused: true, ..Told::default() };
        }
        Ok(_) => {
            "The server replied something else: run the same version on both sides.".to_owned()
        }
        Err(NoAnswer::Full) => "Too many requests wait: try again in a moment.".to_owned(),
        Err(NoAnswer::Awaiting(what)) => sentence_of(&what),
        Err(NoAnswer::Late(said)) => {
            tracing::warn!(user, %seq, "a split got no reply");
            let said =
                said.map_or_else(String::new, |said| format!(" It said: {}", sentence_of(&said)));
            format!(
                "The server did not reply in time.{said} The split may be in force or not: go back \
                 and press the button again, which sends the same one and counts once."
            )
        }
    };
    Told { problem, ..Told::default() }
}

fn splits_page(
    app: &Arc<App>,
    person: &Person,
    status: StatusCode,
    draft: Option<&str>,
    told: Told,
) -> Response {
    let picture = app.board.picture();
    let in_force_now = picture.as_ref().map(|picture| picture.split);
    let success = match (told.split, in_force_now) {
        (Some(sent), Some(now)) if sent < now => {
            format!("Split {sent} was taken and counts once; split {now} is in force now.")
        }
        _ => told.success,
    };
    let in_force: Vec<_> = picture.iter().flat_map(|picture| &picture.accounts).collect();
    let in_force = in_force.into_iter().filter_map(|account| {
        let weight = text::weight(account.weight?);
        Some(InForce { id: account.id.to_string(), weight, value: text::money(account.value) })
    });
    let mut in_force: Vec<_> = in_force.collect();
    let is_renewed = draft.is_none() && told.problem.is_empty() && success.is_empty();
    let draft = draft.map_or_else(|| as_draft(&in_force), str::to_owned);
    let folded = in_force.len().saturating_sub(SHOWN_MAX);
    in_force.truncate(SHOWN_MAX);
    let known = app.board.known();
    let history = known.splits.seen().rev().map(|seen| Seen {
        number: seen.number.to_string(),
        since: text::time(seen.since_ns),
        sent: seen.sent.map_or_else(String::new, |(source, seq)| format!("{source}/{seq}")),
        accounts: text::thousands(seen.weights.len() as u128),
        weights: listed(&seen.weights),
    });
    let history = history.collect();
    let earlier = known.splits.reach(picture.as_ref().map(|picture| picture.split));
    drop(known);
    let frame = Frame::new(app, Some(person), "Splits");
    // What somebody wrote and has to correct stays.
    let frame = match is_renewed {
        true => frame.live("/splits".to_owned(), "sse:report, sse:health"),
        false => frame,
    };
    let template = SplitsPage {
        frame,
        may_split: person.role.may_split(),
        problem: told.problem,
        success,
        number: picture.map_or_else(|| "0".to_owned(), |picture| picture.split.to_string()),
        in_force,
        folded,
        draft,
        earlier,
        history,
    };
    page(status, &template)
}

fn as_draft(in_force: &[InForce]) -> String {
    in_force.iter().map(|account| format!("{} {}\n", account.id, account.weight)).collect()
}

fn listed(weights: &[(AccountId, Weight)]) -> String {
    let named = weights.iter().take(NAMED_MAX);
    let named = named.map(|(id, weight)| format!("{id} {}", text::weight(*weight)));
    let named = named.collect::<Vec<_>>().join(", ");
    match weights.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

fn preview_page(app: &Arc<App>, person: &Person, seq: Seq, problem: String) -> Response {
    let Some(source) = source(person) else { return refuse(app, person) };
    let Some(draft) = draft(app, person, seq) else { return gone(app, person) };
    let made = read_weights(&draft.weights);
    let made = made.and_then(|weights| split(source, seq, weights, Vec::new()));
    let (Some(picture), Ok(split)) = (app.board.picture(), made) else {
        let sentence = "No report came yet: nobody can tell what the split would change.";
        return notice(app, Some(person), StatusCode::SERVICE_UNAVAILABLE, sentence);
    };
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    let frame = Frame::new(app, Some(person), "Splits");
    page(status, &PreviewPage::of(frame, &picture, &split, problem, draft.sent))
}

impl PreviewPage {
    fn of(
        frame: Frame,
        picture: &Picture,
        split: &Split,
        problem: String,
        sent: Option<String>,
    ) -> Self {
        let before: BTreeMap<_, _> = picture.weights().collect();
        let after: BTreeMap<_, _> = split.weights().iter().copied().collect();
        let ids: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let count = ids.len();
        let change = |id: &AccountId| change(id, before.get(id).copied(), after.get(id).copied());
        let rows: Vec<_> = ids.into_iter().filter_map(change).collect();
        let of = |what| rows.iter().filter(|row| row.what == what).count();
        let closed = picture.accounts.iter();
        let closed = closed.filter(|account| account.weight.is_some() && !split.names(&account.id));
        let held = closed.filter(|account| picture.holds(account));
        let held: Vec<_> = held.map(|account| (account.id, holder(picture, account))).collect();
        let closing = held.iter().map(|(id, _)| format!("{id}\n")).collect();
        Self {
            frame,
            problem,
            unchanged: count - rows.len(),
            opens: of("opens"),
            closes: of("closes"),
            changed: of("changes"),
            rows,
            holders: held.into_iter().map(|(_, holder)| holder).collect(),
            is_again: sent.is_some(),
            closing: sent.unwrap_or(closing),
            seq: split.seq.get(),
            basis: basis(picture),
        }
    }
}

fn change(id: &AccountId, before: Option<Weight>, after: Option<Weight>) -> Option<Change> {
    if before == after {
        return None;
    }
    let what = match (before, after) {
        (None, _) => "opens",
        (_, None) => "closes",
        _ => "changes",
    };
    let nanos = |weight: Option<Weight>| i128::from(weight.map_or(0, Weight::nanos));
    let difference = nanos(after) - nanos(before);
    let plus = if 0 < difference { "+" } else { "" };
    let shown = |weight: Option<Weight>| weight.map_or_else(|| "–".to_owned(), text::weight);
    Some(Change {
        id: id.to_string(),
        what,
        before: shown(before),
        after: shown(after),
        difference: format!("{plus}{}", allot_domain::decimal::nanos_text(difference))
            .replace('-', "−"),
        sign: crate::pages::positions::sign(difference),
    })
}

fn holder(picture: &Picture, account: &crate::picture::Account) -> Holder {
    let held = || picture.cells(account).iter().filter(|cell| 0 < cell.quantity);
    let value: Money = held().map(|cell| cell.value).sum();
    Holder {
        id: account.id.to_string(),
        shares: text::thousands(held().map(|cell| u128::from(cell.quantity)).sum()),
        tickers: text::thousands(held().count() as u128),
        value: text::money(value),
    }
}

/// Under which name a person sends, if they may: it stands in the journal.
fn source(person: &Person) -> Option<SourceId> {
    let name = person.name.as_ref().filter(|_| person.role.may_split())?;
    SourceId::new(format!("console.{name}").as_bytes()).ok()
}

fn refuse(app: &Arc<App>, person: &Person) -> Response {
    let sentence = "Splits are sent by an operator or an admin who is logged in.";
    notice(app, Some(person), StatusCode::FORBIDDEN, sentence)
}
