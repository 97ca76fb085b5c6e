//! The workloads of the course: every command is answered as it must be, and the end is the same.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use allot_desk_rules::limits::SECOND_NS;
use allot_desk_rules::{Cents, DeskConfig, Input, Line, Outcome, Quoted, Reject, Symbol, Wanted};
use allot_domain::{Marker, mix};

use crate::pair::Pair;
use crate::script::request;

/// How a run differs from another.
struct Pace {
    /// Between two commands.
    step_ns: u64,
    /// Between the wish for a quote and its coming.
    delay_ns: u64,
}

struct Run {
    pair: Pair,
    /// Quotes on their way, each with the time at which it comes.
    coming: VecDeque<(u64, Wanted)>,
    delay_ns: u64,
    quotes: u64,
}

impl Run {
    fn apply(&mut self, input: &Input) {
        self.pair.apply(input).unwrap();
        for outcome in &self.pair.outcomes.list {
            if let Outcome::Wanted(wanted) = outcome {
                self.coming.push_back((input.time_ns() + self.delay_ns, *wanted));
            }
        }
    }

    /// The quotes that have come by a time.
    fn take_quotes(&mut self, until_ns: u64) {
        while let Some((time_ns, wanted)) = self.coming.pop_front_if(|one| one.0 <= until_ns) {
            self.quotes += 1;
            self.apply(&Input::Quote(Quoted {
                symbol: wanted.symbol,
                price: price(wanted.symbol, self.quotes),
                server_time_ms: time_ns / 1_000_000,
                cryptokey: "key".into(),
                asked_by: wanted.user,
                transaction: wanted.transaction,
                time_ns,
            }));
        }
    }
}

/// From 0.01 to 600.00.
fn price(symbol: Symbol, number: u64) -> Cents {
    let [first, second, third] = symbol.padded().map(u64::from);
    let seed = first << 16 | second << 8 | third;
    let base = mix(seed) % 50_000;
    Cents::new(1 + base + mix(seed ^ number << 24) % 10_000)
}

/// Runs a workload; what was refused because it could not be read, by line.
fn run(text: &str, pace: &Pace) -> (Pair, u64, Vec<Reject>) {
    let pair = Pair::new(DeskConfig::default());
    let mut run = Run { pair, coming: VecDeque::new(), delay_ns: pace.delay_ns, quotes: 0 };
    let (mut time_ns, mut unread) = (SECOND_NS, Vec::new());
    for (line, number) in text.lines().zip(1..) {
        time_ns += pace.step_ns;
        run.take_quotes(time_ns);
        match Line::parse(line) {
            Ok(line) => run.apply(&request(line, number, time_ns)),
            Err(reject) => unread.push(reject),
        }
    }
    run.take_quotes(u64::MAX);
    // Everything that is pending expires, and nobody waits any more.
    let time_ns = run.pair.accounts.now_ns() + 100 * SECOND_NS;
    run.apply(&Input::Marker(Marker { number: 1, time_ns, report: false }));
    run.pair.compare().unwrap();
    (run.pair, run.quotes, unread)
}

#[test]
fn the_workloads_of_the_course_end_as_the_model_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/daytrading");
    // At a hundredth of a second orders and quotes expire on the way.
    let paces = [(1_000_000, 0), (1_000_000, 20_000_000), (10_000_000, 2_000_000_000)];
    for (name, lines) in [
        ("1userWorkLoad.txt", 100),
        ("10User_testWorkLoad.txt", 10_000),
        ("45User_testWorkLoad.txt", 10_000),
    ] {
        let Ok(text) = fs::read_to_string(folder.join(name)) else {
            eprintln!("skipped: there is no workload {name} at {}", folder.display());
            continue;
        };
        for (step_ns, delay_ns) in paces {
            let (pair, quotes, unread) = run(&text, &Pace { step_ns, delay_ns });
            let summary = pair.auditor.summary();
            let answered: u64 = summary.answered.values().sum();
            let refused: u64 = summary.refused.values().sum();
            let all = answered + refused + u64::try_from(unread.len()).unwrap();
            assert_eq!(all, lines, "{name}: every command is answered once");
            assert!(0 < quotes && pair.accounts.totals().is_balanced());
            assert_eq!(pair.accounts.waiting_counts(), (0, 0));
        }
    }
}
