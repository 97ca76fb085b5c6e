"""Frames: positions and outcomes as tables of Arrow, pandas and Polars.

Decimals stay exact: they are `decimal128(38, 9)` of Arrow. `numbers="float"` makes them floats, for
work where a rounded figure does. Times are timestamps in nanoseconds, in UTC. Needs the extra
`allot[arrow]`, `allot[pandas]` or `allot[polars]`.
"""

from __future__ import annotations

import calendar
import importlib
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Literal, Mapping, Optional, Union, cast

from .bodies import Body, Reply
from .update import Update

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Numbers = Literal["decimal", "float"]
Item = Union[Update, Reply, Body]
Row = Dict[str, Any]

_POSITIONS = {
    "report": "int64",
    "cut": "int64",
    "split": "int64",
    "time": "time",
    "account": "text",
    "weight": "decimal",
    "closed": "bool",
    "ticker": "text",
    "quantity": "int64",
    "value": "decimal",
    "average_price": "decimal",
}
"""Columns of positions: a row for each account and ticker, and one for an account without any."""

_OUTCOMES = {
    "type": "text",
    "source": "text",
    "seq": "uint64",
    "id": "text",
    "time": "time",
    "sequence": "uint64",
    "ticker": "text",
    "side": "text",
    "price": "decimal",
    "quantity": "int64",
    "split": "int64",
    "account": "text",
    "shares": "int64",
    "duplicate": "bool",
    "code": "text",
    "reason": "text",
}
"""Columns of outcomes and replies: a row for each account that got shares, or returned them, and
one for a reply without any. `sequence` is the number on the feed, where the row is from there."""


def to_arrow(items: Iterable[Item], numbers: Numbers = "decimal") -> pyarrow.Table:
    """Updates or replies as one table: positions, or outcomes.

    Raises `ValueError` for both kinds together, and for updates that are neither.
    """
    if numbers not in ("decimal", "float"):
        raise ValueError(f"numbers must be 'decimal' or 'float'; it was {numbers!r}")
    positions: List[Row] = []
    outcomes: List[Row] = []
    for item in items:
        body = cast(Mapping[str, Any], item.body if isinstance(item, Update) else item)
        if body["type"] == "positions":
            for account, held in body["accounts"].items():
                positions += _holdings(body, account, held)
        elif body["type"] == "account":
            positions += _holdings(body, body["account"], body)
        elif body["type"] == "replayed":
            for number, outcome in enumerate(body["fills"], body["from"]):
                outcomes += _shares(outcome, number)
        elif "source" in body and body["type"] != "listed":
            outcomes += _shares(body, item.sequence if isinstance(item, Update) else None)
        else:
            raise ValueError(f"a {body['type']} holds neither positions nor shares")
    if positions and outcomes:
        raise ValueError("positions and outcomes have other columns; make a table of each")
    columns = _POSITIONS if positions else _OUTCOMES
    return table(positions or outcomes, columns, numbers)


def to_pandas(items: Iterable[Item], numbers: Numbers = "decimal") -> pandas.DataFrame:
    """The same as a frame of pandas. With decimals its columns are those of Arrow."""
    needs("pandas", "pandas")
    return pandas_of(to_arrow(items, numbers), numbers)


def to_polars(items: Iterable[Item], numbers: Numbers = "decimal") -> polars.DataFrame:
    """The same as a frame of Polars."""
    needs("polars", "polars")
    return polars_of(to_arrow(items, numbers))


def pandas_of(made: pyarrow.Table, numbers: Numbers) -> pandas.DataFrame:
    """A table as a frame of pandas."""
    kept = needs("pandas", "pandas").ArrowDtype if numbers == "decimal" else None
    return cast("pandas.DataFrame", made.to_pandas(types_mapper=kept))


def polars_of(made: pyarrow.Table) -> polars.DataFrame:
    """A table as a frame of Polars."""
    return cast("polars.DataFrame", needs("polars", "polars").from_arrow(made))


def _holdings(cut: Mapping[str, Any], account: str, held: Mapping[str, Any]) -> Iterable[Row]:
    head = {name: cut[name] for name in ("report", "cut", "split", "time")}
    head.update(account=account, weight=held.get("weight"), closed=held.get("closed", False))
    for ticker, position in held["positions"].items():
        yield {**head, "ticker": ticker, **position}
    if not held["positions"]:
        yield head


def _shares(body: Mapping[str, Any], sequence: Optional[int]) -> Iterable[Row]:
    head = {name: body[name] for name in _OUTCOMES if name in body and name != "shares"}
    head.update(sequence=sequence, duplicate=body.get("duplicate", False))
    if body["type"] == "allocated":
        head["side"] = body.get("side", "buy")
    for account, shares in body.get("shares", {}).items():
        yield {**head, "account": account, "shares": shares}
    if not body.get("shares"):
        yield head


def table(rows: List[Row], columns: Dict[str, str], numbers: Numbers) -> pyarrow.Table:
    """Rows as a table with these columns, each of a kind."""
    arrow = needs("pyarrow", "arrow")
    kinds = {
        "int64": (arrow.int64(), int),
        "uint64": (arrow.uint64(), int),
        "text": (arrow.string(), str),
        "bool": (arrow.bool_(), bool),
        "time": (arrow.timestamp("ns", "UTC"), nanoseconds),
        "decimal": (arrow.float64(), float)
        if numbers == "float"
        else (arrow.decimal128(38, 9), Decimal),
    }
    made = {}
    for name, kind in columns.items():
        arrow_type, read = kinds[kind]
        values = (row.get(name) for row in rows)
        made[name] = arrow.array(
            [None if value is None else read(value) for value in values], arrow_type
        )
    return cast("pyarrow.Table", arrow.table(made))


def nanoseconds(text: str) -> int:
    """A time of RFC 3339 in UTC, as a count of nanoseconds of Unix time."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)


def rfc3339(nanoseconds: int) -> str:
    """The text of a time, with nine decimals."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09}Z"


def needs(module: str, extra: str) -> Any:
    """A module that is imported only when it is used."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        text = f"this needs {module}: pip install 'allot[{extra}]'"
        raise ImportError(text, name=module) from error
