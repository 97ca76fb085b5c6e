"""One subscription: read in three ways, closed from any thread, and never dead without a word."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, Callable, Dict, List, Tuple

import allot
import pytest
import zmq

from conftest import Server
from test_faults import Body, Envelope, Front, reply_to
from test_gaps import Proxy, fills, first_report, report, split

TOPICS = ["positions:json", "fills:json:"]


def test_a_loop_of_asyncio_gets_what_a_plain_loop_gets(server: Server) -> None:
    split(server)

    async def read() -> List[int]:
        numbers: List[int] = []
        with allot.subscribe(TOPICS, server["publish"], 60, front=server["front"]) as updates:
            await asyncio.to_thread(report, server, 1)
            assert (await updates.__anext__()).topic == "positions:json"
            # A wait that is cancelled loses nothing.
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(updates.__anext__(), 0.01)
            await asyncio.to_thread(allot.send, fills(range(1, 301)), server["front"])
            async for update in updates:
                if update.topic == "fills:json:AAPL:":
                    numbers.append(update.sequence)
                if len(numbers) == 299:
                    await asyncio.to_thread(report, server, 2)
                if update.sequence == 300:
                    break
        return numbers

    assert asyncio.run(read()) == list(range(1, 301))


def test_the_end_of_a_wait_is_raised_in_a_loop_of_asyncio_too(server: Server) -> None:
    async def read() -> None:
        async for _ in allot.subscribe(["positions:json"], server["publish"], 0.2):
            raise AssertionError("no report is made in this test")

    with pytest.raises(TimeoutError):
        asyncio.run(read())


def test_a_closed_subscription_ends_every_loop(server: Server) -> None:
    async def read() -> List[allot.Update]:
        updates = allot.subscribe(["positions:json"], server["publish"])
        asyncio.get_running_loop().call_soon(updates.close)
        return [update async for update in updates]

    assert asyncio.run(read()) == []
    updates = allot.subscribe(["positions:json"], server["publish"])
    seen: List[allot.Update] = []
    reader = threading.Thread(target=lambda: seen.extend(updates))
    reader.start()
    updates.close()
    reader.join()
    assert seen == [] and list(updates) == []
    updates.close()


def test_callbacks_get_every_update_until_the_subscription_is_closed(server: Server) -> None:
    split(server)
    seen: List[allot.Update] = []
    has_all = threading.Event()

    def take(update: allot.Update) -> None:
        seen.append(update)
        if update.sequence == 50:
            has_all.set()

    topics = ["fills:json:AAPL:"]
    start = {"AAPL": 1}
    updates = allot.subscribe(topics, server["publish"], front=server["front"], start=start)
    updates.add_callback(take)
    with pytest.raises(TimeoutError, match="close"):
        updates.join(0.01)
    with pytest.raises(RuntimeError, match="one thread at a time"):
        while True:
            next(updates)
    allot.send(fills(range(1, 51)), server["front"])
    # A tail that the feed did not have yet comes with the next outcome.
    seq = 50
    while not has_all.wait(0.2):
        seq += 1
        allot.send(fills(range(seq, seq + 1)), server["front"])
    updates.close()
    updates.join(60)
    assert [update.sequence for update in seen][:50] == list(range(1, 51))


def test_what_a_callback_raises_is_logged_and_raised_by_join(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(update: allot.Update) -> None:
        raise KeyError("mine")

    updates = allot.subscribe(["heartbeat:"], server["publish"])
    updates.add_callback(fail)
    with pytest.raises(KeyError, match="mine"):
        updates.join(60)
    assert "a subscription has ended: 'mine'" in caplog.text
    assert list(updates) == []


def test_one_may_go_on_after_the_end_of_a_wait(server: Server) -> None:
    with allot.subscribe(["positions:json"], server["publish"], 0.1) as updates:
        with pytest.raises(TimeoutError):
            next(updates)
        report(server, 1)
        while True:
            try:
                assert next(updates).topic == "positions:json"
                break
            except TimeoutError:
                report(server, 2)


class Publisher:
    """A publisher that says what the test says, and may go silent."""

    def __init__(self) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def wait_for(self, topic: bytes) -> None:
        """Until somebody subscribes to this."""
        while self._socket.recv() != b"\1" + topic:
            pass

    def say(self, topic: str, number: int, body: Dict[str, Any]) -> None:
        text = json.dumps(body).encode() if ":bin" not in topic else b"ALOT"
        self._socket.send_multipart([topic.encode(), number.to_bytes(8, "big"), text])

    def beat(self, number: int, publisher: int = 1) -> None:
        self.say("heartbeat:", number, {"type": "heartbeat", "publisher": publisher, "report": 0})

    def close(self) -> None:
        self._socket.close()


def outcome(seq: int) -> Dict[str, Any]:
    return {"type": "allocated", "source": "s", "seq": seq, "ticker": "A", "shares": {}}


def test_a_quiet_feed_is_not_dead_and_a_silent_one_is_connected_anew() -> None:
    publisher = Publisher()
    told: List[allot.Reconnection] = []
    seen: List[Tuple[str, int]] = []
    subscription = allot.subscribe(
        ["fills:json:"],
        publisher.endpoint,
        on_reconnect=told.append,
        heartbeat_timeout=0.2,
    )
    subscription.add_callback(lambda update: seen.append((update.topic, update.sequence)))
    publisher.wait_for(b"heartbeat:")
    # It is subscribed anew after each silence, and hears again.
    publisher.beat(1)
    publisher.wait_for(b"heartbeat:")
    publisher.wait_for(b"heartbeat:")
    publisher.beat(9)
    publisher.say("fills:json:A:", 1, outcome(1))
    while not seen:
        publisher.wait_for(b"heartbeat:")
        publisher.beat(10)
        publisher.say("fills:json:A:", 1, outcome(1))
    subscription.close()
    subscription.join(60)
    publisher.close()
    assert seen == [("fills:json:A:", 1)]
    assert told and not told[0].restarted and told[0].publisher == 1
    assert 0.2 <= told[0].silent_seconds


def test_a_repair_keeps_the_deadline_and_goes_on_later() -> None:
    is_open = threading.Event()

    def respond(identity: bytes, body: Body) -> List[Envelope]:
        if not is_open.is_set():
            return []
        first, last = body["from"], body["to"]
        outcomes = [outcome(number) for number in range(first, last + 1)]
        numbers = {"from": first, "last": 4, "oldest": 1}
        return [(identity, reply_to(body, "replayed", fills=outcomes, **numbers))]

    publisher = Publisher()
    gaps: List[allot.Gap] = []
    with Front(respond) as front, allot.subscribe(
        ["fills:json:"], publisher.endpoint, 0.3, front=front.endpoint, on_gap=gaps.append
    ) as updates:
        publisher.wait_for(b"heartbeat:")
        publisher.say("fills:json:A:", 1, outcome(1))
        assert next(updates).sequence == 1
        publisher.say("fills:json:A:", 3, outcome(3))
        with pytest.raises(TimeoutError):
            next(updates)
        # The gap is neither repaired nor lost yet.
        assert gaps == []
        is_open.set()
        updates._timeout = 60
        publisher.say("fills:json:A:", 4, outcome(4))
        assert [next(updates).sequence for _ in range(3)] == [2, 3, 4]
    publisher.close()
    assert gaps == [allot.Gap("fills:json:A:", 2, 3, True, "")]


def test_messages_that_bring_nothing_do_not_put_the_end_of_a_wait_off() -> None:
    """A prefix may match both encodings; those in binary are passed over."""
    publisher = Publisher()
    is_over = threading.Event()

    def keep_publishing() -> None:
        while not is_over.wait(0.01):
            publisher.say("positions:bin", 1, {})

    with allot.subscribe(["positions"], publisher.endpoint, 1) as updates:
        publisher.wait_for(b"heartbeat:")
        publishing = threading.Thread(target=keep_publishing)
        publishing.start()
        try:
            with pytest.raises(TimeoutError, match="nothing of positions was published for 1 s"):
                next(updates)
        finally:
            is_over.set()
            publishing.join()
    publisher.close()


def test_a_server_without_heartbeats_is_not_judged() -> None:
    publisher = Publisher()
    with allot.subscribe(["median:json"], publisher.endpoint, heartbeat_timeout=0.01) as updates:
        publisher.wait_for(b"heartbeat:")
        publisher.say("median:json", 1, {"type": "median", "value": 1.0})
        assert next(updates).sequence == 1
        updates._timeout = 0.3
        with pytest.raises(TimeoutError):
            next(updates)
    publisher.close()


def test_a_publisher_that_was_restarted_is_told_after_what_was_lost(
    server: Server, serve: Callable[..., Server]
) -> None:
    """The feed is interrupted for the whole of the fills, and no report follows."""
    split(server)
    publisher = Publisher()
    events: List[str] = []
    with allot.subscribe(
        ["fills:json:"],
        publisher.endpoint,
        60,
        front=server["front"],
        start={"AAPL": 1},
        on_reconnect=lambda told: events.append(f"reconnected, restarted {told.restarted}"),
        on_gap=lambda gap: events.append(f"gap {gap.first} to {gap.last} {gap.repaired}"),
    ) as updates:
        publisher.wait_for(b"heartbeat:")
        allot.send(fills(range(1, 3)), server["front"])
        assert [next(updates).sequence for _ in range(2)] == [1, 2]
        publisher.beat(1)
        reply = allot.send(fills(range(3, 4)), server["front"])[0]
        publisher.say("fills:json:AAPL:", 3, dict(reply))
        assert next(updates).sequence == 3
        replies = allot.send(fills(range(4, 8)), server["front"])
        publisher.beat(1, publisher=2)
        got = [next(updates) for _ in range(4)]
        assert [update.body for update in got] == list(replies)
        assert all(update.replayed for update in got)
        # What comes late of it is not given twice.
        publisher.say("fills:json:AAPL:", 7, dict(replies[3]))
        publisher.say("fills:json:AAPL:", 8, outcome(8))
        assert next(updates).sequence == 8
    publisher.close()
    assert events == ["gap 4 to 7 True", "reconnected, restarted True"]


def test_the_latest_report_has_what_was_replied_to(server: Server) -> None:
    split(server)
    allot.send(fills(range(1, 4)), server["front"])
    update = allot.latest(endpoint=server["publish"], timeout=60, front=server["front"])
    assert update.body["type"] == "positions" and update.body["fills"] == 3
    topic = "account:json:a:"
    account = allot.latest(topic, server["publish"], 60, front=server["front"])
    assert account.body["type"] == "account" and account.body["account"] == "a"
    with pytest.raises(ValueError, match="one of reports"):
        allot.latest("fills:json:", server["publish"])
    with pytest.raises(TimeoutError, match="published for 0.3 s"):
        allot.latest("account:json:nobody:", server["publish"], 0.3, front=server["front"])
