//! What planted bugs make of messages.

use super::*;

impl World {
    /// The message as it arrives; none where it does not.
    pub(super) fn distort(&self, from: usize, to: usize, message: Message) -> Option<Message> {
        let Some(bug) = self.bug else { return Some(message) };
        let (sender, receiver) = (self.processes[from].name, self.processes[to].name);
        let replica = self.processes[to].replica.as_ref()?;
        let is_joining = replica.phase() == Phase::Joining;
        Some(match (bug, message) {
            (PlantedBug::NeverWants, Message::Want(_)) => return None,
            (PlantedBug::NoSummaries, Message::Summary(_)) => return None,
            (PlantedBug::SharesNames, Message::NameTaken(_)) => return None,
            (PlantedBug::YieldsInSilence, Message::NameYielded(_)) => return None,
            (PlantedBug::SharesNames, Message::Hello(_)) if sender == receiver => return None,
            (PlantedBug::SharesNames, Message::Members(mut members)) => {
                members.retain(|member| member.name != receiver);
                Message::Members(members)
            }
            (PlantedBug::StartsFromZero, Message::Summary(mut summary)) if is_joining => {
                summary.owners.retain(|summary| summary.owner != receiver);
                Message::Summary(summary)
            }
            (PlantedBug::BlindHeartbeats, Message::Heartbeat(mut beat)) => {
                let status = replica.status(self.processes[to].now(self.time));
                beat.view = status.digest;
                if let Some(member) = status.members.iter().find(|member| member.name == sender) {
                    (beat.through, beat.digest) = (member.through, member.digest);
                }
                Message::Heartbeat(beat)
            }
            (bug, Message::Delta(mut delta)) => {
                let is_relayed = delta.owner != sender && delta.owner != receiver;
                match bug {
                    PlantedBug::LosesRows => delta.rows.retain(|row| row.symbol != symbol_of(0)),
                    PlantedBug::ChangesPositions if is_relayed => {
                        for row in &mut delta.rows {
                            row.position = row.position.plus(hundredths(1)).expect("it is small");
                        }
                    }
                    PlantedBug::MixesOwners if is_relayed => {
                        let others = (0..self.cast.names).map(name_of);
                        let mut others = others.filter(|name| ![sender, receiver].contains(name));
                        delta.owner = others.find(|name| *name != delta.owner).unwrap_or(sender);
                    }
                    PlantedBug::AdoptsHalf if is_joining && delta.owner == receiver => {
                        delta.rows.truncate(1);
                    }
                    PlantedBug::StopsForRowsAhead if delta.owner == receiver => {
                        as_if_of_another_life(&mut delta, replica);
                    }
                    PlantedBug::PutsNothingAside => {
                        delta.adopted.take_if(|adopted| adopted.is_aside());
                    }
                    PlantedBug::KnowsEveryLife => {
                        let status = replica.status(self.processes[to].now(self.time));
                        let mut members = status.members.into_iter();
                        let here = members.find(|member| member.name == delta.owner);
                        delta.lives = here.into_iter().map(|member| member.through).collect();
                    }
                    PlantedBug::TrustsWallClocks => {
                        let owner = delta.owner;
                        delta.rows.retain(|row| !is_older(replica, &owner, row));
                    }
                    _ => {}
                }
                Message::Delta(delta)
            }
            (_, message) => message,
        })
    }
}

/// Whether a replica has a row with a later wall clock.
fn is_older(replica: &Replica, owner: &StrategyName, row: &Row) -> bool {
    replica.rows().any(|(other, known)| {
        other == owner && known.symbol == row.symbol && row.updated < known.updated
    })
}

/// An owner sees rows of its incarnation that are ahead of it as those of a life that it has lost.
fn as_if_of_another_life(delta: &mut Delta, replica: &Replica) {
    let last = replica.owned().version();
    let is_ahead = |row: &&mut Row| {
        row.version.incarnation == last.incarnation && last.sequence < row.version.sequence
    };
    for row in delta.rows.iter_mut().filter(is_ahead) {
        row.version.incarnation = last.incarnation.next(Instance::new(6));
        delta.through = delta.through.max(row.version);
    }
}
