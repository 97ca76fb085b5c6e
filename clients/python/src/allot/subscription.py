"""Subscription: the positions and fills that the publisher publishes.

One object reads them in three ways: `for update in subscription`, `async for update in
subscription`, and `subscription.add_callback(function)`.

A heartbeat each second tells a feed that has nothing to say from one that is gone. After a silence
the connection is made anew, and whatever the feed lost meanwhile is had from the front door.
"""

from __future__ import annotations

import json
import logging
import socket as sockets
import threading
import time
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Type

import zmq

from . import names, timeouts
from .connection import PROBE_SECONDS, Probe, ProtocolError, open_socket
from .follower import Follower, fills_topic
from .history import History
from .messages import whole
from .pump import Pump
from .update import Gap, Reconnection, Update

PUBLISH = "tcp://127.0.0.1:9999"

_HEARTBEAT = "heartbeat:"
_SILENCE_SECONDS_MAX = 60.0
_NOBODY_SECONDS = 5.0
"""After this time without anything a subscriber that waits without a limit is warned."""

_LOG = logging.getLogger("allot")


class Subscription:
    """Reads the topics that begin with one of `topics`; JSON topics only. See `subscribe`."""

    def __init__(
        self,
        topics: Iterable[str] = ("positions:json",),
        endpoint: str = PUBLISH,
        timeout: Optional[float] = None,
        *,
        front: Optional[str] = None,
        key: Optional[str] = None,
        publish_key: Optional[str] = None,
        on_gap: Optional[Callable[[Gap], None]] = None,
        on_reconnect: Optional[Callable[[Reconnection], None]] = None,
        start: Optional[Mapping[str, int]] = None,
        repair_timeout: float = 30.0,
        heartbeat_timeout: float = 5.0,
    ) -> None:
        self._topics = names.topics(topics)
        self._endpoint = names.endpoint(endpoint)
        self._publish_key = publish_key
        self._timeout = self._given = timeouts.timeout_or_none(timeout)
        """What is left of the time that was given, and that."""
        self._on_reconnect = on_reconnect
        self._pulse = _Pulse(timeouts.heartbeat_timeout(heartbeat_timeout))
        repair_timeout = timeouts.timeout(repair_timeout, "repair_timeout")
        if start and front is None:
            raise ValueError("start needs front: what came before is asked for at the front door")
        if front is not None:
            front = names.endpoint(front)
        self._history = None if front is None else History(front, repair_timeout, key)
        self._follower = Follower(self._topics, self._history, on_gap)
        self._start = dict(_checked(start or {}, self._follower))
        """The tickers that have not begun yet, each with its first number."""
        self._due = self._begin()
        """What the last message brought."""
        self._probe: Optional[Probe] = None
        self._probe_ends = 0.0
        self._found = ""
        self._is_closed = False
        self._turn = threading.Lock()
        """Whoever reads has it."""
        self._pump: Optional[Pump] = None
        self._caller: Optional[_Caller] = None
        self._wake_read, self._wake_write = sockets.socketpair()
        self._socket = self._connect()

    def __iter__(self) -> Iterator[Update]:
        return self

    def __next__(self) -> Update:
        """The next update. Raises `TimeoutError` if there is none for `timeout` seconds; one may
        go on afterwards."""
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("a subscription is read by one thread at a time; make another one")
        try:
            update = self._next()
        finally:
            if self._is_closed:
                self._release()
            self._turn.release()
        if update is None:
            raise StopIteration
        return update

    def within(self, seconds: float) -> None:
        """From now on an update is waited for so long."""
        self._timeout = max(0.0, seconds)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Update:
        if self._pump is None or self._pump.is_over:
            self._pump = Pump(self)
        return await self._pump.next()

    def add_callback(self, callback: Callable[[Update], None]) -> None:
        """Calls a function with every update, on a thread of its own, until `close`. What it
        raises ends that, and is logged, and raised by `join`."""
        if self._caller is None:
            self._caller = _Caller(self)
        self._caller.add(callback)

    def join(self, timeout: Optional[float] = None) -> None:
        """Waits until the callbacks have ended; raises what ended them."""
        timeout = timeouts.timeout_or_none(timeout)
        if self._caller is None:
            raise RuntimeError("there is no callback to wait for; see add_callback")
        self._caller.join(timeout)

    def close(self) -> None:
        """Ends the subscription. Any thread may do so: whoever waits for an update stops."""
        self._is_closed = True
        try:
            self._wake_write.send(b"\0")
        except OSError:
            return
        # Whoever reads releases it at the end of the turn.
        if self._turn.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._turn.release()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self.close()

    def _begin(self) -> Iterator[Update]:
        while self._start:
            ticker, first = next(iter(self._start.items()))
            yield from self._follower.begin(ticker, first)
            del self._start[ticker]

    def _connect(self) -> zmq.Socket[bytes]:
        socket = open_socket(zmq.SUB, self._endpoint, self._publish_key)
        for topic in self._topics:
            socket.subscribe(topic)
        socket.subscribe(_HEARTBEAT)
        return socket

    def _release(self) -> None:
        for wake in (self._wake_read, self._wake_write):
            wake.close()
        self._socket.close()
        if self._history is not None:
            self._history.close()
        self._end_probe()

    def _next(self) -> Optional[Update]:
        """The next update; none if the subscription is closed."""
        begin = time.monotonic()
        deadline = None if self._timeout is None else begin + self._timeout
        if self._history is not None:
            self._history.until = deadline
        while not self._is_closed:
            update = next(self._due, None)
            if update is not None:
                self._end_probe()
                return update
            if self._start:
                # The front door did not reply, which was raised: it is asked again.
                self._due = self._begin()
                continue
            frames = self._receive()
            if frames is not None:
                self._due = self._read(frames)
            elif deadline is not None and deadline <= time.monotonic():
                raise TimeoutError(self._silence())
            else:
                self._wait(begin, deadline)
            # Messages that bring nothing do not put the end off.
            if frames is not None and deadline is not None and deadline <= time.monotonic():
                update = next(self._due, None)
                if update is None:
                    raise TimeoutError(self._silence())
                return update
        return None

    def _receive(self) -> Optional[List[bytes]]:
        try:
            return self._socket.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            return None

    def _wait(self, begin: float, deadline: Optional[float]) -> None:
        """Waits for a message, and does what a silence asks for."""
        now = time.monotonic()
        ends = [self._pulse.ends_at(), self._probe_at(begin, deadline)]
        ends += [] if deadline is None else [deadline]
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        until = min(ends)
        milliseconds = None if until == float("inf") else int(max(0.0, until - now) * 1000) + 1
        if poller.poll(milliseconds):
            return
        now = time.monotonic()
        if self._pulse.ends_at() <= now:
            self._socket.close()
            self._socket = self._connect()
            self._pulse.lose(now)
        if self._probe_at(begin, deadline) <= now:
            self._ask_why(now, deadline)

    def _read(self, frames: List[bytes]) -> Iterator[Update]:
        """What a message brings."""
        now = time.monotonic()
        if len(frames) != 3 or not frames[2].startswith(b"{"):
            self._pulse.heard(now)
            return iter(())
        sequence = int.from_bytes(frames[1], "big")
        topic, body, publisher = _read(frames)
        reconnection = None
        if topic == _HEARTBEAT:
            reconnection = self._pulse.beat(now, sequence, publisher)
        else:
            self._pulse.heard(now)
        return self._updates(topic, sequence, body, reconnection)

    def _updates(
        self, topic: str, sequence: int, body: Dict[str, Any], broken: Optional[_Break]
    ) -> Iterator[Update]:
        if broken is not None:
            yield from self._follower.catch_up()
            if self._on_reconnect is not None:
                told = Reconnection(
                    self._endpoint, broken.silent_seconds, broken.publisher, broken.restarted
                )
                self._on_reconnect(told)
        if topic != _HEARTBEAT or self._follower.follows(topic):
            yield from self._follower.take(topic, sequence, body)

    def _probe_at(self, begin: float, deadline: Optional[float]) -> float:
        """When to find out why nothing was ever heard, and when that is over."""
        if self._pulse.was_heard or self._found:
            return float("inf")
        if self._probe is not None:
            return self._probe_ends
        wait = _NOBODY_SECONDS
        return begin + (wait if deadline is None else min(wait, (deadline - begin) / 2))

    def _ask_why(self, now: float, deadline: Optional[float]) -> None:
        if self._probe is None:
            self._probe = Probe(zmq.SUB, self._endpoint, self._publish_key)
            self._probe_ends = now + PROBE_SECONDS
            return
        self._end_probe()
        if deadline is None:
            _LOG.warning("nothing is heard yet: %s", self._found)

    def _end_probe(self) -> None:
        if self._probe is not None:
            self._found = self._probe.finding()
            self._probe.close()
            self._probe = None

    def _silence(self) -> str:
        """Why there was no update."""
        what = ", ".join(self._topics)
        text = f"nothing of {what} was published for {self._given} s"
        ago = self._pulse.beat_ago(time.monotonic())
        if ago is not None:
            return f"{text}; the publisher's last heartbeat was {ago:.1f} s ago"
        self._end_probe()
        found, self._found = self._found, ""
        return f"{text}: {found}" if found else text


def _read(frames: List[bytes]) -> Tuple[str, Dict[str, Any], int]:
    """The topic and the body of a publication, and the publisher of a heartbeat."""
    try:
        body = json.loads(frames[2])
        sequences = body.get("sequences", {})
        if any(type(count) is not int for count in sequences.values()):
            raise ValueError("a number of outcomes is no number")
        return frames[0].decode(), body, int(body.get("publisher", 0))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError("a publication", frames[2], error) from error


class _Break:
    """An interruption of the feed."""

    def __init__(self, silent_seconds: float, publisher: int, restarted: bool) -> None:
        self.silent_seconds = silent_seconds
        self.publisher = publisher
        self.restarted = restarted


class _Pulse:
    """Whether the publisher is there, by its heartbeats. A server without any is not judged."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._patience = timeout
        self._heard_at: Optional[float] = None
        self._waits_since = 0.0
        self._beat_at: Optional[float] = None
        self._sequence = 0
        self._publisher = 0
        self._is_lost = False

    @property
    def was_heard(self) -> bool:
        return self._heard_at is not None

    def heard(self, now: float) -> None:
        self._heard_at = self._waits_since = now

    def beat(self, now: float, sequence: int, publisher: int) -> Optional[_Break]:
        """A heartbeat; it tells of an interruption that is over."""
        silent_since = self._beat_at
        restarted = self._beat_at is not None and publisher != self._publisher
        is_after_break = self._beat_at is not None and (
            restarted or self._is_lost or sequence > self._sequence + 1
        )
        self.heard(now)
        self._beat_at = now
        self._sequence, self._publisher = sequence, publisher
        self._is_lost = False
        self._patience = self._timeout
        if not is_after_break or silent_since is None:
            return None
        return _Break(now - silent_since, publisher, restarted)

    def ends_at(self) -> float:
        """When the connection is given up."""
        return float("inf") if self._beat_at is None else self._waits_since + self._patience

    def lose(self, now: float) -> None:
        """It was given up: the next one gets more time."""
        self._is_lost = True
        self._waits_since = now
        self._patience = min(2 * self._patience, _SILENCE_SECONDS_MAX)

    def beat_ago(self, now: float) -> Optional[float]:
        return None if self._beat_at is None else now - self._beat_at


class _Caller:
    """The thread that calls the callbacks of a subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._callbacks: List[Callable[[Update], None]] = []
        self._failure: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name="allot-callbacks", daemon=True)

    def add(self, callback: Callable[[Update], None]) -> None:
        self._callbacks.append(callback)
        if not self._thread.is_alive():
            self._thread.start()

    def join(self, timeout: Optional[float]) -> None:
        self._thread.join(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        if self._failure is not None:
            raise self._failure
        if self._thread.is_alive():
            text = f"the callbacks have not ended within {timeout} s; close() ends them"
            raise TimeoutError(text)

    def _run(self) -> None:
        try:
            for update in self._subscription:
                for callback in list(self._callbacks):
                    callback(update)
        except BaseException as failure:
            self._failure = failure
            _LOG.error("a subscription has ended: %s", failure, exc_info=True)
            self._subscription.close()


def _checked(start: Mapping[str, int], follower: Follower) -> Mapping[str, int]:
    for ticker in start:
        if not follower.follows(fills_topic(names.ticker(ticker))):
            raise ValueError(f"start names {ticker!r}, and no topic is that of its fills")
    return {ticker: whole("start", first, 1) for ticker, first in start.items()}


def subscribe(
    topics: Iterable[str] = ("positions:json",),
    endpoint: str = PUBLISH,
    timeout: Optional[float] = None,
    *,
    front: Optional[str] = None,
    key: Optional[str] = None,
    publish_key: Optional[str] = None,
    on_gap: Optional[Callable[[Gap], None]] = None,
    on_reconnect: Optional[Callable[[Reconnection], None]] = None,
    start: Optional[Mapping[str, int]] = None,
    repair_timeout: float = 30.0,
    heartbeat_timeout: float = 5.0,
) -> Subscription:
    """Subscribes to the topics that begin with one of `topics`; JSON topics only.

    The subscription begins now. A subscriber gets the last positions at once. A repeated sequence
    number is a repeated value, published for a new subscriber; it is not yielded again.

    With `front`, the endpoint of the front door, outcomes of `fills:` topics that were lost are
    had again, and yielded in order, each once; `key` is the front door's public key, if it
    encrypts, and `publish_key` that of the feed. `start` names for some tickers the number of the
    outcome to begin with; the others begin with the first that arrives, or after the first report.
    `on_gap` is called with each gap, once it is repaired, or cannot be. What `start` asks for is no
    gap, up to the first outcome that the feed has, unless it is no longer kept. A repair takes
    `repair_timeout` seconds at most.

    If the publisher's heartbeats stay away for `heartbeat_timeout` seconds, the connection is made
    anew. `on_reconnect` is called when the feed is there again after any interruption, and after
    what was lost in it was had from the front door. It is not called for one before the first
    heartbeat: until then it is not known whether the server sends any.

    Raises `ValueError` for a topic on which nothing is published. Each wait for an update raises
    `TimeoutError` if there is none for `timeout` seconds, repairs included, and the first one
    `NoReply` if the front door does not reply when it is asked for `start`.
    """
    return Subscription(
        topics,
        endpoint,
        timeout,
        front=front,
        key=key,
        publish_key=publish_key,
        on_gap=on_gap,
        on_reconnect=on_reconnect,
        start=start,
        repair_timeout=repair_timeout,
        heartbeat_timeout=heartbeat_timeout,
    )
