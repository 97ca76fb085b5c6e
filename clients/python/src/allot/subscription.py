"""Subscription: the positions and fills that the publisher publishes.

The number of an outcome on `fills:` is its ticker's own count: a number that is not the next shows
exactly what was lost, and the `sequences` of a report show it too where no other follows. What was
lost is asked for at the front door, and yielded where it belongs.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional

import zmq

from .history import History, Missing
from .messages import whole

PUBLISH = "tcp://127.0.0.1:9999"

_FILLS = "fills:json:"


@dataclass(frozen=True)
class Update:
    """One message of one topic."""

    topic: str
    sequence: int
    body: Dict[str, Any]
    """The JSON object."""
    missed: int
    """How many messages of this topic were lost before this one, and could not be had again."""
    replayed: bool = False
    """Whether it is from the front door: it was asked for with `start`, or the feed lost it."""

    @property
    def ledger(self) -> Optional[str]:
        """The ledger that a report or a heartbeat is of: another id is another firm, or one that
        was begun anew. None in fills, and where the server keeps its state in memory only."""
        ledger = self.body.get("ledger")
        return None if ledger is None else str(ledger)


@dataclass(frozen=True)
class Gap:
    """Outcomes of one ticker that the feed lost: the numbers from `first` to `last`."""

    topic: str
    first: int
    last: int
    repaired: bool
    """Whether they were had again; if not, they are counted in `missed` of the next update."""
    reason: str
    """Why not; empty where they were."""


def subscribe(
    topics: Iterable[str] = ("positions:json",),
    endpoint: str = PUBLISH,
    timeout: Optional[float] = None,
    *,
    front: Optional[str] = None,
    on_gap: Optional[Callable[[Gap], None]] = None,
    start: Optional[Mapping[str, int]] = None,
    repair_timeout: float = 30.0,
) -> Iterator[Update]:
    """Yields the updates of topics that begin with one of `topics`; JSON topics only.

    A subscriber gets the last positions at once. A repeated sequence number is a repeated value,
    published for a new subscriber; it is not yielded again.

    With `front`, the endpoint of the front door, outcomes of `fills:` topics that were lost are
    had again, and yielded in order, each once. `start` names for some tickers the number of the
    outcome to begin with; the others begin with the first that arrives, or after the first report.
    `on_gap` is called with each gap, once it is repaired, or cannot be. What `start` asks for is no
    gap, up to the first outcome that the feed has, unless it is no longer kept.

    Raises `TimeoutError` if nothing is yielded for `timeout` seconds, `ValueError` for a topic
    that holds no JSON, and `NoReply` if the front door does not reply when it is asked for `start`.
    """
    topics = list(topics)
    for topic in topics:
        if ":bin" in topic:
            raise ValueError(f"{topic!r} is a binary topic; subscribe to its JSON, with :json")
    if start and front is None:
        raise ValueError("start needs front: what came before is asked for at the front door")
    history = None if front is None else History(front, repair_timeout)
    follower = _Follower(topics, history, on_gap)
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(endpoint)
        for topic in topics:
            socket.subscribe(topic)
        for ticker, first in (start or {}).items():
            yield from follower.begin(ticker, whole("start", first, 1))
        yield from _updates(socket, follower, timeout)
    finally:
        socket.close()
        if history is not None:
            history.close()


def _updates(
    socket: zmq.Socket[bytes], follower: _Follower, timeout: Optional[float]
) -> Iterator[Update]:
    waits_until = _deadline(timeout)
    while True:
        if waits_until is not None:
            left = max(0, int((waits_until - time.monotonic()) * 1000))
            if not socket.poll(left):
                raise TimeoutError(f"nothing was published for {timeout} s")
        frames = socket.recv_multipart()
        if len(frames) != 3 or not frames[2].startswith(b"{"):
            continue
        topic, sequence = frames[0].decode(), int.from_bytes(frames[1], "big")
        for update in follower.take(topic, sequence, json.loads(frames[2])):
            yield update
            waits_until = _deadline(timeout)


class _Follower:
    """What is known of each topic, and what comes of the next message."""

    def __init__(
        self,
        prefixes: List[str],
        history: Optional[History],
        on_gap: Optional[Callable[[Gap], None]],
    ) -> None:
        self._prefixes = prefixes
        self._history = history
        self._on_gap = on_gap
        self._last: Dict[str, int] = {}
        self._missed: Dict[str, int] = {}
        """What was lost since the last update of a topic."""
        self._ahead: Dict[str, int] = {}
        """How far the history is ahead of the feed, for topics that the feed did not begin yet."""
        self._has_report = False

    def begin(self, ticker: str, first: int) -> Iterator[Update]:
        """Begins a ticker with this number: yields what there is."""
        topic = fills_topic(ticker)
        if not self._follows(topic):
            raise ValueError(f"start names {ticker!r}, and no topic is that of its fills")
        self._last[topic] = first - 1
        self._ahead[topic] = first - 1
        yield from self._repair(topic, first, None)
        self._ahead[topic] = self._last[topic]

    def take(self, topic: str, sequence: int, body: Dict[str, Any]) -> Iterator[Update]:
        """Yields a message, unless it is known, after what was lost before it."""
        before = self._last.get(topic)
        if before == sequence:
            return
        if topic.startswith(_FILLS):
            if sequence <= self._ahead.get(topic, 0):
                return
            # A lower number is that of a shard that has lost its state.
            if before is not None and sequence > before + 1:
                yield from self._repair(topic, before + 1, sequence - 1)
            self._ahead.pop(topic, None)
        else:
            if topic == "positions:json":
                yield from self._compare(body)
            # The count of a state begins anew when a publisher has restarted.
            if before is not None and sequence > before:
                self._missed[topic] = sequence - before - 1
        self._last[topic] = sequence
        yield Update(topic, sequence, body, self._missed.pop(topic, 0))

    def _compare(self, report: Dict[str, Any]) -> Iterator[Update]:
        """Yields what a report contains and the feed has lost: it was published before it."""
        for ticker, count in report.get("sequences", {}).items():
            topic = fills_topic(ticker)
            if not self._follows(topic):
                continue
            if topic not in self._last:
                # What came before the first report is in it. Without a history the report may be
                # older than the subscription, and nothing is known to be lost.
                if self._history is None:
                    continue
                self._last[topic] = 0 if self._has_report else count
            if self._last[topic] < count:
                yield from self._repair(topic, self._last[topic] + 1, count)
                self._last[topic] = count
        self._has_report = True

    def _follows(self, topic: str) -> bool:
        return any(topic.startswith(prefix) for prefix in self._prefixes)

    def _repair(self, topic: str, first: int, last: Optional[int]) -> Iterator[Update]:
        """Yields lost outcomes, and tells of those that it cannot yield."""
        if self._history is None:
            self._lose(topic, Missing(first, last or first, "no front door was given"))
            return
        number = begin = first
        while last is None or number <= last:
            try:
                outcomes = self._history.outcomes(_ticker(topic), number, last)
                for number, body in outcomes:
                    self._last[topic] = number
                    yield Update(topic, number, body, self._missed.pop(topic, 0), replayed=True)
                    number += 1
                break
            except Missing as missing:
                self._tell_repaired(topic, begin, missing.first - 1)
                self._lose(topic, missing)
                number = begin = missing.last + 1
                self._last[topic] = missing.last
        self._tell_repaired(topic, begin, number - 1)

    def _tell_repaired(self, topic: str, first: int, last: int) -> None:
        # Until the feed begins, what is had from the front door was asked for there.
        if self._on_gap is not None and first <= last and topic not in self._ahead:
            self._on_gap(Gap(topic, first, last, True, ""))

    def _lose(self, topic: str, missing: Missing) -> None:
        count = missing.last - missing.first + 1
        self._missed[topic] = self._missed.get(topic, 0) + count
        if self._on_gap is not None:
            self._on_gap(Gap(topic, missing.first, missing.last, False, str(missing)))


def fills_topic(ticker: str) -> str:
    """The topic of the fills of a ticker, in JSON."""
    return f"{_FILLS}{ticker.replace('%', '%25').replace(':', '%3A')}:"


def _ticker(topic: str) -> str:
    return topic[len(_FILLS) : -1].replace("%3A", ":").replace("%25", "%")


def _deadline(timeout: Optional[float]) -> Optional[float]:
    return None if timeout is None else time.monotonic() + timeout
