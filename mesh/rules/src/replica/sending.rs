//! Sending: each link gets what its peer lacks when it has room.
//!
//! Nothing queues. What a slow peer lacks is read off the rows when it has read what was sent
//! before: the latest row of each symbol, however often it has changed meanwhile.

use super::Replica;
use crate::{Delta, Effect, LinkId, Message, StrategyName, limits};

impl Replica {
    /// Sends what is due on every link that has room.
    pub(super) fn send_due(&mut self, out: &mut Vec<Effect>) {
        let ready: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| link.has_due()).map(|(id, _)| *id).collect();
        for id in ready {
            self.send_deltas(id, out);
        }
    }

    fn send_deltas(&mut self, id: LinkId, out: &mut Vec<Effect>) {
        let link = self.links.get_mut(&id).expect("it is one of them");
        if link.peer.is_none() {
            return;
        }
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
