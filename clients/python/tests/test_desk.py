"""The desk's client against the real desk."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import List

import allot
import pytest

from conftest import DeskPlace


def test_a_session_ends_with_the_account_that_it_makes(place: DeskPlace) -> None:
    place.start_quotes("ABC,10.00\n")
    place.start("--shards", "2", "--data", "data", "--new")
    with allot.Desk(place.front) as desk:
        assert desk.add("u", "1000.00", transaction=7)["transaction"] == 7
        assert desk.quote("u", "ABC")["price"] == "10.00"
        assert desk.buy("u", "ABC", "105.00")["shares"] == 10
        assert desk.commit_buy("u")["amount"] == "100.00"
        assert desk.buy("u", "ABC", "50")["answer"] == "pending"
        assert desk.cancel_buy("u")["answer"] == "cancelled"
        assert desk.sell("u", "ABC", "30.00")["side"] == "sell"
        assert desk.cancel_sell("u")["shares"] == 3
        assert desk.sell("u", "ABC", "10.00")["shares"] == 1
        assert desk.commit_sell("u")["answer"] == "committed"
        assert desk.set_buy_amount("u", "ABC", "55.00")["before"] == "0.00"
        assert desk.set_buy_trigger("u", "ABC", "1.00")["answer"] == "armed"
        assert desk.cancel_set_buy("u", "ABC")["amount"] == "55.00"
        gone = desk.next_trigger(timeout=30)
        assert gone is not None and (gone["type"], gone["trigger"]) == ("disarmed", "1.00")
        assert desk.set_sell_amount("u", "ABC", "20.00")["answer"] == "amount_set"
        assert desk.set_sell_trigger("u", "ABC", "11.00")["shares"] == 1
        assert desk.cancel_set_sell("u", "ABC")["answer"] == "set_cancelled"
        assert desk.dumplog("all.xml")["answer"] == "log_dumped"
        assert desk.dumplog("u.xml", "u")["answer"] == "log_dumped"
        summary = desk.display_summary("u")
        assert (summary["cash"], summary["held"]) == ("910.00", "0.00")
        assert summary["holdings"] == [{"symbol": "ABC", "free": 9, "reserved": 0}]


def test_a_refusal_has_a_code_and_a_sentence(place: DeskPlace) -> None:
    place.start_quotes("ABC,10.00\n")
    place.start()
    with allot.Desk(place.front) as desk:
        with pytest.raises(allot.Refused) as refused:
            desk.commit_buy("nobody")
        assert refused.value.code == "unknown_user"
        assert refused.value.reason in str(refused.value) and " " in refused.value.reason
        desk.add("u", 10)
        replies = desk.send([desk.command("BUY", "u", "ABC", "9.99"), desk.command("NONE", "u")])
        assert [reply["code"] for reply in replies] == ["amount_below_price", "unknown_command"]
        with pytest.raises(TypeError):
            desk.add("u", 0.1)  # type: ignore[arg-type]


def test_what_waits_for_a_quote_is_waited_for_and_keeps_its_order(place: DeskPlace) -> None:
    place.start_quotes("ABC,10.00\n")
    place.start()
    with allot.Desk(place.front) as desk:
        commands: List[allot.Command] = []
        for user in (f"user{number}" for number in range(20)):
            commands += [
                desk.command("ADD", user, amount="100.00"),
                desk.command("BUY", user, "ABC", "40.00"),
                desk.command("COMMIT_BUY", user),
                desk.command("SELL", user, "ABC", "30.00"),
                desk.command("COMMIT_SELL", user),
            ]
        replies = desk.send(commands)
        answers = [reply["answer"] for reply in replies]
        assert answers == ["added", "pending", "committed", "pending", "committed"] * 20
        again = desk.send(commands)
        assert all(reply["duplicate"] for reply in again)
        assert [reply["answer"] for reply in again] == answers


def test_a_trigger_that_fires_is_told(place: DeskPlace) -> None:
    place.start_quotes("ABC,10.00\n")
    place.start()
    with allot.Desk(place.front) as desk:
        desk.add("u", "100.00")
        desk.quote("u", "ABC")
        desk.set_buy_amount("u", "ABC", "55.00")
        assert desk.next_trigger() is None
        desk.set_buy_trigger("u", "ABC", "10.00")
        fired = desk.next_trigger(timeout=30)
        assert fired is not None and (fired["type"], fired["shares"]) == ("fired", 5)
        assert fired["cash_back"] == "5.00"


def test_each_command_counts_once_while_the_desk_is_killed(place: DeskPlace) -> None:
    place.start_quotes("ABC,10.00\n")
    server = place.start("--data", "data", "--new")
    replies: List[allot.Reply] = []
    progress = threading.Condition()

    def send_all() -> None:
        with allot.Desk(place.front, source="py", timeout=120) as desk:
            for _ in range(40):
                batch = [
                    desk.command("ADD", f"user{number % 10}", amount="1.00")
                    for number in range(50)
                ]
                received = desk.send(batch)
                with progress:
                    replies.extend(received)
                    progress.notify()

    sending = threading.Thread(target=send_all)
    sending.start()
    for wanted in (300, 1_000):
        with progress:
            assert progress.wait_for(lambda: len(replies) >= wanted, timeout=120)
        server.kill()
        server.wait()
        server = place.start("--data", "data")
    sending.join()
    assert [reply["answer"] for reply in replies] == ["added"] * 2_000
    with allot.Desk(place.front) as desk:
        for number in range(10):
            assert desk.display_summary(f"user{number}")["cash"] == "200.00"


def test_the_example_runs(place: DeskPlace) -> None:
    place.start_quotes("ABC,10.00\nXYZ,5.00\n")
    place.start()
    example = Path(__file__).parents[1] / "examples" / "desk.py"
    run = subprocess.run(
        [sys.executable, str(example), place.front], capture_output=True, text=True, timeout=120
    )
    assert run.stdout.splitlines() == [
        "cash 1000.00",
        "pending 50 shares at 10.00",
        "refused: insufficient_shares",
        "sold 10",
    ], run.stderr
