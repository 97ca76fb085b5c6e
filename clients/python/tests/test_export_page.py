"""The queries of docs/EXPORT.md run, and give what the server said."""

from __future__ import annotations

import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Callable, Dict, List

import allot
import pytest

from conftest import BIN

duckdb = pytest.importorskip("duckdb", reason="the queries of docs/EXPORT.md need duckdb")
pytest.importorskip("pandas", reason="the queries of docs/EXPORT.md need pandas")
pytest.importorskip("pyarrow", reason="pandas reads Parquet with pyarrow")

PAGE = Path(__file__).parents[3] / "docs" / "EXPORT.md"


def fences(language: str) -> List[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def export(folder: Path, out: str, form: str) -> "subprocess.CompletedProcess[str]":
    command = [BIN, "export", "data", "--out", out, "--format", form]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture()
def exported(serve: Callable[..., Dict[str, str]], tmp_path: Path) -> Path:
    """A folder with an export of each format, made while the server runs."""
    server = serve("--data", "data", "--new")
    weights = {"growth": "50", "income": "30", "pension": "20"}
    allot.send([allot.Split("aum", 1, weights)], server["front"])
    tickers = ["AAPL", "MSFT", "KO"]
    fills = [
        allot.Fill("py", seq, tickers[seq % 3], Decimal("187.230000001") + seq, 100)
        for seq in range(1, 61)
    ]
    allot.send(fills, server["front"])
    allot.send([allot.Bust("py", 100, "AAPL", 3)], server["front"])
    for out, form in [("export", "parquet"), ("export-csv", "csv"), ("export-sqlite", "sqlite")]:
        made = export(tmp_path, out, form)
        assert made.returncode == 0, made.stderr
    return tmp_path


def test_the_queries_of_the_page_run(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(exported)
    queries = fences("sql")
    assert len(queries) == 5
    days, joined, parts, differences, turnover = [
        duckdb.connect().execute(query).fetchall() for query in queries
    ]
    assert len(days) == 9 and all(isinstance(row[4], Decimal) for row in days)
    assert {row[6] for row in joined if row[2] == "3"} == {"100"}
    assert [(row[0], row[1]) for row in parts] == [
        ("growth", Decimal(50)),
        ("income", Decimal(30)),
        ("pension", Decimal(20)),
    ]
    assert all(abs(float(row[1]) - row[2]) < 1 for row in parts)
    assert differences == []
    expected = sum((Decimal("187.230000001") + seq) * 100 for seq in range(1, 61))
    assert sum(row[1] for row in turnover) == expected


def test_the_programs_of_the_page_run(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(exported)
    programs = fences("python")
    assert len(programs) == 3
    names: List[Dict[str, object]] = []
    for program in programs:
        found: Dict[str, object] = {}
        exec(program, found)  # noqa: S102
        names.append(found)
    assert capsys.readouterr().out.count("AAPL") >= 3
    by_account = names[0]["by_account"]
    value = by_account["value"].sum()  # type: ignore[index]
    assert isinstance(value, Decimal)
    bought = sum((Decimal("187.230000001") + seq) * 100 for seq in range(1, 61) if seq != 3)
    assert value == bought
    positions = names[2]["positions"]
    assert positions["quantity"].sum() == 5900  # type: ignore[index]
