"""The caller gets one reply to every message, whatever fails on the way."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

import allot
import pytest
import zmq
from allot import sender as patience

Body = Dict[str, Any]
Envelope = Tuple[bytes, Body]
"""A client's identity, and a message from it or to it."""


class Front:
    """A front door that replies as the test defines."""

    def __init__(self, respond: Callable[[bytes, Body], List[Envelope]]) -> None:
        self._respond = respond
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.seen: List[Envelope] = []
        self.failure: Optional[BaseException] = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Front:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._socket.close()
        if self.failure is not None:
            raise self.failure

    def tries(self, seq: int) -> int:
        """How often a message with this sequence number has arrived."""
        return sum(body["seq"] == seq for _, body in self.seen)

    def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                if self._socket.poll(20):
                    self._receive(*self._socket.recv_multipart())
        except BaseException as failure:
            self.failure = failure

    def _receive(self, identity: bytes, message: bytes) -> None:
        body = json.loads(message)
        self.seen.append((identity, body))
        for recipient, reply in self._respond(identity, body):
            self._socket.send_multipart([recipient, json.dumps(reply).encode()])


def fills(count: int) -> List[allot.Message]:
    return [allot.Fill("py", seq, "AAPL", "1", 1) for seq in range(1, count + 1)]


def reply_to(body: Body, kind: str = "allocated", **fields: Any) -> Body:
    return {"type": kind, "source": body["source"], "seq": body["seq"], **fields}


def rejection(body: Body, code: str) -> Body:
    return reply_to(body, "rejected", code=code, reason="because")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_RESEND_SECONDS", 0.05)
    monkeypatch.setattr(patience, "_SILENCE_SECONDS", 60.0)


def test_a_message_without_room_is_resent() -> None:
    codes = {1: "busy", 2: "storage_full", 3: "shard_away"}

    def respond(identity: bytes, body: Body) -> List[Envelope]:
        code = codes.get(front.tries(body["seq"]))
        return [(identity, rejection(body, code) if code else reply_to(body))]

    with Front(respond) as front:
        replies = allot.send(fills(300), front.endpoint)
    assert [reply["seq"] for reply in replies] == list(range(1, 301))
    assert all(reply["type"] == "allocated" for reply in replies)
    assert all(front.tries(seq) >= 4 for seq in range(1, 301))


def test_a_lost_reply_is_repeated_and_returned_once() -> None:
    def respond(identity: bytes, body: Body) -> List[Envelope]:
        tries = front.tries(body["seq"])
        duplicate = reply_to(body, duplicate=True)
        # The first reply is lost, and the next comes twice.
        return [] if tries == 1 else [(identity, duplicate), (identity, duplicate)]

    with Front(respond) as front:
        replies = allot.send(fills(300), front.endpoint)
    assert [reply["seq"] for reply in replies] == list(range(1, 301))
    assert all(reply["duplicate"] for reply in replies)


def test_a_dead_connection_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_SILENCE_SECONDS", 0.2)

    def respond(identity: bytes, body: Body) -> List[Envelope]:
        return [] if identity == front.seen[0][0] else [(identity, reply_to(body))]

    with Front(respond) as front:
        replies = allot.send(fills(10), front.endpoint)
    assert [reply["seq"] for reply in replies] == list(range(1, 11))
    assert len({identity for identity, _ in front.seen}) > 1


def test_a_reply_to_an_earlier_message_with_the_same_number_is_not_returned() -> None:
    def respond(identity: bytes, body: Body) -> List[Envelope]:
        first, first_body = front.seen[0]
        if body["price"] == "-1":
            # Sent twice, and replied to only once by now.
            rejected = (identity, rejection(body, "price_must_be_positive"))
            return [rejected] if front.tries(1) == 2 else []
        late = rejection(first_body, "price_must_be_positive")
        return [(first, late), (identity, reply_to(body))]

    with Front(respond) as front, allot.Sender(front.endpoint) as sender:
        wrong = sender.send([allot.Fill("py", 1, "AAPL", "-1", 1)])
        corrected = sender.send([allot.Fill("py", 1, "AAPL", "1", 1)])
    assert [reply["type"] for reply in wrong + corrected] == ["rejected", "allocated"]


def test_shares_that_overtake_held_are_the_reply_and_others_are_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_RESEND_SECONDS", 60.0)

    def respond(identity: bytes, body: Body) -> List[Envelope]:
        late = reply_to(body, late=True)
        if body["seq"] == 1:
            return [(identity, late), (identity, reply_to(body, "held"))]
        return [(identity, reply_to(body, "held")), (identity, late)]

    with Front(respond) as front, allot.Sender(front.endpoint) as sender:
        replies = sender.send(fills(2))
        # A connection keeps its order: what follows a reply is here once the next reply is.
        sender.send([allot.Fill("py", 3, "AAPL", "1", 1)])
    assert [reply["type"] for reply in replies] == ["allocated", "held"]
    assert [reply["seq"] for reply in sender.late if reply["seq"] < 3] == [2]


def test_messages_that_never_have_a_reply_are_named() -> None:
    def respond(identity: bytes, body: Body) -> List[Envelope]:
        return [(identity, reply_to(body))] if body["seq"] % 2 else []

    with Front(respond) as front, pytest.raises(allot.NoReply) as no_reply:
        allot.send(fills(4), front.endpoint, timeout=2)
    assert [message.seq for message in no_reply.value.messages] == [2, 4]
    assert [reply["seq"] for reply in no_reply.value.replies] == [1, 3]


def test_a_server_that_stays_busy_is_named_and_not_asked_all_the_time() -> None:
    with Front(lambda identity, body: [(identity, rejection(body, "busy"))]) as front:
        with pytest.raises(allot.NoReply) as no_reply:
            allot.send(fills(1), front.endpoint, timeout=2)
        assert "1 message had no reply but busy: because" in str(no_reply.value)
        # With the same pause each time it would be hundreds.
        assert 3 < front.tries(1) < 40
        replays = len(front.seen)
        gaps: List[allot.Gap] = []
        with pytest.raises(allot.NoReply, match="but busy: because"):
            next(
                allot.subscribe(
                    ["fills:json:AAPL:"],
                    "ipc:///nowhere",
                    front=front.endpoint,
                    start={"AAPL": 1},
                    on_gap=gaps.append,
                    repair_timeout=2,
                )
            )
        assert 3 < len(front.seen) - replays < 40
        assert gaps == []


def test_a_replay_that_is_busy_is_asked_for_again() -> None:
    outcome = {"type": "allocated", "source": "py", "seq": 1, "ticker": "AAPL"}

    def respond(identity: bytes, body: Body) -> List[Envelope]:
        if front.tries(body["seq"]) < 6:
            return [(identity, rejection(body, "busy"))]
        numbers = {"from": 1, "last": 1, "oldest": 1}
        return [(identity, reply_to(body, "replayed", fills=[outcome], **numbers))]

    with Front(respond) as front:
        update = next(
            allot.subscribe(
                ["fills:json:AAPL:"], "ipc:///nowhere", front=front.endpoint, start={"AAPL": 1}
            )
        )
    assert (update.sequence, update.body, update.replayed) == (1, outcome, True)


def test_nothing_is_sent_when_one_message_is_bad() -> None:
    with Front(lambda identity, body: [(identity, reply_to(body))]) as front:
        bad = allot.Fill("py", 3, "A", 0.1, 1)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            allot.send([*fills(2), bad], front.endpoint)
        allot.send([allot.Fill("py", 9, "A", "1", 1)], front.endpoint)
    assert {body["seq"] for _, body in front.seen} == {9}


class RawFront(Front):
    """A front door that replies with these bytes, so many times to each message."""

    def __init__(self, message: bytes, count: int) -> None:
        super().__init__(lambda identity, body: [])
        self._message = message
        self._count = count

    def _receive(self, identity: bytes, message: bytes) -> None:
        for _ in range(self._count):
            self._socket.send_multipart([identity, self._message])


@pytest.mark.parametrize("message", [b"\xff\xfe", b"[1,2]", b"[" * 200_000, b'{"seq":"x"}', b"7"])
def test_what_is_no_reply_is_told_as_such(message: bytes) -> None:
    with RawFront(message, 1) as front, allot.Sender(front.endpoint) as sender:
        with pytest.raises(allot.ProtocolError, match="cannot be read"):
            sender.send(fills(1), timeout=30.0)


def test_a_server_that_talks_without_end_puts_no_deadline_off() -> None:
    line = json.dumps({"type": "allocated", "source": "other", "seq": 1, "late": True}).encode()
    with RawFront(b"\n".join([line] * 500), 400) as front, allot.Sender(front.endpoint) as sender:
        with pytest.raises(allot.NoReply):
            sender.send(fills(1), timeout=0.5)
        assert sender.late == [], "they are for somebody else"
