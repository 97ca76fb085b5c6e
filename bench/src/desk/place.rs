//! Place: a desk and its quote server, each a process of its own, and what can be asked of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use allot_desk_service::{
    Reply, ReplyBody, Report, ReportRequest, Request, decode_replies, encode_line,
};
use allot_domain::{Seq, SourceId};
use allot_runtime::{Clock, Context, Link, LinkOptions, PollSet, Subscriber};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::positions::wait_for;
use crate::process::{LISTENING, Process, ServerSettings};

/// How long a server on a loaded machine may take to reply to one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one wait for a message lasts.
const LOOK: Duration = Duration::from_millis(20);

/// Before it is asked again, and before memory is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// The commands that a router may owe a shard: as many as are on their way.
const OWED_MAX: &str = "65536";

/// How long the quote server takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delay {
    None,
    Course,
}

/// When a reply leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ack {
    /// As soon as the command is applied; nothing is on disk.
    Memory,
    /// Once it is on disk.
    Journal,
}

/// A desk that runs.
pub(super) struct Place {
    server: Process,
    _quotes: Process,
    binary: PathBuf,
    data: Option<TempDir>,
    context: Context,
    clock: Clock,
    source: SourceId,
    asked: u64,
}

impl Place {
    /// Starts both; the data is in a new folder in `data`, and gone afterwards.
    pub(super) fn start(
        allot: Option<&Path>,
        (delay, ack): (Delay, Ack),
        data: &Path,
        more: &[String],
    ) -> Result<Self> {
        let settings =
            ServerSettings { allot: allot.map(Path::to_owned), ..ServerSettings::default() };
        let binary = settings.binary()?;
        let mut command = Command::new(&binary);
        let delay = match delay {
            Delay::None => "none",
            Delay::Course => "course",
        };
        command.args(["desk", "quote-server", "--listen", "127.0.0.1:0", "--delay", delay]);
        let quotes = Process::start(command, TempDir::new()?, None, LISTENING)?;
        let mut command = Command::new(&binary);
        command.args(["desk", "serve", "--quotes", &quotes.endpoint("quotes")?]);
        command.args(["--front", "tcp://127.0.0.1:*", "--publish", "tcp://127.0.0.1:*"]);
        command.args(["--owed-max", OWED_MAX]).args(more);
        let mut folder = None;
        if ack == Ack::Journal {
            fs::create_dir_all(data)?;
            let made = TempDir::new_in(data)?;
            command.args(["--new", "--ack", "journal", "--data"]).arg(made.path().canonicalize()?);
            folder = Some(made);
        }
        let server = Process::start(command, TempDir::new()?, None, LISTENING)?;
        let (context, data) = (Context::new()?, folder);
        Ok(Self {
            server,
            _quotes: quotes,
            binary,
            data,
            context,
            clock: Clock::system(),
            source: source(u32::MAX)?,
            asked: 0,
        })
    }

    /// A connection to it.
    pub(super) fn connect(&self) -> Result<Link> {
        connect(&self.context, &self.server.endpoint("front")?)
    }

    /// Its resident memory.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: Option<u64> =
            line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        Ok(kib.context("the kernel does not tell the memory of a process")? << 10)
    }

    /// A report of now. It must not be degraded: every cent is accounted for then.
    pub(super) fn report(&mut self) -> Result<Report> {
        let publish = self.server.endpoint("publish")?;
        let mut subscriber = Subscriber::connect(&self.context, &publish, &[b"desk:json"])?;
        let mut link = self.connect()?;
        let give_up = self.clock.now() + PATIENCE;
        let number = loop {
            ensure!(self.clock.now() < give_up, "the desk makes no report");
            match self.ask(&mut link)? {
                ReplyBody::Reported(number) => break number.get(),
                ReplyBody::Rejected { code, reason } if code != "busy" => {
                    bail!("the desk makes no report: {reason}")
                }
                _ => pause(&link, PAUSE),
            }
        };
        while self.clock.now() < give_up {
            let Some(publication) = subscriber.receive(LOOK) else { continue };
            let report = Report::decode(&publication.body).map_err(|error| anyhow!("{error}"))?;
            if number <= report.report {
                ensure!(report.degraded.is_empty(), "degraded: {}", report.degraded.join("; "));
                return Ok(report);
            }
        }
        bail!("report {number} was promised and has not come from {publish}")
    }

    fn ask(&mut self, link: &mut Link) -> Result<ReplyBody> {
        self.asked += 1;
        let request = ReportRequest { source: self.source, seq: Seq::new(self.asked) };
        let (mut message, mut frame, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        encode_line(&Request::Report(request), &mut message);
        ensure!(link.send(&mut message).is_ok(), "the desk takes no request");
        let give_up = self.clock.now() + PATIENCE;
        while !link.receive(&mut frame) {
            ensure!(self.clock.now() < give_up, "the desk does not reply");
            pause(link, LOOK);
        }
        decode_replies(&frame, &mut replies).map_err(|error| anyhow!("{error}"))?;
        let Reply { body, .. } = replies.pop().context("an empty reply")?;
        Ok(body)
    }

    /// Writes the log as XML; gives the bytes, and the seconds that it took.
    pub(super) fn log(&self) -> Result<(u64, f64)> {
        let data = self.data.as_ref().context("a log needs a journal")?;
        let file = data.path().join("log.xml");
        let begin = self.clock.now();
        let mut command = Command::new(&self.binary);
        command.args(["desk", "log"]).arg(data.path()).arg("--out").arg(&file);
        let output = command.output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the log was not written: {errors}");
        Ok((fs::metadata(&file)?.len(), (self.clock.now() - begin).as_secs_f64()))
    }
}

/// A source that no server has seen before.
pub(super) fn source(number: u32) -> Result<SourceId> {
    let now = Clock::system().now().as_unix();
    let name = format!("bench-{}-{now}-{number}", std::process::id());
    SourceId::new(name.as_bytes()).map_err(|reject| anyhow!("{reject}"))
}

/// Waits until the connection is up.
pub(super) fn connect(context: &Context, front: &str) -> Result<Link> {
    let options = LinkOptions { high_water: 1 << 16, ..LinkOptions::default() };
    let link = Link::dealer(context, front, None, options)?;
    wait_for(&link, &Clock::system(), front)?;
    Ok(link)
}

fn pause(link: &Link, span: Duration) {
    let mut waits = PollSet::without_waker();
    link.wait_on(&mut waits);
    waits.sleep(Some(span));
}
