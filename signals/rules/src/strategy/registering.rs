//! Registering: how a strategy gets its name at the trader, keeps it, and gives it back.

use core::time::Duration;

use allot_domain::Seq;

use super::{Decided, Refusal, Strategy, StrategyEffect, TraderAnswer, damaged};
use crate::{Attempts, Now, Problem, ProblemKind, Steady, limits};

/// How a strategy stands with the trader.
#[derive(Clone, Debug)]
pub struct Registering {
    stage: Stage,
    attempts: Attempts,
    /// The requests on their way, and when each was sent.
    sent: Vec<(Seq, Steady)>,
    /// When the trader replied last.
    heard: Option<Steady>,
    /// Something is to be told before the next renewal is due.
    hurries: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The trader has not replied yet, or does not know this strategy any more.
    New,
    /// Another instance has the name; tried until this moment, and once after it.
    Taken { until: Steady },
    /// Registered for so long at a time.
    Held { lease: Duration },
    /// It is to stop, and has until this moment to deregister.
    Stopping { until: Steady },
    /// It has stopped, or given up.
    Ended,
}

/// How many requests to the trader are remembered: a reply to an older one is not looked at.
const SENT_MAX: usize = 16;

impl Registering {
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::New,
            attempts: Attempts::new(),
            sent: Vec::new(),
            heard: None,
            hurries: false,
        }
    }

    /// Whether the trader has registered this instance.
    #[must_use]
    pub const fn is_registered(&self) -> bool {
        matches!(self.stage, Stage::Held { .. })
    }

    pub(super) const fn is_ending(&self) -> bool {
        matches!(self.stage, Stage::Stopping { .. } | Stage::Ended)
    }

    /// Renew at once: there is something to tell.
    pub(super) const fn hurry(&mut self) {
        self.hurries = self.is_registered();
    }

    pub(super) fn wake_at(&self) -> Steady {
        match self.stage {
            Stage::Ended => Steady::MAX,
            Stage::Stopping { until } => self.next().min(until),
            _ => self.next(),
        }
    }

    /// When the next request is due: whatever the trader replies, and however often what is to be
    /// told changes, there is a pause after the last one.
    fn next(&self) -> Steady {
        let due = if self.hurries { Steady::new(0) } else { self.attempts.next() };
        let pause = |(_, sent): &(Seq, Steady)| *sent + limits::RETRY_FIRST_LEAST;
        due.max(self.sent.last().map_or(Steady::new(0), pause))
    }

    pub(super) fn unsent(&mut self, now: Now, seq: Seq, pause: Duration) {
        if self.sent.last().is_some_and(|(sent, _)| *sent == seq) {
            self.sent.pop();
            self.attempts.unsent(now.steady, pause);
        }
    }

    fn note(&mut self, seq: Seq, now: Now) {
        if SENT_MAX <= self.sent.len() {
            self.sent.remove(0);
        }
        self.sent.push((seq, now.steady));
    }
}

impl Strategy {
    pub(super) fn tick_registration(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        match self.registering.stage {
            Stage::Ended => {}
            Stage::Stopping { until } if until <= now.steady => {
                let within = limits::STOP_WITHIN.as_secs();
                let why = format!(
                    "the trader did not confirm within {within} s that {} is deregistered; \
                     deregister it by hand",
                    self.settings.name
                );
                self.end(StrategyEffect::GiveUp(why), out);
            }
            Stage::Stopping { .. } => self.send_when_due(now, StrategyEffect::Deregister, out),
            _ => {
                self.look_for_the_trader(now);
                self.send_when_due(now, StrategyEffect::Register, out);
            }
        }
    }

    /// Names the trader where it has been silent for a lease, or for a period before the first.
    fn look_for_the_trader(&mut self, now: Now) {
        let patience = match self.registering.stage {
            Stage::Held { lease } => lease,
            _ => self.settings.schedule.length() / 2,
        };
        let heard = *self.registering.heard.get_or_insert(now.steady);
        if patience < now.steady - heard {
            let reason = "the trader does not reply";
            Problem::set(&mut self.trader, ProblemKind::Missing, now.unix, reason);
        }
    }

    fn send_when_due(
        &mut self,
        now: Now,
        effect: fn(Seq) -> StrategyEffect,
        out: &mut Vec<StrategyEffect>,
    ) {
        if now.steady < self.registering.next() {
            return;
        }
        self.registering.hurries = false;
        let (first, _) = self.pauses();
        let longest = match self.registering.stage {
            // A third of the lease: two renewals may be lost.
            Stage::Held { lease } => lease / 3,
            _ => self.longest_pause(),
        };
        let seq = self.next_seq();
        let salt = self.settings.name.hash_with(seq.get());
        self.registering.attempts.sent(now.steady, first.min(longest), longest, salt);
        self.registering.note(seq, now);
        out.push(effect(seq));
    }

    /// Between two requests, while it is not registered.
    fn longest_pause(&self) -> Duration {
        (self.settings.schedule.length() / 4).min(limits::RETRY_FIRST_MOST)
    }

    /// The trader has replied to a request.
    pub fn trader_reply(
        &mut self,
        now: Now,
        seq: Seq,
        answer: TraderAnswer,
        out: &mut Vec<StrategyEffect>,
    ) {
        let registration = self.registering.sent.iter().find(|(sent, _)| *sent == seq).copied();
        let submits = |round: &super::Round| round.submitted_as.contains(&seq);
        let is_submission = self.round.as_ref().is_some_and(submits);
        if registration.is_none() && !is_submission {
            return;
        }
        let before = self.registering.heard.replace(now.steady);
        // With no lease it would renew without a pause, and with an endless one never.
        let least = self.settings.schedule.lease_least();
        let bound = |lease: Duration| lease.clamp(least, limits::LEASE_MOST);
        match answer {
            TraderAnswer::Registered(lease, decided) if registration.is_some() => {
                self.registered(now, bound(lease), decided, out);
            }
            TraderAnswer::Taken(who, lease) => {
                if let Some((_, sent)) = registration {
                    let silence = before.map_or(Duration::ZERO, |heard| now.steady - heard);
                    self.taken(now, sent, silence, who, bound(lease), out);
                }
            }
            TraderAnswer::Accepted(period) => self.accepted(period, out),
            TraderAnswer::Deregistered
                if matches!(self.registering.stage, Stage::Stopping { .. }) =>
            {
                self.end(StrategyEffect::Stopped, out);
            }
            TraderAnswer::Refused(refusal) => self.refused(now, is_submission, &refusal, out),
            TraderAnswer::Registered(..) | TraderAnswer::Deregistered => {}
        }
        self.tick(now, out);
    }

    /// The trader has replied what cannot be read.
    pub fn damaged_answer(&mut self, now: Now, why: &str, out: &mut Vec<StrategyEffect>) {
        self.registering.heard = Some(now.steady);
        Problem::set(&mut self.trader, ProblemKind::Refused, now.unix, damaged(why));
        self.tick(now, out);
    }

    fn registered(
        &mut self,
        now: Now,
        lease: Duration,
        decided: Option<crate::Period>,
        out: &mut Vec<StrategyEffect>,
    ) {
        if self.registering.is_ending() {
            return;
        }
        if !self.registering.is_registered() {
            out.push(StrategyEffect::Registered);
        }
        (self.trader, self.clock) = (None, None);
        self.registering.stage = Stage::Held { lease };
        self.registering.attempts = Attempts::new();
        // A third of the lease: two renewals may be lost.
        self.registering.attempts.wait_until(now.steady + lease / 3);
        if let Some(round) = &mut self.round
            && round.is_submitted
            && decided.is_none_or(|decided| decided < round.period)
        {
            // The trader has forgotten the decision: it was restarted.
            round.is_submitted = false;
            round.submission = Attempts::new();
        }
    }

    fn taken(
        &mut self,
        now: Now,
        sent: Steady,
        silence: Duration,
        who: String,
        lease: Duration,
        out: &mut Vec<StrategyEffect>,
    ) {
        // A trader that was started again gives a whole lease to whoever had the name: so there are
        // two, and another one after each silence, in which it may have been started again.
        let pause = self.longest_pause();
        match self.registering.stage {
            Stage::Taken { until } if 2 * pause < silence => {
                self.registering.stage = Stage::Taken { until: until.max(now.steady + lease) };
            }
            Stage::Taken { until } if until < sent => {
                self.end(StrategyEffect::GiveUp(who), out);
            }
            Stage::Taken { .. } | Stage::Stopping { .. } | Stage::Ended => {}
            Stage::New | Stage::Held { .. } => {
                self.registering.stage = Stage::Taken { until: now.steady + 2 * (lease + pause) };
                out.push(StrategyEffect::Taken(who));
            }
        }
    }

    fn accepted(&mut self, period: crate::Period, out: &mut Vec<StrategyEffect>) {
        let Some(round) = self.round.as_mut().filter(|round| round.period == period) else {
            return;
        };
        let Decided::Value(value) = round.decided else { return };
        (self.trader, self.clock) = (None, None);
        if !core::mem::replace(&mut round.is_submitted, true)
            && self.last.is_none_or(|(last, _)| last != period)
        {
            self.last = Some((period, value));
            out.push(StrategyEffect::Submitted(period, value));
            // The status shows what the decision was made of.
            self.registering.hurry();
        }
    }

    fn refused(
        &mut self,
        now: Now,
        is_submission: bool,
        refusal: &Refusal,
        out: &mut Vec<StrategyEffect>,
    ) {
        let Refusal { code, reason } = refusal;
        match code.as_str() {
            // The next attempt comes by itself.
            "busy" | "too_early" => {}
            "not_registered" | "name_taken" if !self.registering.is_ending() => {
                // Only what was registered registers anew at once: who is refused waits.
                if self.registering.is_registered() {
                    self.registering.stage = Stage::New;
                    self.registering.attempts = Attempts::new();
                }
            }
            "not_registered" => self.end(StrategyEffect::Stopped, out),
            "name_taken" => self.end(StrategyEffect::GiveUp(reason.clone()), out),
            "clock_off" => {
                Problem::set(&mut self.clock, ProblemKind::ClockOff, now.unix, reason.clone());
            }
            _ => {
                Problem::set(&mut self.trader, ProblemKind::Refused, now.unix, reason.clone());
                if let Some(round) = self.round.as_mut().filter(|_| is_submission) {
                    round.is_submitted = true;
                }
            }
        }
    }

    /// It is to stop: it deregisters, and ends when that is confirmed.
    pub fn stop(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        match self.registering.stage {
            Stage::Stopping { .. } | Stage::Ended => {}
            // Where a request to register is on its way, the trader may have registered it.
            Stage::New | Stage::Taken { .. } if self.registering.sent.is_empty() => {
                self.end(StrategyEffect::Stopped, out);
            }
            _ => {
                let until = now.steady + limits::STOP_WITHIN;
                self.registering.stage = Stage::Stopping { until };
                self.registering.attempts = Attempts::new();
                self.tick(now, out);
            }
        }
    }

    fn end(&mut self, effect: StrategyEffect, out: &mut Vec<StrategyEffect>) {
        self.registering.stage = Stage::Ended;
        out.push(effect);
    }
}
