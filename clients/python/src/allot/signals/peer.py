"""Peer: a generator or the trader, as a strategy talks to it. Nothing here waits."""

from __future__ import annotations

import logging
from typing import List

import zmq

from . import messages
from .messages import Json
from .schedule import SECOND

_LOG = logging.getLogger("allot.signals")

_SILENCE_FIRST = 2 * SECOND
_SILENCE_LONGEST = 16 * SECOND
_MESSAGES_PER_TURN = 64
_HIGH_WATER = 256
_NEVER = 1 << 63


class Peer:
    """A connection that is made anew after too long a silence: the other side may be there, and the
    way broken."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._asked = _NEVER
        """Since when a reply is expected."""
        self._patience = _SILENCE_FIRST
        self.socket = self._connect()

    def _connect(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        # Queue only for a peer that is connected, or repeats would pile up for one that is not.
        socket.setsockopt(zmq.IMMEDIATE, 1)
        socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        socket.setsockopt(zmq.MAXMSGSIZE, 2 * messages.MESSAGE_MAX)
        socket.setsockopt(zmq.RECONNECT_IVL, 100)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2_000)
        socket.connect(self.address)
        return socket

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close()

    def send(self, now: int, fields: Json) -> bool:
        """Sends a request; false if nobody is there."""
        try:
            self.socket.send(messages.encode(fields), zmq.NOBLOCK)
        except zmq.Again:
            return False
        self._asked = min(self._asked, now)
        return True

    def receive(self) -> List[Json]:
        """The replies that have arrived."""
        replies: List[Json] = []
        for _ in range(_MESSAGES_PER_TURN):
            try:
                message = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._asked, self._patience = _NEVER, _SILENCE_FIRST
            try:
                replies += messages.decode_all(message)
            except (ValueError, RecursionError) as error:
                _LOG.warning("a damaged message of %s: %s", self.address, error)
        return replies

    def silent_at(self) -> int:
        """When the silence is too long."""
        return self._asked + self._patience

    def check(self, now: int) -> None:
        """Connects anew after too long a silence."""
        if now < self.silent_at():
            return
        self._asked, self._patience = _NEVER, min(2 * self._patience, _SILENCE_LONGEST)
        self.socket.close()
        self.socket = self._connect()
