//! Look-ups: questions of the console itself, on what was before, one after the other.

use allot_allocation_service::{Reply, Request};

use crate::app::App;
use crate::board::sentence_of;
use crate::caller::NoAnswer;

/// The signs of a reason that are shown.
const REASON_SIGNS_MAX: usize = 500;

/// Asks for what changes nothing.
///
/// # Errors
/// Why there is no such reply, in sentences.
pub(crate) async fn look_up(app: &App, request: Request) -> Result<Reply, String> {
    let answer = asked(app, request).await;
    // A sentence of a server is for a page and a line of the log.
    answer.map_err(|reason| match reason.char_indices().nth(REASON_SIGNS_MAX) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    })
}

async fn asked(app: &App, request: Request) -> Result<Reply, String> {
    let _turn = app.look_ups.acquire().await.map_err(|error| error.to_string())?;
    match app.front.ask(request).await {
        Ok(Reply::Rejected { reason, .. }) => Err(sentence_of(&reason)),
        Ok(reply) => Ok(reply),
        Err(NoAnswer::Full) => Err("Too many requests wait.".to_owned()),
        Err(NoAnswer::Awaiting(what)) => Err(sentence_of(&what)),
        Err(NoAnswer::Late(said)) => Err(said.map_or_else(
            || "The front door did not reply in time.".to_owned(),
            |said| sentence_of(&said),
        )),
    }
}
