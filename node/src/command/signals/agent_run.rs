//! Agent run: an agent on its thread, what it says on standard output, and signals.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use allot_runtime::{Clock, Running, StopRequest, ThreadGroup, Threads, WaitStrategy};
use allot_signals_rules::{Median, TraderProblem};
use allot_signals_service::{Event, Listener};
use allot_wire::json::Object;
use anyhow::Result;

use super::output::Output;
use crate::monitor::Monitor;

/// Events that wait until they are looked at; the agent must not wait, so the next are dropped.
const EVENTS_MAX: usize = 65_536;

/// How long the threads of an agent may take to end when it has: nothing of theirs takes long,
/// unless a disk hangs.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A thread group for an agent.
pub(super) fn group() -> ThreadGroup {
    ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated)
}

/// A listener for an agent, and where what it hears comes out.
pub(super) fn listener() -> (Listener, Receiver<Event>) {
    let (sender, receiver) = sync_channel(EVENTS_MAX);
    (Box::new(move |event| send(&sender, event)), receiver)
}

fn send(sender: &SyncSender<Event>, event: Event) {
    if let Err(TrySendError::Full(event)) = sender.try_send(event) {
        tracing::warn!("too many events at once; dropped {event:?}");
    }
}

/// How events are printed.
pub(super) struct Printer {
    /// Who speaks.
    pub(super) name: String,
    /// One JSON object a line, for programs.
    pub(super) json: bool,
}

/// Runs an agent until it ends, a signal comes, or its thread fails. Prints `ready` once signals
/// are handled. `look` is called with each event.
///
/// `stop` is what a signal does; none stops the thread at once. Standard output that takes no more
/// lines does the same, because nobody would hear of the agent. One that is not read holds nobody:
/// it is written to on a thread of its own, which is left behind in the end.
pub(super) fn run(
    running: Running,
    events: &Receiver<Event>,
    printer: &Printer,
    ready: Option<&str>,
    stop: Option<StopRequest>,
    mut look: impl FnMut(&Event),
) -> Result<()> {
    let stopper = running.stopper();
    let request = {
        let stopper = stopper.clone();
        move || stop.as_ref().map_or_else(|| stopper.stop(), StopRequest::make)
    };
    let monitor = Monitor::new(Box::new(request.clone()), Vec::new(), None)?;
    let output = Output::start(Box::new(request))?;
    ready.into_iter().for_each(|line| output.print(line.to_owned()));
    for event in events {
        if event == Event::Stopped {
            stopper.stop();
            continue;
        }
        look(&event);
        printer.line(&event).into_iter().for_each(|line| output.print(line));
    }
    let ended = running.join_within(END_WITHIN);
    monitor.stop()?;
    let printed = output.end(END_WITHIN);
    ended?;
    printed
}

impl Printer {
    /// The first line: scripts wait for it.
    pub(super) fn listening(&self, endpoint: &str, publish: Option<&str>) -> String {
        if !self.json {
            let publish = publish.map(|publish| format!(" publish={publish}")).unwrap_or_default();
            return format!("listening {} {endpoint}{publish}", self.name);
        }
        json("listening", |object| {
            object.plain("name", &self.name);
            object.text("listen", endpoint);
            publish.into_iter().for_each(|publish| object.text("publish", publish));
        })
    }

    /// The first line of a component that does not listen.
    pub(super) fn ready(&self, kind: &str) -> String {
        match self.json {
            true => json("ready", |object| object.plain("name", &self.name)),
            false => format!("ready {kind} {}", self.name),
        }
    }

    /// What an event says on standard output; problems are in the log, for people.
    fn line(&self, event: &Event) -> Option<String> {
        if self.json { Some(json_line(&self.name, event)) } else { self.text_line(event) }
    }

    fn text_line(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Signal(_, value) => format!("{} signal {value}", self.name),
            Event::Registered(name) => format!("registered {name}"),
            Event::Deregistered(name) => format!("deregistered {name}"),
            Event::Submitted(name, _, value) => format!("{name} submitted {value}"),
            Event::Median(Median { value, .. }) => format!("median: {value}"),
            Event::Taken(_) | Event::Problems(_) | Event::Stopped => return None,
        })
    }
}

fn json(kind: &str, write: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    object.plain("type", kind);
    write(&mut object);
    object.end();
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn json_line(own: &str, event: &Event) -> String {
    match event {
        Event::Signal(period, value) => json("signal", |object| {
            object.plain("name", own);
            object.number("period", period.get());
            object.literal("value", value);
        }),
        Event::Registered(name) => json("registered", |object| object.plain("name", name.as_str())),
        Event::Deregistered(name) => {
            json("deregistered", |object| object.plain("name", name.as_str()))
        }
        Event::Submitted(name, period, value) => json("submitted", |object| {
            object.plain("name", name.as_str());
            object.number("period", period.get());
            object.literal("value", value);
        }),
        Event::Median(median) => json("median", |object| {
            object.number("period", median.period.get());
            object.literal("value", median.value);
            object.number("strategies", median.strategies.into());
        }),
        Event::Taken(reason) => json("taken", |object| object.text("reason", reason)),
        Event::Problems(problems) => json("problems", |object| {
            object.list("problems", problems, write_problem);
        }),
        Event::Stopped => json("stopped", |_| {}),
    }
}

fn write_problem(one: &TraderProblem, out: &mut Vec<u8>) {
    let TraderProblem { component, strategy, problem } = one;
    let mut object = Object::begin(out);
    object.text("component", component);
    strategy.iter().for_each(|strategy| object.text("strategy", strategy));
    object.plain("kind", problem.kind.name());
    object.time("since", problem.since.get());
    object.text("reason", &problem.reason);
    object.end();
}

#[cfg(test)]
mod tests {
    use allot_signals_rules::{ComponentName, Period, Value};

    use super::*;

    #[test]
    fn events_are_printed_as_the_seed_shows_or_as_json() {
        let name = ComponentName::new(b"X").unwrap();
        let value = Value::new(0.5).unwrap();
        let period = Period::new(7);
        for (event, text, json) in [
            (
                Event::Submitted(name, period, value),
                "X submitted 0.5",
                r#"{"type":"submitted","name":"X","period":7,"value":0.5}"#,
            ),
            (Event::Registered(name), "registered X", r#"{"type":"registered","name":"X"}"#),
            (
                Event::Median(Median { period, value, strategies: 2 }),
                "median: 0.5",
                r#"{"type":"median","period":7,"value":0.5,"strategies":2}"#,
            ),
            (
                Event::Signal(period, value),
                "G signal 0.5",
                r#"{"type":"signal","name":"G","period":7,"value":0.5}"#,
            ),
        ] {
            let printer = |json| Printer { name: "G".to_owned(), json };
            assert_eq!(printer(false).line(&event).as_deref(), Some(text));
            assert_eq!(printer(true).line(&event).as_deref(), Some(json));
        }
    }
}
