//! Detection: from the death of a strategy to the trader's word that it is away.

use std::path::Path;
use std::time::Duration;

use allot_runtime::{Clock, Context, Publication, Subscriber};
use allot_signals_rules::ProblemKind;
use allot_signals_service::TraderState;
use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::crowd::{self, Crowd, Part, ScheduleWords};
use crate::span::nanoseconds;

/// The setting that decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Detection {
    pub(super) lease_ms: u64,
}

/// Strategies that live on.
const OTHERS: usize = 9;

impl Detection {
    /// In nanoseconds.
    pub(super) fn measure(self, allot: Option<&Path>) -> Result<u64> {
        let minute = Duration::from_secs(60);
        let schedule = ScheduleWords::new(minute, Duration::from_secs(1))?;
        let lease = format!("{}ms", self.lease_ms);
        let words = ["trader", "--lease", &lease];
        let trader = Part::start(allot, &[&words[..], &schedule.words()].concat())?;
        let generators = [Part::generator(allot, 0, &schedule)?];
        let others = Crowd::start("s", OTHERS, &trader, &generators, schedule.schedule)?;
        let mut victim = Crowd::start("victim", 1, &trader, &generators, schedule.schedule)?;
        others.wait()?;
        victim.wait()?;
        let context = Context::new()?;
        let publish = trader.publish.as_deref().context("the trader does not publish")?;
        let mut subscriber = Subscriber::connect(&context, publish, &[b"trader:bin"])?;
        // The last state comes at once.
        let state = next(&mut subscriber)?;
        let early = "it is away before it is killed";
        ensure!(!is_away(&state), early);
        let clock = Clock::system();
        // At any moment between two renewals, or the figure would be the longest.
        let mut random = StdRng::seed_from_u64(clock.now().as_unix());
        let at = clock.now() + Duration::from_millis(random.random_range(0..self.lease_ms));
        while clock.now() < at {
            // A trader that has just started knows more and more of who was there before it.
            if let Some(publication) = subscriber.receive(at - clock.now()) {
                ensure!(!is_away(&decode(&publication)?), early);
            }
        }
        victim.kill()?;
        let killed = clock.now();
        while !is_away(&next(&mut subscriber)?) {}
        Ok(nanoseconds(clock.now() - killed))
    }
}

fn next(subscriber: &mut Subscriber) -> Result<TraderState> {
    decode(&crowd::next(subscriber)?)
}

fn decode(publication: &Publication) -> Result<TraderState> {
    let state = TraderState::decode(&publication.body);
    state.map_err(|error| anyhow::anyhow!("a damaged state: {error}"))
}

fn is_away(state: &TraderState) -> bool {
    let mut problems = state.problems.iter();
    problems.any(|one| one.component == "victim0" && one.problem.kind == ProblemKind::Away)
}
