"""Connection: a socket to a server, and why nothing is heard over it."""

from __future__ import annotations

from typing import Any, Dict, Optional

import zmq
from zmq.utils.monitor import recv_monitor_message

from . import names

_WATCHED = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)

_MECHANISM_MISMATCH = 0x11000002
"""ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: one side encrypts, and the other does not."""

_BEGUN, _REFUSED, _ACCEPTED, _BROKEN_OFF, _FOREIGN, _MISMATCHED, _SUCCEEDED = range(7)
"""How far a connection came; the further, the higher."""


PROBE_SECONDS = 2.0
"""How long a probe tries. ZeroMQ connects again every 100 ms, and some tries tell more than others.
"""


class ProtocolError(Exception):
    """What came is nothing that this client reads. What had been sent may have been applied: sent
    again with the same numbers it counts once."""

    def __init__(self, what: str, message: bytes, error: Exception) -> None:
        shown = repr(message[:64]) + ("…" if len(message) > 64 else "")
        super().__init__(
            f"{what} cannot be read ({type(error).__name__}): {shown}; does a server of this "
            "version run at the endpoint?"
        )


def open_socket(
    kind: int,
    endpoint: str,
    key: Optional[str] = None,
    options: Optional[Dict[int, int]] = None,
) -> zmq.Socket[bytes]:
    """A socket that is being connected; with `key`, the server's public key, it encrypts."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    try:
        socket.setsockopt(zmq.LINGER, 0)
        for option, value in (options or {}).items():
            socket.setsockopt(option, value)
        _encrypt(socket, key)
        socket.connect(endpoint)
    except BaseException:
        socket.close()
        raise
    return socket


def _encrypt(socket: zmq.Socket[bytes], key: Optional[str]) -> None:
    if key is None:
        return
    if not zmq.has("curve"):
        raise RuntimeError("this pyzmq was built without CURVE; install one from PyPI")
    public, secret = zmq.curve_keypair()
    socket.setsockopt(zmq.CURVE_SERVERKEY, names.server_key(key))
    socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, secret)


class Probe:
    """Further connections, made only to find out why the first one hears nothing."""

    def __init__(self, kind: int, endpoint: str, key: Optional[str]) -> None:
        self._kind = kind
        self._endpoint = endpoint
        self._key = key
        self._furthest = _BEGUN
        self._is_other = False
        """Whether a socket of the other kind is understood."""
        self._same = _Attempt(kind, endpoint, key)
        self._other = _Attempt(zmq.SUB if kind == zmq.DEALER else zmq.DEALER, endpoint, None)

    def close(self) -> None:
        """Ends the connections."""
        self._same.close()
        self._other.close()

    def finding(self) -> str:
        """A sentence about what is at the endpoint, as far as it is known by now."""
        self._furthest = self._same.furthest()
        self._is_other = self._other.furthest() == _SUCCEEDED
        return self._door() if self._kind == zmq.DEALER else self._feed()

    def _door(self) -> str:
        at = self._endpoint
        if self._furthest == _MISMATCHED:
            if self._key is not None:
                return f"the front door at {at} does not encrypt; leave out the key"
            return f"the front door at {at} encrypts; pass its public key as key=, as it prints it"
        if self._is_other:
            return (
                f"{at} is no front door but a position feed; use the endpoint that the server "
                "prints after front="
            )
        if self._furthest == _BROKEN_OFF and self._key is not None:
            # One that does not encrypt may do so before its greeting has come.
            return (
                f"the front door at {at} broke the connection off: it has another key; use the "
                "one that the server prints as front-key=, and leave out the key if it prints "
                "none: then it does not encrypt"
            )
        if self._furthest == _BROKEN_OFF:
            # Its own greeting, which says so, may be lost with the connection.
            return (
                f"something at {at} broke the connection off: it is no server of Allot, or a "
                "front door that encrypts; pass its public key as key=, as it prints it"
            )
        if self._furthest == _SUCCEEDED:
            return (
                f"a socket at {at} takes messages and does not reply; is it the front door, and "
                "are all shards running?"
            )
        return self._nobody()

    def _feed(self) -> str:
        at = self._endpoint
        if self._furthest == _MISMATCHED and self._key is not None:
            return f"the feed at {at} does not encrypt; leave out publish_key"
        if self._furthest == _MISMATCHED:
            return (
                f"{at} encrypts: if it is a position feed, pass as publish_key= what the server "
                "prints after publish-key=; if it is a front door, use the endpoint that it "
                "prints after publish="
            )
        if self._is_other:
            return (
                f"{at} is no position feed but a front door; use the endpoint that the server "
                "prints after publish="
            )
        if self._furthest == _BROKEN_OFF and self._key is not None:
            return (
                f"the feed at {at} broke the connection off: it has another key, or does not "
                "encrypt; use what the server prints after publish-key="
            )
        if self._furthest == _SUCCEEDED:
            return f"a publisher is at {at} and has published nothing of it"
        return self._nobody()

    def _nobody(self) -> str:
        at = self._endpoint
        if self._furthest == _REFUSED:
            return f"nothing listens at {at}; is a server running there?"
        if self._furthest in (_ACCEPTED, _BROKEN_OFF, _FOREIGN):
            return f"something at {at} accepts connections and is no server of Allot"
        return f"no answer from {at} yet; is a server at the endpoint?"


class _Attempt:
    """One connection, and how far it came."""

    def __init__(self, kind: int, endpoint: str, key: Optional[str]) -> None:
        self._furthest = _BEGUN
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        self._socket.setsockopt(zmq.LINGER, 0)
        _encrypt(self._socket, key)
        self._monitor: zmq.Socket[bytes] = self._socket.get_monitor_socket(_WATCHED)
        self._socket.connect(endpoint)

    def furthest(self) -> int:
        while self._monitor.poll(0):
            event = dict(recv_monitor_message(self._monitor))
            self._furthest = max(self._furthest, _progress(event))
        return self._furthest

    def close(self) -> None:
        # The monitor ends first: an event that nobody takes would stop ZeroMQ's own thread.
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()


def _progress(event: Dict[str, Any]) -> int:
    kind = event["event"]
    if kind == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return _MISMATCHED if event["value"] == _MECHANISM_MISMATCH else _FOREIGN
    return {
        zmq.EVENT_CONNECT_RETRIED: _REFUSED,
        zmq.EVENT_CONNECTED: _ACCEPTED,
        zmq.EVENT_HANDSHAKE_SUCCEEDED: _SUCCEEDED,
    }.get(kind, _BROKEN_OFF)
