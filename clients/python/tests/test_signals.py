"""Generators and strategies in Python beside those of `allot signals`, and a real trader."""

from __future__ import annotations

import json
import math
import re
import signal as signals_of_the_system
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
import zmq
from allot import signals
from allot.signals import messages, registration, requests
from allot.signals.requests import Ask, Refused, Reply

from conftest import BIN

EXAMPLES = Path(__file__).parents[1] / "examples"
PAGE = Path(__file__).parents[3] / "docs" / "WIRE-SIGNALS.md"
PERIOD = "600ms"
SCHEDULE = signals.Schedule.of(0.6)
ANY = "tcp://127.0.0.1:*"

Event = Dict[str, Any]


class Part:
    """A process that prints events, one JSON object a line."""

    def __init__(self, *command: str) -> None:
        words = [*command, "--period", PERIOD, "--json"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True)
        # An event that never comes fails the test, and does not hold it for ever.
        limit = threading.Timer(300, self.process.kill)
        limit.daemon = True
        limit.start()
        self.errors: List[str] = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self.seen: List[Event] = []

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def wait(self, wanted: Callable[[Event], bool]) -> Event:
        """The next event that is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self.seen.append(event)
            if wanted(event):
                return event
        raise AssertionError(f"it ended: {self.said()}")

    def listens(self) -> str:
        """Where it listens."""
        return str(self.wait(lambda event: event["type"] == "listening")["listen"])

    def median_of(self, count: int) -> Event:
        """The next median of so many strategies."""
        return self.wait(lambda one: one["type"] == "median" and one["strategies"] == count)

    def problems(self, wanted: Callable[[List[Event]], bool]) -> None:
        """Waits until these problems are told."""
        self.wait(lambda event: event["type"] == "problems" and wanted(event["problems"]))

    def stop(self) -> int:
        """Stops it cleanly; its exit code."""
        self.process.send_signal(signals_of_the_system.SIGINT)
        return self.end()

    def end(self) -> int:
        """Waits for its end."""
        assert self.process.stdout is not None
        self.seen.extend(json.loads(line) for line in self.process.stdout)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        self._reader.join(timeout=10)
        return "".join(self.errors)


@pytest.fixture()
def start() -> Iterator[Callable[..., Part]]:
    """Starts parts; ends what is left of them."""
    parts: List[Part] = []

    def begin(*command: str) -> Part:
        parts.append(Part(*command))
        return parts[-1]

    yield begin
    for part in parts:
        part.kill()


def allot(*words: str) -> List[str]:
    return [BIN, "signals", *words]


def example(name: str, *words: str) -> List[str]:
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *words]


def test_the_examples_work_with_the_agents_of_allot(start: Callable[..., Part]) -> None:
    trader = start(*allot("trader", "--listen", ANY))
    at = trader.listens()
    ours = start(*example("generator", "--name", "wave", "--listen", ANY))
    theirs = start(*allot("generator", "--name", "random", "--listen", ANY))
    wave, random = ours.listens(), theirs.listens()
    x = start(*allot("strategy", "--name", "X", "--trader", at, "--signals", wave))
    both = ["--name", "Y", "--trader", at, "--signals", f"{wave},{random}"]
    y = start(*example("strategy", *both))
    median = trader.median_of(2)
    period = median["period"]

    def of(part: Part, kind: str) -> float:
        is_it = lambda one: one["type"] == kind and one["period"] == period  # noqa: E731
        return float(part.wait(is_it)["value"])

    signal, other = of(ours, "signal"), of(theirs, "signal")
    wave_of_period = 0.5 + 0.5 * math.sin(2 * math.pi * period * 0.6 / 3_600)
    assert signal == pytest.approx(wave_of_period, abs=1e-6)
    decided = (signal + other) / 2 - 0.5
    assert of(x, "submitted") == signal
    assert of(y, "submitted") == pytest.approx(decided)
    assert median["value"] == pytest.approx((signal + decided) / 2)

    assert y.stop() == 0, y.said()
    trader.wait(lambda event: event == {"type": "deregistered", "name": "Y"})
    trader.median_of(1)
    assert x.stop() == 0
    assert ours.stop() == 0, ours.said()


def test_whoever_is_gone_is_named_and_healed_when_it_is_back(
    start: Callable[..., Part], tmp_path: Path
) -> None:
    # No free port: whoever looks for a part that is gone may be given that one for itself.
    trader = start(*allot("trader", "--listen", f"ipc://{tmp_path}/trader"))
    at = trader.listens()
    words = ["--name", "wave", "--listen"]
    one = start(*example("generator", *words, f"ipc://{tmp_path}/wave"))
    wave = one.listens()
    y = start(*example("strategy", "--name", "Y", "--trader", at, "--signals", wave))
    trader.median_of(1)
    one.kill()
    trader.problems(lambda all_: any(one["component"] == wave for one in all_))
    start(*example("generator", *words, wave))
    trader.problems(lambda all_: not all_)
    trader.median_of(1)
    y.kill()
    away = [("Y", "away")]
    trader.problems(lambda all_: [(one["component"], one["kind"]) for one in all_] == away)
    # A crashed strategy comes back under its name.
    start(*example("strategy", "--name", "Y", "--trader", at, "--signals", wave))
    trader.problems(lambda all_: not all_)
    trader.median_of(1)
    trader.kill()
    again = start(*allot("trader", "--listen", at))
    again.median_of(1)


def test_a_name_that_is_taken_is_told_and_ends_the_second(start: Callable[..., Part]) -> None:
    trader = start(*allot("trader", "--listen", ANY))
    words = ["--name", "Y", "--trader", trader.listens(), "--signals", "ipc:///nowhere/at/all"]
    first = start(*example("strategy", *words))
    first.wait(lambda event: event["type"] == "registered")
    second = start(*example("strategy", *words))
    second.wait(lambda event: event["type"] == "taken")
    assert second.end() == 1
    assert "another instance of Y is registered, and its lease has not run out" in second.said()
    assert first.stop() == 0


class Running:
    """An agent on a thread of this process."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent
        self.failure: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.agent.run()
        except BaseException as failure:
            self.failure = failure

    def stop(self) -> None:
        self.agent.stop()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


def test_a_function_that_fails_or_hangs_gives_no_data_and_never_blocks(
    start: Callable[..., Part],
) -> None:
    trader = start(*allot("trader", "--listen", ANY))
    at = trader.listens()
    mode: List[object] = [1.5]
    released = threading.Event()

    def make(period: signals.Period) -> object:
        assert period.seconds == 0.6
        if mode[0] == "hang":
            released.wait()
        if mode[0] == "raise":
            raise LookupError("no prices")
        return mode[0]

    def is_no_data(reason: str) -> Callable[[List[Event]], bool]:
        expected = (generator.endpoint, "no_data")
        return lambda all_: any(
            (one["component"], one["kind"]) == expected and reason in one["reason"] for one in all_
        )

    generator = signals.Generator(make, name="slow", listen=ANY, schedule=SCHEDULE)
    one = Running(generator)
    strategy = signals.Strategy(
        lambda _period, found: found[0].value * 2,
        name="Y",
        trader=at,
        signals=[generator.endpoint],
        schedule=SCHEDULE,
    )
    two = Running(strategy)
    assert trader.median_of(1)["value"] == 3.0
    for bad, reason in [
        (math.nan, "a value must be finite"),
        (math.inf, "a value must be finite"),
        ("1", "a value must be a number"),
        (True, "a value must be a number"),
        ("raise", "LookupError: no prices"),
        ("hang", "the function did not return within"),
    ]:
        mode[0] = bad
        trader.problems(is_no_data(reason))
        mode[0] = 2.5
        released.set()
        trader.problems(lambda all_: not all_)
        assert trader.median_of(1)["value"] == 5.0
        released.clear()
    two.stop()
    one.stop()
    assert two.failure is None and one.failure is None


def test_a_strategy_whose_end_is_not_confirmed_says_so(
    start: Callable[..., Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "_STOP_WITHIN", 200_000_000)
    trader = start(*allot("trader", "--listen", ANY))
    registered = threading.Event()
    strategy = signals.Strategy(
        lambda _period, _found: 0,
        name="Y",
        trader=trader.listens(),
        signals=["ipc:///nowhere/at/all"],
        schedule=SCHEDULE,
        on_event=lambda event: registered.set() if event["type"] == "registered" else None,
    )
    running = Running(strategy)
    assert registered.wait(timeout=60)
    trader.kill()
    running.stop()
    assert isinstance(running.failure, signals.NotConfirmed)


def test_a_strategy_survives_whatever_the_others_reply() -> None:
    """Damaged replies of the trader and of a generator are logged and passed over."""
    ends = []
    for _ in range(2):
        end = zmq.Context.instance().socket(zmq.ROUTER)
        end.setsockopt(zmq.LINGER, 0)
        end.bind(ANY)
        ends.append(end)
    at = [end.getsockopt_string(zmq.LAST_ENDPOINT) for end in ends]
    taken: List[Event] = []
    strategy = signals.Strategy(
        lambda _period, _found: 0,
        name="Y",
        trader=at[0],
        signals=[at[1]],
        schedule=SCHEDULE,
        on_event=taken.append,
    )
    running = Running(strategy)
    for kind in ("registered", "taken", "accepted", "rejected", "signal", "held", "other", None):
        for end in ends:
            identity, body = end.recv_multipart()
            seq = json.loads(body)["seq"]
            for reply in [
                b"\xff\xfe",
                b"[" * 100_000,
                b"[]",
                json.dumps({"type": kind, "seq": seq}).encode(),
                json.dumps({"type": kind, "seq": "1"}).encode(),
                b'{"type":"signal","seq":%d,"generator":"g","period":1,"value":NaN}' % seq,
            ]:
                end.send_multipart([identity, reply])
    identity, body = ends[0].recv_multipart()
    seq = json.loads(body)["seq"]
    fields = {"type": "registered", "seq": seq, "lease_ms": 10_000}
    ends[0].send_multipart([identity, json.dumps(fields).encode()])
    while not any(event["type"] == "registered" for event in taken):
        identity, body = ends[0].recv_multipart()
        fields["seq"] = json.loads(body)["seq"]
        ends[0].send_multipart([identity, json.dumps(fields).encode()])
    running.agent.stop()
    while json.loads(body)["type"] != "deregister":
        identity, body = ends[0].recv_multipart()
    fields = {"type": "deregistered", "seq": json.loads(body)["seq"], "name": "Y"}
    ends[0].send_multipart([identity, json.dumps(fields).encode()])
    running.stop()
    assert running.failure is None
    for end in ends:
        end.close()


def test_a_clock_that_is_off_is_noticed_however_long_a_request_is_kept() -> None:
    second = 1_000_000_000

    def off(offset: int, way: int, back: int, kept: int) -> Optional[str]:
        received = 1_000 + way + offset
        times = [1_000, received, received + kept, 1_000 + way + kept + back]
        return messages.clock_off(*(time * second for time in times), tolerance=second)

    assert off(0, 20, 0, 0) is None
    assert off(0, 0, 20, 500) is None
    assert off(1, 0, 0, 30) is None
    assert off(5, 0, 0, 30) == "its clock is 5000 ms ahead; 1000 ms are tolerated"
    assert off(-5, 0, 0, 30) == "its clock is 5000 ms behind; 1000 ms are tolerated"


def test_times_and_values_read_back() -> None:
    for unix in (0, 1, 1_763_632_800_123_456_789):
        assert messages.read_time(messages.time_text(unix)) == unix
    assert messages.read_time("2026-11-20T10:00:00Z") % 1_000_000_000 == 0
    for bad in (None, 5, "", "2026-11-20", "2026-13-20T10:00:00Z", "2026-11-20T10:00:00+01:00"):
        with pytest.raises(ValueError):
            messages.read_time(bad)
    for number in (0.6741543275356752, 5e-324, -1e300, 7):
        assert json.loads(messages.encode({"value": messages.value(number)}))["value"] == number
    assert str(messages.value(-0.0)) == "0.0"
    for bad in (math.nan, math.inf, 10**400):
        with pytest.raises(ValueError):
            messages.value(bad)
    for bad in ("1", True, None, 1j):
        with pytest.raises(TypeError):
            messages.value(bad)


def page_example(title: str) -> bytes:
    """The bytes of a message, as the page shows them."""
    section = PAGE.read_text().split(f"### {title}\n", 1)[1]
    dump = section.split("```hex\n", 1)[1].split("```", 1)[0]
    rows = re.findall(r"^[0-9a-f]{4}  ([0-9a-f ]+?)  \|", dump, re.MULTILINE)
    return bytes.fromhex(" ".join(rows))


def test_messages_are_those_of_the_page() -> None:
    client, found = requests.read([b"id", page_example("`ask`")])
    assert client.is_binary and found == [Ask("X", 1, 29399640, 60_000)]
    client, found = requests.read(
        [b"id", b"", b'{"type":"ask","source":"X","seq":1,"period":29399640,"length_ms":60000}']
    )
    assert client.is_req and found == [Ask("X", 1, 29399640, 60_000)]
    time = messages.read_time("2026-11-20T10:00:00Z")
    signal = Reply("signal", "X", 1, time, time + 250_000_000, "g1", 29399640, 0.6741543275356752)
    held = Reply("held", "X", 1, time, time + 100_000, "g1", 29399640)
    rejected = Reply(
        "rejected",
        "X",
        3,
        time,
        time,
        code="stale",
        reason="period 29399639 is over; it is period 29399640 here",
    )
    for title, reply in [("`signal`", signal), ("`held`", held), ("`rejected`", rejected)]:
        assert reply.encode(True) == page_example(title)
        section = PAGE.read_text().split(f"### {title}\n", 1)[1]
        assert reply.encode(False).decode() == section.split("```json\n", 1)[1].split("\n", 1)[0]


def test_a_request_that_is_wrong_has_a_code() -> None:
    good = {"type": "ask", "source": "X", "seq": 1, "period": 1, "length_ms": 600}

    def code(body: bytes) -> str:
        (refused,) = requests.read([b"id", body])[1]
        assert isinstance(refused, Refused)
        return refused.code

    for change, expected in [
        ({"type": "status"}, "unknown_type"),
        ({"more": 1}, "unknown_field"),
        ({"seq": None}, "malformed_field"),
        ({"seq": 0}, "sequence_must_be_positive"),
        ({"period": 1.5}, "malformed_field"),
        ({"period": 1 << 64}, "malformed_field"),
        ({"source": "ü"}, "bad_source"),
    ]:
        assert code(json.dumps({**good, **change}).encode()) == expected, change
    without = {name: found for name, found in good.items() if name != "period"}
    assert code(json.dumps(without).encode()) == "missing_field"
    for body in (b"", b" ", b"hello", b"[]", b"\xff", b"ALOT", page_example("`register`")[:-1]):
        assert code(body) == "malformed_message"
    assert code(page_example("`register`")) == "unknown_type"
    assert code(b"{" * (1 << 21)) == "oversized_message"
    assert len(requests.read([b"id", b"x\n" * 1_000])[1]) == requests.REFUSED_MAX
    most = (json.dumps(good).encode() + b"\n") * requests.REQUESTS_MAX
    assert len(requests.read([b"id", most])[1]) == requests.REQUESTS_MAX
    assert code(most + most) == "malformed_message"
    whole = page_example("`ask`")
    for at in range(len(whole)):
        for byte in (0, 1, 0x7F, 0xFF):
            requests.read([b"id", whole[:at] + bytes([byte]) + whole[at + 1 :]])
        requests.read([b"id", whole[:at]])


def test_what_cannot_work_is_refused_at_once() -> None:
    def strategy(**change: Any) -> None:
        given = {"name": "Y", "trader": "1010", "signals": ["1000"], **change}
        signals.Strategy(lambda _period, _found: 0, **given).close()

    strategy()
    for change in [
        {"name": "a b"},
        {"name": "n" * 33},
        {"signals": []},
        {"signals": ["1000", "tcp://127.0.0.1:1000"]},
        {"trader": "localhost"},
    ]:
        with pytest.raises(ValueError):
            strategy(**change)
    for times in [(0.05,), (1.0, 1.0), (1.0, 0.4, 0.4), (1.0, None, None, 0.5)]:
        with pytest.raises(ValueError):
            signals.Schedule.of(*times)


def test_each_name_begins_within_the_jitter_and_always_at_the_same_moment() -> None:
    begins = {SCHEDULE.begin_of(7, f"s{at}") - SCHEDULE.start_of(7) for at in range(100)}
    assert len(begins) == 100
    assert all(0 <= begin < SCHEDULE.jitter for begin in begins)
