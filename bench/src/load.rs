//! A load: what all points of a run have in common, and how one of them is measured.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use allot_domain::SourceId;
use allot_runtime::{Clock, Context, CurveKey, Nanos, ThreadGroup, Threads, WaitStrategy};
use allot_wire::Encoding;
use anyhow::{Result, anyhow};
use hdrhistogram::Histogram;

use crate::client::ClientKind;
use crate::fills::Fills;
use crate::interrupt;
use crate::latency::{self, Latency};
use crate::loader::{Board, Connection, Exchange, Loader, Task};
use crate::offer::{Offer, Pace};
use crate::phases::{Lengths, Phases};
use crate::positions::{FrontDoor, Holdings, PositionClient};
use crate::process::Process;
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::run::{Point, Second};
use crate::stage_counts::{StageCounts, StageTime};
use crate::stage_watch::StageWatch;

/// How often progress is shown, and so how late the end of a run may be noticed.
const TICK: Duration = Duration::from_millis(50);

/// Time between connecting and the first message.
const HEAD_START: Duration = Duration::from_millis(50);

/// Up to this many connections get a thread each. More share two: a thousand threads would measure
/// the scheduler, and a thread wakes up for one message and looks through all of its connections.
const THREADS_MAX: u64 = 16;
const THREADS_SHARED: u64 = 2;

/// What is sent, and how.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) batch: u32,
    pub(crate) connections: u64,
    pub(crate) client: ClientKind,
    pub(crate) encoding: Encoding,
    pub(crate) pace: Pace,
    pub(crate) lengths: Lengths,
    pub(crate) fills: Fills,
    pub(crate) accounts: usize,
}

/// Where it is sent.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) context: Context,
    pub(crate) exchange: Exchange,
    pub(crate) front: String,
    /// The key of its front door, if that is encrypted.
    pub(crate) key: Option<CurveKey>,
    pub(crate) publish: Option<String>,
    /// Its `--stages` files, if it writes any: one for each of its processes.
    pub(crate) stages: Vec<PathBuf>,
}

/// A point, and the histograms behind it.
pub(crate) struct Measured {
    pub(crate) point: Point,
    pub(crate) recorder: Recorder,
    /// When the measured time began.
    pub(crate) from: Nanos,
}

impl Target {
    /// Its front door.
    pub(crate) fn door(&self) -> FrontDoor<'_> {
        FrontDoor { endpoint: &self.front, key: self.key }
    }

    /// An echo of this process.
    pub(crate) fn within_the_process(context: Context, front: String) -> Self {
        let (exchange, stages) = (Exchange::Echo, Vec::new());
        Self { context, exchange, front, key: None, publish: None, stages }
    }

    /// An echo in another process.
    ///
    /// # Errors
    /// When it did not print where it listens.
    pub(crate) fn echo(process: &Process) -> Result<Self> {
        let (context, front) = (Context::new()?, process.endpoint("front")?);
        let (key, publish, stages) = (process.front_key()?, None, Vec::new());
        Ok(Self { context, exchange: Exchange::Echo, front, key, publish, stages })
    }

    /// A server without `--stages`.
    ///
    /// # Errors
    /// As [`Self::echo`].
    pub(crate) fn server(process: &Process) -> Result<Self> {
        let (context, front) = (Context::new()?, process.endpoint("front")?);
        let publish = Some(process.endpoint("publish")?);
        let (key, stages) = (process.front_key()?, Vec::new());
        Ok(Self { context, exchange: Exchange::Allot, front, key, publish, stages })
    }
}

impl Load {
    /// The load of all experiments, apart from what a row changes.
    pub(crate) fn usual(lengths: Lengths) -> Self {
        Self {
            batch: 1,
            connections: 1,
            client: ClientKind::default(),
            encoding: Encoding::Binary,
            pace: Pace::Hybrid,
            lengths,
            fills: Fills::new(7, 10),
            accounts: 5,
        }
    }

    /// Puts one offer on a target, and checks every reply.
    ///
    /// # Errors
    /// When the target is not reachable or gives no report; what is wrong with its replies is in
    /// the point.
    pub(crate) fn measure(&self, target: &Target, offer: Offer) -> Result<Measured> {
        let mut client = match target.exchange {
            Exchange::Allot => Some(self.open_client(target)?),
            Exchange::Echo => None,
        };
        let before = client.as_mut().map_or(Ok(None), PositionClient::holdings)?;
        // A file that cannot be read is an error before anything is sent.
        StageCounts::read(&target.stages)?;
        let (recorder, phases, stages) = self.drive(target, offer)?;
        let Self { batch, connections, .. } = *self;
        let shape = LoadShape { batch, connections, measure: self.lengths.measure };
        let mut point = Point { stages, ..describe(Some(offer), shape, &recorder) };
        // A server that is gone is the failure to report; the point is still worth printing.
        let after = client
            .as_mut()
            .map_or(Ok(None), PositionClient::holdings)
            .map_err(|error| error.to_string());
        (point.checked, point.failed) = check(target.exchange, &recorder, before, after);
        Ok(Measured { point, recorder, from: phases.from })
    }

    fn open_client(&self, target: &Target) -> Result<PositionClient> {
        let mut client =
            PositionClient::open(&target.context, target.door(), target.publish.as_deref())?;
        client.split(self.accounts)?;
        Ok(client)
    }

    /// Runs the connections until all are done.
    fn drive(&self, target: &Target, offer: Offer) -> Result<(Recorder, Phases, Vec<StageTime>)> {
        let clock = Clock::system();
        let clients = self.client.connect(&target.context, target.door(), self.connections)?;
        let phases = self.lengths.from(clock.now() + HEAD_START);
        let task = Task {
            exchange: target.exchange,
            offer,
            pace: self.pace,
            batch: self.batch,
            encoding: self.encoding,
            fills: self.fills.clone(),
            phases,
            connections: self.connections,
        };
        let board = Arc::new(Board::default());
        let mut group = ThreadGroup::new(clock.clone(), WaitStrategy::Block, Threads::Dedicated);
        let each_its_own = self.connections <= THREADS_MAX;
        let threads = if each_its_own { self.connections } else { THREADS_SHARED };
        let slots = (0..threads)
            .map(|place| group.thread(&format!("load-{place}")))
            .collect::<Result<Vec<_>, _>>()?;
        for ((place, client), slot) in (0..).zip(clients).zip(slots.iter().cycle()) {
            let connection = Connection { number: place, source: source(place, phases.start)? };
            let board = Arc::clone(&board);
            let loader = Loader::new(task.clone(), connection, client, clock.clone(), board);
            group.add(slot, Box::new(loader));
        }
        let mut running = group.start()?;
        let mut progress = Progress::new(offer, phases);
        let mut watch = StageWatch::new(&target.stages, phases);
        let is_over = || board.is_done(self.connections) || interrupt::check().is_err();
        while !is_over() && !running.wait(TICK) {
            progress.show(clock.now(), &board);
            watch.look(clock.now());
        }
        progress.clear();
        running.stop();
        running.join()?;
        interrupt::check()?;
        Ok((board.merged(), phases, watch.finish()?))
    }
}

/// The shape of a load, as its point states it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadShape {
    /// Fills in a message.
    pub(crate) batch: u32,
    pub(crate) connections: u64,
    /// The time that counts.
    pub(crate) measure: Duration,
}

/// The point of what was recorded.
pub(crate) fn describe(offer: Option<Offer>, shape: LoadShape, recorder: &Recorder) -> Point {
    let LoadShape { batch, connections, measure } = shape;
    let seconds = measure.as_secs_f64();
    let achieved = latency::whole(recorder.answered as f64 / seconds);
    let response = Latency::of(&recorder.response);
    Point {
        offered_per_s: offer.and_then(Offer::rate),
        window: offer.and_then(Offer::window),
        batch,
        connections,
        achieved_per_s: achieved,
        fills_per_s: achieved * u64::from(batch),
        sent: recorder.sent,
        answered: recorder.answered,
        refused: recorder.refused,
        late_sends: recorder.late,
        late_ns_max: recorder.late_ns_max,
        duration_s: seconds,
        windows: recorder.windows.figures(&response),
        response,
        service: Latency::of(&recorder.service),
        over_time: (0..).zip(&recorder.seconds).map(|(at, times)| second(at, times)).collect(),
        stages: Vec::new(),
        checked: String::new(),
        failed: None,
    }
}

fn second(number: u64, histogram: &Histogram<u64>) -> Second {
    let at = |quantile| latency::percentile(histogram, quantile);
    (number, at(0.5), at(0.99), histogram.max(), histogram.len())
}

/// What is wrong with what was recorded.
pub(crate) fn wrongs(recorder: &Recorder) -> Vec<String> {
    let mut wrongs = recorder.wrongs.clone();
    if recorder.wrongs.len() < usize::try_from(recorder.wrong_count).unwrap_or(usize::MAX) {
        wrongs.push(format!("{} errors in all", recorder.wrong_count));
    }
    if 0 < recorder.unanswered {
        wrongs.push(format!("{} messages have no reply", recorder.unanswered));
    }
    if recorder.response.is_empty() {
        wrongs.push("no reply in the measured time".to_owned());
    }
    if 0 < recorder.unsent {
        wrongs.push(format!("{} messages of the schedule never left", recorder.unsent));
    }
    wrongs
}

/// How the replies were checked, and what is wrong with them.
fn check(
    exchange: Exchange,
    recorder: &Recorder,
    before: Option<Holdings>,
    after: Result<Option<Holdings>, String>,
) -> (String, Option<String>) {
    let mut wrongs = wrongs(recorder);
    let after = after.unwrap_or_else(|error| {
        wrongs.push(error);
        None
    });
    let checked = match (exchange, before, after) {
        (Exchange::Echo, ..) => "every message came back once",
        (Exchange::Allot, Some(before), Some(after)) => {
            wrongs.extend(after.check(&before, &recorder.totals).err());
            "one reply each, shares add up, positions equal what was sent"
        }
        (Exchange::Allot, ..) => {
            "one reply each, shares add up; positions not checked without --publish"
        }
    };
    (checked.to_owned(), (!wrongs.is_empty()).then(|| wrongs.join("; ")))
}

/// A source that no server has seen before.
fn source(connection: u64, start: Nanos) -> Result<SourceId> {
    let name = format!("bench-{}-{}-{connection}", std::process::id(), start.as_unix());
    SourceId::new(name.as_bytes()).map_err(|reject| anyhow!("{reject}"))
}

impl Board {
    fn is_done(&self, connections: u64) -> bool {
        let results = self.results.lock().expect("nothing panics while it holds it");
        u64::try_from(results.len()) == Ok(connections)
    }

    fn merged(&self) -> Recorder {
        let mut results = self.results.lock().expect("nothing panics while it holds it");
        let mut merged = Recorder::new();
        results.drain(..).for_each(|recorder| merged.merge(recorder));
        merged
    }
}

#[cfg(test)]
mod tests {
    use allot_runtime::{Agent, Door, DoorOptions, Envelope, PollSet};

    use super::*;

    /// An echo that sends every message back once, and each fiftieth `each_fiftieth` times.
    struct Unreliable {
        door: Door,
        envelope: Envelope,
        heard: u32,
        each_fiftieth: u32,
    }

    impl Agent for Unreliable {
        fn role(&self) -> &str {
            "unreliable"
        }

        fn do_work(&mut self, _now: Nanos) -> usize {
            if !self.door.receive(&mut self.envelope) {
                return 0;
            }
            self.heard += 1;
            let times = if self.heard.is_multiple_of(50) { self.each_fiftieth } else { 1 };
            for _ in 0..times {
                self.door.send(self.envelope.identity(), false, self.envelope.body()).unwrap();
                self.door.flush();
            }
            1
        }

        fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
            self.door.wait_on(poll_set);
        }
    }

    /// What is wrong with an echo that does so.
    fn wrong(
        client: ClientKind,
        each_fiftieth: u32,
        endpoint: &str,
        drain: Duration,
    ) -> Option<String> {
        let context = Context::new().unwrap();
        let door = Door::bind(&context, endpoint, DoorOptions::default()).unwrap();
        let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
        let slot = group.thread("echo").unwrap();
        let echo = Unreliable { door, envelope: Envelope::new(), heard: 0, each_fiftieth };
        group.add(&slot, Box::new(echo));
        let running = group.start().unwrap();
        let ms = Duration::from_millis;
        let load = Load {
            batch: 1,
            connections: 2,
            client,
            encoding: Encoding::Binary,
            pace: Pace::Sleep,
            lengths: Lengths { warm_up: ms(10), measure: ms(200), cool_down: ms(10), drain },
            fills: Fills::new(1, 10),
            accounts: 5,
        };
        let (exchange, front) = (Exchange::Echo, endpoint.to_owned());
        let target =
            Target { context, exchange, front, key: None, publish: None, stages: Vec::new() };
        let measured = load.measure(&target, Offer::Rate(1_000)).unwrap();
        running.stop();
        running.join().unwrap();
        measured.point.failed
    }

    #[test]
    fn a_lost_message_and_a_doubled_one_are_found() {
        // A drain ends with the last reply, so only a lost message is waited for in vain.
        let (short, long) = (Duration::from_millis(500), Duration::from_secs(60));
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().display();
        for client in [ClientKind::Libzmq, ClientKind::Native] {
            let at = |name: &str| match client {
                ClientKind::Libzmq => format!("inproc://{name}"),
                ClientKind::Native => format!("ipc://{folder}/{name}"),
            };
            assert_eq!(wrong(client, 1, &at("sound"), long), None);
            let lost = wrong(client, 0, &at("losing"), short).unwrap();
            assert!(lost.contains("have no reply"), "{lost}");
            let doubled = wrong(client, 2, &at("doubling"), long).unwrap();
            assert!(doubled.contains("two replies") || doubled.contains("long ago"), "{doubled}");
        }
    }
}
