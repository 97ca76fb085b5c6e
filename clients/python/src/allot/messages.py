"""Messages: what a source sends, as the JSON objects of docs/WIRE.md."""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Sequence, Union

Number = Union[str, int, Decimal]
Reply = Dict[str, Any]
"""A reply as it arrived: `type`, `source`, `seq`, and the fields of its type."""


def decimal_text(value: Number) -> str:
    """A price or weight as plain decimal text. A float is rejected: it is not an exact decimal."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        kind = type(value).__name__
        raise TypeError(f"pass {value!r} as decimal text or a Decimal, not as {kind}")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def whole(name: str, value: Any, least: int) -> int:
    """A whole number, of whatever integer type (numpy's too); a float or a text is none."""
    try:
        number = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name} must be a whole number, not {kind}: {value!r}") from None
    if isinstance(value, bool) or not least <= number < 2**64:
        raise ValueError(f"{name} must be a whole number from {least} on; it was {value!r}")
    return number


_SOURCE = re.compile(r"[A-Za-z0-9.\-_@]{1,64}")


def head(kind: str, source: str, seq: Any) -> Dict[str, Any]:
    """What every message begins with. A source that the server cannot echo is refused here: its
    reply could not be told from others."""
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise ValueError(f"a source must be 1 to 64 of A-Z a-z 0-9 . - _ @; it was {source!r}")
    return {"type": kind, "source": source, "seq": whole("seq", seq, 1)}


def named(fields: Dict[str, Any], message_id: Optional[str]) -> Dict[str, Any]:
    """The same, with an id of its own."""
    return fields if message_id is None else {**fields, "id": message_id}


@dataclass(frozen=True)
class Fill:
    """A block of `quantity` whole shares at one price.

    It is named for ever by `source`, `ticker` and `id`, the venue's id of the execution; without
    one, by `seq`.
    """

    source: str
    seq: int
    ticker: str
    price: Number
    quantity: int
    side: str = "buy"
    id: Optional[str] = None

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return {
            **named(head("fill", self.source, self.seq), self.id),
            "ticker": self.ticker,
            "side": self.side,
            "price": decimal_text(self.price),
            "quantity": whole("quantity", self.quantity, 0),
        }


@dataclass(frozen=True)
class Bust:
    """Reverses the fill of the same source and ticker whose id, or whose `seq`, is `of`."""

    source: str
    seq: int
    ticker: str
    of: Union[int, str]
    id: Optional[str] = None

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        of = self.of if isinstance(self.of, str) else whole("of", self.of, 1)
        fields = named(head("bust", self.source, self.seq), self.id)
        return {**fields, "ticker": self.ticker, "of": of}


@dataclass(frozen=True)
class Split:
    """The percentage of the assets that each account shall hold from now on.

    An account that it leaves out is closed. One that holds shares has to be listed in `closes`, or
    the split is rejected with `split_omits_holder`.
    """

    source: str
    seq: int
    weights: Mapping[str, Number]
    closes: Sequence[str] = ()

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        weights = {account: decimal_text(weight) for account, weight in self.weights.items()}
        fields = {**head("split", self.source, self.seq), "weights": weights}
        if isinstance(self.closes, str):
            raise TypeError("closes must be a list of accounts, not one string")
        return {**fields, "closes": list(self.closes)} if self.closes else fields


@dataclass(frozen=True)
class ReportRequest:
    """Asks for positions now rather than at the next tick."""

    source: str
    seq: int

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return head("report", self.source, self.seq)


@dataclass(frozen=True)
class Replay:
    """Asks for outcomes of a ticker again: those from number `first` to `last`, or to the newest.

    One reply holds up to 256 of them; ask for the rest from where it ends.
    """

    source: str
    seq: int
    ticker: str
    first: int
    last: Optional[int] = None

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        fields = head("replay", self.source, self.seq)
        fields.update({"ticker": self.ticker, "from": whole("first", self.first, 1)})
        if self.last is not None:
            fields["to"] = whole("last", self.last, self.first)
        return fields


@dataclass(frozen=True)
class Command:
    """A command of a user of a desk, as docs/DESK.md lists them; it has what its row there names.

    It is named for ever by `source`, `user` and `seq`. Of `DUMPLOG` without a user, all users' log
    is meant. `transaction` is a number of your own, for the log.
    """

    source: str
    seq: int
    command: str
    user: Optional[str] = None
    symbol: Optional[str] = None
    amount: Optional[Number] = None
    file: Optional[str] = None
    transaction: Optional[int] = None

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        fields = head("command", self.source, self.seq)
        texts = {"user": self.user, "command": self.command, "symbol": self.symbol}
        texts["file"] = self.file
        fields.update({name: text for name, text in texts.items() if text is not None})
        if self.amount is not None:
            fields["amount"] = decimal_text(self.amount)
        if self.transaction is not None:
            fields["transaction"] = whole("transaction", self.transaction, 1)
        return fields


Message = Union[Fill, Bust, Split, ReportRequest, Replay, Command]


def encode(message: Message) -> bytes:
    """The message as one line of JSON."""
    return json.dumps(message.fields(), separators=(",", ":")).encode()
