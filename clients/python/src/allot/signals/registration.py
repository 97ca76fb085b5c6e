"""Registration: how a strategy gets its name at the trader, keeps it, and gives it back."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Optional

from .attempts import Attempts
from .schedule import MILLISECOND, SECOND, Schedule

_SENT_MAX = 16
"""Requests that are remembered: a reply to an older one is not looked at."""

_STOP_WITHIN = 5 * SECOND
"""How long a strategy that is stopped tries to deregister."""

_PAUSE_LEAST = 20 * MILLISECOND
"""Between two requests to the trader."""

_LEASE_MOST = 3_600 * SECOND


class NameTaken(RuntimeError):
    """Another instance has the name, and has renewed its lease meanwhile."""


class NotConfirmed(RuntimeError):
    """The trader did not confirm in time that the strategy is deregistered."""


class Stage(Enum):
    """How a strategy stands with the trader."""

    NEW = "the trader has not replied yet, or does not know this strategy any more"
    TAKEN = "another instance has the name; tried until its lease must have run out"
    HELD = "registered for a lease at a time"
    STOPPING = "it is to stop, and deregisters"
    ENDED = "it has stopped, or given up"


class Registration:
    """The state of one instance; moments are of the steady clock."""

    def __init__(self, name: str, instance: int, schedule: Schedule) -> None:
        self._name = name
        self.instance = instance
        self._schedule = schedule
        self.stage = Stage.NEW
        self._lease = schedule.length
        self._until = 0
        """Until when it tries, where the name is taken or it is to stop."""
        self._attempts = Attempts()
        self.asked: OrderedDict[int, int] = OrderedDict()
        """When each request was sent, by its number."""
        self.heard: Optional[int] = None
        """When the trader replied last."""
        self.taken_by = ""
        self._sent_at = 0
        self._hurries = False
        self.failure: Optional[Exception] = None

    @property
    def is_ending(self) -> bool:
        """Whether it works no more."""
        return self.stage in (Stage.STOPPING, Stage.ENDED)

    def hurry(self) -> None:
        """Renew at once: there is something to tell."""
        self._hurries = self.stage is Stage.HELD

    def wake_at(self) -> int:
        """When something is to be done."""
        if self.stage is Stage.STOPPING:
            return min(self._next(), self._until)
        return self._next()

    def _next(self) -> int:
        """When the next request is due.

        Whatever the trader replies, and however often what is to be told changes, there is a pause
        after the last one.
        """
        due = 0 if self._hurries else self._attempts.next
        return max(due, self._sent_at + _PAUSE_LEAST)

    def due(self, now: int) -> Optional[str]:
        """Which request is due, if one is."""
        if self.stage is Stage.STOPPING and self._until <= now:
            within = _STOP_WITHIN // SECOND
            self._fail(
                NotConfirmed(
                    f"the trader did not confirm within {within} s that {self._name} is "
                    "deregistered; deregister it by hand"
                )
            )
        if self.stage is Stage.ENDED or now < self._next():
            return None
        self._hurries = False
        return "deregister" if self.stage is Stage.STOPPING else "register"

    def sent(self, now: int, seq: int, is_sent: bool, salt: int) -> None:
        """A request has left, or nobody is there."""
        if not is_sent:
            self._attempts.next = now + self._schedule.pause_first
            return
        longest = min(self._schedule.length // 4, SECOND)
        if self.stage is Stage.HELD:
            # A third of the lease: two renewals may be lost.
            longest = self._lease // 3
        first = min(self._schedule.pause_first, longest)
        self._attempts.sent(now, first, longest, salt)
        self.asked[seq] = self._sent_at = now
        while _SENT_MAX < len(self.asked):
            self.asked.popitem(last=False)

    def is_silent(self, now: int) -> bool:
        """Whether the trader has been silent for a lease, or for half a period before the first."""
        if self.heard is None:
            self.heard = now
        held = self.stage is Stage.HELD
        return (self._lease if held else self._schedule.length // 2) < now - self.heard

    def registered(self, now: int, lease: int) -> bool:
        """The trader has registered it; whether it was not before."""
        if self.is_ending:
            return False
        is_new = self.stage is not Stage.HELD
        self.stage = Stage.HELD
        self._lease = min(max(lease, self._schedule.lease_least), _LEASE_MOST)
        self._attempts = Attempts()
        self._attempts.next = now + self._lease // 3
        return is_new

    def taken(self, now: int, asked_at: int, silence: int, since: str, lease: int) -> bool:
        """Another instance has the name; whether that is new."""
        self.taken_by = (
            f"another instance of {self._name} is registered, and its lease has not run out; stop "
            f"it, or choose another name; it registered at {since}"
        )
        lease = min(max(lease, self._schedule.lease_least), _LEASE_MOST)
        # A trader that was started again gives a whole lease to whoever had the name: so there are
        # two, and another one after each silence, in which it may have been started again.
        pause = min(self._schedule.length // 4, SECOND)
        if self.stage is Stage.TAKEN and 2 * pause < silence:
            self._until = max(self._until, now + lease)
        elif self.stage is Stage.TAKEN and self._until < asked_at:
            self._fail(NameTaken(self.taken_by))
        if self.stage not in (Stage.NEW, Stage.HELD):
            return False
        self.stage = Stage.TAKEN
        self._until = now + 2 * (lease + pause)
        return True

    def lost(self, code: str, reason: str) -> None:
        """The trader does not know this instance."""
        if not self.is_ending:
            # Only what was registered registers anew at once: who is refused waits.
            if self.stage is Stage.HELD:
                self.stage = Stage.NEW
                self._attempts = Attempts()
        elif code == "not_registered":
            self.stage = Stage.ENDED
        else:
            self._fail(NameTaken(reason))

    def stop(self, now: int) -> None:
        """It is to stop: it deregisters, and ends when that is confirmed."""
        if self.is_ending:
            return
        # Where a request to register is on its way, the trader may have registered it.
        if self.stage is not Stage.HELD and not self.asked:
            self.stage = Stage.ENDED
            return
        self.stage, self._until = Stage.STOPPING, now + _STOP_WITHIN
        self._attempts = Attempts()

    def deregistered(self) -> None:
        """The trader confirms it."""
        if self.stage is Stage.STOPPING:
            self.stage = Stage.ENDED

    def _fail(self, failure: Exception) -> None:
        if self.stage is not Stage.ENDED:
            self.stage, self.failure = Stage.ENDED, failure
