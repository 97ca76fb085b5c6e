"""Messages: what a source sends, as the JSON objects of docs/WIRE.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Mapping, Union

Number = Union[str, int, Decimal]
Reply = Dict[str, Any]
"""A reply as it arrived: `type`, `source`, `seq`, and the fields of its type."""


def decimal_text(value: Number) -> str:
    """A price or weight as plain decimal text. A float is rejected: it is not an exact decimal."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        kind = type(value).__name__
        raise TypeError(f"pass {value!r} as decimal text or a Decimal, not as {kind}")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@dataclass(frozen=True)
class Fill:
    """A block of `quantity` whole shares at one price."""

    source: str
    seq: int
    ticker: str
    price: Number
    quantity: int
    side: str = "buy"

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return {
            "type": "fill",
            "source": self.source,
            "seq": self.seq,
            "ticker": self.ticker,
            "side": self.side,
            "price": decimal_text(self.price),
            "quantity": self.quantity,
        }


@dataclass(frozen=True)
class Bust:
    """Reverses the fill with the sequence number `of` of the same source."""

    source: str
    seq: int
    ticker: str
    of: int

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return {
            "type": "bust",
            "source": self.source,
            "seq": self.seq,
            "ticker": self.ticker,
            "of": self.of,
        }


@dataclass(frozen=True)
class Split:
    """The percentage of the assets that each account shall hold from now on."""

    source: str
    seq: int
    weights: Mapping[str, Number]

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        weights = {account: decimal_text(weight) for account, weight in self.weights.items()}
        return {"type": "split", "source": self.source, "seq": self.seq, "weights": weights}


@dataclass(frozen=True)
class ReportRequest:
    """Asks for positions now rather than at the next tick."""

    source: str
    seq: int

    def fields(self) -> Dict[str, Any]:
        """The message as a JSON object."""
        return {"type": "report", "source": self.source, "seq": self.seq}


Message = Union[Fill, Bust, Split, ReportRequest]


def encode(message: Message) -> bytes:
    """The message as one line of JSON."""
    return json.dumps(message.fields(), separators=(",", ":")).encode()
