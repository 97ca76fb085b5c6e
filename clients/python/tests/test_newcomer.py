"""The way of a newcomer, from an empty folder to a ledger that is backed up and checked."""

from __future__ import annotations

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from conftest import BIN
from test_export_page import fences

duckdb = pytest.importorskip("duckdb", reason="a step of the way is a query of DuckDB")

BROKER = """Trade,Ticker,B/S,Qty,Px,Fee
t-1,AAPL,B,101,187.23,1.5
t-2,MSFT,B,40,"400,5",1.5
t-3,AAPL,S,20,190,1.5
"""
"""A file as a broker writes it: columns of its own names, a comma in a price, and a fee."""

COLUMNS = [
    "--column", "id=Trade", "--column", "ticker=Ticker", "--column", "side=B/S",
    "--column", "quantity=Qty", "--column", "price=Px", "--ignore", "Fee",
    "--buy-codes", "B", "--sell-codes", "S",
]  # fmt: skip


class Shell:
    """A folder in which commands are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [BIN, *words]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode in (1, 2), f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stderr

    def events(self, *words: str) -> List[Dict[str, object]]:
        lines = self.ok("history", *words, "--format", "json").splitlines()
        return [json.loads(line) for line in lines]

    def positions(self, data: str) -> Dict[str, Dict[str, int]]:
        page = self.ok("positions", "--at", "2100-01-01", "--format", "json", data)
        return {
            account: {ticker: held["quantity"] for ticker, held in of["positions"].items()}
            for account, of in json.loads(page)["accounts"].items()
        }


def test_the_way_of_a_newcomer(
    tmp_path: Path, serve: Callable[..., Dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path)
    assert shell.ok("--version").startswith("allot ")
    shell.ok("init", "data")
    server = serve("--data", "data")
    front, publish = ["--front", server["front"]], ["--publish", server["publish"]]

    # A split, looked at before it is in force.
    weights = "growth=50,income=30,pension=20"
    shown = shell.ok("split", weights, "--dry-run", *front, *publish)
    assert "growth" in shown and "nothing was sent" in shown
    assert shell.ok("split", weights, *front) == "split 1 is in force\n"

    # The file of a broker: each answer says what is missing, and nothing is sent meanwhile.
    (tmp_path / "day.csv").write_text(BROKER)
    feed = ["feed", "fills", "--file", "day.csv", "--source", "broker"]
    assert '--column ticker="Ticker"' in shell.fails(*feed, "--dry-run")
    assert "--decimal" in shell.fails(*feed, "--dry-run", *COLUMNS)
    (tmp_path / "day.csv").write_text(BROKER.replace('"400,5"', "400.5"))
    dry = shell.ok(*feed, "--dry-run", *COLUMNS)
    assert "3 fills; nothing is sent" in dry
    assert shell.events("data") == []
    sent = shell.ok(*feed, *COLUMNS, *front)
    assert "all answered" in sent
    # The same file again counts nothing twice.
    assert "known before                  3" in shell.ok(*feed, *COLUMNS, *front)

    # A sale by hand, and a bust of a purchase.
    sold = shell.ok(
        "send", "fill", "source=desk", "seq=1", "ticker=MSFT", "side=sell", "price=401",
        "quantity=10", *front,
    )  # fmt: skip
    answer = json.loads(sold)
    assert answer["type"] == "allocated" and sum(answer["shares"].values()) == 10
    bought = shell.ok(
        "send", "fill", "source=desk", "seq=2", "ticker=KO", "side=buy", "price=60",
        "quantity=7", *front,
    )  # fmt: skip
    assert sum(json.loads(bought)["shares"].values()) == 7
    shell.ok("bust", "desk", "2", *front, *publish)
    held = {"AAPL": 81, "MSFT": 30}

    # What happened, and why.
    events = shell.events("data")
    ids = [str(event["id"]) for event in events]
    # Those of one message have one time, and shards are told one after the other.
    assert sorted(ids[:3]) == ["t-1", "t-2", "t-3"]
    assert ids[3:] == ["1", "2", "bust-2"]
    why = shell.ok("explain", "data", "--source", "broker", "--id", "t-1")
    assert why.startswith("broker/t-1: buy 101 AAPL at 187.23\n")
    positions = shell.positions("data")
    for ticker, quantity in held.items():
        assert sum(of.get(ticker, 0) for of in positions.values()) == quantity

    # Away with it: the queries of the documentation.
    shell.ok("export", "data", "--out", "export", "--format", "parquet")
    monkeypatch.chdir(tmp_path)
    days, joined, _, differences = [
        duckdb.connect().execute(query).fetchall() for query in fences("sql")[:4]
    ]
    assert differences == []
    got = {(account, ticker): quantity for _, account, ticker, quantity, _ in days if quantity}
    expected = {
        (account, ticker): quantity
        for account, of in positions.items()
        for ticker, quantity in of.items()
        if quantity
    }
    assert got == expected
    assert {row[2] for row in joined} == {"t-1", "t-3"}
    total = "SELECT sum(value) FROM 'export/positions.parquet'"
    paid = duckdb.connect().execute(total).fetchall()
    turnover = 101 * Decimal("187.23") - 20 * 190 + 40 * Decimal("400.5") - 10 * 401
    assert paid == [(turnover,)]

    # A copy while the server runs, and a ledger made of it.
    shell.ok("backup", "data", "copy")
    shell.ok("restore", "copy", "again")
    assert shell.positions("again") == positions
    assert shell.events("again") == events
    for data in ["data", "again"]:
        shell.ok("verify", data)
    # It goes on where the copy was made: the file counts nothing there either.
    restored = serve("--data", "again")
    told = shell.ok(*feed, *COLUMNS, "--front", restored["front"])
    assert "known before                  3" in told
    assert shell.positions("again") == positions
