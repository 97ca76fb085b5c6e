//! Notice text: what a replica notices, as lines of the log; and why it steps down.

use allot_mesh_rules::{Address, Holder, Notice, StepDown, StrategyName, Trades, Unix, Version};
use allot_wire::timestamp;

/// Logs a notice of a peer that was told to connect to these.
#[expect(clippy::too_many_lines, reason = "one list of all notices, each with its line")]
pub(crate) fn log(notice: &Notice, connect: &[Address]) {
    match notice {
        Notice::Alone if connect.is_empty() => {
            tracing::info!("this strategy starts alone: it connects to nobody");
        }
        Notice::Alone => tracing::warn!(
            "no peer answered at {}: this strategy starts alone; peers that come later may hold \
             newer positions of its name, and then it stops; if the mesh encrypts, all peers need \
             its keys (--secret)",
            connect.iter().map(Address::as_str).collect::<Vec<_>>().join(", ")
        ),
        Notice::Unanswered(names) => {
            tracing::warn!("started without an answer of {}, which others call alive", list(names))
        }
        Notice::Adopted { rows, through } => {
            tracing::warn!(rows, %through, "took the positions of this strategy from its peers");
        }
        Notice::Joined(name, address, incarnation) => {
            tracing::info!("{name} has joined: {address}, incarnation {incarnation}");
        }
        Notice::Away(name, since) => {
            let since = time_text(*since);
            tracing::warn!(
                "{name} is away, and was heard last at {since}; its positions stay as they are"
            );
        }
        Notice::Back(name) => tracing::info!("{name} is back"),
        Notice::Forgotten(name) => {
            tracing::info!("{name}, which is away and has no positions, is no longer a member");
        }
        Notice::Foreign { peer, owner, version } => {
            tracing::warn!(%peer, %owner, %version, "refused rows that this peer may not say");
        }
        Notice::Conflict { owner, symbol, version, ours, theirs } => tracing::error!(
            %owner, %symbol, %version, %ours, %theirs,
            "two positions of one version; the owner writes its own again"
        ),
        Notice::Settled { symbol, theirs, version, ours } => tracing::warn!(
            %symbol, %theirs, %version, %ours,
            "a peer held a position of this strategy that it never had; wrote the right one again"
        ),
        Notice::Superseded { owner, rows, adopted, through } => {
            let noun = if *rows == 1 { "position" } else { "positions" };
            let why = match adopted.sequence.get() {
                0 => ASIDE.to_owned(),
                _ => format!("{LOST}, through version {adopted}"),
            };
            tracing::error!(
                "{owner} no longer has {rows} {noun} shown here, through version {through}: {why}; \
                 check its positions against its broker"
            );
        }
        Notice::Replaced { symbol, theirs, ours } => tracing::error!(
            %symbol, %theirs, %ours,
            "took the position of another life of this strategy in place of its own: check it \
             against the broker"
        ),
        Notice::OtherLife { peer, owner, theirs, ours } => tracing::error!(
            %peer, %theirs, %ours,
            "refused positions of {owner}, which does not know of the life whose positions are \
             here: it has lost its journal, or runs on an old copy; it is told, and stops or adopts"
        ),
        Notice::Unfounded { peer, through } => tracing::warn!(
            %through,
            "{peer} said that it holds newer positions of this strategy, and did not show them"
        ),
        Notice::NotFound { peer, incarnation, address } => tracing::error!(
            theirs = %incarnation, %address,
            "{} said that another process has the name of this strategy, and none answers at that \
             address: this one goes on, unless a peer shows it rows of the other; let each reach \
             the address of the other, or stop one",
            peer.map_or_else(|| "a peer".to_owned(), |peer| peer.to_string())
        ),
        Notice::TwoOfOneName { name, goes, stays } => tracing::error!(
            "two processes are {name}: incarnation {} (life {}) at {} steps down for incarnation \
             {} (life {}) at {}, within some heartbeats; if it does not, stop one, or let each \
             reach the address of the other",
            goes.incarnation,
            goes.incarnation.life(),
            goes.address,
            stays.incarnation,
            stays.incarnation.life(),
            stays.address
        ),
        Notice::MovedOn(incarnation) => tracing::warn!(
            %incarnation,
            "peers know of another process of this name, of another life of this strategy, or of \
             what somebody made up: this one goes on under its next incarnation; a position that \
             changes by it is named"
        ),
        Notice::Full(what) => {
            tracing::error!("{what} beyond their bound are not kept; docs/MESH.md has the bounds");
        }
    }
}

/// Why an owner no longer has rows that were here: it has put them aside.
const ASIDE: &str = "it says that they were another process's, or made up";
/// It never had them, or not any more.
const LOST: &str = "it has lost its disk, and has taken its positions from peers that had older \
                    ones";

fn time_text(time: Unix) -> String {
    let mut text = String::new();
    timestamp::write(&mut text, time.get()).expect("a string takes every write");
    text
}

fn list(names: &[StrategyName]) -> String {
    names.iter().map(StrategyName::as_str).collect::<Vec<_>>().join(", ")
}

/// Why a peer of this name stops, and what to do; whether it has a journal of its own.
#[must_use]
pub fn step_down_text(name: StrategyName, reason: &StepDown, has_journal: bool) -> String {
    match reason {
        StepDown::NameTaken { peer, incarnation, address, trades } => {
            let who = peer.map_or_else(String::new, |peer| format!("{peer} says that "));
            let lost = trades.map_or_else(String::new, |trades| lost_text(trades, has_journal));
            format!(
                "the name is taken: {who}another process is {name} at {address}, incarnation \
                 {incarnation}{lost}; stop it first, or give this one another name"
            )
        }
        StepDown::NewerRows { holders, journal, trades } => {
            let list: Vec<_> =
                holders.iter().map(|holder| holder_text(name, holder, *journal)).collect();
            let list = list.join(", ");
            let when = trades.map_or_else(String::new, |count| {
                let lost = aside_text(count, has_journal);
                format!("; it had started before it heard of them{lost}")
            });
            let (lacks, remedy) = match (has_journal, *journal == Version::ZERO) {
                (true, true) => ("its journal, which is empty, lacks".to_owned(), BRING_BACK),
                (true, false) => {
                    (format!("its journal, which ends at version {journal}, lacks"), BRING_BACK)
                }
                (false, _) => ("it lacks: it was started without --data".to_owned(), ADOPT),
            };
            format!("peers hold positions of {name} that {lacks}: {list}{when}; {remedy}")
        }
        StepDown::NoIncarnationLeft => format!(
            "there is no incarnation of {name} left: a peer made its number up; give this \
             strategy another name"
        ),
    }
}

/// What to do where there is a journal, and where there is none.
const BRING_BACK: &str =
    "bring the right journal back, or take the positions of the peers with --adopt";
/// See [`BRING_BACK`].
const ADOPT: &str = "take the positions of the peers with --adopt, and give it a directory with \
                     --data, so that it has them itself from then on";

/// What becomes of the trades of a process that stops because another one has its name.
fn lost_text(trades: Trades, has_journal: bool) -> String {
    let Trades { count, may_be_known } = trades;
    if count == 0 {
        return "; this process has taken no trade".to_owned();
    }
    let (trades, are) = trades_text(count);
    let lost = match may_be_known {
        true => format!(
            "of {trades} that this process has taken, what the other one did not take over is in \
             no view"
        ),
        false => format!("{trades} that this process has taken {are} in no view"),
    };
    let journal = match has_journal {
        true => journal_text(count),
        false => "it has no journal: give them to the other one".to_owned(),
    };
    format!("; {lost}; {journal}")
}

/// What becomes of the trades of a process that has traded in a life of its own.
fn aside_text(count: u64, has_journal: bool) -> String {
    if count == 0 {
        return String::new();
    }
    let (trades, are) = trades_text(count);
    let journal = if has_journal { format!("; {}", journal_text(count)) } else { String::new() };
    format!("; {trades} that it has taken {are} not in those positions{journal}")
}

fn trades_text(count: u64) -> (String, &'static str) {
    if count == 1 {
        ("the 1 trade".to_owned(), "is")
    } else {
        (format!("the {count} trades"), "are")
    }
}

fn journal_text(count: u64) -> String {
    let them = if count == 1 { "it" } else { "them" };
    format!("its journal has {them}, as `allot inspect` shows")
}

/// What a peer holds of a strategy.
fn holder_text(name: StrategyName, holder: &Holder, journal: Version) -> String {
    let Holder { peer, through, rows } = holder;
    if *rows == 0 {
        // It said so before it said what it holds.
        return format!("{peer} knows of another life of {name}");
    }
    let noun = if *rows == 1 { "row" } else { "rows" };
    // Its number alone would not say what is wrong.
    let is_beside = through.incarnation.start() <= journal.incarnation.start();
    let life = if is_beside { " of another life" } else { "" };
    format!("{peer} holds {rows} {noun} through version {through}{life}")
}

#[cfg(test)]
mod tests {
    use allot_mesh_rules::Incarnation;

    use super::*;

    #[test]
    fn who_steps_down_says_why_and_what_to_do() {
        let name = |text: &[u8]| StrategyName::new(text).unwrap();
        let taken = StepDown::NameTaken {
            peer: Some(name(b"B")),
            incarnation: Incarnation::new(4, 9),
            address: Address::new("tcp://127.0.0.1:1").unwrap(),
            trades: Some(Trades { count: 3, may_be_known: false }),
        };
        assert_eq!(
            step_down_text(name(b"A"), &taken, true),
            "the name is taken: B says that another process is A at tcp://127.0.0.1:1, \
             incarnation 4; the 3 trades that this process has taken are in no view; its journal \
             has them, as `allot inspect` shows; stop it first, or give this one another name"
        );
        let holder = Holder { peer: name(b"B"), through: Version::new(3, 7), rows: 1 };
        let newer =
            StepDown::NewerRows { holders: vec![holder], journal: Version::ZERO, trades: None };
        assert_eq!(
            step_down_text(name(b"A"), &newer, true),
            "peers hold positions of A that its journal, which is empty, lacks: B holds 1 row \
             through version 3.7; bring the right journal back, or take the positions of the \
             peers with --adopt"
        );
        let beside = StepDown::NewerRows {
            holders: vec![holder],
            journal: Version::new(3, 9),
            trades: Some(2),
        };
        let text = step_down_text(name(b"A"), &beside, true);
        let aside = "through version 3.7 of another life; it had started before it heard of them; \
                     the 2 trades that it has taken are not in those positions; its journal has \
                     them, as `allot inspect` shows; bring";
        assert!(text.contains(aside), "{text}");
        let text = step_down_text(name(b"A"), &beside, false);
        assert!(text.contains("it was started without --data"), "{text}");
    }
}
