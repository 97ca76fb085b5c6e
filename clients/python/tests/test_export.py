"""What `allot export` writes is read alike from every format, with exact numbers."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import allot
import pytest

from conftest import BIN, Server


HEADER = "time,source,seq,id,ticker,side,quantity,price,split,number,late,shard,record"
FILL = "2026-11-20T10:00:00.000000000Z,py,{0},X-{0},AAPL,buy,100,187.23,1,{0},false,0,100{0}"
TABLES = ("fills", "busts", "allocations", "splits", "positions")


def write(folder: Path, rows: Dict[str, int]) -> List[str]:
    """An export in CSV with these counts of rows; returns the lines of its fills."""
    (folder / "export.json").write_text(json.dumps({"format": "csv", "rows": rows}))
    for table in TABLES:
        (folder / f"{table}.csv").write_text("header\n")
    lines = [HEADER, *(FILL.format(seq) for seq in range(1, rows.get("fills", 0) + 1))]
    (folder / "fills.csv").write_text("".join(f"{line}\n" for line in lines))
    return lines


def read_until_refused(folder: Path, table: str = "fills") -> Tuple[int, str]:
    """How many rows come, and what is raised after them."""
    count = 0
    with pytest.raises(FileNotFoundError) as refused:
        for _ in allot.Export(folder).rows(table):
            count += 1
    return count, str(refused.value)


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
    write(tmp_path, {"positions": 2})
    large = "12345678901234567890123456789.123456789"
    rows = f"account,ticker,quantity,value,shard\na,AAPL,1,{large},0\na,B,1,100,0\n"
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


def test_an_export_without_one_of_its_files_is_refused_at_once(tmp_path: Path) -> None:
    for table in TABLES:
        write(tmp_path, {})
        (tmp_path / f"{table}.csv").unlink()
        with pytest.raises(FileNotFoundError, match=f"{table}.csv is missing.* is not whole"):
            allot.Export(tmp_path)
    write(tmp_path, {})
    (tmp_path / "export.json").write_text('{"format": "csv", "ro')
    with pytest.raises(FileNotFoundError, match="export.json cannot be read.* is not whole"):
        allot.Export(tmp_path)


def test_a_table_in_csv_that_was_cut_is_refused_where_it_ends(tmp_path: Path) -> None:
    lines = write(tmp_path, {"fills": 5})
    whole = (tmp_path / "fills.csv").read_text()
    assert len(list(allot.Export(tmp_path).rows("fills"))) == 5
    # The last line is lost, then a part of it, then the last digit, which leaves all fields.
    (tmp_path / "fills.csv").write_text("".join(f"{line}\n" for line in lines[:-1]))
    count, text = read_until_refused(tmp_path)
    assert count == 4 and "fills.csv has 4 rows of fills, and export.json says 5" in text
    for read in (allot.Export(tmp_path).to_pandas, allot.Export(tmp_path).to_polars):
        with pytest.raises(FileNotFoundError, match="export.json says 5"):
            read("fills")
    (tmp_path / "fills.csv").write_text(whole[: whole.rindex("X-5") + 2])
    count, text = read_until_refused(tmp_path)
    assert count == 4 and "fills.csv has a line 6 of 4 fields, and the header has 13" in text
    (tmp_path / "fills.csv").write_text(whole[:-2])
    count, text = read_until_refused(tmp_path)
    assert count == 4 and "fills.csv ends within line 6" in text
    (tmp_path / "fills.csv").write_text("")
    assert "fills.csv has no header" in read_until_refused(tmp_path)[1]


def test_rows_come_as_they_are_taken_and_are_counted_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, {"fills": 5})
    about = tmp_path / "export.json"
    about.write_text(json.dumps({"format": "csv", "rows": {"fills": 6}}))
    rows = allot.Export(tmp_path).rows("fills")
    assert [next(rows)["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(FileNotFoundError, match="export.json says 6"):
        next(rows)


def test_the_rows_of_every_format_are_counted(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    about = json.dumps({"rows": {"positions": 2}})
    made = tmp_path / "parquet"
    made.mkdir()
    (made / "export.json").write_text(about)
    for table in TABLES:
        parquet.write_table(arrow.table({"account": ["a"]}), made / f"{table}.parquet")
    assert "positions.parquet has 1 rows" in read_until_refused(made, "positions")[1]
    (made / "busts.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="busts.parquet is missing"):
        allot.Export(made)
    made = tmp_path / "sqlite"
    made.mkdir()
    (made / "export.json").write_text(about)
    database = sqlite3.connect(made / "ledger.sqlite")
    database.execute("CREATE TABLE positions (account TEXT)")
    database.execute("INSERT INTO positions VALUES ('a')")
    database.commit()
    database.close()
    assert "ledger.sqlite has 1 rows of positions" in read_until_refused(made, "positions")[1]
