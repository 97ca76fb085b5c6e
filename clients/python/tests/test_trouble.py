"""Every message is answered once for the caller, whatever happens on the way."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

import allot
import pytest
import zmq
from allot import sender as patience

Body = Dict[str, Any]
Letter = Tuple[bytes, Body]
"""A client's identity, and what it says or is told."""


class Front:
    """A front door that answers as a test has it."""

    def __init__(self, answer: Callable[[bytes, Body], List[Letter]]) -> None:
        self._answer = answer
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.seen: List[Letter] = []
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
        """How often this number has come."""
        return sum(body["seq"] == seq for _, body in self.seen)

    def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                if self._socket.poll(20):
                    self._hear(*self._socket.recv_multipart())
        except BaseException as failure:
            self.failure = failure

    def _hear(self, identity: bytes, message: bytes) -> None:
        body = json.loads(message)
        self.seen.append((identity, body))
        for recipient, answer in self._answer(identity, body):
            self._socket.send_multipart([recipient, json.dumps(answer).encode()])


def fills(count: int) -> List[allot.Message]:
    return [allot.Fill("py", seq, "AAPL", "1", 1) for seq in range(1, count + 1)]


def answer_to(body: Body, kind: str = "allocated", **fields: Any) -> Body:
    return {"type": kind, "source": body["source"], "seq": body["seq"], **fields}


def refusal(body: Body, code: str) -> Body:
    return answer_to(body, "rejected", code=code, reason="because")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_RESEND_SECONDS", 0.05)
    monkeypatch.setattr(patience, "_SILENCE_SECONDS", 60.0)


def test_what_there_is_no_room_for_is_sent_again() -> None:
    codes = {1: "busy", 2: "storage_full", 3: "busy"}

    def answer(identity: bytes, body: Body) -> List[Letter]:
        code = codes.get(front.tries(body["seq"]))
        return [(identity, refusal(body, code) if code else answer_to(body))]

    with Front(answer) as front:
        answers = allot.send(fills(300), front.endpoint)
    assert [told["seq"] for told in answers] == list(range(1, 301))
    assert all(told["type"] == "allocated" for told in answers)
    assert all(front.tries(seq) >= 4 for seq in range(1, 301))


def test_answers_that_are_lost_come_again_and_are_returned_once() -> None:
    def answer(identity: bytes, body: Body) -> List[Letter]:
        tries = front.tries(body["seq"])
        duplicate = answer_to(body, duplicate=True)
        # The first answer is lost, and the one after that comes twice.
        return [] if tries == 1 else [(identity, duplicate), (identity, duplicate)]

    with Front(answer) as front:
        answers = allot.send(fills(300), front.endpoint)
    assert [told["seq"] for told in answers] == list(range(1, 301))
    assert all(told["duplicate"] for told in answers)


def test_a_connection_that_is_dead_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_SILENCE_SECONDS", 0.2)

    def answer(identity: bytes, body: Body) -> List[Letter]:
        return [] if identity == front.seen[0][0] else [(identity, answer_to(body))]

    with Front(answer) as front:
        answers = allot.send(fills(10), front.endpoint)
    assert [told["seq"] for told in answers] == list(range(1, 11))
    assert len({identity for identity, _ in front.seen}) > 1


def test_an_answer_to_an_earlier_message_of_that_number_is_not_taken_for_the_next() -> None:
    def answer(identity: bytes, body: Body) -> List[Letter]:
        first, first_body = front.seen[0]
        if body["price"] == "-1":
            # Sent twice, and answered only once by now.
            refused = (identity, refusal(body, "price_must_be_positive"))
            return [refused] if front.tries(1) == 2 else []
        return [(first, refusal(first_body, "price_must_be_positive")), (identity, answer_to(body))]

    with Front(answer) as front, allot.Sender(front.endpoint) as sender:
        wrong = sender.send([allot.Fill("py", 1, "AAPL", "-1", 1)])
        mended = sender.send([allot.Fill("py", 1, "AAPL", "1", 1)])
    assert [told["type"] for told in wrong + mended] == ["rejected", "allocated"]


def test_shares_that_overtake_held_are_the_answer_and_others_are_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_RESEND_SECONDS", 60.0)

    def answer(identity: bytes, body: Body) -> List[Letter]:
        late = answer_to(body, late=True)
        if body["seq"] == 1:
            return [(identity, late), (identity, answer_to(body, "held"))]
        return [(identity, answer_to(body, "held")), (identity, late)]

    with Front(answer) as front, allot.Sender(front.endpoint) as sender:
        answers = sender.send(fills(2))
        # What follows an answer on its connection has come when that of the next message has.
        sender.send([allot.Fill("py", 3, "AAPL", "1", 1)])
    assert [told["type"] for told in answers] == ["allocated", "held"]
    assert [told["seq"] for told in sender.late if told["seq"] < 3] == [2]


def test_what_is_never_answered_is_named() -> None:
    def answer(identity: bytes, body: Body) -> List[Letter]:
        return [(identity, answer_to(body))] if body["seq"] % 2 else []

    with Front(answer) as front, pytest.raises(allot.Unanswered) as unanswered:
        allot.send(fills(4), front.endpoint, timeout=2)
    assert [message.seq for message in unanswered.value.messages] == [2, 4]
    assert [told["seq"] for told in unanswered.value.answers] == [1, 3]


def test_nothing_is_sent_when_one_message_is_bad() -> None:
    with Front(lambda identity, body: [(identity, answer_to(body))]) as front:
        bad = allot.Fill("py", 3, "A", 0.1, 1)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            allot.send([*fills(2), bad], front.endpoint)
        allot.send([allot.Fill("py", 9, "A", "1", 1)], front.endpoint)
    assert {body["seq"] for _, body in front.seen} == {9}
