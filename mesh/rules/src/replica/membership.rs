//! Membership: whom a replica knows, as they say themselves and as others tell.

use super::Replica;
use crate::members::{Known, Standing};
use crate::{
    Address, Effect, Incarnation, Instance, LinkId, Member, NameTaken, Notice, Now, Phase, Steady,
    StrategyName, Unix, limits,
};

/// How a member came to be known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// It has said hello itself.
    pub(super) is_met: bool,
    /// Whoever told it hears it.
    pub(super) is_alive: bool,
}

/// When a member was heard last, by the wall clock; now, if it never was.
pub(super) fn last_heard(now: Now, heard: Option<Steady>) -> Unix {
    let age = heard.map_or(0, |heard| now.steady.get().saturating_sub(heard.get()));
    Unix::new(now.unix.get().saturating_sub(age))
}

impl Replica {
    /// Gives up a member of whom others only told, or else one that is away and has no rows here,
    /// so that one who is there has room. Whose rows are here is one for ever.
    pub(super) fn forget_a_member(&mut self, out: &mut Vec<Effect>) -> bool {
        let is_idle = |name: &StrategyName| {
            let has_rows = self.view.get(name).is_some_and(|rows| rows.len() != 0);
            !has_rows && !self.peers.contains_key(name)
        };
        let idle = self.members.iter().filter(|(name, _)| is_idle(name));
        let least = idle.min_by_key(|(_, known)| (known.is_met, known.heard));
        let Some((name, address)) = least.map(|(name, known)| (*name, known.address.clone()))
        else {
            return false;
        };
        self.members.forget(&name);
        out.push(Effect::Notice(Notice::Forgotten(name)));
        if self.dials.forget(&address) {
            out.push(Effect::Forget(address));
        }
        true
    }

    /// A process has a name from here on; one that had it before goes.
    pub(super) fn take_member(
        &mut self,
        now: Now,
        name: StrategyName,
        address: &Address,
        (incarnation, instance): (Incarnation, Instance),
        told: Told,
        out: &mut Vec<Effect>,
    ) {
        let before = self.members.get(&name).cloned();
        if let Some(before) = before.as_ref().filter(|before| before.address != *address)
            && self.dials.forget(&before.address)
        {
            out.push(Effect::Forget(before.address.clone()));
        }
        self.dials.want(address);
        let same = before.as_ref().filter(|before| before.instance == instance);
        let was_told_joined = same.is_some_and(|same| same.is_told_joined);
        if told.is_alive && !was_told_joined {
            out.push(Effect::Notice(Notice::Joined(name, address.clone(), incarnation)));
        }
        let known = Known {
            address: address.clone(),
            incarnation,
            instance,
            is_met: told.is_met || before.as_ref().is_some_and(|before| before.is_met),
            heard: before.as_ref().and_then(|before| before.heard),
            away_since: match &before {
                Some(before) => before.away_since,
                None => Some(now.unix),
            },
            tell_away_at: before.as_ref().and_then(|before| before.tell_away_at),
            is_told_joined: was_told_joined || told.is_alive,
            // That it has joined says that it is there.
            is_told_away: before
                .as_ref()
                .is_some_and(|before| before.is_told_away && (was_told_joined || !told.is_alive)),
        };
        self.members.set(name, known);
        self.turn_out(now, name, instance, out);
    }

    /// Whom it knows, itself among them.
    pub(super) fn member_list(&self, now: Now) -> Vec<Member> {
        let ago = |heard: Option<Steady>| {
            heard.map_or(core::time::Duration::MAX, |heard| now.steady - heard)
        };
        let own = self.running().map(|incarnation| Member {
            name: self.settings.name,
            address: self.settings.address.clone(),
            incarnation,
            instance: self.settings.instance,
            is_alive: true,
            heard: core::time::Duration::ZERO,
        });
        // Who has given its name up says who has it.
        let stays = self.leaving.as_ref().map(|leaving| &leaving.stays);
        let own = own.map(|own| match stays {
            Some(stays) => Member {
                address: stays.address.clone(),
                incarnation: stays.incarnation,
                instance: stays.instance,
                ..own
            },
            None => own,
        });
        let others = self.members.iter().map(|(name, known)| Member {
            name: *name,
            address: known.address.clone(),
            incarnation: known.incarnation,
            instance: known.instance,
            is_alive: self.peers.contains_key(name),
            heard: ago(known.heard),
        });
        own.into_iter().chain(others).collect()
    }

    pub(super) fn hear_members(
        &mut self,
        now: Now,
        id: LinkId,
        list: Vec<Member>,
        out: &mut Vec<Effect>,
    ) {
        let is_bad = |member: &Member| {
            !member.incarnation.is_believable() || member.instance == Instance::ZERO
        };
        if limits::MEMBERS_MAX < list.len() || list.iter().any(is_bad) {
            self.counters.bad_messages += 1;
            return;
        }
        for member in list {
            if member.name == self.settings.name {
                let Member { incarnation, instance, address, is_alive, heard, .. } = member;
                self.join.see(incarnation);
                if self.running().is_some() {
                    let taken = NameTaken { incarnation, instance, address, is_alive, heard };
                    self.hear_of_namesake(now, id, &taken, out);
                }
            } else {
                self.hear_of_member(now, &member, out);
            }
            if self.phase == Phase::Down {
                return;
            }
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.has_members = true;
        }
    }

    fn hear_of_member(&mut self, now: Now, member: &Member, out: &mut Vec<Effect>) {
        let Member { name, ref address, incarnation, instance, is_alive, heard } = *member;
        if !self.members.has_room_for(&name) {
            self.say_full("members", out);
            return;
        }
        if is_alive && self.phase == Phase::Joining {
            self.join.name_alive(name);
        }
        let standing = self.members.standing(&name, incarnation, instance);
        if matches!(standing, Standing::New | Standing::Later) {
            let told = Told { is_met: false, is_alive };
            self.take_member(now, name, address, (incarnation, instance), told, out);
        }
        let is_linked = self.peers.contains_key(&name);
        let known = self.members.get_mut(&name).expect("it is known");
        if known.instance == instance && heard != core::time::Duration::MAX {
            let age = u64::try_from(heard.as_nanos()).unwrap_or(u64::MAX);
            let heard = Steady::new(now.steady.get().saturating_sub(age));
            known.heard = known.heard.max(Some(heard));
        }
        if is_linked {
            return;
        }
        known.away_since = Some(last_heard(now, known.heard));
        if !known.is_told_away && known.tell_away_at.is_none() {
            // One that others hear may be reached soon, or not at all.
            let silence = self.settings.heartbeat * limits::SILENT_BEATS;
            let wait = if is_alive { silence } else { limits::AWAY_TOLD_AFTER };
            self.members.tell_away_at(&name, now.steady + wait);
        }
    }
}
