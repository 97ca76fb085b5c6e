"""Messages: what a source sends, as the JSON objects of docs/WIRE.md."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Sequence, Union, get_args

from . import names
from .bodies import Side

Number = Union[str, int, Decimal]

MESSAGE_BYTES_MAX = 1_048_576
"""What a server takes at once: `oversized_message` is what it says to more."""

QUANTITY_MAX = 2**40
"""The most shares of a fill: `quantity_too_large` is what a server says to more."""


def decimal_text(value: Number, name: str = "a number") -> str:
    """A price or weight as plain decimal text. A float is rejected: it is not an exact decimal."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{name} must be finite; it was {value}")
        return format(value, "f")
    if not isinstance(value, (bool, float)):
        try:
            return str(operator.index(value))
        except TypeError:
            pass
    kind = type(value).__name__
    is_read = isinstance(value, float) and name == "price"
    hint = '; pandas reads text with dtype={"price": str}' if is_read else ""
    raise TypeError(f"pass {name} as decimal text or a Decimal, not as {kind}: {value!r}{hint}")


def whole(name: str, value: Any, least: int, most: int = 2**64 - 1) -> int:
    """A whole number, of whatever integer type (numpy's too); a float or a text is none."""
    try:
        number = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name} must be a whole number, not {kind}: {value!r}") from None
    if isinstance(value, bool) or not least <= number <= most:
        raise ValueError(
            f"{name} must be a whole number from {least} to {most}; it was {value!r}"
        )
    return number


def head(kind: str, source: str, seq: Any) -> Dict[str, Any]:
    """What every message begins with."""
    return {"type": kind, "source": names.source(source), "seq": whole("seq", seq, 1)}


def named(fields: Dict[str, Any], message_id: Optional[str]) -> Dict[str, Any]:
    """The same, with an id of its own."""
    return fields if message_id is None else {**fields, "id": names.message_id(message_id)}


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
    side: Side = "buy"
    id: Optional[str] = None

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return {
            **named(head("fill", self.source, self.seq), self.id),
            "ticker": names.ticker(self.ticker),
            "side": names.side(self.side),
            "price": decimal_text(self.price, "price"),
            "quantity": whole("quantity", self.quantity, 1, QUANTITY_MAX),
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
        of = names.message_id(self.of) if isinstance(self.of, str) else whole("of", self.of, 1)
        fields = named(head("bust", self.source, self.seq), self.id)
        return {**fields, "ticker": names.ticker(self.ticker), "of": of}


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
        weights = {
            names.account(account): decimal_text(weight, f"the weight of {account}")
            for account, weight in self.weights.items()
        }
        fields = {**head("split", self.source, self.seq), "weights": weights}
        if isinstance(self.closes, str):
            raise TypeError("closes must be a list of accounts, not one string")
        closes = [names.account(account) for account in self.closes]
        return {**fields, "closes": closes} if closes else fields


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
        first = whole("first", self.first, 1)
        fields.update({"ticker": names.ticker(self.ticker), "from": first})
        if self.last is not None:
            fields["to"] = whole("last", self.last, self.first)
        return fields


@dataclass(frozen=True)
class SplitsRequest:
    """Asks for the splits so far, with their weights, from number `first` to the one in force.

    One reply holds up to 256 of them; ask for the rest from where it ends.
    """

    source: str
    seq: int
    first: int = 1

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return {**head("splits", self.source, self.seq), "from": whole("first", self.first, 1)}


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
            fields["amount"] = decimal_text(self.amount, "amount")
        if self.transaction is not None:
            fields["transaction"] = whole("transaction", self.transaction, 1)
        return fields


Message = Union[Fill, Bust, Split, ReportRequest, Replay, SplitsRequest, Command]


def encode(message: Message) -> bytes:
    """The message as one line of JSON."""
    if not isinstance(message, get_args(Message)):
        kind = type(message).__name__
        raise TypeError(f"pass a message, such as a Fill or a Split, not {kind}: {message!r}")
    line = json.dumps(message.fields(), separators=(",", ":")).encode()
    if len(line) > MESSAGE_BYTES_MAX:
        raise ValueError(
            f"a message has at most {MESSAGE_BYTES_MAX} bytes; that of {message.source} "
            f"{message.seq} has {len(line)}"
        )
    return line
