"""What somebody may do wrong with the client, each with the message that says what to do."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import allot
import pytest
from allot import subscription as waits

from conftest import Server

NOWHERE = "ipc:///nowhere/at/all"
U64_MAX = 18446744073709551615
QUANTITY_MAX = 1099511627776
"""The limits of docs/WIRE.md."""


def fill(**fields: object) -> allot.Fill:
    values = {"source": "py", "seq": 1, "ticker": "AAPL", "price": "10", "quantity": 1, **fields}
    return allot.Fill(**values)  # type: ignore[arg-type]


def split(weights: Dict[str, object]) -> allot.Split:
    return allot.Split("py", 1, weights)  # type: ignore[arg-type]


BAD: List[Tuple[allot.Message, str]] = [
    (fill(source="bad source!"), "a source must be 1 to 64 of A-Z a-z 0-9"),
    (fill(source=""), "a source must be"),
    (fill(seq=-1), f"seq must be a whole number from 1 to {U64_MAX}; it was -1"),
    (fill(seq=0), f"seq must be a whole number from 1 to {U64_MAX}; it was 0"),
    (fill(seq=2**64), f"seq must be a whole number from 1 to {U64_MAX}; it was {2**64}"),
    (fill(seq=1.0), "seq must be a whole number, not float: 1.0"),
    (fill(quantity=5.0), "quantity must be a whole number, not float: 5.0"),
    (fill(quantity=True), "quantity must be a whole number"),
    (fill(quantity=0), f"quantity must be a whole number from 1 to {QUANTITY_MAX}; it was 0"),
    (fill(quantity=2**40 + 1), f"from 1 to {QUANTITY_MAX}; it was 1099511627777"),
    (fill(quantity=10**20), f"from 1 to {QUANTITY_MAX}; it was 100000000000000000000"),
    (fill(price=187.23), "pass price as decimal text or a Decimal, not as float: 187.23"),
    (fill(price=187.23), 'pandas reads text with dtype={"price": str}'),
    (fill(price=Decimal("NaN")), "price must be finite; it was NaN"),
    (fill(side="by"), "the side must be 'buy' or 'sell'; it was 'by'"),
    (fill(ticker=""), "a ticker must be 1 to 32 printable characters"),
    (fill(ticker="A" * 33), "a ticker must be 1 to 32 printable characters"),
    (fill(ticker="A  B"), "a ticker has a space only between two other characters"),
    (fill(ticker=" AAPL"), "a ticker has a space only between two other characters"),
    (fill(ticker="É"), "a ticker must be 1 to 32 printable characters"),
    (fill(id="two words"), "an id must be 1 to 64 printable characters"),
    (allot.Bust("py", 1, "AAPL", "two words"), "an id must be 1 to 64 printable characters"),
    (allot.Bust("py", 1, "AAPL", 0), f"of must be a whole number from 1 to {U64_MAX}; it was 0"),
    (allot.Split("py", 1, {"account 1": "100"}), "an account must be 1 to 64 of"),
    (split({"a": 0.5}), "pass the weight of a as decimal text"),
    ({"a": 1}, "pass a message, such as a Fill or a Split, not dict"),  # type: ignore[list-item]
    (allot.Split("py", 1, {"a": "100"}, "b"), "closes must be a list of accounts"),
    (allot.Split("py", 1, {"a": "100"}, ["b c"]), "an account must be 1 to 64 of"),
    (allot.Replay("py", 1, "AAPL", 0), f"first must be a whole number from 1 to {U64_MAX}"),
    (allot.Replay("py", 1, "AAPL", 5, 4), f"last must be a whole number from 5 to {U64_MAX}"),
    (allot.SplitsRequest("py", 1, 0), f"first must be a whole number from 1 to {U64_MAX}"),
    (
        allot.Split("py", 1, {f"a{number:060}": "1" for number in range(20_000)}),
        "a message has at most 1048576 bytes",
    ),
]


@pytest.mark.parametrize(("message", "text"), BAD)
def test_a_value_that_no_message_may_have_is_named_before_anything_is_sent(
    message: allot.Message, text: str
) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        allot.send([message], NOWHERE)
    assert text in str(refused.value)


def test_names_as_venues_have_them_are_good() -> None:
    for ticker in ("BRK B", "ES=F", "^GSPC", "BTC/USDT:USDT", "SPXW  260120P06835000"):
        assert fill(ticker=ticker).fields()["ticker"] == ticker
    assert fill(id="0000e0d5.6740a4b1.01.01").fields()["id"] == "0000e0d5.6740a4b1.01.01"


def test_a_space_may_stand_in_a_ticker_and_in_no_other_name() -> None:
    assert fill(ticker="AA PL").fields()["ticker"] == "AA PL"
    others = [fill(source="a b"), fill(id="a b"), split({"a b": "100"})]
    for message in (*others, fill(ticker="AA  PL"), fill(ticker="AAPL ")):
        with pytest.raises(ValueError):
            message.fields()


def test_the_limits_of_a_number_are_good() -> None:
    for quantity in (1, QUANTITY_MAX):
        assert fill(seq=U64_MAX, quantity=quantity).fields()["quantity"] == quantity


USES_OF_A_TIMEOUT: Dict[str, Callable[[Any], object]] = {
    "send": lambda given: allot.send([fill()], NOWHERE, given),
    "Sender.send": lambda given: allot.Sender(NOWHERE).send([fill()], given),
    "Source": lambda given: allot.Source(endpoint=NOWHERE, timeout=given),
    "Desk": lambda given: allot.Desk(NOWHERE, timeout=given),
    "Desk.next_trigger": lambda given: allot.Desk(NOWHERE).next_trigger(given),
    "latest": lambda given: allot.latest(endpoint=NOWHERE, timeout=given),
    "subscribe": lambda given: allot.subscribe(endpoint=NOWHERE, timeout=given),
    "join": lambda given: allot.subscribe(endpoint=NOWHERE).join(given),
    "repair_timeout": lambda given: allot.subscribe(endpoint=NOWHERE, repair_timeout=given),
    "heartbeat_timeout": lambda given: allot.subscribe(endpoint=NOWHERE, heartbeat_timeout=given),
}


@pytest.mark.parametrize("use", USES_OF_A_TIMEOUT)
@pytest.mark.parametrize("given", [float("nan"), Decimal("NaN"), -1, -0.5, "3", True, [3]])
def test_a_timeout_that_is_no_time_is_named_at_once(use: str, given: object) -> None:
    name = use if use.endswith("_timeout") else "timeout"
    kind = TypeError if isinstance(given, (str, bool, list)) else ValueError
    with pytest.raises(kind) as refused:
        USES_OF_A_TIMEOUT[use](given)
    assert str(refused.value).startswith(f"{name} must be ") and repr(given) in str(refused.value)


def test_a_timeout_may_be_any_number_and_none_where_a_wait_has_no_end() -> None:
    for given in (Decimal("0.01"), Fraction(1, 100), 0, 0.01):
        with pytest.raises(allot.NoReply):
            allot.send([fill()], NOWHERE, given)  # type: ignore[arg-type]
    allot.subscribe(endpoint=NOWHERE, timeout=None).close()
    allot.subscribe(endpoint=NOWHERE, timeout=float("inf")).close()
    with pytest.raises(TypeError, match="timeout must be a number of seconds, not NoneType"):
        allot.latest(endpoint=NOWHERE, timeout=None)  # type: ignore[arg-type]
    for no_pause in (0, -5):
        with pytest.raises(ValueError, match=f"heartbeat_timeout must be more .* was {no_pause}"):
            allot.subscribe(endpoint=NOWHERE, heartbeat_timeout=no_pause)


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:9998", "localhost", "tcp://127.0.0.1", "tcp://:9998", "tcp://h:0", "http://h:1"],
)
def test_what_is_no_endpoint_is_named(endpoint: str) -> None:
    text = "an endpoint is tcp://HOST:PORT or ipc://PATH"
    for use in (allot.Sender, allot.Desk, lambda given: allot.subscribe(endpoint=given)):
        with pytest.raises(ValueError) as refused:
            use(endpoint)  # type: ignore[operator]
        assert text in str(refused.value) and repr(endpoint) in str(refused.value)
    with pytest.raises(ValueError, match="an endpoint is"):
        allot.subscribe(front=endpoint)


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        (["positions:bin"], "'positions:bin' is a binary topic; subscribe to its JSON, with :json"),
        (["fills:bin:AAPL:"], "is a binary topic"),
        (["position:json"], "'position:json'; did you mean 'positions:json'?"),
        (["fills:AAPL:json"], "nothing is published on 'fills:AAPL:json'"),
        (["heartbeats"], "did you mean 'heartbeat:'?"),
        (["prices"], "topics begin with positions:json"),
        ([], "there are no topics"),
        ("positions:json", "topics must be a list of topics, not one text"),
        ([7], "a topic must be a text, not int"),
    ],
)
def test_a_topic_on_which_nothing_is_published_is_named(topics: List[str], text: str) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        allot.subscribe(topics, NOWHERE)
    assert text in str(refused.value)


def test_a_start_that_no_topic_follows_is_named() -> None:
    with pytest.raises(ValueError, match="start names 'B', and no topic is that of its fills"):
        allot.subscribe(["fills:json:A:"], NOWHERE, front=NOWHERE, start={"B": 1})
    with pytest.raises(ValueError, match="start needs front"):
        allot.subscribe(["fills:json:A:"], NOWHERE, start={"A": 1})


@pytest.fixture()
def unused() -> str:
    """An endpoint at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture()
def mute() -> Iterator[str]:
    """Something that accepts connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def why_no_reply(endpoint: str, key: str = "") -> str:
    with pytest.raises(allot.NoReply) as no_reply:
        allot.send([fill()], endpoint, timeout=5, key=key or None)
    return str(no_reply.value)


def test_no_reply_says_what_is_at_the_endpoint(
    server: Server, serve: Callable[..., Server], unused: str, mute: str
) -> None:
    assert f"nothing listens at {unused}" in why_no_reply(unused)
    assert "accepts connections and is no server of Allot" in why_no_reply(mute)
    text = why_no_reply(server["publish"])
    assert "is no front door" in text and "prints after front=" in text
    locked = serve("--front-secret", "keys")
    text = why_no_reply(locked["front"])
    assert "encrypts; pass its public key as key=" in text
    other = serve("--front-secret", "other-keys")
    text = why_no_reply(locked["front"], other["front-key"])
    assert "it has another key" in text and "front-key=" in text
    text = why_no_reply(server["front"], locked["front-key"])
    assert "does not encrypt" in text and "leave out the key" in text


def test_a_key_that_is_none_is_named_and_not_repeated() -> None:
    for given in ("short", "x" * 41, "\\" * 40):
        with pytest.raises(ValueError) as refused:
            allot.send([fill()], NOWHERE, key=given)
        assert "40 characters of Z85" in str(refused.value) and given not in str(refused.value)


def why_no_update(topics: List[str], endpoint: str, key: str = "") -> str:
    with pytest.raises(TimeoutError) as timeout:
        next(allot.subscribe(topics, endpoint, timeout=4, publish_key=key or None))
    return str(timeout.value)


def test_no_update_says_what_is_at_the_endpoint(server: Server, unused: str) -> None:
    assert f"nothing listens at {unused}" in why_no_update(["positions:json"], unused)
    text = why_no_update(["positions:json"], server["front"])
    assert "is no position feed" in text and "prints after publish=" in text
    text = why_no_update(["positions:json"], server["publish"])
    assert "nothing of positions:json was published for 4 s" in text
    assert "the publisher's last heartbeat was" in text


def test_a_wait_without_an_end_warns_that_nobody_is_there(
    unused: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waits, "_NOBODY_SECONDS", 0.05)
    has_warned = threading.Event()

    class Notice(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            has_warned.set()

    notice = Notice()
    logging.getLogger("allot").addHandler(notice)
    try:
        with allot.subscribe(["positions:json"], unused) as subscription:
            reader = threading.Thread(target=lambda: list(subscription))
            reader.start()
            assert has_warned.wait(60)
            subscription.close()
            reader.join()
    finally:
        logging.getLogger("allot").removeHandler(notice)
    assert f"nothing is heard yet: nothing listens at {unused}" in caplog.text


def test_a_rejected_message_raises_on_request(server: Server) -> None:
    allot.send([allot.Split("aum", 1, {"a": "100"})], server["front"]).raise_rejected()
    replies = allot.send([fill(), fill(seq=2, price="-1")], server["front"])
    assert [reply["type"] for reply in replies] == ["allocated", "rejected"]
    with pytest.raises(allot.Rejected) as rejected:
        replies.raise_rejected()
    assert rejected.value.code == "price_must_be_positive"
    text = "1 of 2 messages were rejected; the first, py 2, is price_must_be_positive: the price"
    assert text in str(rejected.value)
    assert rejected.value.rejections == replies[1:]


def test_the_type_checker_finds_what_is_misspelt(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import allot\n"
        'allot.Fill("py", 1, "AAPL", "1", 1, "by")\n'
        'for update in allot.subscribe(["positions:json"]):\n'
        "    body = update.body\n"
        '    if body["type"] == "positions":\n'
        '        reveal_type(body["accounts"]["a"]["positions"]["AAPL"]["quantity"])\n'
        '        body["no_such"]\n'
        'for reply in allot.send([]):\n'
        '    if reply["type"] == "allocated":\n'
        '        reveal_type(reply["shares"])\n'
        '    if reply["type"] == "alocated":\n'
        "        pass\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    found = subprocess.run([*command, str(program)], capture_output=True, text=True).stdout
    lines = [line.split("program.py:")[1] for line in found.splitlines() if "program.py:" in line]
    about = {line.split(":")[0]: line for line in lines}
    assert 'incompatible type "Literal[\'by\']"' in about["2"], found
    assert '"int"' in about["6"] or "builtins.int" in about["6"], found
    assert 'has no key "no_such"' in about["7"], found
    assert "dict[" in about["10"].lower(), found
    assert "Non-overlapping equality check" in about["11"], found
    assert sorted(about, key=int) == ["2", "6", "7", "10", "11"], found


def test_a_feed_that_encrypts_says_so_without_its_key(serve: Callable[..., Server]) -> None:
    locked = serve("--publish-secret", "feed-keys")
    text = why_no_update(["positions:json"], locked["publish"])
    # Its own greeting, which says so, may be lost with the connection.
    assert "publish-key=" in text or "is no server of Allot" in text
    other = serve("--publish-secret", "other-feed-keys")
    text = why_no_update(["positions:json"], locked["publish"], other["publish-key"])
    assert "has another key" in text
