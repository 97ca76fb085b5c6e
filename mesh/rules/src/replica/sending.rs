//! Sending: each link gets what its peer lacks when it has room.
//!
//! Nothing queues. What a slow peer lacks is read off the rows when it has read what was sent
//! before: the latest row of each symbol, however often it has changed meanwhile.

use super::Replica;
use super::link::Link;
use crate::{Delta, Effect, LinkId, Message, StrategyName, Version, limits};

impl Replica {
    /// Sends what is due on every link that has room.
    pub(super) fn send_due(&mut self, out: &mut Vec<Effect>) {
        while let Some(id) = self.to_serve.pop_first() {
            if self.links.get(&id).is_some_and(Link::has_due) {
                self.send_deltas(id, out);
            }
        }
    }

    /// A peer lacks rows of an owner after a version.
    pub(super) fn owe(&mut self, id: LinkId, owner: StrategyName, after: Version) {
        if let Some(link) = self.links.get_mut(&id) {
            link.owe(owner, after);
            self.to_serve.insert(id);
        }
    }

    fn send_deltas(&mut self, id: LinkId, out: &mut Vec<Effect>) {
        let link = self.links.get_mut(&id).expect("it is one of them");
        let rows_max = self.settings.delta_rows.clamp(1, limits::DELTA_ROWS_MAX);
        let mut sent = 0;
        while sent < limits::DELTAS_A_TURN
            && let Some(owner) = link.next_due()
        {
            let rows = self.view.get(&owner);
            let after = link.cursors.get(&owner).copied().unwrap_or_default();
            let Some(rows) = rows.filter(|rows| after < rows.through()) else {
                link.is_served(&owner);
                continue;
            };
            let delta = rows.delta(owner, after, rows_max);
            link.cursors.insert(owner, delta.through);
            if rows.through() <= delta.through {
                link.is_served(&owner);
            }
            let conflated = conflated(&delta, &self.settings.name);
            link.conflated += conflated;
            self.counters.conflated += conflated;
            out.push(Effect::Send(id, Message::Delta(delta)));
            sent += 1;
        }
        link.has_room = sent == 0;
    }
}

/// How many of its own changes left as one with a later change of the same row.
fn conflated(delta: &Delta, me: &StrategyName) -> u64 {
    let Delta { owner, after, through, rows, .. } = delta;
    if owner != me || after.incarnation != through.incarnation {
        return 0;
    }
    let changes = through.sequence.get() - after.sequence.get();
    changes.saturating_sub(u64::try_from(rows.len()).expect("rows are bounded"))
}
