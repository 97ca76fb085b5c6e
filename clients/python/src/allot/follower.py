"""Follower: what is known of each topic, and what comes of the next message.

The number of an outcome on `fills:` is its ticker's own count: a number that is not the next shows
exactly what was lost, and the `sequences` of a report show it too where no other follows. What was
lost is asked for at the front door, and yielded where it belongs.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional, Set, cast

from .bodies import Body
from .history import History, Missing
from .sender import NoReply
from .update import Gap, Update

_FILLS = "fills:json:"


class Follower:
    """Of one subscription; `history` asks the front door for what was lost, if there is one."""

    def __init__(
        self,
        prefixes: List[str],
        history: Optional[History],
        on_gap: Optional[Callable[[Gap], None]],
    ) -> None:
        self._prefixes = prefixes
        self._history = history
        self._on_gap = on_gap
        self._last: Dict[str, int] = {}
        self._missed: Dict[str, int] = {}
        """What was lost since the last update of a topic."""
        self._ahead: Dict[str, int] = {}
        """How far the history is ahead of the feed."""
        self._not_begun: Set[str] = set()
        """Topics with a start that the feed did not begin yet."""
        self._has_report = False

    def begin(self, ticker: str, first: int) -> Iterator[Update]:
        """Begins a ticker with this number: yields what there is."""
        topic = fills_topic(ticker)
        # It may have been begun before, and have gone on until the front door did not reply.
        if topic not in self._last:
            self._last[topic] = self._ahead[topic] = first - 1
            self._not_begun.add(topic)
        yield from self._repair(topic, self._last[topic] + 1, None)
        self._ahead[topic] = self._last[topic]

    def take(self, topic: str, sequence: int, body: Dict[str, Any]) -> Iterator[Update]:
        """Yields a message, unless it is known, after what was lost before it."""
        before = self._last.get(topic)
        if before == sequence:
            return
        if topic.startswith(_FILLS):
            if sequence <= self._ahead.get(topic, 0):
                return
            # A lower number is that of a shard that has lost its state.
            if before is not None and sequence > before + 1:
                yield from self._repair(topic, before + 1, sequence - 1)
            self._ahead.pop(topic, None)
            self._not_begun.discard(topic)
        else:
            if topic == "positions:json":
                yield from self._compare(body)
            # The count of a state begins anew when a publisher has restarted.
            if before is not None and sequence > before:
                self._missed[topic] = sequence - before - 1
        self._last[topic] = sequence
        yield self._update(topic, sequence, body)

    def catch_up(self) -> Iterator[Update]:
        """Yields what tickers had while the feed was interrupted, as far as the history has it; a
        front door that does not reply is asked again when the feed shows the gap."""
        if self._history is None:
            return
        try:
            for topic in [topic for topic in self._last if topic.startswith(_FILLS)]:
                before = self._last[topic]
                yield from self._repair(topic, before + 1, None)
                if before < self._last[topic]:
                    self._ahead[topic] = self._last[topic]
        except (NoReply, ValueError):
            return

    def follows(self, topic: str) -> bool:
        """Whether a topic was subscribed to."""
        return any(topic.startswith(prefix) for prefix in self._prefixes)

    def _compare(self, report: Dict[str, Any]) -> Iterator[Update]:
        """Yields what a report contains and the feed has lost: it was published before it."""
        for ticker, count in report.get("sequences", {}).items():
            topic = fills_topic(ticker)
            if not self.follows(topic):
                continue
            if topic not in self._last:
                # What came before the first report is in it. Without a history the report may be
                # older than the subscription, and nothing is known to be lost.
                if self._history is None:
                    continue
                self._last[topic] = 0 if self._has_report else count
            if self._last[topic] < count:
                yield from self._repair(topic, self._last[topic] + 1, count)
                self._last[topic] = count
        self._has_report = True

    def _repair(self, topic: str, first: int, last: Optional[int]) -> Iterator[Update]:
        """Yields lost outcomes, and tells of those that it cannot yield."""
        if self._history is None:
            self._lose(topic, Missing(first, last or first, "no front door was given"))
            return
        number = begin = first
        while last is None or number <= last:
            try:
                outcomes = self._history.outcomes(_ticker(topic), number, last)
                for number, body in outcomes:
                    self._last[topic] = number
                    yield self._update(topic, number, body, replayed=True)
                    number += 1
                break
            except Missing as missing:
                self._tell_repaired(topic, begin, missing.first - 1)
                self._lose(topic, missing)
                number = begin = missing.last + 1
                self._last[topic] = missing.last
        self._tell_repaired(topic, begin, number - 1)

    def _update(
        self, topic: str, sequence: int, body: Dict[str, Any], replayed: bool = False
    ) -> Update:
        missed = self._missed.pop(topic, 0)
        return Update(topic, sequence, cast(Body, body), missed, replayed)

    def _tell_repaired(self, topic: str, first: int, last: int) -> None:
        # Until the feed begins, what is had from the front door was asked for there.
        if self._on_gap is not None and first <= last and topic not in self._not_begun:
            self._on_gap(Gap(topic, first, last, True, ""))

    def _lose(self, topic: str, missing: Missing) -> None:
        count = missing.last - missing.first + 1
        self._missed[topic] = self._missed.get(topic, 0) + count
        if self._on_gap is not None:
            self._on_gap(Gap(topic, missing.first, missing.last, False, str(missing)))


def fills_topic(ticker: str) -> str:
    """The topic of the fills of a ticker, in JSON."""
    return f"{_FILLS}{ticker.replace('%', '%25').replace(':', '%3A')}:"


def _ticker(topic: str) -> str:
    return topic[len(_FILLS) : -1].replace("%3A", ":").replace("%25", "%")
