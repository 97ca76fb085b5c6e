//! The options of the workload, and the order in which all options of a run are drawn.

use std::time::Duration;

use allot_desk_rules::DeskConfig;
use allot_wire::Encoding;

use crate::engine::PlantedBug;
use crate::engine::options::{Faults, Options, Setup, Shape};
use crate::engine::prng::Prng;

/// What the workload draws before a run.
#[derive(Clone, Debug)]
pub struct DeskOptions {
    /// The configuration of the accounts.
    pub rules: DeskConfig,
    /// How many users there are.
    pub users: u64,
    /// How many stocks there are.
    pub symbols: u64,
    /// How many sources send commands.
    pub sources: u64,
    /// The mean time between two commands.
    pub every: Duration,
    /// The most commands without a reply.
    pub open_max: usize,
    /// The encoding of messages and topics.
    pub encoding: Encoding,
    /// What becomes of wishes for quotes.
    pub quotes: QuoteOptions,
}

/// What becomes of wishes for quotes.
#[derive(Clone, Copy, Debug)]
pub struct QuoteOptions {
    /// The longest time that a quote takes.
    pub delay_max: Duration,
    /// Percentage of quotes that fail.
    pub failed_percent: u64,
    /// Percentage of quotes that never come.
    pub lost_percent: u64,
    /// Percentage of quotes that come twice.
    pub twice_percent: u64,
    /// Percentage of quotes after which another follows that nobody has asked for.
    pub again_percent: u64,
}

/// Draws all options of a run.
#[must_use]
pub fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Options<DeskOptions> {
    let mut prng = Prng::new(seed);
    let shape = Shape::draw(&mut prng, planted_bug);
    // In a long run orders and quotes expire; it has no more commands than a short one.
    let (seconds, every) = *prng.pick(&[(5, 5), (15, 20), (90, 150), (200, 400)]);
    let quotes = QuoteOptions {
        delay_max: *prng.pick(&[
            Duration::from_millis(1),
            Duration::from_millis(300),
            Duration::from_secs(4),
            Duration::from_secs(40),
        ]),
        failed_percent: *prng.pick(&[0, 5, 40]),
        lost_percent: *prng.pick(&[0, 5, 40]),
        twice_percent: *prng.pick(&[0, 10]),
        again_percent: *prng.pick(&[0, 50, 90]),
    };
    let workload = DeskOptions {
        rules: DeskConfig {
            history: *prng.pick(&[4, 64, 1_024]),
            names: *prng.pick(&[1_024, 100_000]),
            keeps_log: true,
        },
        users: *prng.pick(&[1, 4, 40]),
        symbols: prng.between(1..=6),
        sources: prng.between(1..=3),
        every: Duration::from_millis(every),
        open_max: *prng.pick(&[1, 16, 256]),
        encoding: *prng.pick(&[Encoding::Json, Encoding::Binary]),
        quotes,
    };
    Options {
        seed,
        planted_bug,
        shape,
        shards: usize::try_from(prng.between(1..=4)).expect("a few"),
        setup: Setup::draw(&mut prng),
        faults_for: Duration::from_secs(seconds),
        faults: Faults::draw(&mut prng),
        idle_percent: *prng.pick(&[0, 10, 50]),
        workload,
    }
}
