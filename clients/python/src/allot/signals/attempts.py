"""Attempts: when a request is sent again, with a pause that doubles and a jitter."""

from __future__ import annotations


class Attempts:
    """How often something was sent, and when it is due again."""

    def __init__(self) -> None:
        self.made = 0
        self.next = 0
        """On the steady clock."""

    def sent(self, now: int, first: int, longest: int, salt: int) -> None:
        """One was made: the next comes after a pause that doubles with each, up to the longest,
        less up to a quarter as `salt` says."""
        pause = min(first << min(self.made, 16), longest)
        self.made += 1
        self.next = now + pause - pause // 4 * (salt % 1_024) // 1_024

    def unsent(self, now: int, pause: int) -> None:
        """It could not be sent, and does not count."""
        self.made -= 1
        self.next = now + pause
