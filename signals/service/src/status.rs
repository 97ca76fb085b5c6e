//! Status: the state of everything that a trader knows; and what it publishes.

use std::borrow::Cow;
use std::time::Duration;

use allot_domain::Incarnation;
use allot_signals_rules::{
    ComponentName, ComponentReport, Median, Period, Problem, TraderProblem, Unix, Value, printable,
};
use allot_wire::json::{Object, required};
use allot_wire::{Batch, DecodeError, Encoding, codec, timestamp, write_only_record};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::PROBLEMS_MAX;
use crate::problem_text::{
    ProblemObject, ProblemRecord, ReportObject, ReportRecord, read_dated, read_number,
    write_problem, write_problem_fields, write_report,
};
use crate::request::{decode_error, millis, read_value};

/// The kind of a binary batch that is a median.
pub const KIND_MEDIAN: u8 = 160;
/// The kind of a binary batch that is the state of a trader.
pub const KIND_TRADER: u8 = 161;

/// How a trader is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraderState {
    /// When this was so.
    pub time: Unix,
    /// The period that it was in.
    pub period: Period,
    /// How long a period is.
    pub length: Duration,
    /// What is wrong, the first [`PROBLEMS_MAX`] of it.
    pub problems: Vec<TraderProblem>,
    /// How many problems there are.
    pub problem_count: u64,
}

/// A median as it is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MedianMessage {
    /// When it was made.
    pub time: Unix,
    /// How long a period is.
    pub length: Duration,
    /// The median.
    pub median: Median,
}

/// What a trader replies to `status`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// How it is.
    pub state: TraderState,
    /// The last median.
    pub median: Option<Median>,
    /// Its strategies, in the order of their names, as many as fit.
    pub strategies: Vec<StrategyStatus>,
    /// Whether more follow: ask with the last name as `after`.
    pub more: bool,
}

/// What a trader knows of one strategy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StrategyStatus {
    /// Its name.
    pub name: ComponentName,
    /// Which run of it.
    pub instance: Incarnation,
    /// Since when that is registered.
    pub since: Unix,
    /// When it was heard last.
    pub heard: Option<Unix>,
    /// Its last decision.
    pub last: Option<(Period, Value)>,
    /// What is wrong with it.
    pub problem: Option<Problem>,
    /// Its generators.
    pub generators: Vec<ComponentReport>,
}

impl TraderState {
    /// A state; of problems the first are kept.
    #[must_use]
    pub fn new(
        time: Unix,
        period: Period,
        length: Duration,
        mut problems: Vec<TraderProblem>,
    ) -> Self {
        let problem_count = u64::try_from(problems.len()).unwrap_or(u64::MAX);
        problems.truncate(PROBLEMS_MAX);
        Self { time, period, length, problems, problem_count }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.problem_count == 0
    }

    pub(crate) fn write_fields(&self, object: &mut Object<'_>) {
        object.number("period", self.period.get());
        object.number("length_ms", millis(self.length));
        object.plain("state", if self.is_ok() { "ok" } else { "error" });
        object.number("problem_count", self.problem_count);
        object.list("problems", &self.problems, |problem, out| {
            let mut object = Object::begin(out);
            object.text("component", &problem.component);
            if let Some(strategy) = &problem.strategy {
                object.text("strategy", strategy);
            }
            write_problem_fields(&mut object, &problem.problem);
            object.end();
        });
    }

    /// Writes the message that is published.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => {
                out.clear();
                let mut object = Object::begin(out);
                object.plain("type", "trader");
                object.time("time", self.time.get());
                self.write_fields(&mut object);
                object.end();
            }
            Encoding::Binary => write_only_record(out, KIND_TRADER, StateRecord::of(self)),
        }
    }

    /// Reads a message that was published.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        match Encoding::of(message) {
            Encoding::Json => read_json::<StateObject<'_>>(message)?.read(),
            Encoding::Binary => {
                let record = Batch::only(message, KIND_TRADER)?;
                codec::decode::<StateRecord<'_>>(record)?.read()
            }
        }
    }
}

impl MedianMessage {
    /// Writes the message that is published.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        let Self { time, length, median } = self;
        match encoding {
            Encoding::Json => {
                out.clear();
                let mut object = Object::begin(out);
                object.plain("type", "median");
                object.time("time", time.get());
                object.number("period", median.period.get());
                object.number("length_ms", millis(*length));
                object.literal("value", median.value);
                object.number("strategies", median.strategies.into());
                object.end();
            }
            Encoding::Binary => {
                let record = MedianRecord {
                    time_ns: time.get(),
                    length_ms: millis(*length),
                    median: DatedRecord::of(median),
                };
                write_only_record(out, KIND_MEDIAN, record);
            }
        }
    }

    /// Reads a message that was published.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        match Encoding::of(message) {
            Encoding::Json => {
                let object: MedianObject<'_> = read_json(message)?;
                if object.kind != "median" {
                    return Err(DecodeError::new("the type must be median"));
                }
                let length = required("length_ms", object.length_ms)?;
                Ok(Self {
                    time: read_time(&required("time", object.time.as_ref())?[..])?,
                    length: Duration::from_millis(length),
                    median: object.median()?,
                })
            }
            Encoding::Binary => {
                let record: MedianRecord = codec::decode(Batch::only(message, KIND_MEDIAN)?)?;
                Ok(Self {
                    time: Unix::new(record.time_ns),
                    length: Duration::from_millis(record.length_ms),
                    median: record.median.read()?,
                })
            }
        }
    }
}

impl Status {
    pub(crate) fn write_fields(&self, object: &mut Object<'_>) {
        self.state.write_fields(object);
        if let Some(median) = &self.median {
            let mut inner = object.object("median");
            inner.number("period", median.period.get());
            inner.literal("value", median.value);
            inner.number("strategies", median.strategies.into());
            inner.end();
        }
        object.list("strategies", &self.strategies, |strategy, out| {
            let mut object = Object::begin(out);
            object.plain("name", strategy.name.as_str());
            object.number("instance", strategy.instance.get());
            object.time("since", strategy.since.get());
            if let Some(heard) = strategy.heard {
                object.time("heard", heard.get());
            }
            if let Some((period, value)) = strategy.last {
                object.number("period", period.get());
                object.literal("value", value);
            }
            write_problem(&mut object, "problem", strategy.problem.as_ref());
            object.list("generators", &strategy.generators, write_report);
            object.end();
        });
        object.flag("more", self.more);
    }
}

/// Reads a JSON message.
pub(crate) fn read_json<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T, DecodeError> {
    let text = str::from_utf8(message).map_err(|_| DecodeError::new("it is not UTF-8"))?;
    serde_json::from_str(text).map_err(|error| DecodeError::new(error.to_string()))
}

/// A time of a JSON message.
pub(crate) fn read_time(text: &str) -> Result<Unix, DecodeError> {
    timestamp::parse(text).map(Unix::new).ok_or_else(|| DecodeError::new("a time is malformed"))
}

/// The value of a JSON message.
pub(crate) fn value_of(json: &RawValue) -> Result<Value, DecodeError> {
    read_value(json.get()).map_err(|reject| decode_error(&reject))
}

#[derive(Deserialize)]
pub(crate) struct MedianObject<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    length_ms: Option<u64>,
    period: u64,
    #[serde(borrow)]
    value: &'a RawValue,
    strategies: u32,
}

impl MedianObject<'_> {
    pub(crate) fn median(&self) -> Result<Median, DecodeError> {
        let (period, value) = (Period::new(self.period), value_of(self.value)?);
        Ok(Median { period, value, strategies: self.strategies })
    }
}

#[derive(Deserialize)]
struct TraderProblemObject<'a> {
    #[serde(borrow)]
    component: Cow<'a, str>,
    #[serde(borrow)]
    strategy: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    since: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

/// The fields of a state, in a message of its own or in a reply.
#[derive(Deserialize)]
pub(crate) struct StateObject<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    period: u64,
    length_ms: u64,
    problem_count: u64,
    #[serde(borrow)]
    problems: Vec<TraderProblemObject<'a>>,
}

impl StateObject<'_> {
    pub(crate) fn read(&self) -> Result<TraderState, DecodeError> {
        let problems = self.problems.iter().take(PROBLEMS_MAX).map(|object| {
            let TraderProblemObject { component, strategy, kind, since, reason } = object;
            let kind = kind.parse().map_err(|()| DecodeError::new("no kind of a problem"))?;
            let problem = Problem { kind, since: read_time(since)?, reason: printable(reason) };
            let component = printable(component);
            let strategy = strategy.as_deref().map(printable);
            Ok(TraderProblem { component, strategy, problem })
        });
        Ok(TraderState {
            time: read_time(&self.time)?,
            period: Period::new(self.period),
            length: Duration::from_millis(self.length_ms),
            problems: problems.collect::<Result<_, DecodeError>>()?,
            problem_count: self.problem_count,
        })
    }
}

/// The fields of a reply to `status`.
#[derive(Deserialize)]
pub(crate) struct StatusObject<'a> {
    #[serde(borrow)]
    median: Option<MedianObject<'a>>,
    #[serde(borrow)]
    strategies: Vec<StrategyObject<'a>>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct StrategyObject<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    instance: u64,
    #[serde(borrow)]
    since: Cow<'a, str>,
    #[serde(borrow)]
    heard: Option<Cow<'a, str>>,
    period: Option<u64>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    problem: Option<ProblemObject<'a>>,
    #[serde(borrow)]
    generators: Vec<ReportObject<'a>>,
}

impl StatusObject<'_> {
    pub(crate) fn read(&self, state: TraderState) -> Result<Status, DecodeError> {
        Ok(Status {
            state,
            median: self.median.as_ref().map(MedianObject::median).transpose()?,
            strategies: self
                .strategies
                .iter()
                .map(StrategyObject::read)
                .collect::<Result<_, _>>()?,
            more: self.more,
        })
    }
}

impl StrategyObject<'_> {
    fn read(&self) -> Result<StrategyStatus, DecodeError> {
        let name = ComponentName::new(self.name.as_bytes());
        let value = self.value.map(value_of).transpose()?;
        let problem = self.problem.as_ref().map(ProblemObject::read).transpose();
        let generators = self.generators.iter().map(ReportObject::read).collect::<Result<_, _>>();
        Ok(StrategyStatus {
            name: name.map_err(|reject| decode_error(&reject))?,
            instance: Incarnation::new(self.instance),
            since: read_time(&self.since)?,
            heard: self.heard.as_deref().map(read_time).transpose()?,
            last: self.period.map(Period::new).zip(value),
            problem: problem.map_err(|reject| decode_error(&reject))?,
            generators: generators.map_err(|reject| decode_error(&reject))?,
        })
    }
}

/// A median in a binary record.
#[derive(Serialize, Deserialize)]
pub(crate) struct DatedRecord {
    period: u64,
    value: f64,
    strategies: u32,
}

#[derive(Serialize, Deserialize)]
struct MedianRecord {
    time_ns: u64,
    length_ms: u64,
    median: DatedRecord,
}

impl DatedRecord {
    pub(crate) const fn of(median: &Median) -> Self {
        let Median { period, value, strategies } = median;
        Self { period: period.get(), value: value.get(), strategies: *strategies }
    }

    pub(crate) fn read(&self) -> Result<Median, DecodeError> {
        let value = read_number(self.value).map_err(|reject| decode_error(&reject))?;
        Ok(Median { period: Period::new(self.period), value, strategies: self.strategies })
    }
}

#[derive(Serialize, Deserialize)]
struct TraderProblemRecord<'a> {
    #[serde(borrow)]
    component: Cow<'a, str>,
    #[serde(borrow)]
    strategy: Option<Cow<'a, str>>,
    #[serde(borrow)]
    problem: ProblemRecord<'a>,
}

/// A state in a binary record.
#[derive(Serialize, Deserialize)]
pub(crate) struct StateRecord<'a> {
    time_ns: u64,
    period: u64,
    length_ms: u64,
    problem_count: u64,
    #[serde(borrow)]
    problems: Vec<TraderProblemRecord<'a>>,
}

impl<'a> StateRecord<'a> {
    pub(crate) fn of(state: &'a TraderState) -> Self {
        let problems = state.problems.iter().map(|one| TraderProblemRecord {
            component: one.component.as_str().into(),
            strategy: one.strategy.as_deref().map(Cow::Borrowed),
            problem: ProblemRecord::of(&one.problem),
        });
        Self {
            time_ns: state.time.get(),
            period: state.period.get(),
            length_ms: millis(state.length),
            problem_count: state.problem_count,
            problems: problems.collect(),
        }
    }

    pub(crate) fn read(&self) -> Result<TraderState, DecodeError> {
        let problems = self.problems.iter().take(PROBLEMS_MAX).map(|record| {
            let problem = record.problem.read().map_err(|reject| decode_error(&reject))?;
            let component = printable(&record.component);
            let strategy = record.strategy.as_deref().map(printable);
            Ok(TraderProblem { component, strategy, problem })
        });
        Ok(TraderState {
            time: Unix::new(self.time_ns),
            period: Period::new(self.period),
            length: Duration::from_millis(self.length_ms),
            problems: problems.collect::<Result<_, DecodeError>>()?,
            problem_count: self.problem_count,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct StrategyRecord<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    instance: u64,
    since_ns: u64,
    heard_ns: Option<u64>,
    last: Option<(u64, f64)>,
    #[serde(borrow)]
    problem: Option<ProblemRecord<'a>>,
    #[serde(borrow)]
    generators: Vec<ReportRecord<'a>>,
}

/// A reply to `status` in a binary record.
#[derive(Serialize, Deserialize)]
pub(crate) struct StatusRecord<'a> {
    #[serde(borrow)]
    state: StateRecord<'a>,
    median: Option<DatedRecord>,
    #[serde(borrow)]
    strategies: Vec<StrategyRecord<'a>>,
    more: bool,
}

impl<'a> StatusRecord<'a> {
    pub(crate) fn of(status: &'a Status) -> Self {
        let strategies = status.strategies.iter().map(|strategy| StrategyRecord {
            name: strategy.name.as_str().into(),
            instance: strategy.instance.get(),
            since_ns: strategy.since.get(),
            heard_ns: strategy.heard.map(Unix::get),
            last: strategy.last.map(|(period, value)| (period.get(), value.get())),
            problem: strategy.problem.as_ref().map(ProblemRecord::of),
            generators: strategy.generators.iter().map(ReportRecord::of).collect(),
        });
        Self {
            state: StateRecord::of(&status.state),
            median: status.median.as_ref().map(DatedRecord::of),
            strategies: strategies.collect(),
            more: status.more,
        }
    }

    pub(crate) fn read(&self) -> Result<Status, DecodeError> {
        Ok(Status {
            state: self.state.read()?,
            median: self.median.as_ref().map(DatedRecord::read).transpose()?,
            strategies: self
                .strategies
                .iter()
                .map(StrategyRecord::read)
                .collect::<Result<_, _>>()?,
            more: self.more,
        })
    }
}

impl StrategyRecord<'_> {
    fn read(&self) -> Result<StrategyStatus, DecodeError> {
        let read = || {
            Ok(StrategyStatus {
                name: ComponentName::new(self.name.as_bytes())?,
                instance: Incarnation::new(self.instance),
                since: Unix::new(self.since_ns),
                heard: self.heard_ns.map(Unix::new),
                last: self.last.map(read_dated).transpose()?,
                problem: self.problem.as_ref().map(ProblemRecord::read).transpose()?,
                generators: self
                    .generators
                    .iter()
                    .map(ReportRecord::read)
                    .collect::<Result<_, _>>()?,
            })
        };
        read().map_err(|reject| decode_error(&reject))
    }
}
