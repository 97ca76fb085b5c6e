"""The subscriber notices what the feed loses, and gets it again from the front door."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable, Iterator, List, Optional

import allot
import pytest
import zmq

from conftest import Server


@pytest.fixture()
def forgetful(serve: Callable[..., Server]) -> Server:
    """A server whose shards keep the latest 20 outcomes."""
    return serve("--history", "20")


class Proxy:
    """Stands between the publisher and its subscribers, and loses what the test says."""

    def __init__(self, publish: str, loses: Callable[[bytes, int], bool]) -> None:
        context = zmq.Context.instance()
        self._inner: zmq.Socket[bytes] = context.socket(zmq.XSUB)
        self._outer: zmq.Socket[bytes] = context.socket(zmq.XPUB)
        for socket in (self._inner, self._outer):
            socket.setsockopt(zmq.LINGER, 0)
        self._inner.connect(publish)
        self._outer.bind("tcp://127.0.0.1:*")
        self.endpoint = self._outer.getsockopt_string(zmq.LAST_ENDPOINT)
        self._loses = loses
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._inner.close()
        self._outer.close()

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._inner, zmq.POLLIN)
        poller.register(self._outer, zmq.POLLIN)
        while not self._is_over.is_set():
            ready = dict(poller.poll(20))
            if self._inner in ready:
                frames = self._inner.recv_multipart()
                number = int.from_bytes(frames[1], "big")
                if not (frames[0].startswith(b"fills:") and self._loses(frames[0], number)):
                    self._outer.send_multipart(frames)
            if self._outer in ready:
                self._inner.send_multipart(self._outer.recv_multipart())


class Relay:
    """A front door that passes what its client sends on to another one."""

    def __init__(self, listen: str, front: str) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self._sockets = [context.socket(zmq.ROUTER), context.socket(zmq.DEALER)]
        self._sockets[0].bind(listen)
        self._sockets[1].connect(front)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        for socket in self._sockets:
            socket.close(0)

    def _run(self) -> None:
        client, server = self._sockets
        identity = b""
        while not self._is_over.is_set():
            if client.poll(10):
                identity, message = client.recv_multipart()
                server.send(message)
            if server.poll(10):
                client.send_multipart([identity, server.recv()])


def split(server: Server) -> None:
    allot.send([allot.Split("aum", 1, {"a": "60", "b": "40"})], server["front"])


def fills(numbers: range, ticker: str = "AAPL") -> List[allot.Message]:
    return [allot.Fill("py", seq, ticker, "10", seq % 9 + 1) for seq in numbers]


def report(server: Server, seq: int) -> None:
    """Asks for a report, so that the subscriber hears of the newest numbers."""
    allot.send([allot.ReportRequest("ops", seq)], server["front"])


def first_report(updates: Iterator[allot.Update], server: Server) -> None:
    """Waits until the subscriber is there: it gets the last report at once, or the one made now."""
    report(server, 1)
    assert next(updates).topic == "positions:json"


TOPICS = ["positions:json", "fills:json:"]


def test_what_the_feed_loses_is_had_again_in_order_and_once(server: Server) -> None:
    split(server)
    gaps: List[allot.Gap] = []
    odd = "BTC/USDT:USDT"
    with Proxy(server["publish"], lambda topic, number: number % 3 == 0) as proxy:
        updates = allot.subscribe(
            TOPICS, proxy.endpoint, 60, front=server["front"], on_gap=gaps.append
        )
        first_report(updates, server)
        replies = allot.send(fills(range(1, 91)) + fills(range(101, 131), odd), server["front"])
        replies += allot.send([allot.Bust("py", 200, "AAPL", 5)], server["front"])
        # The last outcome of each ticker is lost, or may be; only a report can show that.
        replies += allot.send(fills(range(201, 203)), server["front"])
        report(server, 2)
        seen: List[allot.Update] = []
        for update in updates:
            seen.append(update)
            if update.topic == "positions:json" and update.body["fills"] == 122:
                break
    for ticker, topic in (("AAPL", "fills:json:AAPL:"), (odd, "fills:json:BTC/USDT%3AUSDT:")):
        got = [update for update in seen if update.topic == topic]
        expected = [reply for reply in replies if reply.get("ticker") == ticker]
        assert [update.sequence for update in got] == list(range(1, len(expected) + 1))
        assert [update.body for update in got] == expected
        assert all(update.missed == 0 for update in got)
        assert all(update.replayed for update in got if update.sequence % 3 == 0)
        told = [gap for gap in gaps if gap.topic == topic]
        assert all(gap.repaired for gap in told)
        lost = [number for gap in told for number in range(gap.first, gap.last + 1)]
        assert set(range(3, len(expected) + 1, 3)) <= set(lost)


def test_without_a_front_door_the_gap_is_told(server: Server) -> None:
    split(server)
    gaps: List[allot.Gap] = []
    with Proxy(server["publish"], lambda topic, number: number % 3 == 0) as proxy:
        updates = allot.subscribe(TOPICS, proxy.endpoint, 60, on_gap=gaps.append)
        first_report(updates, server)
        # Until the shard has heard of the subscriber nothing is published.
        seq = 0
        heard: Optional[allot.Update] = None
        while heard is None:
            seq += 1
            allot.send(fills(range(seq, seq + 1)), server["front"])
            report(server, seq + 1)
            update = next(updates)
            heard = update if update.topic == "fills:json:AAPL:" else None
        begun = heard.sequence
        allot.send(fills(range(seq + 1, seq + 31)), server["front"])
        missed = 0
        for update in updates:
            missed += update.missed if update.topic == "fills:json:AAPL:" else 0
            if update.sequence >= seq + 28 and update.topic == "fills:json:AAPL:":
                break
        assert missed == len([n for n in range(begun, update.sequence) if n % 3 == 0])
    assert all(not gap.repaired and gap.reason for gap in gaps)
    assert sum(gap.last - gap.first + 1 for gap in gaps) == missed


def test_a_subscriber_that_comes_late_begins_where_it_says(server: Server) -> None:
    held = allot.send(fills(range(1, 6)), server["front"])
    assert {reply["type"] for reply in held} == {"held"}
    split(server)
    allot.send(fills(range(6, 601)), server["front"])
    gaps: List[allot.Gap] = []
    updates = allot.subscribe(
        ["fills:json:AAPL:"],
        server["publish"],
        60,
        front=server["front"],
        start={"AAPL": 3},
        on_gap=gaps.append,
    )
    before = [next(updates) for _ in range(3, 601)]
    assert [update.sequence for update in before] == list(range(3, 601))
    assert [update.body.get("late", False) for update in before[:4]] == [True, True, True, False]
    # It goes on with the feed, without a gap: whatever came before the subscription is had again.
    sending = threading.Thread(
        target=lambda: allot.send(fills(range(601, 1201)), server["front"])
    )
    sending.start()
    after = [next(updates) for _ in range(601, 1190)]
    sending.join()
    assert [update.sequence for update in after] == list(range(601, 1190))
    # What was asked for is no gap, and neither is what came before the feed began.
    assert gaps == []


def test_a_front_door_that_comes_late_tells_every_ticker(server: Server, tmp_path: Path) -> None:
    split(server)
    for ticker, numbers in (("AAPL", range(1, 4)), ("MSFT", range(11, 14))):
        allot.send(fills(numbers, ticker), server["front"])
    late = f"ipc://{tmp_path / 'late'}"
    start = {"AAPL": 1, "MSFT": 1}
    updates = allot.subscribe(
        ["fills:json:"], server["publish"], 60, front=late, start=start, repair_timeout=0.2
    )
    with pytest.raises(allot.NoReply):
        next(updates)
    told: List[allot.Update] = []
    with Relay(late, server["front"]):
        while len(told) < 6:
            try:
                told.append(next(updates))
            except allot.NoReply:
                continue
    assert [(update.topic, update.sequence) for update in told] == [
        (f"fills:json:{ticker}:", number) for ticker in start for number in (1, 2, 3)
    ]


def test_what_is_forgotten_is_said(forgetful: Server) -> None:
    split(forgetful)
    gaps: List[allot.Gap] = []
    with Proxy(forgetful["publish"], lambda topic, number: number <= 100) as proxy:
        updates = allot.subscribe(
            TOPICS, proxy.endpoint, 60, front=forgetful["front"], on_gap=gaps.append
        )
        first_report(updates, forgetful)
        allot.send(fills(range(1, 101)), forgetful["front"])
        report(forgetful, 2)
        got = [next(updates) for _ in range(81, 101)]
    assert [update.sequence for update in got] == list(range(81, 101))
    assert [update.missed for update in got] == [80] + [0] * 19
    assert next(updates).topic == "positions:json"
    lost, repaired = gaps
    assert (lost.first, lost.last, lost.repaired) == (1, 80, False)
    assert "no longer kept; the oldest that is kept is 81" in lost.reason
    assert (repaired.first, repaired.last, repaired.repaired) == (81, 100, True)


def test_history_that_was_asked_for_and_is_forgotten_is_a_gap(forgetful: Server) -> None:
    split(forgetful)
    allot.send(fills(range(1, 101)), forgetful["front"])
    gaps: List[allot.Gap] = []
    updates = allot.subscribe(
        ["fills:json:AAPL:"],
        forgetful["publish"],
        60,
        front=forgetful["front"],
        start={"AAPL": 1},
        on_gap=gaps.append,
    )
    got = [next(updates) for _ in range(81, 101)]
    assert [update.sequence for update in got] == list(range(81, 101))
    assert all(update.replayed for update in got)
    assert [update.missed for update in got] == [80] + [0] * 19
    assert [(gap.first, gap.last, gap.repaired) for gap in gaps] == [(1, 80, False)]


def test_what_is_lost_after_the_history_is_a_gap(server: Server) -> None:
    split(server)
    allot.send(fills(range(1, 11)), server["front"])
    gaps: List[allot.Gap] = []
    lost = {15, 16}
    with Proxy(server["publish"], lambda topic, number: number in lost) as proxy:
        updates = allot.subscribe(
            TOPICS,
            proxy.endpoint,
            60,
            front=server["front"],
            start={"AAPL": 1},
            on_gap=gaps.append,
        )
        assert [next(updates).sequence for _ in range(1, 11)] == list(range(1, 11))
        first_report(updates, server)
        seen: List[allot.Update] = []
        for seq in range(11, 19):
            allot.send(fills(range(seq, seq + 1)), server["front"])
            report(server, seq)
            seen.append(next(update for update in updates if update.topic != "positions:json"))
    assert [update.sequence for update in seen] == list(range(11, 19))
    assert [(gap.first, gap.last, gap.repaired) for gap in gaps] == [(15, 15, True), (16, 16, True)]


def test_a_front_door_that_does_not_reply_is_told(server: Server) -> None:
    split(server)
    gaps: List[allot.Gap] = []
    with Proxy(server["publish"], lambda topic, number: number == 2) as proxy:
        updates = allot.subscribe(
            TOPICS,
            proxy.endpoint,
            60,
            front="ipc:///nowhere/at/all",
            on_gap=gaps.append,
            repair_timeout=0.2,
        )
        first_report(updates, server)
        allot.send(fills(range(1, 4)), server["front"])
        report(server, 2)
        report_now = next(update for update in updates if update.topic == "positions:json")
    assert report_now.body["sequences"] == {"AAPL": 3}
    assert gaps and all(not gap.repaired and "no reply" in gap.reason for gap in gaps)


def test_what_came_before_needs_a_front_door() -> None:
    with pytest.raises(ValueError):
        next(allot.subscribe(["fills:json:A:"], "ipc:///nowhere", start={"A": 1}))
    with pytest.raises(ValueError):
        updates = allot.subscribe(
            ["fills:json:A:"], "ipc:///nowhere", front="ipc:///nowhere", start={"B": 1}
        )
        next(updates)
    with pytest.raises(allot.NoReply):
        updates = allot.subscribe(
            ["fills:json:A:"],
            "ipc:///nowhere",
            front="ipc:///nowhere",
            start={"A": 1},
            repair_timeout=0.2,
        )
        next(updates)
