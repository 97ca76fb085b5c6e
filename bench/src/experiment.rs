//! An experiment: subjects that take turns, and figures that are compared within a turn.
//!
//! ```text
//!   turn 1   subject a ─► subject b ─► …      a series for each name:   a  1 2 3 …
//!   turn 2   subject a ─► subject b ─► …                                b  1 2 3 …
//! ```
//!
//! Machines differ, and one machine differs from minute to minute. So a ratio is of two figures of
//! the same turn, and of the turns' ratios the median counts: see `comparison.rs`.

mod comparison;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use allot_runtime::Clock;
use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::environment::Environment;
use crate::schema::SCHEMA;
use crate::{estimate, interrupt, output, print, utc};
pub(crate) use comparison::{
    Bound, Compared, Comparison, FILLS, Figure, MESSAGES, P50, P99, P999, Side, show, table, turns,
};

/// An experiment under way.
pub(crate) struct Experiment {
    kind: &'static str,
    turns: u32,
    out: Option<PathBuf>,
    started: String,
    environment: Environment,
    /// The turns that were finished, once the rest is not to be measured.
    cut_at: Cell<Option<u32>>,
    /// Further facts for the environment.
    pub(crate) facts: BTreeMap<String, String>,
}

/// What has its turn, and what it measured under each of its names.
pub(crate) struct Subject<'a, N, M> {
    series: Vec<Series<N, M>>,
    measure: Box<dyn FnMut() -> Result<Vec<M>> + 'a>,
    /// How long a turn of it will take, as far as is known.
    pub(crate) estimate: Duration,
}

/// A measurement of each turn, under one name.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Series<N, M> {
    pub(crate) name: N,
    pub(crate) turns: Vec<M>,
}

/// In which order subjects have their turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Listed,
    /// Another one in each turn, the same in each run.
    Random,
}

/// The file of an experiment; the fields of its results stand beside these.
#[derive(Serialize)]
struct Kept<'a, R> {
    schema: u32,
    kind: &'static str,
    started: String,
    environment: BTreeMap<String, String>,
    turns: u32,
    /// Whether more turns were wanted than were finished.
    interrupted: bool,
    #[serde(flatten)]
    results: &'a R,
}

impl Experiment {
    /// Notes when it began, and on what machine.
    pub(crate) fn begin(kind: &'static str, turns: u32, out: Option<&PathBuf>) -> Self {
        Self {
            kind,
            turns,
            out: out.cloned(),
            started: utc::format(Clock::system().now()),
            environment: Environment::look(),
            cut_at: Cell::new(None),
            facts: BTreeMap::new(),
        }
    }

    /// Measures every subject once a turn; if that is interrupted, the turns before are kept.
    ///
    /// # Errors
    /// Those of a subject, and [`interrupt::Interrupted`] before a turn is finished.
    pub(crate) fn run<N, M>(
        &self,
        order: Order,
        mut subjects: Vec<Subject<'_, N, M>>,
    ) -> Result<Vec<Series<N, M>>> {
        let mut random = StdRng::seed_from_u64(7);
        let mut places: Vec<_> = (0..subjects.len()).collect();
        let (clock, one) = (Clock::system(), subjects.iter().map(|one| one.estimate).sum());
        let start = clock.now();
        for turn in 1..=self.turns {
            let left = match turn {
                1 => Duration::checked_mul(one, self.turns).unwrap_or(one),
                _ => estimate::left(clock.now() - start, turn - 1, self.turns),
            };
            eprintln!("turn {turn} of {}; {} left", self.turns, estimate::about(left));
            if order == Order::Random {
                places.shuffle(&mut random);
            }
            let measured = places.iter().try_for_each(|place| subjects[*place].turn());
            match interrupt::unless_wished(measured) {
                Err(error) if interrupt::is_cause(&error) && 1 < turn => {
                    self.cut_at.set(Some(turn - 1));
                    break;
                }
                other => other?,
            }
        }
        let kept = self.cut_at.get().unwrap_or(self.turns);
        let kept = usize::try_from(kept).expect("32 bits fit");
        subjects.iter_mut().flat_map(|subject| &mut subject.series).for_each(|series| {
            series.turns.truncate(kept);
        });
        Ok(subjects.into_iter().flat_map(|subject| subject.series).collect())
    }

    /// Prints the environment and the page, and keeps the results as JSON if they are to be kept,
    /// in a file that ends in `.FAIL` if something failed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn finish(
        self,
        page: &str,
        results: &impl Serialize,
        has_failed: bool,
    ) -> Result<ExitCode> {
        let Self { kind, turns, started, facts, cut_at, .. } = self;
        let interrupted = cut_at.get().is_some();
        let turns = cut_at.get().unwrap_or(turns);
        let mut environment = self.environment.complete();
        environment.extend(facts);
        print(&format!("{kind}  {started}"))?;
        print(page)?;
        print("\nenvironment:")?;
        for (name, value) in &environment {
            print(&format!("  {name:<20} {value}"))?;
        }
        if interrupted {
            print(&format!("interrupted: {turns} of the turns were finished, and count"))?;
        }
        if let Some(folder) = &self.out {
            let kept =
                Kept { schema: SCHEMA, kind, started, environment, turns, interrupted, results };
            fs::create_dir_all(folder)?;
            let suffix = output::mark(has_failed, interrupted);
            let name = output::free_name(folder, kind);
            let file = folder.join(format!("{name}.json{suffix}"));
            fs::write(file, serde_json::to_string_pretty(&kept)?)?;
        }
        if interrupted {
            return Ok(interrupt::exit_code());
        }
        Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

impl<'a, N, M> Subject<'a, N, M> {
    /// A subject with one measurement a turn.
    pub(crate) fn new(name: N, mut measure: impl FnMut() -> Result<M> + 'a) -> Self {
        Self::of_many([name], move || Ok(vec![measure()?]))
    }

    /// A subject with several, in the order of their names.
    pub(crate) fn of_many(
        names: impl IntoIterator<Item = N>,
        measure: impl FnMut() -> Result<Vec<M>> + 'a,
    ) -> Self {
        let series = names.into_iter().map(|name| Series { name, turns: Vec::new() });
        let estimate = Duration::from_secs(1);
        Self { series: series.collect(), measure: Box::new(measure), estimate }
    }

    /// The same, which is known to take so long in each turn.
    pub(crate) fn lasting(self, estimate: Duration) -> Self {
        Self { estimate, ..self }
    }

    /// How many names it has.
    pub(crate) const fn len(&self) -> usize {
        self.series.len()
    }

    /// What it measures in each turn.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<N>
    where
        N: Copy,
    {
        self.series.iter().map(|series| series.name).collect()
    }

    fn turn(&mut self) -> Result<()> {
        let measured = interrupt::unless_wished((self.measure)())?;
        for (series, measured) in self.series.iter_mut().zip(measured) {
            series.turns.push(measured);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_take_turns_and_each_measurement_stands_under_its_name() {
        let (mut calls, experiment) = (0, Experiment::begin("targets", 2, None));
        let log = std::cell::RefCell::new(Vec::new());
        let subjects = vec![
            Subject::new("a", || {
                log.borrow_mut().push("a");
                Ok(7)
            }),
            Subject::of_many(["b", "c"], || {
                log.borrow_mut().push("b and c");
                calls += 1;
                Ok(vec![calls, 10 * calls])
            }),
        ];
        let series = experiment.run(Order::Listed, subjects).unwrap();
        assert_eq!(log.into_inner(), ["a", "b and c", "a", "b and c"]);
        let found: Vec<_> = series.iter().map(|one| (one.name, one.turns.clone())).collect();
        assert_eq!(found, [("a", vec![7, 7]), ("b", vec![1, 2]), ("c", vec![10, 20])]);
    }

    #[test]
    fn an_experiment_ends_with_the_first_error() {
        let failing = Subject::new("a", || -> Result<u64> { anyhow::bail!("no server") });
        let experiment = Experiment::begin("targets", 2, None);
        let error = experiment.run(Order::Random, vec![failing]).unwrap_err();
        assert_eq!(error.to_string(), "no server");
    }

    #[test]
    fn results_are_kept_beside_the_environment() {
        let folder = tempfile::TempDir::new().unwrap();
        let out = folder.path().join("new");
        let mut experiment = Experiment::begin("growth", 3, Some(&out));
        experiment.facts.insert("redis".to_owned(), "7".to_owned());
        let results = BTreeMap::from([("rows", [1, 2])]);
        experiment.finish("page", &results, false).unwrap();
        Experiment::begin("peers", 3, Some(&out)).finish("page", &results, true).unwrap();
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_str(&fs::read_to_string(out.join(name)).unwrap()).unwrap()
        };
        let kept = read("growth.json");
        assert_eq!((&kept["kind"], &kept["turns"]), (&"growth".into(), &3.into()));
        assert_eq!((&kept["rows"][1], &kept["environment"]["redis"]), (&2.into(), &"7".into()));
        assert_eq!(read("peers.json.FAIL")["kind"], "peers");
    }
}
