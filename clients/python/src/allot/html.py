"""HTML: how updates and replies look in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any, Dict, Iterable, List, Mapping, Sequence, cast

from .bodies import Reply
from .update import Update

_ROWS_MAX = 60
_COLUMNS_MAX = 20


def update(given: Update) -> str:
    """A report as accounts by tickers; anything else as its fields."""
    body = cast(Mapping[str, Any], given.body)
    if body["type"] == "positions":
        head = f"{given.topic}, report {body['report']}, cut {body['cut']}, {body['time']}"
        doubts = [f"degraded: {doubt}" for doubt in body.get("degraded", ())]
        return _captions([head, *doubts]) + _positions(body["accounts"])
    if body["type"] == "account":
        head = f"{given.topic}, report {body['report']}, cut {body['cut']}, {body['time']}"
        return _captions([head]) + _positions({body["account"]: body})
    rows = [[name, str(value)] for name, value in body.items()]
    return _captions([f"{given.topic}, number {given.sequence}"]) + _table(["field", "value"], rows)


def replies(given: Sequence[Reply]) -> str:
    """A row for each reply."""
    columns = ["source", "seq", "type", "ticker", "side", "price", "quantity", "what"]
    rows = [_reply(cast(Mapping[str, Any], reply), columns) for reply in given[:_ROWS_MAX]]
    return _captions([f"{len(given)} replies"]) + _table(columns, rows, len(given))


def _reply(reply: Mapping[str, Any], columns: List[str]) -> List[str]:
    what = ""
    if "shares" in reply:
        what = ", ".join(f"{account} {shares}" for account, shares in reply["shares"].items())
    elif "code" in reply:
        what = f"{reply['code']}: {reply['reason']}"
    # A purchase names no side.
    side = reply.get("side", "buy") if "quantity" in reply else ""
    cells = {**reply, "side": side, "what": what}
    return [str(cells.get(column, "")) for column in columns]


def _positions(accounts: Dict[str, Any]) -> str:
    tickers = sorted({ticker for account in accounts.values() for ticker in account["positions"]})
    shown = tickers[:_COLUMNS_MAX]
    rows = []
    for name, account in list(accounts.items())[:_ROWS_MAX]:
        held = [account["positions"].get(ticker, {}).get("quantity", 0) for ticker in shown]
        weight = "closed" if account.get("closed") else account.get("weight", "")
        money = [account["value"], account.get("target", ""), account.get("deviation", "")]
        rows.append([name, weight, *money, *(f"{shares:,}" for shares in held)])
    head = ["account", "weight, %", "value", "target", "deviation", *shown]
    text = _table(head, rows, len(accounts))
    more = len(tickers) - len(shown)
    return text + (_captions([f"and {more} tickers more; see to_pandas()"]) if more else "")


def _captions(lines: Iterable[str]) -> str:
    return "".join(f"<div>{escape(line)}</div>" for line in lines)


def _table(head: List[str], rows: List[List[str]], count: int = 0) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    text = f"<table><thead><tr>{cells}</tr></thead><tbody>"
    for row in rows:
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in row)
        text += f"<tr>{cells}</tr>"
    text += "</tbody></table>"
    more = count - len(rows)
    return text + (_captions([f"and {more} rows more"]) if more > 0 else "")
