"""Positions and replies as tables, exact to the last decimal, and as HTML."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any, Dict, List

import allot
import pytest

from conftest import Server


@pytest.fixture()
def replies(server: Server) -> allot.Replies:
    allot.send([allot.Split("aum", 1, {"a": "60", "b": "40", "idle": "0"})], server["front"])
    return allot.send(
        [
            allot.Fill("py", 1, "AAPL", "187.230000001", 100),
            allot.Fill("py", 2, "AAPL", "200", 10, "sell", "X-1"),
            allot.Fill("py", 3, "MSFT", "-1", 10),
            allot.Bust("py", 4, "AAPL", "X-1"),
            allot.Fill("py", 5, "MSFT", "410.5", 3),
        ],
        server["front"],
    )


def test_replies_are_a_row_for_each_account(replies: allot.Replies) -> None:
    table = replies.to_arrow()
    rows: List[Dict[str, Any]] = table.to_pylist()
    first = rows[0]
    assert (first["type"], first["source"], first["seq"]) == ("allocated", "py", 1)
    price = Decimal("187.230000001")
    assert (first["side"], first["price"], first["quantity"]) == ("buy", price, 100)
    assert [(row["account"], row["shares"]) for row in rows[:2]] == [("a", 60), ("b", 40)]
    assert {row["code"] for row in rows if row["seq"] == 3} == {"price_must_be_positive"}
    assert sum(row["shares"] for row in rows if row["type"] == "allocated") == 113
    assert str(table.schema.field("time").type) == "timestamp[ns, tz=UTC]"
    text = replies[0].get("time")
    assert isinstance(text, str)
    value = table["time"][0].value
    assert value % 1_000_000_000 == int(text[20:29])
    assert table["time"][0].as_py().strftime("%Y-%m-%dT%H:%M:%S") == text[:19]


def test_a_report_is_a_row_for_each_account_and_ticker(
    server: Server, replies: allot.Replies
) -> None:
    update = allot.latest(endpoint=server["publish"], timeout=60, front=server["front"])
    body = update.body
    assert body["type"] == "positions"
    frame = update.to_pandas()
    held = frame[frame["ticker"].notna()]
    assert held.groupby("ticker")["quantity"].sum().to_dict() == {"AAPL": 100, "MSFT": 3}
    total = sum(Decimal(str(value)) for value in held["value"])
    assert total == Decimal(body["total_value"]) == Decimal("19954.5000001")
    assert set(frame["account"]) == {"a", "b", "idle"}
    polars = update.to_polars()
    assert polars.columns == list(frame.columns)
    assert polars["quantity"].sum() == 103
    floats = update.to_pandas("float")
    assert str(floats["value"].dtype) == "float64"
    assert abs(floats["value"].sum() - 19954.5000001) < 1e-6
    account = allot.latest("account:json:a:", server["publish"], 60, front=server["front"])
    assert list(account.to_arrow().column_names) == list(frame.columns)
    with pytest.raises(ValueError, match="numbers must be"):
        update.to_pandas("money")  # type: ignore[arg-type]


def test_outcomes_of_the_feed_have_their_number(server: Server, replies: allot.Replies) -> None:
    updates = allot.subscribe(
        ["fills:json:AAPL:"], server["publish"], 60, front=server["front"], start={"AAPL": 1}
    )
    table = allot.to_arrow([next(updates) for _ in range(3)])
    assert sorted(set(table["sequence"].to_pylist())) == [1, 2, 3]
    paged = allot.send([allot.Replay("py", 9, "AAPL", 1)], server["front"])
    assert allot.to_arrow(paged)["shares"].to_pylist() == table["shares"].to_pylist()


def test_what_does_not_fit_into_one_table_is_refused(
    server: Server, replies: allot.Replies
) -> None:
    update = allot.latest(endpoint=server["publish"], timeout=60, front=server["front"])
    with pytest.raises(ValueError, match="make a table of each"):
        allot.to_arrow([update, *replies])
    heartbeat = next(allot.subscribe(["heartbeat:"], server["publish"], 60))
    with pytest.raises(ValueError, match="a heartbeat holds neither"):
        heartbeat.to_arrow()
    assert allot.Replies().to_arrow().num_rows == 0


def test_a_notebook_shows_tables_and_nothing_of_a_name_is_markup(
    server: Server, replies: allot.Replies
) -> None:
    allot.send([allot.Fill("py", 6, "<b>&", "1", 2)], server["front"])
    update = allot.latest(endpoint=server["publish"], timeout=60, front=server["front"])
    page = update._repr_html_()
    assert "<th>&lt;b&gt;&amp;</th>" in page and "<b>" not in page
    assert "<td>60</td>" in page and "report " in page
    assert len(repr(update)) < 120 and "accounts=3" in repr(update)
    page = replies._repr_html_()
    assert "5 replies" in page and "price_must_be_positive: the price" in page
    assert "<td>a 60, b 40</td>" in page
    assert "<td>buy</td>" in page and "<td>sell</td>" in page
    outcome = allot.Update("fills:json:AAPL:", 1, replies[0], 0)  # type: ignore[arg-type]
    assert "<td>187.230000001</td>" in outcome._repr_html_()


def test_the_client_needs_pyzmq_alone() -> None:
    """Nothing of a table is imported until one is made, and what is missing is named."""
    program = (
        "import sys\n"
        "for name in ('pandas', 'polars', 'pyarrow', 'numpy'): sys.modules[name] = None\n"
        "import allot, allot.signals\n"
        "try: allot.Replies().to_pandas()\n"
        "except ImportError as error: print(error)\n"
        "try: allot.Replies().to_arrow()\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "this needs pandas: pip install 'allot[pandas]'",
        "this needs pyarrow: pip install 'allot[arrow]'",
    ]
