"""Sender: delivers messages to the front door, and returns exactly one reply to each.

`(source, seq)` identifies a message for ever, so it is always safe to resend one: the server
replies to the repeat and counts it once. A message without a reply is therefore resent, over a new
connection if the server was silent for too long. A message that the server had no room for is
resent later.

Commands of one user of a desk leave one after the other, for their order matters: the next one when
the one before has its reply. One that waits for a quote is first told so; its reply follows.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections import deque
from types import TracebackType
from typing import (
    Any,
    Deque,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
    cast,
)

import zmq

from . import names, timeouts
from .bodies import Reply
from .connection import PROBE_SECONDS, Probe, ProtocolError, open_socket
from .messages import Command, Message, encode
from .replies import Replies

FRONT = "tcp://127.0.0.1:9998"

_LOG = logging.getLogger("allot")

_RESEND_SECONDS = 1.0
_RESEND_SECONDS_MAX = 30.0
_NO_ROOM_SECONDS = 0.01
_NO_ROOM_SECONDS_MAX = 1.0
_AWAITING_SECONDS = 10.0
_SILENCE_SECONDS = 3.0
_SILENCE_SECONDS_MAX = 30.0
_IN_FLIGHT_MAX = 256
_EXPECTED_MAX = 65_536

_MESSAGES_PER_TURN = 64
"""Messages that are read before the time is looked at again: a server may talk without end."""

_LATE_MAX = 65_536
"""Late replies that are kept; the oldest make room."""

_NO_ROOM = ("busy", "storage_full", "shard_away")
"""Codes that only mean that nothing takes the message now. It changed nothing, and is resent."""

_OF_TRIGGERS = ("fired", "disarmed")
"""Types of replies that tell what became of a trigger, long after it was armed."""

Key = Tuple[str, int]
Body = Dict[str, Any]
"""A reply before it is known whose it is."""


class NoReply(TimeoutError):
    """Some messages had no reply in time. They may be resent with the same sequence numbers."""

    def __init__(
        self,
        messages: List[Message],
        replies: Sequence[Mapping[str, Any]],
        refusal: Optional[Mapping[str, Any]] = None,
        finding: str = "",
    ) -> None:
        noun = "message" if len(messages) == 1 else "messages"
        why = "had no reply; is a server at the endpoint?"
        if refusal is not None:
            why = f"had no reply but {refusal.get('code')}: {refusal.get('reason')}"
        elif finding:
            why = f"had no reply: {finding}"
        super().__init__(f"{len(messages)} {noun} {why}")
        self.refusal = refusal
        """The last reply that only meant that nothing took the message then, if one came."""
        self.messages = messages
        """The messages without a reply."""
        self.replies = cast(List[Reply], list(replies))
        """The replies to the others."""


class _Pending:
    """A message in flight: when it is resent, and how long to wait after that."""

    def __init__(self, message: Message, line: bytes) -> None:
        self.message = message
        self.line = line
        self.due = 0.0
        self.resend_seconds = _RESEND_SECONDS
        self.no_room_seconds = _NO_ROOM_SECONDS
        self.refusal: Optional[Body] = None
        self.next: Optional[_Pending] = None
        """The next command of the same user."""
        self._has_reply = True

    def sent(self, now: float) -> None:
        """It has left. Without a reply it is resent, after a longer wait each time."""
        if not self._has_reply:
            self.refusal = None
        self._has_reply = False
        self.due = now + self.resend_seconds
        self.resend_seconds = min(2 * self.resend_seconds, _RESEND_SECONDS_MAX)

    def awaits(self, now: float) -> None:
        """Its reply is owed. It is resent only in case that got lost."""
        self._has_reply = True
        self.due = now + _AWAITING_SECONDS

    def no_room(self, refusal: Body, now: float) -> None:
        """It is resent, after a longer wait each time. The random part spreads messages that were
        rejected together."""
        self.refusal = refusal
        self._has_reply = True
        self.due = now + self.no_room_seconds * random.uniform(0.5, 1.0)
        self.no_room_seconds = min(2 * self.no_room_seconds, _NO_ROOM_SECONDS_MAX)


class Sender:
    """A connection to the front door; use it as a context manager.

    `key` is the public key of a front door that encrypts, which the server prints as `front-key=`.
    One thread at a time may use it.
    """

    def __init__(self, endpoint: str = FRONT, *, key: Optional[str] = None) -> None:
        self._endpoint = names.endpoint(endpoint)
        self._key = key
        self._expected: Dict[Key, int] = {}
        self._silent_since = 0.0
        self._heard_at = 0.0
        self._silence_seconds = _SILENCE_SECONDS
        self._socket = self._connect()
        self._waiting: Deque[_Pending] = deque()
        self._sources: Set[str] = set()
        """Whose replies are for this sender."""
        self._nameless: Optional[Body] = None
        """A rejection of a message that the server could not read."""
        self.late: List[Reply] = []
        """Replies that followed `held`: the first split came after the fills. One that was lost
        with a connection comes as a duplicate when its fill is resent. Of a desk, what became of
        triggers."""

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

    def check_open(self) -> None:
        """Raises `RuntimeError` if it was closed."""
        if self._socket.closed:
            text = f"the connection to {self._endpoint} is closed; make another one"
            raise RuntimeError(text)

    def send(self, messages: Iterable[Message], timeout: float = 30.0) -> Replies:
        """Sends messages and returns one reply to each, in the same order.

        A rejection is a reply too; `send(…).raise_rejected()` raises `Rejected` for it. Raises
        `NoReply` if some messages have no reply after `timeout` seconds, and `ValueError` or
        `TypeError`, before anything is sent, for a message that none may be.
        """
        return Replies(cast(List[Reply], self.deliver(messages, timeout)))

    def deliver(self, messages: Iterable[Message], timeout: float) -> List[Body]:
        """As `send`; the replies may be those of any system."""
        timeout = timeouts.timeout(timeout)
        self.check_open()
        entries = [_Pending(message, encode(message)) for message in messages]
        order = [_key(entry) for entry in entries]
        if len(set(order)) < len(order):
            raise ValueError("two messages have the same source and seq")
        self._avoid_replies_to_earlier(order)
        self._sources.update(key[0] for key in order)
        self._waiting = _heads(entries)
        now = time.monotonic()
        self._silent_since = now
        self._nameless = None
        replies: Dict[Key, Body] = {}
        probing = _Probing(self._endpoint, self._key, now, now + timeout)
        try:
            self._exchange(replies, now + timeout, probing)
            missing = [entry for entry in entries if _key(entry) not in replies]
            if missing:
                replied = [replies[key] for key in order if key in replies]
                raise self._no_reply(missing, replied, probing)
        finally:
            probing.close()
        return [replies[key] for key in order]

    def _exchange(self, replies: Dict[Key, Body], deadline: float, probing: _Probing) -> None:
        """Sends and receives until every message has its reply, or the time is over."""
        pending: Dict[Key, _Pending] = {}
        while self._waiting or pending:
            while self._waiting and len(pending) < _IN_FLIGHT_MAX:
                entry = self._waiting.popleft()
                pending[_key(entry)] = entry
            now = time.monotonic()
            if now > deadline:
                return
            if now - self._silent_since > self._silence_seconds:
                self._reconnect(pending, now)
            until = probing.next(now, self._heard_at)
            self._wait(self._send_due(pending, now), pending, min(deadline, until))
            self._receive(pending, replies)

    def _no_reply(
        self, missing: List[_Pending], replied: List[Body], probing: _Probing
    ) -> NoReply:
        refusals = [entry.refusal for entry in missing if entry.refusal is not None]
        refusal = refusals[-1] if refusals else self._nameless
        messages = [entry.message for entry in missing]
        return NoReply(messages, replied, refusal, probing.finding())

    def listen(self, deadline: float) -> bool:
        """Takes what comes by itself until this time of the monotonic clock; false if nothing
        comes any more."""
        self.check_open()
        left = max(0.0, deadline - time.monotonic())
        has_some = self._socket.poll(None if left == float("inf") else int(left * 1000)) != 0
        self._receive({}, {})
        return has_some

    def _connect(self) -> zmq.Socket[bytes]:
        # Queue only for a server that is connected, or repeats would pile up for one that is not.
        return open_socket(zmq.DEALER, self._endpoint, self._key, {zmq.IMMEDIATE: 1})

    def _reconnect(self, pending: Dict[Key, _Pending], now: float) -> None:
        self._socket.close()
        self._socket = self._connect()
        self._expected.clear()
        self._silent_since = now
        self._silence_seconds = min(2 * self._silence_seconds, _SILENCE_SECONDS_MAX)
        for entry in pending.values():
            entry.due = now

    def _avoid_replies_to_earlier(self, order: List[Key]) -> None:
        """A reply to an earlier message with the same sequence number must not be taken for ours.

        A rejection frees its sequence number. The reply to a repeat of the rejected message may
        arrive after the number was used again.
        """
        if len(self._expected) > _EXPECTED_MAX or any(key in self._expected for key in order):
            self._reconnect({}, time.monotonic())
            self._silence_seconds = _SILENCE_SECONDS

    def _send_due(self, pending: Dict[Key, _Pending], now: float) -> bool:
        """Sends what is due; false if the connection accepts nothing now."""
        for key, entry in pending.items():
            if entry.due > now:
                continue
            try:
                self._socket.send(entry.line, zmq.DONTWAIT)
            except zmq.Again:
                return False
            entry.sent(now)
            self._expected[key] = self._expected.get(key, 0) + 1
        return True

    def _wait(self, has_sent_all: bool, pending: Dict[Key, _Pending], deadline: float) -> None:
        until = min(deadline, self._silent_since + self._silence_seconds)
        events = zmq.POLLIN
        if has_sent_all:
            until = min(until, *(entry.due for entry in pending.values()))
        else:
            events |= zmq.POLLOUT
        self._socket.poll(int(max(0.0, until - time.monotonic()) * 1000) + 1, events)

    def _receive(self, pending: Dict[Key, _Pending], replies: Dict[Key, Body]) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            try:
                message = self._socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                return
            now = time.monotonic()
            self._silent_since = self._heard_at = now
            self._silence_seconds = _SILENCE_SECONDS
            for line in message.splitlines():
                self._take(*_read(line), pending, replies, now)

    def _take(
        self,
        key: Key,
        reply: Body,
        pending: Dict[Key, _Pending],
        replies: Dict[Key, Body],
        now: float,
    ) -> None:
        if reply.get("type") in _OF_TRIGGERS:
            self._keep_late(key, reply)
            return
        if not key[0] and reply.get("type") == "rejected":
            self._nameless = reply
        is_late = bool(reply.get("late"))
        if not is_late:
            self._mark_replied(key)
        entry = pending.get(key)
        if entry is None:
            if is_late:
                self._keep_late(key, reply)
        elif reply.get("code") in _NO_ROOM:
            entry.no_room(reply, now)
        elif reply.get("type") == "awaiting":
            entry.awaits(now)
        else:
            del pending[key]
            replies[key] = reply
            if entry.next is not None:
                self._waiting.append(entry.next)

    def _keep_late(self, key: Key, reply: Body) -> None:
        if key[0] not in self._sources:
            return
        if len(self.late) == _LATE_MAX:
            dropped = self.late.pop(0)
            _LOG.warning("a late reply is dropped, for %d wait: %s", _LATE_MAX, dropped)
        self.late.append(cast(Reply, reply))

    def _mark_replied(self, key: Key) -> None:
        """One reply less is expected."""
        expected = self._expected.pop(key, 0)
        if expected > 1:
            self._expected[key] = expected - 1


class _Probing:
    """Finds out, from the middle of a wait in which nothing was heard, why that is so."""

    def __init__(self, endpoint: str, key: Optional[str], begin: float, end: float) -> None:
        self._endpoint = endpoint
        self._key = key
        self._begin = begin
        self._at = begin + min((end - begin) / 2, _SILENCE_SECONDS)
        """When it begins; then, when it ends."""
        self._probe: Optional[Probe] = None
        self._found = ""

    def next(self, now: float, heard_at: float) -> float:
        """Goes on, if it is time; returns when it will be."""
        if heard_at > self._begin or self._found:
            return float("inf")
        if self._at <= now:
            if self._probe is None:
                self._probe = Probe(zmq.DEALER, self._endpoint, self._key)
                self._at = now + PROBE_SECONDS
            else:
                self.close()
                return float("inf")
        return self._at

    def finding(self) -> str:
        """A sentence; empty if nothing was tried."""
        if self._probe is not None:
            self._found = self._probe.finding()
        return self._found

    def close(self) -> None:
        """Ends it, and keeps what was found."""
        if self._probe is not None:
            self._found = self._probe.finding()
            self._probe.close()
            self._probe = None


def _read(line: bytes) -> Tuple[Key, Body]:
    """A reply, and whose it is."""
    try:
        reply = json.loads(line)
        return _key_of(reply), reply
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError("a reply", line, error) from error


def _key_of(reply: Mapping[str, Any]) -> Key:
    return (str(reply.get("source")), int(reply.get("seq", 0)))


def _key(entry: _Pending) -> Key:
    return (entry.message.source, entry.message.seq)


def _heads(entries: List[_Pending]) -> Deque[_Pending]:
    """All messages but those commands that follow another one of their user."""
    last: Dict[str, _Pending] = {}
    heads: Deque[_Pending] = deque()
    for entry in entries:
        message = entry.message
        if isinstance(message, Command) and message.user is not None:
            before = last.get(message.user)
            last[message.user] = entry
            if before is not None:
                before.next = entry
                continue
        heads.append(entry)
    return heads


def send(
    messages: Iterable[Message],
    endpoint: str = FRONT,
    timeout: float = 30.0,
    *,
    key: Optional[str] = None,
) -> Replies:
    """Sends messages over their own connection; see `Sender.send`."""
    with Sender(endpoint, key=key) as sender:
        return sender.send(messages, timeout)
