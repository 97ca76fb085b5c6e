"""Bodies: the JSON objects that a server sends, as types for a type checker.

At run time each is a plain `dict`. `type` tells them apart: after `if reply["type"] ==
"allocated":` a type checker knows which fields there are. Money, prices and weights are decimal
text, in the currency and in percent; times are RFC 3339, in UTC. Fields are those of docs/WIRE.md,
docs/WIRE-DESK.md and docs/WIRE-SIGNALS.md; a newer server may send more.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, TypedDict, Union

Side = Literal["buy", "sell"]


class _Named(TypedDict):
    source: str
    seq: int


class _Head(_Named, total=False):
    id: str
    """Left out if it is `seq`."""
    time: str
    """When the router took the request."""
    duplicate: bool
    """The request was applied before; this one changed nothing."""
    late: bool
    """This reply follows a `held`."""


class _Sold(TypedDict, total=False):
    side: Literal["sell"]
    """Left out of a purchase."""


class Allocated(_Head, _Sold):
    """A fill that is divided: `shares` has whole shares by account."""

    type: Literal["allocated"]
    ticker: str
    price: str
    quantity: int
    split: int
    shares: Dict[str, int]


class Held(_Head):
    """A fill that waits for the first split."""

    type: Literal["held"]


class Busted(_Head):
    """A fill that is taken back: `shares` is what each account returned."""

    type: Literal["busted"]
    ticker: str
    of: Union[int, str]
    shares: Dict[str, int]


class Accepted(_Head):
    """A split that is in force, and its number."""

    type: Literal["accepted"]
    split: int


class Reported(_Head):
    """A report that is on its way to the subscribers, and its number."""

    type: Literal["reported"]
    report: int


class Rejection(_Head):
    """Nothing changed: a code of docs/WIRE.md, and a sentence."""

    type: Literal["rejected"]
    code: str
    reason: str


class _Range(TypedDict("_Range", {"from": int})):
    """`from` is a word of Python, so that it has to be written as a text."""


Outcome = Union[Allocated, Busted]
"""What a fill or a bust became, as `fills:json:` publishes it."""


class Replayed(_Head, _Range):
    """Outcomes of a ticker again; the first has the number `from`."""

    type: Literal["replayed"]
    ticker: str
    last: int
    oldest: int
    fills: List[Outcome]


class ListedSplit(_Named):
    """A split as it came into force, with the percentage of each account."""

    split: int
    time: str
    weights: Dict[str, str]


class Listed(_Head, _Range):
    """The splits so far; the first has the number `from`."""

    type: Literal["listed"]
    last: int
    oldest: int
    splits: List[ListedSplit]


Reply = Union[Allocated, Held, Busted, Accepted, Reported, Rejection, Replayed, Listed]
"""A reply as it arrived. It says in `type` which it is."""


class Position(TypedDict):
    """What an account holds of a ticker."""

    quantity: int
    value: str


class PositionWithPrice(Position, total=False):
    """The same, with what a share cost on balance; left out if the quantity is 0."""

    average_price: str


class Account(TypedDict):
    """An account in a report."""

    value: str
    positions: Dict[str, PositionWithPrice]


class AccountInSplit(Account, total=False):
    """The same, with what only an open account has, or that it is closed."""

    weight: str
    target: str
    deviation: str
    closed: Literal[True]


class Tracking(TypedDict):
    """How far the accounts are from their targets, in units of the highest price of any fill."""

    worst_account: str
    deviation_in_prices: str
    avoidable: str
    unavoidable: str


class _Cut(TypedDict):
    report: int
    cut: int
    split: int
    time: str


class _Doubts(TypedDict, total=False):
    ledger: str
    degraded: List[str]


class _PositionsMore(TypedDict, total=False):
    held: int
    tracking: Tracking


class Positions(_Cut, _Doubts, _PositionsMore):
    """The whole firm at one cut: a report."""

    type: Literal["positions"]
    fills: int
    total_value: str
    accounts: Dict[str, AccountInSplit]
    sequences: Dict[str, int]


class AccountPositions(_Cut, _Doubts, AccountInSplit):
    """One account at the same cut."""

    type: Literal["account"]
    account: str


class Heartbeat(_Doubts):
    """The publisher is there."""

    type: Literal["heartbeat"]
    time: str
    publisher: int
    report: int
    shards: int


class Median(TypedDict):
    """The median of a period, from a trader of signals."""

    type: Literal["median"]
    time: str
    period: int
    length_ms: int
    value: float
    strategies: int


class Trader(TypedDict):
    """The state of a trader of signals."""

    type: Literal["trader"]
    time: str
    period: int
    length_ms: int
    state: Literal["ok", "error"]
    problem_count: int
    problems: List[Dict[str, Any]]


Body = Union[Positions, AccountPositions, Allocated, Busted, Heartbeat, Median, Trader]
"""What a topic carries. It says in `type` which it is."""


class DeskReply(_Head, total=False):
    """A reply of a desk: what its row in docs/WIRE-DESK.md names."""

    type: Literal["answered", "awaiting", "fired", "disarmed", "rejected", "reported"]
    code: str
    reason: str
    user: str
    command: str
    transaction: int
    answer: str
    awaits: str
    side: Side
    symbol: str
    shares: int
    price: str
    amount: str
    until: str
    before: str
    trigger: str
    cash: str
    cash_back: str
    shares_back: int
    held: str
    reserved: str
    holdings: List[Dict[str, Any]]
    pending: List[Dict[str, Any]]
    triggers: List[Dict[str, Any]]
    recent: List[Dict[str, Any]]
    report: int
