//! A campaign: seeds one after the other, each run to its end or to its first violation.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::planted_bug::PlantedBug;
use super::tally::Totals;
use super::violation::Violation;
use super::workload::Workload;
use super::world::World;

/// A run that broke a promise, and all that is needed to find out why.
#[derive(Debug)]
pub struct Failure {
    /// The promise and what happened.
    pub violation: Violation,
    /// Everything that was drawn from the seed, as text.
    pub options: String,
    /// The last events.
    pub events: Vec<String>,
    /// What was counted until then.
    pub totals: Totals,
}

/// Runs one seed.
///
/// # Errors
/// The promise that was not kept. A panic counts as one: it is a bug by definition.
pub fn run_seed<W: Workload>(
    seed: u64,
    planted_bug: Option<PlantedBug>,
    is_verbose: bool,
) -> Result<Totals, Box<Failure>> {
    let options = W::draw(seed, planted_bug);
    let text = options.to_string();
    let mut world = World::<W>::new(options, is_verbose);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let result = ran.unwrap_or_else(|panic| Err(Violation::new("panic", message(&*panic))));
    let totals = world.totals();
    result.map(|()| totals.clone()).map_err(|violation| {
        Box::new(Failure { violation, options: text, events: world.trace.lines(), totals })
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}
