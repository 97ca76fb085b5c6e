"""Export: reads what `allot export` wrote, whatever its format, with exact numbers.

`docs/EXPORT.md` has the tables and their columns. Rows are dictionaries: decimals are `Decimal`,
counts are `int`, times are RFC 3339 texts with nine decimals, and what a row lacks is `None`; in
every format they are the same. CSV and SQLite need nothing but Python, Parquet needs pyarrow.

What is no whole export is refused with `FileNotFoundError`: a file that is missing at once, and a
table that was cut when it is read to its end, since rows are not read before they are taken.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Union

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
        self.about: Dict[str, Any] = _read_about(about)
        """What the export is of, as `export.json` says."""
        self._format = self._find_format()
        for table in TABLES:
            if not self._file(table).is_file():
                raise _not_whole(self._file(table), "is missing")

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of `fills`, `busts`, `allocations`, `splits` or `positions`, as they stand
        there; it reads them as they are taken, so that a large export needs no memory.

        Raises `FileNotFoundError` at a line that was cut, and at the end of a table that has not
        as many rows as `export.json` says.
        """
        if table not in TABLES:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(TABLES)}")
        readers: Dict[str, Callable[[str], Iterator[Row]]] = {
            "csv": self._csv,
            "parquet": self._parquet,
            "sqlite": self._sqlite,
        }
        return self._counted(table, readers[self._format](table))

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
        if (self._folder / "ledger.sqlite").is_file():
            return "sqlite"
        for kind in ("parquet", "csv"):
            # Any table tells the format: one that is missing is named then.
            if any((self._folder / f"{table}.{kind}").is_file() for table in TABLES):
                return kind
        raise FileNotFoundError(f"{self._folder} holds no tables beside its export.json")

    def _file(self, table: str) -> Path:
        """The file that holds a table."""
        is_database = self._format == "sqlite"
        return self._folder / ("ledger.sqlite" if is_database else f"{table}.{self._format}")

    def _counted(self, table: str, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, and at their end whether all are there."""
        count = 0
        for row in rows:
            count += 1
            yield row
        expected = self.about.get("rows", {}).get(table, count)
        if count != expected:
            what = f"has {count} rows of {table}, and export.json says {expected}"
            raise _not_whole(self._file(table), what)

    def _csv(self, table: str) -> Iterator[Row]:
        path = self._file(table)
        with open(path, newline="", encoding="utf-8") as file:
            lines = _Lines(file)
            reader = csv.reader(lines)
            names: List[str] = []
            for texts in reader:
                names = names or texts
                if len(texts) != len(names):
                    counts = f"{len(texts)} fields, and the header has {len(names)}"
                    raise _not_whole(path, f"has a line {reader.line_num} of {counts}")
                if not lines.is_ended:
                    raise _not_whole(path, f"ends within line {reader.line_num}")
                if texts is not names:
                    yield {name: _read(name, text or None) for name, text in zip(names, texts)}
            if not names:
                raise _not_whole(path, "has no header")

    def _sqlite(self, table: str) -> Iterator[Row]:
        # Read only: looking at an export must not change it.
        uri = self._file(table).resolve().as_uri() + "?mode=ro"
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
        file = parquet.ParquetFile(self._file(table))
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


def _read_about(path: Path) -> Dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise _not_whole(path, "cannot be read") from error


class _Lines:
    """The lines of a file, and whether the last one ends: a cut may take digits, and no field."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = file
        self.is_ended = True

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.is_ended = line.endswith("\n")
            yield line


def _not_whole(path: Path, what: str) -> FileNotFoundError:
    return FileNotFoundError(f"{path} {what}: the export is not whole; run allot export again")


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
