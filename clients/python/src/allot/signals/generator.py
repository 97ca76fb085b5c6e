"""Generator: one signal a period from a function of yours, and replies to whoever asks for it."""

from __future__ import annotations

import logging
from collections import OrderedDict
from functools import partial
from typing import Callable, List, NamedTuple, Optional, Tuple

import zmq

from . import messages
from .messages import Json, Problem
from .problem_log import ProblemLog
from .requests import Ask, Client, Refused, Reply, read
from .schedule import MILLISECOND, Now, Period, Schedule
from .wakeup import StopOnSignal, Wakeup
from .worker import Made, Worker

_LOG = logging.getLogger("allot.signals")

_KEPT_MAX = 8_192
"""Requests that are kept until the signal is there, of about 200 bytes each."""

_MADE_MAX = 16
"""Signals that are remembered: a clock that is set back must not give a period a second one."""

_HIGH_WATER = 1_024
"""Replies that may wait for one client."""

_MESSAGES_PER_TURN = 64

Make = Callable[[Period], object]
Listener = Callable[[Json], None]


class _Kept(NamedTuple):
    """A request that waits for the signal of its period."""

    client: Client
    ask: Ask
    received: int


class Generator:
    """Calls `make` once a period, on a thread of its own, and serves what it returns.

    The first call is for the period after the start: a run before may have made another signal of
    this one. Anything that it raises is the reason why there is no signal in the period.
    """

    def __init__(
        self,
        make: Make,
        *,
        name: str,
        listen: str,
        schedule: Optional[Schedule] = None,
        on_event: Optional[Listener] = None,
    ) -> None:
        self._make = make
        self.name = messages.check_name(name)
        self.schedule = schedule or Schedule.of()
        self._tell = on_event or (lambda _event: None)
        self._wakeup = Wakeup()
        self._worker = Worker(self._wakeup)
        self._stops = False
        self._period = -1
        self._started_in: Optional[int] = None
        self._asked = False
        self._failure: Optional[str] = None
        self._made: OrderedDict[int, float] = OrderedDict()
        self._kept: List[_Kept] = []
        self._problem_log = ProblemLog()
        self.problem: Optional[Problem] = None
        """What is wrong with it."""
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, 2 * messages.MESSAGE_MAX)
        self._socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        self._socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        # Otherwise a reply to a client that does not read is dropped, and the send succeeds.
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        try:
            self._socket.bind(messages.endpoint(listen))
        except BaseException:
            self.close()
            raise
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        """Where strategies connect."""

    def stop(self) -> None:
        """Ends `run`, from any thread."""
        self._stops = True
        self._wakeup.wake()

    def close(self) -> None:
        """Frees what an agent holds that was not run."""
        self._socket.close()
        self._worker.close()
        self._wakeup.close()

    def run(self) -> None:
        """Makes signals until `stop`, SIGINT or SIGTERM."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wakeup.fileno(), zmq.POLLIN)
        try:
            with StopOnSignal(self.stop) as stopper:
                self._tell({"type": "listening", "name": self.name, "listen": self.endpoint})
                while not self._stops:
                    now = Now.read()
                    self._tick(now)
                    sleep = max(0, self._wake_at(now) - now.steady)
                    # Rounded up, or the last millisecond would be spent in turns that do nothing.
                    ready = dict(poller.poll(-(-sleep // MILLISECOND)))
                    if self._wakeup.fileno() in ready:
                        self._wakeup.clear()
                    if self._socket in ready:
                        self._take()
                _LOG.info(stopper.notice)
        finally:
            self.close()

    def _wake_at(self, now: Now) -> int:
        wake_at = min(
            self.schedule.look_again(now),
            now.until(self.schedule.start_of(self._period + 1)),
        )
        if not self._asked:
            begin = self.schedule.begin_of(self._period, self.name)
            wake_at = min(wake_at, now.until(begin))
        late_at = self._worker.wake_at()
        return wake_at if late_at is None else min(wake_at, late_at)

    def _tick(self, now: Now) -> None:
        made = self._worker.poll(now.steady)
        if made is not None:
            self._take_made(now, made)
        period = self.schedule.period_at(now.unix)
        if period != self._period:
            self._begin(now, period)
        if not self._asked and self.schedule.begin_of(period, self.name) <= now.unix:
            self._asked = True
            shown, until = self.schedule.shown(period), self.schedule.may_run_until(now, period)
            failed = self._worker.start(period, partial(self._make, shown), now.steady, until)
            if failed is not None:
                self._take_made(now, failed)

    def _begin(self, now: Now, period: int) -> None:
        if self._asked and self._failure is None and self._period not in self._made:
            self._fail(now, f"the function made no signal within period {self._period}")
        if self._started_in is None:
            self._started_in = period
        self._period, self._failure = period, None
        self._asked = period in self._made
        if period == self._started_in and not self._asked:
            # A run before may have made a signal of this period that differs.
            self._asked = True
            self._failure = (
                f"the generator started in period {period}, and its first signal is of the next one"
            )
        over = [kept for kept in self._kept if kept.ask.period < period]
        self._kept = [kept for kept in self._kept if period <= kept.ask.period]
        for kept in over:
            self._reject(kept.client, kept.ask, kept.received, self._stale(kept.ask))
        self._serve_kept()

    def _take_made(self, now: Now, made: Made) -> None:
        if made.period != self._period or not self._asked or made.period in self._made:
            return
        if made.value is None:
            self._failure = made.reason
            self._fail(now, made.reason)
        else:
            self._made[made.period] = made.value
            while _MADE_MAX < len(self._made):
                self._made.popitem(last=False)
            self._tell(
                {"type": "signal", "name": self.name, "period": made.period, "value": made.value}
            )
            self._set_problem(now, None)
        self._serve_kept()

    def _fail(self, now: Now, reason: str) -> None:
        self._set_problem(now, messages.problem(self.problem, "no_data", now.unix, reason))

    def _set_problem(self, now: Now, problem: Optional[Problem]) -> None:
        """Says what is wrong, when that has changed."""
        if self.problem == problem:
            return
        self.problem = problem
        named = [] if problem is None else [(self.name, problem)]
        self._problem_log.change(now.unix, named)
        self._tell(messages.problems(named))

    def _serve_kept(self) -> None:
        """Replies to the requests whose signal is there."""
        if self._answer(self._period) is None:
            return
        ready = [kept for kept in self._kept if kept.ask.period == self._period]
        self._kept = [kept for kept in self._kept if kept.ask.period != self._period]
        for kept in ready:
            self._reply_now(kept.client, kept.ask, kept.received)

    def _answer(self, period: int) -> Optional[Tuple[Optional[float], str]]:
        """The signal of the current period, or why there is none; nothing where it is not there."""
        if period in self._made:
            return self._made[period], ""
        return None if self._failure is None else (None, self._failure)

    def _take(self) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            now = Now.read()
            client, requests = read(frames)
            for request in requests:
                if isinstance(request, Ask):
                    self._ask(now, client, request)
                else:
                    at = Ask(request.source, request.seq, 0, 0)
                    self._reject(client, at, now.unix, request)

    def _ask(self, now: Now, client: Client, ask: Ask) -> None:
        refused = self._judge(ask)
        if refused is not None:
            self._reject(client, ask, now.unix, refused)
        elif ask.period == self._period and self._answer(ask.period) is not None:
            self._reply_now(client, ask, now.unix)
        elif _KEPT_MAX <= len(self._kept):
            busy = Refused("busy", "too many requests wait already; ask again later")
            self._reject(client, ask, now.unix, busy)
        else:
            self._kept.append(_Kept(client, ask, now.unix))
            if not client.is_req:
                # A REQ takes one reply, and waits for that.
                self._reply(client, ask, now.unix, "held", None)

    def _judge(self, ask: Ask) -> Optional[Refused]:
        ours = self.schedule.length_ms
        if ask.length_ms != ours:
            what = f"the period is {ask.length_ms} ms there and {ours} ms here; give both the same"
            return Refused("period_mismatch", what)
        if ask.period < self._period:
            return self._stale(ask)
        # The asker's clock may be a little ahead: its period begins here in a moment.
        if self._period + 1 < ask.period:
            what = f"period {ask.period} has not begun; it is period {self._period} here"
            return Refused("too_early", what)
        return None

    def _stale(self, ask: Ask) -> Refused:
        what = f"period {ask.period} is over; it is period {self._period} here"
        return Refused("stale", what)

    def _reply_now(self, client: Client, ask: Ask, received: int) -> None:
        number, reason = self._answer(ask.period) or (None, "")
        if number is None:
            why = messages.cut(f"there is no signal in this period: {reason}", 1_024)
            refused = Refused("no_signal", why)
            if ask.period == self._started_in:
                refused = Refused("just_started", reason)
            self._reject(client, ask, received, refused)
        else:
            self._reply(client, ask, received, "signal", number)

    def _reply(
        self, client: Client, ask: Ask, received: int, kind: str, number: Optional[float]
    ) -> None:
        sent = Now.read().unix
        self._send(
            client,
            Reply(kind, ask.source, ask.seq, received, sent, self.name, ask.period, number),
        )

    def _reject(self, client: Client, ask: Ask, received: int, refused: Refused) -> None:
        code, reason = refused.code, refused.reason
        reply = Reply(
            "rejected", ask.source, ask.seq, received, received, code=code, reason=reason
        )
        self._send(client, reply)

    def _send(self, client: Client, reply: Reply) -> None:
        frames = [client.identity, *([b""] if client.is_req else [])]
        try:
            self._socket.send_multipart([*frames, reply.encode(client.is_binary)], zmq.NOBLOCK)
        except zmq.Again:
            _LOG.warning("%s: a client does not read its replies; they are dropped", self.name)
            self._forget(client)
        except zmq.ZMQError:
            self._forget(client)  # It has gone.

    def _forget(self, client: Client) -> None:
        self._kept = [kept for kept in self._kept if kept.client.identity != client.identity]
