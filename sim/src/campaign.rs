//! A campaign: seeds one after the other, each run to its end or to its first violation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::options::Options;
use crate::planted_bug::PlantedBug;
use crate::tally::Tally;
use crate::violation::Violation;
use crate::world::World;

/// A run that broke a promise, and all that is needed to find out why.
#[derive(Debug)]
pub struct Failure {
    /// The promise and what happened.
    pub violation: Violation,
    /// Everything that was drawn from the seed.
    pub options: Options,
    /// The last events.
    pub events: Vec<String>,
    /// What was counted until then.
    pub tally: Tally,
}

/// Runs one seed.
///
/// # Errors
/// The promise that was not kept. A panic counts as one: it is a bug by definition.
pub fn run_seed(
    seed: u64,
    planted_bug: Option<PlantedBug>,
    is_verbose: bool,
) -> Result<Tally, Box<Failure>> {
    let options = Options::draw(seed, planted_bug);
    let mut world = World::new(options.clone(), is_verbose);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let result = ran.unwrap_or_else(|panic| Err(Violation::new("panic", text(&*panic))));
    match result {
        Ok(()) => Ok(world.tally),
        Err(violation) => {
            let (events, tally) = (world.trace.lines(), world.tally);
            Err(Box::new(Failure { violation, options, events, tally }))
        }
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}
