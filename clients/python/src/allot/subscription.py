"""Subscription: the positions and fills that the publisher publishes."""

from __future__ import annotations

import json
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


def subscribe(
    topics: Iterable[str] = ("positions:json",),
    endpoint: str = PUBLISH,
    timeout: Optional[float] = None,
) -> Iterator[Update]:
    """Yields the updates of topics that begin with one of `topics`; JSON topics only.

    A subscriber gets the last positions at once. A repeated sequence number is a repeated value,
    published for a new subscriber; it is not yielded again.
    Raises `TimeoutError` if nothing arrives for `timeout` seconds.
    """
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
    while True:
        if timeout is not None and not socket.poll(int(timeout * 1000)):
            raise TimeoutError(f"nothing was published for {timeout} s")
        frames = socket.recv_multipart()
        if len(frames) != 3 or not frames[2].startswith(b"{"):
            continue
        topic, sequence = frames[0].decode(), int.from_bytes(frames[1], "big")
        before = last.get(topic)
        if before == sequence:
            continue
        # A publisher that restarts counts from 1 again. Nothing is known to be lost then.
        missed = sequence - before - 1 if before is not None and sequence > before else 0
        last[topic] = sequence
        yield Update(topic, sequence, json.loads(frames[2]), missed)
