"""Subscription: the positions and fills that the publisher publishes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, Optional

import zmq

PUBLISH = "tcp://127.0.0.1:9999"


@dataclass(frozen=True)
class Update:
    """One message of one topic."""

    topic: str
    sequence: int
    body: Dict[str, Any]
    """The JSON object."""
    missed: int
    """How many messages of this topic were lost before this one."""

    @property
    def ledger(self) -> Optional[str]:
        """The ledger that a report or a heartbeat is of: another id is another firm, or one that
        was begun anew. None in fills, and where the server keeps its state in memory only."""
        ledger = self.body.get("ledger")
        return None if ledger is None else str(ledger)


def subscribe(
    topics: Iterable[str] = ("positions:json",),
    endpoint: str = PUBLISH,
    timeout: Optional[float] = None,
) -> Iterator[Update]:
    """Yields the updates of topics that begin with one of `topics`; JSON topics only.

    A subscriber gets the last positions at once. A repeated sequence number is a repeated value,
    published for a new subscriber; it is not yielded again.
    Raises `TimeoutError` if nothing is yielded for `timeout` seconds, and `ValueError` for a topic
    that holds no JSON.
    """
    topics = list(topics)
    for topic in topics:
        if ":bin" in topic:
            raise ValueError(f"{topic!r} is a binary topic; subscribe to its JSON, with :json")
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(endpoint)
        for topic in topics:
            socket.subscribe(topic)
        yield from _updates(socket, timeout)
    finally:
        socket.close()


def _updates(socket: zmq.Socket[bytes], timeout: Optional[float]) -> Iterator[Update]:
    last: Dict[str, int] = {}
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
        before = last.get(topic)
        if before == sequence:
            continue
        # The last value of a state is sent again, and its count begins anew, when a publisher has
        # restarted. The fills of a ticker count on: a gap is a gap.
        missed = sequence - before - 1 if before is not None and sequence > before else 0
        last[topic] = sequence
        yield Update(topic, sequence, json.loads(frames[2]), missed)
        waits_until = _deadline(timeout)


def _deadline(timeout: Optional[float]) -> Optional[float]:
    return None if timeout is None else time.monotonic() + timeout
