"""Sender: messages to the front door, each answered exactly once.

`(source, seq)` identifies a message for ever, so sending one again is always safe: the server
answers the repeat and counts it once. What has no answer is therefore sent again, over a new
connection when nothing was heard for long; and what there was no room for waits and goes again.
"""

from __future__ import annotations

import json
import random
import time
from types import TracebackType
from typing import Dict, Iterable, List, Optional, Tuple, Type

import zmq

from .messages import Answer, Message, encode

FRONT = "tcp://127.0.0.1:9998"

_RESEND_SECONDS = 1.0
_RESEND_SECONDS_MAX = 30.0
_NO_ROOM_SECONDS = 0.01
_NO_ROOM_SECONDS_MAX = 1.0
_SILENCE_SECONDS = 3.0
_SILENCE_SECONDS_MAX = 30.0
_IN_FLIGHT_MAX = 256
_OWED_MAX = 65_536

_NO_ROOM = ("busy", "storage_full")
"""Codes that say nothing of the message: it changed nothing, and is to be sent again later."""

Key = Tuple[str, int]


class Unanswered(TimeoutError):
    """Some messages got no answer in time; they may be sent again under the same numbers."""

    def __init__(self, messages: List[Message], answers: List[Answer]) -> None:
        noun = "message" if len(messages) == 1 else "messages"
        super().__init__(f"{len(messages)} {noun} got no answer; is a server at the endpoint?")
        self.messages = messages
        """The messages without an answer."""
        self.answers = answers
        """The answers of the others."""


class _Pending:
    """A message on its way: when it goes out again, and how patient to be after that."""

    def __init__(self, message: Message, line: bytes) -> None:
        self.message = message
        self.line = line
        self.due = 0.0
        self.resend_seconds = _RESEND_SECONDS
        self.no_room_seconds = _NO_ROOM_SECONDS

    def sent(self, now: float) -> None:
        """It left; without an answer it does so again, later each time."""
        self.due = now + self.resend_seconds
        self.resend_seconds = min(2 * self.resend_seconds, _RESEND_SECONDS_MAX)

    def no_room(self, now: float) -> None:
        """It goes again, later each time; those that were refused together come apart."""
        self.due = now + self.no_room_seconds * random.uniform(0.5, 1.0)
        self.no_room_seconds = min(2 * self.no_room_seconds, _NO_ROOM_SECONDS_MAX)


class Sender:
    """A connection to the front door; use it as a context manager."""

    def __init__(self, endpoint: str = FRONT) -> None:
        self._endpoint = endpoint
        self._owed: Dict[Key, int] = {}
        self._silent_since = 0.0
        self._silence_seconds = _SILENCE_SECONDS
        self._socket = self._connect()
        self.late: List[Answer] = []
        """Answers that followed `held`: the first split came after the fills. One that was lost
        with a connection comes, as a duplicate, when its fill is sent again."""

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
        """Sends messages and returns their answers in the same order, each once.

        Raises `Unanswered` when some have none after `timeout` seconds.
        """
        waiting = [_Pending(message, encode(message)) for message in messages]
        order = [_key(entry) for entry in waiting]
        if len(set(order)) < len(order):
            raise ValueError("two messages have the same source and seq")
        self._forget_answers_to(order)
        waiting.reverse()
        pending: Dict[Key, _Pending] = {}
        answers: Dict[Key, Answer] = {}
        now = time.monotonic()
        deadline = now + timeout
        self._silent_since = now
        while waiting or pending:
            while waiting and len(pending) < _IN_FLIGHT_MAX:
                entry = waiting.pop()
                pending[_key(entry)] = entry
            now = time.monotonic()
            if now > deadline:
                missing = [*pending.values(), *reversed(waiting)]
                answered = [answers[key] for key in order if key in answers]
                raise Unanswered([entry.message for entry in missing], answered)
            if now >= self._silent_since + self._silence_seconds:
                self._connect_anew(pending, now)
            self._wait(self._send_due(pending, now), pending, deadline)
            self._receive(pending, answers)
        return [answers[key] for key in order]

    def _connect(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        # Queue only towards a server that is there, or repeats would pile up for one that is not.
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.connect(self._endpoint)
        return socket

    def _connect_anew(self, pending: Dict[Key, _Pending], now: float) -> None:
        self._socket.close()
        self._socket = self._connect()
        self._owed.clear()
        self._silent_since = now
        self._silence_seconds = min(2 * self._silence_seconds, _SILENCE_SECONDS_MAX)
        for entry in pending.values():
            entry.due = now

    def _forget_answers_to(self, order: List[Key]) -> None:
        """Answers that are still due to a message of the same number must not be taken for ours.

        A rejection frees its number; what was sent again may be answered after the next has it.
        """
        if len(self._owed) > _OWED_MAX or any(key in self._owed for key in order):
            self._connect_anew({}, time.monotonic())
            self._silence_seconds = _SILENCE_SECONDS

    def _send_due(self, pending: Dict[Key, _Pending], now: float) -> bool:
        """Sends what is due; false if the connection takes nothing now."""
        for key, entry in pending.items():
            if entry.due > now:
                continue
            try:
                self._socket.send(entry.line, zmq.DONTWAIT)
            except zmq.Again:
                return False
            entry.sent(now)
            self._owed[key] = self._owed.get(key, 0) + 1
        return True

    def _wait(self, has_sent_all: bool, pending: Dict[Key, _Pending], deadline: float) -> None:
        until = min(deadline, self._silent_since + self._silence_seconds)
        events = zmq.POLLIN
        if has_sent_all:
            until = min(until, *(entry.due for entry in pending.values()))
        else:
            events |= zmq.POLLOUT
        self._socket.poll(int(max(0.0, until - time.monotonic()) * 1000) + 1, events)

    def _receive(self, pending: Dict[Key, _Pending], answers: Dict[Key, Answer]) -> None:
        while True:
            try:
                message = self._socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                return
            now = time.monotonic()
            self._silent_since = now
            self._silence_seconds = _SILENCE_SECONDS
            for line in message.splitlines():
                self._take(json.loads(line), pending, answers, now)

    def _take(
        self,
        answer: Answer,
        pending: Dict[Key, _Pending],
        answers: Dict[Key, Answer],
        now: float,
    ) -> None:
        key = (str(answer.get("source")), int(answer.get("seq", 0)))
        is_late = bool(answer.get("late"))
        if not is_late:
            self._settle(key)
        entry = pending.get(key)
        if entry is None:
            if is_late:
                self.late.append(answer)
        elif answer.get("code") in _NO_ROOM:
            entry.no_room(now)
        else:
            del pending[key]
            answers[key] = answer

    def _settle(self, key: Key) -> None:
        """One answer less is due."""
        owed = self._owed.pop(key, 0)
        if owed > 1:
            self._owed[key] = owed - 1


def _key(entry: _Pending) -> Key:
    return (entry.message.source, entry.message.seq)


def send(
    messages: Iterable[Message], endpoint: str = FRONT, timeout: float = 30.0
) -> List[Answer]:
    """Sends messages over a connection of their own; see `Sender.send`."""
    with Sender(endpoint) as sender:
        return sender.send(messages, timeout)
