"""Replies: what `send` returns, one to each message, and what is raised for those that changed
nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, cast

from .bodies import Rejection, Reply

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from .frames import Numbers


class Rejected(Exception):
    """Messages that changed nothing; the others of the same call were applied."""

    def __init__(self, rejections: Sequence[Mapping[str, Any]], count: int = 1) -> None:
        first = rejections[0]
        text = f"{first.get('code')}: {first.get('reason')}"
        if count > 1:
            which = f"the first, {first.get('source')} {first.get('seq')}, is {text}"
            text = f"{len(rejections)} of {count} messages were rejected; {which}"
        super().__init__(text)
        self.code = str(first.get("code"))
        """Why the first was rejected, as a code of docs/WIRE.md or docs/DESK.md."""
        self.reason = str(first.get("reason"))
        """Why, in a sentence."""
        self.reply = cast(Rejection, first)
        """The whole reply."""
        self.rejections = [cast(Rejection, rejection) for rejection in rejections]
        """All rejections of the call."""


class Replies(List[Reply]):
    """A list of replies, in the order of the messages."""

    @property
    def rejections(self) -> List[Rejection]:
        """Those that say that nothing changed."""
        return [reply for reply in self if reply["type"] == "rejected"]

    def raise_rejected(self) -> Replies:
        """The replies themselves, if no message was rejected; else raises `Rejected`."""
        rejections = self.rejections
        if rejections:
            raise Rejected(rejections, len(self))
        return self

    def to_arrow(self, numbers: Numbers = "decimal") -> pyarrow.Table:
        """A row for each account of each reply; see `allot.to_arrow`."""
        from . import frames

        return frames.to_arrow(self, numbers)

    def to_pandas(self, numbers: Numbers = "decimal") -> pandas.DataFrame:
        """The same as a frame of pandas."""
        from . import frames

        return frames.to_pandas(self, numbers)

    def to_polars(self, numbers: Numbers = "decimal") -> polars.DataFrame:
        """The same as a frame of Polars."""
        from . import frames

        return frames.to_polars(self, numbers)

    def _repr_html_(self) -> str:
        from . import html

        return html.replies(self)
