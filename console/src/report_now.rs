//! A report now: what is in force at this moment stands on the board, and not only from the next
//! regular report on.

use allot_allocation_service::{Reply, ReportRequest, Request};
use allot_domain::{Seq, SourceId};
use tokio::time::timeout;

use crate::app::App;
use crate::limits::REPORT_PATIENCE;

/// Asks for a report and waits until it is on the board, which then has all that the server replied
/// to before. Where none comes in time, the board stays as it was.
pub(crate) async fn report_now(app: &App, source: SourceId) {
    if !app.front.is_connected() {
        return;
    }
    let seq = Seq::new(app.board.clock.now().as_unix());
    let mut changes = app.board.changes();
    let fetch = async {
        let asked = app.front.ask(Request::Report(ReportRequest { source, seq })).await;
        let Ok(Reply::Reported { report, .. }) = asked else { return };
        let is_there = || app.board.picture().is_some_and(|picture| report <= picture.report);
        while !is_there() && changes.changed().await.is_ok() {}
    };
    if timeout(REPORT_PATIENCE, fetch).await.is_err() {
        tracing::warn!("a report that was asked for did not come in time");
    }
}
