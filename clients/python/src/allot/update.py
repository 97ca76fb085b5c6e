"""Update: one message of one topic; and what a subscriber is told beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from .bodies import Body

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from .frames import Numbers


@dataclass(frozen=True, repr=False)
class Update:
    """One message of one topic."""

    topic: str
    sequence: int
    body: Body
    """The JSON object. `body["type"]` says which it is."""
    missed: int
    """How many messages of this topic were lost before this one, and could not be had again."""
    replayed: bool = False
    """Whether it is from the front door: it was asked for with `start`, or the feed lost it."""

    @property
    def ledger(self) -> Optional[str]:
        """The ledger that a report or a heartbeat is of: another id is another firm, or one that
        was begun anew. None in fills, and where the server keeps its state in memory only."""
        ledger = self.body.get("ledger")
        return None if ledger is None else str(ledger)

    def to_arrow(self, numbers: Numbers = "decimal") -> pyarrow.Table:
        """The positions, or the shares of an outcome, as a table; see `allot.to_arrow`."""
        from . import frames

        return frames.to_arrow([self], numbers)

    def to_pandas(self, numbers: Numbers = "decimal") -> pandas.DataFrame:
        """The same as a frame of pandas."""
        from . import frames

        return frames.to_pandas([self], numbers)

    def to_polars(self, numbers: Numbers = "decimal") -> polars.DataFrame:
        """The same as a frame of Polars."""
        from . import frames

        return frames.to_polars([self], numbers)

    def __repr__(self) -> str:
        """Short: a report of a large firm has megabytes."""
        body = self.body
        words = [repr(self.topic), f"sequence={self.sequence}", f"missed={self.missed}"]
        if self.replayed:
            words.append("replayed=True")
        if body["type"] == "positions":
            words.append(f"cut={body['cut']}, accounts={len(body['accounts'])}")
        elif body["type"] == "account":
            words.append(f"cut={body['cut']}, tickers={len(body['positions'])}")
        elif body["type"] in ("allocated", "busted"):
            words.append(f"{body['source']} {body['seq']}")
        return f"Update({', '.join(words)})"

    def _repr_html_(self) -> str:
        from . import html

        return html.update(self)


@dataclass(frozen=True)
class Gap:
    """Outcomes of one ticker that the feed lost: the numbers from `first` to `last`."""

    topic: str
    first: int
    last: int
    repaired: bool
    """Whether they were had again; if not, they are counted in `missed` of the next update."""
    reason: str
    """Why not; empty where they were."""


@dataclass(frozen=True)
class Reconnection:
    """The feed is there again, after it was interrupted."""

    endpoint: str
    silent_seconds: float
    """How long nothing was heard before."""
    publisher: int
    """The incarnation of the publisher, from its heartbeat."""
    restarted: bool
    """Whether it is another one than before: its reports are numbered anew."""
