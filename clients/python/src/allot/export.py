"""Export: reads what `allot export` wrote, whatever its format, with exact numbers.

`docs/EXPORT.md` has the tables and their columns. Rows are dictionaries: decimals are `Decimal`,
counts are `int`, times are RFC 3339 texts with nine decimals, and what a row lacks is `None`; in
every format they are the same. CSV and SQLite need nothing but Python, Parquet needs pyarrow.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Union

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from .frames import Numbers

Row = Dict[str, Any]

TABLES = ("fills", "busts", "allocations", "splits", "positions")

_DECIMALS = ("price", "value", "weight")
_COUNTS = ("quantity", "seq", "number", "split", "shard", "record")
_FLAGS = ("late",)


class Export:
    """A folder that `allot export` wrote."""

    def __init__(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        self._folder = Path(folder)
        about = self._folder / "export.json"
        if not about.is_file():
            is_partial = self._folder.name.endswith(".unfinished")
            hint = "it is not whole; run allot export again" if is_partial else "see allot export"
            raise FileNotFoundError(f"{self._folder} is no export: it has no export.json; {hint}")
        self.about: Dict[str, Any] = json.loads(about.read_text())
        """What the export is of, as `export.json` says."""
        self._format = self._find_format()

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of `fills`, `busts`, `allocations`, `splits` or `positions`, as they stand
        there; it reads them as they are taken, so that a large export needs no memory."""
        if table not in TABLES:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(TABLES)}")
        readers: Dict[str, Callable[[str], Iterator[Row]]] = {
            "csv": self._csv,
            "parquet": self._parquet,
            "sqlite": self._sqlite,
        }
        return readers[self._format](table)

    def to_arrow(self, table: str, numbers: Numbers = "decimal") -> pyarrow.Table:
        """A table of Arrow."""
        from . import frames

        return frames.table(list(self.rows(table)), _columns(table), numbers)

    def to_pandas(self, table: str, numbers: Numbers = "decimal") -> pandas.DataFrame:
        """A frame of pandas."""
        from . import frames

        return frames.pandas_of(self.to_arrow(table, numbers), numbers)

    def to_polars(self, table: str, numbers: Numbers = "decimal") -> polars.DataFrame:
        """A frame of Polars."""
        from . import frames

        return frames.polars_of(self.to_arrow(table, numbers))

    def __repr__(self) -> str:
        return f"Export({str(self._folder)!r}, {self._format})"

    def _find_format(self) -> str:
        for name, kind in (
            ("ledger.sqlite", "sqlite"),
            ("fills.parquet", "parquet"),
            ("fills.csv", "csv"),
        ):
            if (self._folder / name).is_file():
                return kind
        raise FileNotFoundError(f"{self._folder} holds no tables beside its export.json")

    def _csv(self, table: str) -> Iterator[Row]:
        with open(self._folder / f"{table}.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield {name: _read(name, text or None) for name, text in row.items()}

    def _sqlite(self, table: str) -> Iterator[Row]:
        # Read only: looking at an export must not change it.
        uri = (self._folder / "ledger.sqlite").resolve().as_uri() + "?mode=ro"
        database = sqlite3.connect(uri, uri=True)
        try:
            cursor = database.execute(f"SELECT * FROM {table} ORDER BY rowid")
            names = [column[0] for column in cursor.description]
            for values in cursor:
                yield {name: _read(name, value) for name, value in zip(names, values)}
        finally:
            database.close()

    def _parquet(self, table: str) -> Iterator[Row]:
        from . import frames

        parquet = frames.needs("pyarrow.parquet", "arrow")
        file = parquet.ParquetFile(self._folder / f"{table}.parquet")
        for batch in file.iter_batches():
            columns: Dict[str, List[Any]] = {}
            for name in batch.schema.names:
                column = batch.column(name)
                if name == "time":
                    columns[name] = [frames.rfc3339(value.value) for value in column]
                else:
                    columns[name] = column.to_pylist()
            for values in zip(*columns.values()):
                yield {name: _read(name, value) for name, value in zip(columns, values)}


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DECIMALS:
        # Trailing zeros are those of the column, not of the number. Arithmetic would round.
        text = format(Decimal(value), "f")
        return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
    if name in _COUNTS:
        return int(value)
    if name in _FLAGS:
        return value in (True, 1, "true")
    return value


def _columns(table: str) -> Dict[str, str]:
    names = {
        "fills": "time source seq id ticker side quantity price split number late shard record",
        "busts": "time source seq id ticker fill number shard record",
        "allocations": "time ticker number account quantity value shard record",
        "splits": "time split source seq account weight",
        "positions": "account ticker quantity value shard",
    }[table].split()
    return {name: _kind(name) for name in names}


def _kind(name: str) -> str:
    if name in _DECIMALS:
        return "decimal"
    if name in _FLAGS:
        return "bool"
    if name == "time":
        return "time"
    if name == "quantity":
        return "int64"
    return "uint64" if name in _COUNTS else "text"
