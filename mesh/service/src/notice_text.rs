//! Notice text: what a replica notices, as lines of the log; and why it steps down.

use allot_mesh_rules::{Holder, Notice, StepDown, StrategyName};

/// Logs a notice of a peer that knew of another one at its start, or of none.
pub(crate) fn log(notice: &Notice, knew_others: bool) {
    match notice {
        Notice::Alone if !knew_others => {
            tracing::info!("this strategy starts alone: it connects to nobody");
        }
        Notice::Alone => tracing::warn!(
            "no peer answered: this strategy starts alone; peers that come later may hold newer \
             positions of its name, and then it stops"
        ),
        Notice::Unanswered(names) => {
            tracing::warn!("started without an answer of {}, which others call alive", list(names))
        }
        Notice::Adopted { rows, through } => {
            tracing::warn!(rows, %through, "took the positions of this strategy from its peers");
        }
        Notice::Joined(name, address, incarnation) => {
            tracing::info!(%name, %address, %incarnation, "joined");
        }
        Notice::Away(name) => {
            tracing::warn!(%name, "is away; its positions stay as they were last heard");
        }
        Notice::Back(name) => tracing::info!(%name, "is back"),
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
        Notice::Superseded { owner, rows, adopted, through } => tracing::error!(
            %owner, rows, %adopted, %through,
            "the strategy lost its disk and took its positions from peers that had older ones: \
             check them against its broker"
        ),
        Notice::MovedOn(incarnation) => tracing::warn!(
            %incarnation,
            "another process had this name and incarnation; it stops, and this one goes on"
        ),
        Notice::Full(what) => {
            tracing::error!("{what} beyond their bound are not kept; docs/MESH.md has the bounds");
        }
    }
}

fn list(names: &[StrategyName]) -> String {
    names.iter().map(StrategyName::as_str).collect::<Vec<_>>().join(", ")
}

/// Why a peer of this name stops, and what to do.
#[must_use]
pub fn step_down_text(name: StrategyName, reason: &StepDown) -> String {
    match reason {
        StepDown::NameTaken { peer, incarnation, address } => {
            let who = peer.map_or_else(String::new, |peer| format!("{peer} says that "));
            format!(
                "the name is taken: {who}another process is {name} at {address}, incarnation \
                 {incarnation}; stop it first, or give this one another name"
            )
        }
        StepDown::NewerRows { holders, journal, had_started } => {
            let list: Vec<_> = holders
                .iter()
                .map(|Holder { peer, through, rows }| {
                    if *rows == 0 {
                        // It said so before it said what it holds.
                        return format!("{peer} knows of another life of {name}");
                    }
                    let noun = if *rows == 1 { "row" } else { "rows" };
                    format!("{peer} holds {rows} {noun} through version {through}")
                })
                .collect();
            let list = list.join(", ");
            let when = if *had_started { "; it had started before it heard of them" } else { "" };
            format!(
                "peers hold newer positions of {name} than its journal, which ends at version \
                 {journal}: {list}{when}; give it its own --data directory, or take the positions \
                 of the peers with --adopt"
            )
        }
        StepDown::NoIncarnationLeft => format!(
            "there is no incarnation of {name} left: a peer made its number up; give this \
             strategy another name"
        ),
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::Incarnation;
    use allot_mesh_rules::{Address, Version};

    use super::*;

    #[test]
    fn who_steps_down_says_why_and_what_to_do() {
        let name = |text: &[u8]| StrategyName::new(text).unwrap();
        let taken = StepDown::NameTaken {
            peer: Some(name(b"B")),
            incarnation: Incarnation::new(4),
            address: Address::new("tcp://127.0.0.1:1").unwrap(),
        };
        assert_eq!(
            step_down_text(name(b"A"), &taken),
            "the name is taken: B says that another process is A at tcp://127.0.0.1:1, \
             incarnation 4; stop it first, or give this one another name"
        );
        let holder = Holder { peer: name(b"B"), through: Version::new(3, 7), rows: 1 };
        let newer = StepDown::NewerRows {
            holders: vec![holder],
            journal: Version::ZERO,
            had_started: false,
        };
        assert_eq!(
            step_down_text(name(b"A"), &newer),
            "peers hold newer positions of A than its journal, which ends at version 0.0: B holds \
             1 row through version 3.7; give it its own --data directory, or take the positions \
             of the peers with --adopt"
        );
    }
}
