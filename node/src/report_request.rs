//! A report request: asks the front door for a report now, and the publisher for what comes of it.

use std::time::Duration;

use allot_allocation_service::{Reply, Report, ReportRequest, Request, Topic, encode_line};
use allot_domain::{ReportNumber, SourceId};
use allot_runtime::{Context as Sockets, duration};
use allot_wire::Encoding;
use anyhow::{Result, anyhow, bail, ensure};

use crate::feed_reader::FeedReader;
use crate::front_client::{Answer, FrontClient};
use crate::front_probe;
use crate::settings::Settings;
use crate::time_text;

/// Asks for a report now. Its answer, the rejection included.
///
/// # Errors
/// When the front door does not answer in time.
pub(crate) fn ask(client: &mut FrontClient, timeout: Duration) -> Result<Answer> {
    let source = SourceId::new(b"allot-report").expect("the name is valid");
    let mut line = Vec::new();
    encode_line(&Request::Report(ReportRequest { source, seq: client.first_seq() }), &mut line);
    client.ask(&line, timeout)
}

/// The report that a front door has promised.
#[derive(Clone, Copy, Default)]
pub(crate) struct Promised {
    number: ReportNumber,
    /// When the router replied; the report itself may be of before, if nothing has come since.
    replied_ns: u64,
}

impl Promised {
    /// Whether a report with this number, of this time, is that one or a later one.
    ///
    /// # Errors
    /// When it has a later number and an earlier time: the publisher is of another server.
    pub(crate) fn is_kept_by(
        self,
        number: ReportNumber,
        time_ns: u64,
        settings: &Settings,
    ) -> Result<bool> {
        if number < self.number {
            return Ok(false);
        }
        ensure!(
            number == self.number || self.replied_ns <= time_ns,
            "{} published report {number} at {}, but for {} only report {} was due at {}; name the \
             front door and the feed of the same server with --front and --publish",
            settings.publish,
            time_text::exact(time_ns),
            settings.front,
            self.number,
            time_text::exact(self.replied_ns)
        );
        Ok(true)
    }
}

/// Asks for a report now, which is then on its way.
///
/// # Errors
/// As [`ask`], and when the server refuses.
pub(crate) fn promised(settings: &Settings, timeout: Duration) -> Result<Promised> {
    let mut client = FrontClient::connect(&settings.front, settings.front_key)?;
    match ask(&mut client, timeout)?.reply {
        Reply::Reported { report, time_ns, .. } => {
            Ok(Promised { number: report, replied_ns: time_ns })
        }
        Reply::Rejected { reason, .. } => bail!("the server refuses a report: {reason}"),
        other => bail!("the server answers a request of a report with something else: {other:?}"),
    }
}

/// The report of this moment: it contains what the front door has answered before.
///
/// # Errors
/// When there is none in time.
pub(crate) fn report_now(settings: &Settings, timeout: Duration) -> Result<Report> {
    let topic = Topic::Positions(Encoding::Binary).to_string();
    let mut reader = FeedReader::connect(&settings.publish, settings.publish_key, &[&topic])?;
    let promised = promised(settings, timeout)?;
    loop {
        let Some(publication) = reader.next(timeout) else {
            return Err(no_report(settings, timeout)?);
        };
        let report = Report::decode(&publication.body).map_err(|error| anyhow!("{error}"))?;
        if promised.is_kept_by(report.report, report.time_ns, settings)? {
            reader.note_degraded(&report.degraded);
            return Ok(report);
        }
    }
}

/// Why no report came from this endpoint in time.
///
/// # Errors
/// When there are no more file descriptors.
pub(crate) fn no_report(settings: &Settings, timeout: Duration) -> Result<anyhow::Error> {
    let Settings { publish, publish_key, .. } = settings;
    let why = front_probe::examine_publisher(&Sockets::new()?, publish, *publish_key)?;
    Ok(anyhow!("no report came from {publish} within {}: {why}", duration::show(timeout)))
}
