"""The client against the real server."""

from __future__ import annotations

from decimal import Decimal
from typing import Callable, Dict

import allot
import pytest

def test_fills_are_divided_and_positions_add_up(server: Dict[str, str]) -> None:
    weights = {"account1": "40", "account2": Decimal("35"), "account3": 25}
    accepted = allot.send([allot.Split("aum", 1, weights)], server["front"])
    assert accepted[0].pop("time").endswith("Z")
    assert accepted == [{"type": "accepted", "source": "aum", "seq": 1, "split": 1}]
    tickers = ["AAPL", "MSFT", "NVDA", "BRK/B"]
    fills = [
        allot.Fill("py", seq, tickers[seq % 4], Decimal("187.23") + seq, 100)
        for seq in range(1, 501)
    ]
    replies = allot.send(fills, server["front"])
    assert [reply["seq"] for reply in replies] == list(range(1, 501))
    assert all(sum(reply["shares"].values()) == 100 for reply in replies)
    allot.send([allot.ReportRequest("ops", 1)], server["front"])
    report = next(allot.subscribe(["positions:json"], server["publish"], timeout=30)).body
    assert report["fills"] == 500
    total = sum(Decimal(str(fill.price)) * fill.quantity for fill in fills)
    assert Decimal(report["total_value"]) == total
    for ticker in tickers:
        held = sum(
            account["positions"].get(ticker, {"quantity": 0})["quantity"]
            for account in report["accounts"].values()
        )
        assert held == sum(fill.quantity for fill in fills if fill.ticker == ticker)


def test_a_repeat_gets_the_first_reply_and_counts_once(server: Dict[str, str]) -> None:
    allot.send([allot.Split("aum", 1, {"a": "50", "b": "50"})], server["front"])
    first = allot.send([allot.Fill("py", 1, "AAPL", "10", 7)], server["front"])[0]
    again = allot.send([allot.Fill("py", 1, "AAPL", "10", 7)], server["front"])[0]
    assert again == {**first, "duplicate": True}


def test_fills_before_the_split_are_held_and_follow(server: Dict[str, str]) -> None:
    with allot.Sender(server["front"]) as sender:
        held = sender.send([allot.Fill("py", 1, "AAPL", "10", 7)])
        assert held[0]["type"] == "held"
        sender.send([allot.Split("py", 2, {"a": "100"})])
        while not sender.late:
            sender.send([allot.ReportRequest("py", 3)])
        assert sender.late[0]["shares"] == {"a": 7}


def test_bad_input_has_a_code(server: Dict[str, str]) -> None:
    replies = allot.send(
        [
            allot.Fill("py", 1, "AAPL", "-1", 7),
            allot.Fill("py", 2, "AAPL", "0.0000000001", 7),
            allot.Split("py", 4, {"a": "99"}),
            allot.Bust("py", 5, "AAPL", 77),
        ],
        server["front"],
    )
    assert [reply["code"] for reply in replies] == [
        "price_must_be_positive",
        "price_malformed",
        "weights_must_add_to_100",
        "unknown_fill",
    ]


def test_no_server_at_the_endpoint_is_an_error() -> None:
    with pytest.raises(allot.NoReply):
        allot.send([allot.Fill("py", 1, "A", "1", 1)], "ipc:///nowhere/at/all", timeout=0.2)


def test_a_float_is_rejected() -> None:
    with pytest.raises(TypeError):
        allot.send([allot.Fill("py", 1, "A", 0.1, 1)], "ipc:///nowhere")  # type: ignore[arg-type]


def test_the_ledger_is_named_and_another_one_is_noticed(
    serve: Callable[..., Dict[str, str]],
) -> None:
    def ledger(data: str) -> object:
        server = serve("--data", data, "--new", "--segment-mib", "8")
        heartbeat = next(iter(allot.subscribe(["heartbeat:"], server["publish"], timeout=30)))
        assert heartbeat.ledger == server["ledger"]
        return heartbeat.ledger

    assert ledger("one") != ledger("two")


def test_a_server_in_memory_has_no_ledger(server: Dict[str, str]) -> None:
    heartbeat = next(iter(allot.subscribe(["heartbeat:"], server["publish"], timeout=30)))
    assert heartbeat.ledger is None
