"""Strategy: asks its generators for the signals of a period, decides with a function of yours, and
tells the trader.

No signal of a generator, no decision: the trader is told which generator, and why.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

import zmq

from . import messages
from .attempts import Attempts
from .messages import Json, Problem, Report, Signal
from .peer import Peer
from .problem_log import ProblemLog
from .registration import NameTaken, NotConfirmed, Registration, Stage
from .schedule import MILLISECOND, Now, Period, Schedule, hash_with
from .wakeup import StopOnSignal, Wakeup
from .worker import Made, Worker

__all__ = ["NameTaken", "NotConfirmed", "Strategy"]

_LOG = logging.getLogger("allot.signals")

_AGAIN = ("busy", "too_early")
"""Codes after which the next attempt comes by itself."""

Decide = Callable[[Period, List[Signal]], object]
Listener = Callable[[Json], None]


class _Slot:
    """What a strategy has of one generator in one period."""

    def __init__(self) -> None:
        self.value: Optional[float] = None
        self.attempts = Attempts()
        self.sent: Dict[int, int] = {}
        """When each request was sent, by its number."""
        self.is_held = False
        self.is_refused = False
        """There is none in this period."""
        self.just_started: Optional[str] = None
        """Because it has started in it, and how it says so: named at the deadline, if then."""
        self.is_clock_off = False


class _Round:
    """One period of a strategy."""

    def __init__(self, period: int, count: int, patient_until: int, is_first: bool) -> None:
        self.period = period
        self.is_first = is_first
        """The strategy has started in it."""
        self.slots = [_Slot() for _ in range(count)]
        self.patient_until = patient_until
        """Nobody is missing before: a strategy that starts late in a period is patient."""
        self.is_asked = False
        """The function was called."""
        self.decision: Optional[float] = None
        self.submission = Attempts()
        self.submitted_as: Set[int] = set()
        self.is_submitted = False
        """The trader has the decision, or will not have it."""
        self.is_reported = False
        """Whoever is missing was named."""


class Strategy:
    """Calls `decide` once a period, on a thread of its own, with the signals in the order of the
    generators, and submits what it returns.

    Anything that it raises is the reason why there is no decision in the period.
    """

    def __init__(
        self,
        decide: Decide,
        *,
        name: str,
        trader: str,
        signals: Sequence[str],
        schedule: Optional[Schedule] = None,
        retries: int = 5,
        on_event: Optional[Listener] = None,
    ) -> None:
        addresses = [messages.endpoint_of_another(address) for address in signals]
        if not 1 <= len(addresses) <= messages.GENERATORS_MAX:
            raise ValueError(f"give 1 to {messages.GENERATORS_MAX} addresses of generators")
        if len(set(addresses)) < len(addresses):
            raise ValueError("an address of a generator is given twice; give each once")
        trader_at = messages.endpoint_of_another(trader)
        self._decide = decide
        self.name = messages.check_name(name)
        self.schedule = schedule or Schedule.of()
        self._retries = retries
        self._tell = on_event or (lambda _event: None)
        self._seq = 0
        self._round: Optional[_Round] = None
        self._reports = [Report(address) for address in addresses]
        self._own: Optional[Problem] = None
        self._trader_problem: Optional[Problem] = None
        self._told: List[Tuple[str, str, str]] = []
        self._problem_log = ProblemLog()
        self._was_registered = False
        self._last = -1
        self._stop_wanted = False
        instance = time.time_ns()
        self._registration = Registration(self.name, instance, self.schedule)
        self._wakeup = Wakeup()
        self._worker = Worker(self._wakeup)
        self._trader = Peer(trader_at)
        self._generators = [Peer(address) for address in addresses]

    def stop(self) -> None:
        """Has it deregister and end, from any thread."""
        self._stop_wanted = True
        self._wakeup.wake()

    def close(self) -> None:
        """Frees what an agent holds that was not run."""
        for peer in [self._trader, *self._generators]:
            peer.close()
        self._worker.close()
        self._wakeup.close()

    def run(self) -> None:
        """Decides until `stop`, SIGINT or SIGTERM, and deregisters.

        Raises `NameTaken` if another instance has the name for longer than a lease, and
        `NotConfirmed` if the trader does not confirm in time that it is deregistered.
        """
        try:
            with StopOnSignal(self.stop) as stopper:
                self._tell({"type": "ready", "name": self.name})
                while self._registration.stage is not Stage.ENDED:
                    if self._stop_wanted and not self._registration.is_ending:
                        _LOG.info(stopper.notice)
                    self._turn()
        finally:
            self.close()
        if self._registration.failure is not None:
            raise self._registration.failure
        if self._was_registered:
            self._tell({"type": "deregistered", "name": self.name})

    def _turn(self) -> None:
        now = Now.read()
        if self._stop_wanted:
            self._registration.stop(now.steady)
        made = self._worker.poll(now.steady)
        if made is not None:
            self._take_made(now, made)
        self._tick(now)
        self._sleep(now)
        now = Now.read()
        for at, peer in enumerate(self._generators):
            for reply in peer.receive():
                self._guard(peer, partial(self._take_signal, now, at, reply))
        for reply in self._trader.receive():
            self._guard(self._trader, partial(self._take_answer, now, reply))
        for peer in [self._trader, *self._generators]:
            peer.check(now.steady)

    def _guard(self, peer: Peer, take: Callable[[], None]) -> None:
        """What a reply lacks must not end the strategy."""
        try:
            take()
        except (KeyError, TypeError, ValueError) as error:
            _LOG.warning("%s: a damaged reply of %s: %s", self.name, peer.address, error)

    def _sleep(self, now: Now) -> None:
        poller = zmq.Poller()
        poller.register(self._wakeup.fileno(), zmq.POLLIN)
        for peer in [self._trader, *self._generators]:
            poller.register(peer.socket, zmq.POLLIN)
        sleep = max(0, self._wake_at(now) - now.steady)
        # Rounded up, or the last millisecond would be spent in turns that do nothing.
        if self._wakeup.fileno() in dict(poller.poll(-(-sleep // MILLISECOND))):
            self._wakeup.clear()

    def _wake_at(self, now: Now) -> int:
        moments = [self.schedule.look_again(now), self._registration.wake_at()]
        moments += [peer.silent_at() for peer in [self._trader, *self._generators]]
        late_at = self._worker.wake_at()
        if late_at is not None:
            moments.append(late_at)
        if self._round is None:
            return min(moments)
        moments.append(now.until(self.schedule.start_of(self._round.period + 1)))
        begin = self.schedule.begin_of(self._round.period, self.name)
        if now.unix < begin:
            return min([*moments, now.until(begin)])
        if not self._round.is_reported:
            moments.append(now.until(self._report_at(self._round)))
        moments += [slot.attempts.next for slot in self._round.slots if self._may_ask(slot)]
        if self._may_submit(self._round):
            moments.append(self._round.submission.next)
        return min(moments)

    # The work of a period.

    def _tick(self, now: Now) -> None:
        registration = self._registration
        self._look_for_the_trader(now)
        kind = registration.due(now.steady)
        if kind is not None:
            self._send_registration(now, kind)
        if registration.is_ending:
            return
        period = self.schedule.period_at(now.unix)
        if self._round is None or self._round.period != period:
            if self._round is not None and self._round.patient_until <= now.unix:
                # Otherwise the strategy itself has just started.
                self._miss(now)
            patient_until = now.unix + self.schedule.length // 6
            if self._round is None and self.schedule.report_at(period) < patient_until:
                # Parts are started in any order: one that has just started, too late in a period
                # for its deadline, names nobody in that.
                patient_until = self.schedule.start_of(period + 2)
            is_first = self._round is None
            self._round = _Round(period, len(self._reports), patient_until, is_first)
        if self.schedule.begin_of(period, self.name) <= now.unix:
            self._work(now, self._round)
        self._tell_problems(now)

    def _work(self, now: Now, round_: _Round) -> None:
        if not round_.is_reported and self._report_at(round_) <= now.unix:
            round_.is_reported = True
            self._miss(now)
            self._name_started_again(now, round_)
        for at, slot in enumerate(round_.slots):
            if self._may_ask(slot) and slot.attempts.next <= now.steady:
                self._ask(now, at, slot, round_.period)
        values = [slot.value for slot in round_.slots]
        known = [number for number in values if number is not None]
        if not round_.is_asked and len(known) == len(values):
            round_.is_asked = True
            self._call(now, round_.period, known)
        if self._may_submit(round_) and round_.submission.next <= now.steady:
            self._submit(now, round_)

    def _report_at(self, round_: _Round) -> int:
        return max(self.schedule.report_at(round_.period), round_.patient_until)

    def _may_ask(self, slot: _Slot) -> bool:
        return slot.value is None and not slot.is_refused and slot.attempts.made <= self._retries

    def _may_submit(self, round_: _Round) -> bool:
        return (
            round_.decision is not None
            and not round_.is_submitted
            and self._registration.stage is Stage.HELD
            and round_.submission.made <= self._retries
        )

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _attempt(self, attempts: Attempts, now: Now, seq: int) -> None:
        salt = hash_with(self.name, seq)
        attempts.sent(now.steady, self.schedule.pause_first, self.schedule.pause_longest, salt)

    def _ask(self, now: Now, at: int, slot: _Slot, period: int) -> None:
        seq = self._next_seq()
        fields = {**messages.request("ask", self.name, seq, self.schedule), "period": period}
        self._attempt(slot.attempts, now, seq)
        if self._generators[at].send(now.steady, fields):
            slot.sent[seq] = now.unix
        else:
            slot.attempts.unsent(now.steady, self.schedule.pause_first)

    def _call(self, now: Now, period: int, values: List[float]) -> None:
        pairs = zip(self._reports, values)
        signals = [Signal(report.name, report.address, number) for report, number in pairs]
        shown, until = self.schedule.shown(period), self.schedule.may_run_until(now, period)
        task = partial(self._decide, shown, signals)
        failed = self._worker.start(period, task, now.steady, until)
        if failed is not None:
            self._take_made(now, failed)

    def _take_made(self, now: Now, made: Made) -> None:
        round_ = self._round
        if made.value is None:
            self._own = messages.problem(self._own, "no_data", now.unix, made.reason)
        elif round_ is not None and round_.period == made.period and round_.decision is None:
            round_.decision = made.value
            self._own = None

    def _submit(self, now: Now, round_: _Round) -> None:
        seq = self._next_seq()
        fields = {
            **messages.request("decision", self.name, seq, self.schedule),
            "time": messages.time_text(now.unix),
            "instance": self._registration.instance,
            "period": round_.period,
            "value": round_.decision,
        }
        self._attempt(round_.submission, now, seq)
        if self._trader.send(now.steady, fields):
            round_.submitted_as.add(seq)
        else:
            round_.submission.unsent(now.steady, self.schedule.pause_first)

    def _name_started_again(self, now: Now, round_: _Round) -> None:
        """Names the generators that were started again in this period: a part that has just started
        owes nothing of its first period, and a strategy that has just started itself owes no
        decision of it either."""
        for slot, report in zip(round_.slots, self._reports):
            why = slot.just_started
            if why is not None and slot.value is None and not round_.is_first:
                report.problem = messages.problem(report.problem, "no_data", now.unix, why)

    def _miss(self, now: Now) -> None:
        """Names the generators that have not replied in this period."""
        if self._round is None:
            return
        for slot, report in zip(self._round.slots, self._reports):
            if slot.value is not None or slot.is_refused or slot.is_clock_off:
                continue
            if not slot.sent:
                what = "it could not be reached in"
            else:
                what = "it has made no signal of" if slot.is_held else "it did not reply in"
            reason = f"{what} period {self._round.period}"
            report.problem = messages.problem(report.problem, "missing", now.unix, reason)

    # Replies of generators.

    def _take_signal(self, now: Now, at: int, reply: Json) -> None:
        round_, report = self._round, self._reports[at]
        slot = None if round_ is None else round_.slots[at]
        sent = None if slot is None else slot.sent.get(messages.whole(reply, "seq"))
        if round_ is None or slot is None or sent is None:
            return
        kind = messages.text(reply, "type")
        if kind in ("signal", "held"):
            report.name = messages.check_name(messages.text(reply, "generator"))
        elif kind != "rejected":
            raise ValueError(f"no reply of a generator: {kind}")
        received = messages.read_time(reply.get("time"))
        replied = messages.read_time(reply["sent"]) if "sent" in reply else received
        tolerance = self.schedule.tolerance
        off = messages.clock_off(sent, received, replied, now.unix, tolerance)
        slot.is_clock_off = off is not None
        if off is not None:
            # Asked again: a clock that was set meanwhile gives data in the same period.
            report.problem = messages.problem(report.problem, "clock_off", now.unix, off)
        elif kind == "rejected":
            self._take_refusal(now, slot, report, reply)
        elif messages.whole(reply, "period") != round_.period:
            reason = f"it sent period {reply['period']} for period {round_.period}"
            report.problem = messages.problem(report.problem, "refused", now.unix, reason)
        elif kind == "held":
            slot.is_held = True
            # It will reply by itself; asked again in case the reply is lost.
            again = now.steady + self.schedule.length // 8
            slot.attempts.next = max(slot.attempts.next, again)
        elif slot.value is None:
            # The first one counts: a decision is made of it once.
            slot.value = messages.wire_value(reply.get("value"))
            slot.is_refused = False
            report.period, report.value, report.problem = round_.period, slot.value, None

    def _take_refusal(self, now: Now, slot: _Slot, report: Report, reply: Json) -> None:
        code, reason = messages.text(reply, "code"), messages.text(reply, "reason")
        if code in _AGAIN or slot.value is not None:
            return
        slot.is_refused = True
        if code == "just_started":
            slot.just_started = reason
            return
        kind = "no_data" if code == "no_signal" else "refused"
        report.problem = messages.problem(report.problem, kind, now.unix, reason)

    # The trader.

    def _look_for_the_trader(self, now: Now) -> None:
        if self._registration.is_silent(now.steady):
            reason = "the trader does not reply"
            before = self._trader_problem
            self._trader_problem = messages.problem(before, "missing", now.unix, reason)

    def _send_registration(self, now: Now, kind: str) -> None:
        registration, seq = self._registration, self._next_seq()
        if kind == "register":
            fields = {
                **messages.request("register", self.name, seq, self.schedule),
                "time": messages.time_text(now.unix),
                "instance": registration.instance,
                "generators": [report.fields() for report in self._reports],
            }
            if self._own is not None:
                fields["problem"] = self._own.fields()
        else:
            fields = {"type": kind, "source": self.name, "seq": seq, "name": self.name}
            fields["instance"] = registration.instance
        is_sent = self._trader.send(now.steady, fields)
        registration.sent(now.steady, seq, is_sent, hash_with(self.name, seq))

    def _take_answer(self, now: Now, reply: Json) -> None:
        registration, round_ = self._registration, self._round
        seq, kind = messages.whole(reply, "seq"), messages.text(reply, "type")
        asked_at = registration.asked.get(seq)
        is_submission = round_ is not None and seq in round_.submitted_as
        if asked_at is None and not is_submission:
            return
        silence = 0 if registration.heard is None else now.steady - registration.heard
        registration.heard = now.steady
        if kind == "registered" and asked_at is not None:
            self._take_registered(now, reply)
        elif kind == "taken" and asked_at is not None:
            since = messages.text(reply, "since")
            lease = messages.whole(reply, "lease_ms") * MILLISECOND
            if registration.taken(now.steady, asked_at, silence, since, lease):
                self._tell({"type": "taken", "reason": registration.taken_by})
        elif kind == "accepted":
            self._take_accepted(messages.whole(reply, "period"))
        elif kind == "deregistered":
            registration.deregistered()
        elif kind == "rejected":
            code, reason = messages.text(reply, "code"), messages.text(reply, "reason")
            self._take_rejected(now, code, reason, is_submission)

    def _take_registered(self, now: Now, reply: Json) -> None:
        lease = messages.whole(reply, "lease_ms") * MILLISECOND
        decided = messages.whole(reply, "decided") if "decided" in reply else -1
        if self._registration.registered(now.steady, lease):
            self._was_registered = True
            self._tell({"type": "registered", "name": self.name})
        self._trader_problem = None
        if self._own is not None and self._own.kind == "clock_off":
            self._own = None
        round_ = self._round
        if round_ is not None and round_.is_submitted and decided < round_.period:
            # The trader has forgotten the decision: it was restarted.
            round_.is_submitted, round_.submission = False, Attempts()

    def _take_accepted(self, period: int) -> None:
        round_ = self._round
        if round_ is None or round_.period != period:
            return
        round_.is_submitted = True
        self._trader_problem = None
        if self._last != period:
            self._last = period
            event: Dict[str, Any] = {"type": "submitted", "name": self.name}
            self._tell({**event, "period": period, "value": round_.decision})
            # The status shows what the decision was made of.
            self._registration.hurry()

    def _take_rejected(self, now: Now, code: str, reason: str, is_submission: bool) -> None:
        registration = self._registration
        if code in _AGAIN:
            return
        if code in ("not_registered", "name_taken"):
            registration.lost(code, reason)
        elif code == "clock_off":
            self._own = messages.problem(self._own, "clock_off", now.unix, reason)
        else:
            before = self._trader_problem
            self._trader_problem = messages.problem(before, "refused", now.unix, reason)
            if is_submission and self._round is not None:
                self._round.is_submitted = True

    def _tell_problems(self, now: Now) -> None:
        """Says what is wrong when that has changed: in the log, to the listener, to the trader."""
        # By their addresses: a name comes with the first reply, and is what another may have too.
        addresses = [messages.cut(one.address, messages.ADDRESS_LEN_MAX) for one in self._reports]
        named = [(at, one.problem) for at, one in zip(addresses, self._reports)]
        named += [(self.name, self._own), ("trader", self._trader_problem)]
        problems = [(name, found) for name, found in named if found is not None]
        told = [(name, found.kind, found.gist) for name, found in problems]
        if told == self._told:
            return
        self._told = told
        self._problem_log.change(now.unix, problems)
        self._registration.hurry()
        self._tell(messages.problems(problems))
