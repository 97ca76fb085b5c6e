"""Sender: messages to the front door, each answered exactly once.

`(source, seq)` identifies a message for ever, so sending one again is always safe: the server
answers the repeat and counts it once.
"""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Dict, Iterable, List, Optional, Tuple, Type

import zmq

from .messages import Answer, Message, encode

FRONT = "tcp://127.0.0.1:9998"

_RESEND_AFTER_SECONDS = 1.0
_BUSY_BACKOFF_SECONDS = 0.02
_BUSY_BACKOFF_SECONDS_MAX = 1.0
_IN_FLIGHT_MAX = 256

Key = Tuple[str, int]


class Unanswered(TimeoutError):
    """Some messages got no answer in time; they may be sent again under the same numbers."""

    def __init__(self, messages: List[Message], answers: List[Answer]) -> None:
        super().__init__(f"{len(messages)} messages got no answer; is a server at the endpoint?")
        self.messages = messages
        """The messages without an answer."""
        self.answers = answers
        """The answers of the others."""


class _Pending:
    """A message on its way: when to send it next, and how patient to be after that."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.due = 0.0
        self.busy_backoff = _BUSY_BACKOFF_SECONDS


class Sender:
    """A connection to the front door; use it as a context manager."""

    def __init__(self, endpoint: str = FRONT) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(endpoint)
        self.late: List[Answer] = []
        """Answers that followed `held`: the first split came after the fills."""

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def send(self, messages: Iterable[Message], timeout: float = 30.0) -> List[Answer]:
        """Sends messages and returns their answers in the same order.

        Raises `Unanswered` when some have none after `timeout` seconds.
        """
        waiting = list(messages)
        order = [(message.source, message.seq) for message in waiting]
        if len(set(order)) < len(order):
            raise ValueError("two messages have the same source and seq")
        waiting.reverse()
        pending: Dict[Key, _Pending] = {}
        answers: Dict[Key, Answer] = {}
        deadline = time.monotonic() + timeout
        while waiting or pending:
            while waiting and len(pending) < _IN_FLIGHT_MAX:
                message = waiting.pop()
                pending[(message.source, message.seq)] = _Pending(message)
            now = time.monotonic()
            if now > deadline:
                missing = [entry.message for entry in pending.values()] + waiting[::-1]
                raise Unanswered(missing, [answers[key] for key in order if key in answers])
            self._send_due(pending, now)
            next_due = min(entry.due for entry in pending.values())
            self._receive(pending, answers, max(0.0, min(next_due, deadline) - now))
        return [answers[key] for key in order]

    def _send_due(self, pending: Dict[Key, _Pending], now: float) -> None:
        for entry in pending.values():
            if entry.due > now:
                continue
            try:
                self._socket.send(encode(entry.message), zmq.DONTWAIT)
            except zmq.Again:
                return
            entry.due = now + _RESEND_AFTER_SECONDS

    def _receive(
        self, pending: Dict[Key, _Pending], answers: Dict[Key, Answer], seconds: float
    ) -> None:
        if not self._socket.poll(int(seconds * 1000) + 1):
            return
        for line in self._socket.recv().splitlines():
            answer: Answer = json.loads(line)
            key = (str(answer.get("source")), int(answer.get("seq", 0)))
            if answer.get("late"):
                self.late.append(answer)
            elif answer.get("code") == "busy" and key in pending:
                entry = pending[key]
                entry.due = time.monotonic() + entry.busy_backoff
                entry.busy_backoff = min(2 * entry.busy_backoff, _BUSY_BACKOFF_SECONDS_MAX)
            elif pending.pop(key, None) is not None:
                answers[key] = answer


def send(
    messages: Iterable[Message], endpoint: str = FRONT, timeout: float = 30.0
) -> List[Answer]:
    """Sends messages over a connection of their own; see `Sender.send`."""
    with Sender(endpoint) as sender:
        return sender.send(messages, timeout)
