//! The split history: whenever another split is in force, the front door tells it, and those before
//! it that the console does not have.

use std::sync::Arc;

use allot_allocation_rules::{ListedSplit, Listing, SplitNumber};
use allot_allocation_service::{Reply, Request};
use allot_domain::{LedgerId, Seq, SourceId};

use crate::app::App;
use crate::limits::BACKFILL_AGAIN;

/// Under which name it asks.
const SOURCE: &[u8] = b"console-splits";

/// Asks until the console ends.
pub(crate) async fn run(app: Arc<App>) {
    let mut changes = app.board.changes();
    let source = SourceId::new(SOURCE).expect("the name is valid");
    let mut seq = Seq::new(app.board.clock.now().as_unix());
    loop {
        let Some((ledger, from)) = wanted(&app) else {
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        };
        seq = seq.next();
        let listing = Listing { source, seq, time_ns: 0, from };
        let told = match app.front.look_up(Request::Splits(listing)).await {
            Ok(Reply::Listed { oldest, splits, .. }) => Ok((oldest, splits)),
            Ok(_) => {
                Err("The server replied something else: run the same version on both sides."
                    .to_owned())
            }
            Err(reason) => Err(reason),
        };
        if !take(&app, ledger, told) {
            tokio::time::sleep(BACKFILL_AGAIN).await;
        }
    }
}

/// The first split to ask for, and of which ledger.
fn wanted(app: &App) -> Option<(Option<LedgerId>, SplitNumber)> {
    let known = app.board.known();
    let picture = known.picture.as_ref()?;
    Some((picture.ledger, known.splits.wanted(picture.split)?))
}

/// Keeps what was told, if it is of the ledger that it was asked for. Returns whether it helps to
/// ask for more at once.
fn take(
    app: &App,
    ledger: Option<LedgerId>,
    told: Result<(SplitNumber, Vec<ListedSplit>), String>,
) -> bool {
    let mut known = app.board.known();
    if known.picture.as_ref().is_none_or(|picture| picture.ledger != ledger) {
        return true;
    }
    let is_more = match told {
        Ok((oldest, splits)) => {
            let is_more = !splits.is_empty();
            known.splits.take_told(oldest, splits);
            is_more
        }
        Err(reason) => {
            tracing::warn!("cannot fetch the splits so far, and will try again: {reason}");
            known.splits.fail(reason);
            false
        }
    };
    drop(known);
    app.board.tell(|changes| changes.reports += 1);
    is_more
}
