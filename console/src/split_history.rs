//! The split history: whenever another split is in force, the front door tells it, and those before
//! it that the console does not have.

use std::sync::Arc;

use allot_allocation_rules::limits::ACCOUNTS_MAX;
use allot_allocation_rules::{ListedSplit, Listing, SplitNumber};
use allot_allocation_service::{Reply, Request};
use allot_domain::snapshot::COUNT_MAX;
use allot_domain::{Seq, SourceId};
use tokio::time::sleep;

use crate::app::App;
use crate::limits::{BACKFILL_AGAIN, LOOK_EVERY};
use crate::look_up::look_up;
use crate::split_log::SplitLog;

/// Under which name it asks.
const SOURCE: &[u8] = b"console-splits";

/// Asks until the console ends.
pub(crate) async fn run(app: Arc<App>) {
    let mut changes = app.board.changes();
    let source = SourceId::new(SOURCE).expect("the name is valid");
    let mut seq = Seq::new(app.board.clock.now().as_unix());
    loop {
        let Some((epoch, from)) = wanted(&app) else {
            if changes.changed().await.is_err() {
                return;
            }
            sleep(LOOK_EVERY).await;
            continue;
        };
        seq = seq.next();
        let listing = Listing { source, seq, time_ns: 0, from };
        let told = match look_up(&app, Request::Splits(listing)).await {
            Ok(Reply::Listed { oldest, splits, .. }) => match is_list(from, oldest, &splits) {
                true => Ok((oldest, splits)),
                false => Err("The server told splits that cannot be.".to_owned()),
            },
            Ok(_) => {
                Err("The server replied something else: run the same version on both sides."
                    .to_owned())
            }
            Err(reason) => Err(reason),
        };
        if !take(&app, epoch, told) {
            sleep(BACKFILL_AGAIN).await;
        }
    }
}

/// The first split to ask for, and in which epoch of the board.
fn wanted(app: &App) -> Option<(u64, SplitNumber)> {
    let known = app.board.known();
    let picture = known.picture.as_ref()?;
    Some((known.epoch, known.splits.wanted(picture.split)?))
}

/// Whether these are splits from that number on: one after the other, each of accounts in order.
fn is_list(from: SplitNumber, oldest: SplitNumber, splits: &[ListedSplit]) -> bool {
    let mut due = from.max(oldest);
    splits.iter().all(|split| {
        let is_due = split.number == due && due.get() < COUNT_MAX;
        due = due.next();
        let in_order = split.weights.windows(2).all(|pair| pair[0].0 < pair[1].0);
        is_due && in_order && (1..=ACCOUNTS_MAX).contains(&split.weights.len())
    })
}

/// Keeps what was told, if nothing was dropped meanwhile. Returns whether it helps to ask for more
/// at once.
fn take(app: &App, epoch: u64, told: Result<(SplitNumber, Vec<ListedSplit>), String>) -> bool {
    let mut known = app.board.known();
    let Some(picture) = known.picture.clone().filter(|_| known.epoch == epoch) else {
        return true;
    };
    let is_other = told.as_ref().is_ok_and(|(_, splits)| {
        let in_force = splits.iter().find(|split| split.number == picture.split);
        in_force.is_some_and(|split| !picture.weights().eq(split.weights.iter().copied()))
    });
    let told = if is_other {
        Err(format!(
            "The front door tells another split {} than the reports have: check that the front \
             door and the feed are of one server.",
            picture.split
        ))
    } else {
        told
    };
    let is_more = match told {
        Ok((oldest, splits)) => known.splits.take_told(oldest, splits),
        Err(reason) => {
            tracing::warn!("cannot fetch the splits so far, and will try again: {reason}");
            if is_other {
                // So are those that it told before.
                known.splits = SplitLog::default();
                known.splits.take_report(&picture);
            }
            known.splits.fail(reason);
            false
        }
    };
    drop(known);
    app.board.tell(|changes| changes.reports += 1);
    is_more
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::Weight;
    use allot_domain::AccountId;

    use super::*;

    fn listed(number: u64, accounts: &[&str]) -> ListedSplit {
        let weights = accounts
            .iter()
            .map(|id| (AccountId::new(id.as_bytes()).unwrap(), Weight::parse(id, "1").unwrap()));
        ListedSplit {
            number: SplitNumber::new(number),
            source: SourceId::new(b"aum").unwrap(),
            seq: Seq::new(number),
            time_ns: 0,
            weights: weights.collect(),
        }
    }

    #[test]
    fn what_cannot_be_a_list_of_splits_is_told_from_what_can() {
        let is = |from: u64, oldest: u64, splits: &[ListedSplit]| {
            is_list(SplitNumber::new(from), SplitNumber::new(oldest), splits)
        };
        let one = |number| listed(number, &["a", "b"]);
        assert!(is(1, 1, &[one(1), one(2)]) && is(1, 5, &[one(5)]) && is(7, 1, &[]));
        assert!(!is(1, 1, &[one(1), one(3)]), "a hole");
        assert!(!is(5, 1, &[one(1)]), "one that was not asked for");
        assert!(!is(1, 1, &[one(2), one(1)]), "backwards");
        assert!(!is(1, u64::MAX - 1, &[one(u64::MAX - 1)]), "beyond all counting");
        assert!(!is(1, 1, &[listed(1, &[])]), "without accounts");
        assert!(!is(1, 1, &[listed(1, &["b", "a"])]), "out of order");
        assert!(!is(1, 1, &[listed(1, &["a", "a"])]), "an account twice");
    }
}
