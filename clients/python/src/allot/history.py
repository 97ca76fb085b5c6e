"""History: the outcomes of a ticker again, from the front door."""

from __future__ import annotations

import time
import uuid
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .messages import Replay
from .sender import NoReply, Sender


class Missing(Exception):
    """Outcomes that cannot be had again: the numbers from `first` to `last`, and why."""

    def __init__(self, first: int, last: int, reason: str) -> None:
        super().__init__(reason)
        self.first = first
        self.last = last


class History:
    """Asks one front door; it connects when it is asked first."""

    def __init__(self, front: str, timeout: float, key: Optional[str] = None) -> None:
        self._front = front
        self._timeout = timeout
        self._key = key
        self._source = f"py-history-{uuid.uuid4().hex[:16]}"
        self.until: Optional[float] = None
        """When whoever asks has no more time, on the monotonic clock."""
        self._sender: Optional[Sender] = None
        self._seq = 0

    def close(self) -> None:
        """Closes the connection."""
        if self._sender is not None:
            self._sender.close()

    def outcomes(
        self, ticker: str, first: int, last: Optional[int]
    ) -> Iterator[Tuple[int, Dict[str, Any]]]:
        """Yields each outcome with its number, from `first` to `last`, or to the newest.

        Raises `Missing` for those that it cannot yield; after the oldest of them there may be
        others. Without `last` it raises `NoReply` and `ValueError` where the server does not reply
        or refuses. It raises `TimeoutError` when the time of `until` has come.
        """
        number = first
        while last is None or number <= last:
            page = self._ask(ticker, number, last)
            if page["from"] > number:
                gone = page["from"] - 1
                oldest = page["oldest"]
                raise Missing(
                    number,
                    gone if last is None else min(gone, last),
                    f"no longer kept; the oldest that is kept is {oldest}",
                )
            fills: List[Dict[str, Any]] = page["fills"]
            for body in fills:
                yield number, body
                number += 1
            if last is None and number > page["last"]:
                return
            if last is not None and not fills:
                reason = f"the server knows outcomes up to {page['last']} only"
                raise Missing(number, last, reason)

    def _ask(self, ticker: str, first: int, last: Optional[int]) -> Dict[str, Any]:
        if self._sender is None:
            self._sender = Sender(self._front, key=self._key)
        self._seq += 1
        message = Replay(self._source, self._seq, ticker, first, last)
        left = float("inf") if self.until is None else self.until - time.monotonic()
        try:
            reply = self._sender.deliver([message], min(self._timeout, max(left, 0.0)))[0]
        except NoReply as no_reply:
            if left < self._timeout:
                raise TimeoutError(f"no reply to a replay in time: {no_reply}") from None
            if last is None:
                raise
            reason = f"no reply from {self._front} within {self._timeout} s"
            if no_reply.refusal is not None:
                refusal = no_reply.refusal
                reason += f" but {refusal.get('code')}: {refusal.get('reason')}"
            raise Missing(first, last, reason) from None
        if reply["type"] == "replayed":
            return reply
        if last is None:
            raise ValueError(reply.get("reason"))
        raise Missing(first, last, str(reply.get("reason")))
