"""What `allot export` writes is read alike from every format, with exact numbers."""

from __future__ import annotations

import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Callable

import allot
import pytest

from conftest import BIN, Server


@pytest.mark.skipif(
    subprocess.run([BIN, "export", "--help"], capture_output=True).returncode != 0,
    reason="this allot has no export",
)
def test_every_format_holds_the_same(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve("--data", "data", "--new", "--segment-mib", "8")
    with allot.Source("desk-1", endpoint=server["front"]) as source:
        source.fill("AAPL", "187.230000001", 100, id="007")
        source.split({"a": "60", "b": "33.5", "c": "6.5"})
        source.fill("MSFT", "410.5", 30)
        source.fill("AAPL", "200", 10, "sell", id="X-1")
        source.bust("AAPL", "X-1")
    exports = {}
    for kind in ("csv", "sqlite", "parquet"):
        command = [BIN, "export", "data", "--out", kind, "--format", kind]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        exports[kind] = allot.Export(tmp_path / kind)
    for table in ("fills", "busts", "allocations", "splits", "positions"):
        rows = {kind: list(export.rows(table)) for kind, export in exports.items()}
        for found in rows.values():
            assert found == rows["csv"] and found
    export = exports["csv"]
    fills = list(export.rows("fills"))
    first = next(fill for fill in fills if fill["id"] == "007")
    assert first["price"] == Decimal("187.230000001") and first["quantity"] == 100
    assert first["late"] is True and first["seq"] == 1
    assert {row["weight"] for row in export.rows("splits")} == {
        Decimal("60"),
        Decimal("33.5"),
        Decimal("6.5"),
    }
    held = sum(row["value"] for row in export.rows("positions"))
    assert held == Decimal("18723.0000001") + Decimal("12315")
    assert export.about["ledger"] == server["ledger"]
    for found_in in exports.values():
        frame = found_in.to_pandas("allocations")
        assert frame.groupby("ticker")["quantity"].sum().to_dict() == {"AAPL": 100, "MSFT": 30}
        assert found_in.to_polars("positions")["quantity"].sum() == 130
        assert found_in.to_arrow("fills")["time"][0].value > 0
    with pytest.raises(ValueError, match="there is no table 'trades'"):
        export.rows("trades")


def test_no_digit_of_a_large_number_is_lost(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("{}")
    large = "12345678901234567890123456789.123456789"
    rows = f"account,ticker,quantity,value,shard\na,AAPL,1,{large},0\na,B,1,100,0\n"
    (tmp_path / "fills.csv").write_text("")
    (tmp_path / "positions.csv").write_text(rows)
    export = allot.Export(tmp_path)
    assert [str(row["value"]) for row in export.rows("positions")] == [large, "100"]
    table = export.to_arrow("positions")
    assert str(table["value"][0].as_py()) == large


def test_a_folder_that_is_no_whole_export_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no export: it has no export.json"):
        allot.Export(tmp_path)
    partial = tmp_path / "export.unfinished"
    partial.mkdir()
    with pytest.raises(FileNotFoundError, match="it is not whole; run allot export again"):
        allot.Export(partial)
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="holds no tables"):
        allot.Export(tmp_path)
