"""Schedule: which period it is, and when in it a component acts.

Data belongs to a numbered period: Unix time divided by the length. Moments of the wall clock and of
the steady clock are whole nanoseconds; the wall clock may be set, the steady one only runs forward.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple, Optional

MILLISECOND = 1_000_000
SECOND = 1_000_000_000

_LENGTH_LEAST = 100 * MILLISECOND
_LENGTH_MOST = 7 * 24 * 3_600 * SECOND


class Now(NamedTuple):
    """One moment on both clocks."""

    unix: int
    steady: int

    @staticmethod
    def read() -> Now:
        """This moment."""
        return Now(time.time_ns(), time.monotonic_ns())

    def until(self, unix: int) -> int:
        """When the wall clock will have reached a moment, if nobody sets it."""
        return self.steady + max(0, unix - self.unix)


class Period(NamedTuple):
    """A period, as a function of yours is told of it."""

    number: int
    """Unix time divided by the length, rounded down."""
    start: float
    """When it starts, in seconds of Unix time."""
    seconds: float
    """How long it is."""


@dataclass(frozen=True)
class Schedule:
    """Periods of a length, and when in one a component acts; all in nanoseconds."""

    length: int
    deadline: int
    jitter: int
    tolerance: int

    @staticmethod
    def of(
        period: float = 60.0,
        deadline: Optional[float] = None,
        jitter: Optional[float] = None,
        tolerance: Optional[float] = None,
    ) -> Schedule:
        """A schedule from seconds: a deadline at half of the period, a jitter of a twentieth and at
        most a second, a tolerance of a second and at most a quarter."""
        length = round(period * SECOND)
        if length % MILLISECOND or not _LENGTH_LEAST <= length <= _LENGTH_MOST:
            raise ValueError(
                "the period must be from 100ms to 7 days, in whole milliseconds"
            )

        def given(seconds: Optional[float], default: int) -> int:
            return default if seconds is None else round(seconds * SECOND)

        schedule = Schedule(
            length,
            given(deadline, length // 2),
            given(jitter, min(length // 20, SECOND)),
            given(tolerance, min(length // 4, SECOND)),
        )
        if not 0 < schedule.deadline < length:
            raise ValueError("the deadline must be more than zero and less than the period")
        if not 0 <= schedule.jitter < schedule.deadline:
            raise ValueError("the jitter must be less than the deadline")
        if schedule.tolerance == 0:
            raise ValueError(
                "the tolerance must be more than zero: no two clocks agree to the nanosecond"
            )
        if not 0 < schedule.tolerance < length // 2:
            raise ValueError("the tolerance must be less than half of the period")
        return schedule

    @property
    def length_ms(self) -> int:
        """The length as messages have it."""
        return self.length // MILLISECOND

    @property
    def pause_first(self) -> int:
        """The first pause before a request is sent again."""
        return min(max(self.length // 50, 20 * MILLISECOND), SECOND)

    @property
    def lease_least(self) -> int:
        """The shortest lease that a trader may give: a sixth of the period, at most a second."""
        return min(max(self.length // 6, 30 * MILLISECOND), SECOND)

    @property
    def pause_longest(self) -> int:
        """The longest pause."""
        return self.length // 4

    def period_at(self, unix: int) -> int:
        """Which period a moment is in."""
        return unix // self.length

    def start_of(self, period: int) -> int:
        """When a period starts."""
        return period * self.length

    def begin_of(self, period: int, name: str) -> int:
        """When a component begins its work of a period: each at another moment within the jitter,
        the same one whenever it is asked."""
        spread = hash_with(name, period) % self.jitter if self.jitter else 0
        return self.start_of(period) + spread

    def report_at(self, period: int) -> int:
        """When a strategy says who is missing: the trader is to hear it before its deadline."""
        return self.start_of(period) + self.deadline // 3 * 2

    def look_again(self, now: Now) -> int:
        """When to look at the wall clock again at the latest: it may have been set meanwhile."""
        return now.steady + min(self.length // 4, SECOND)

    def shown(self, period: int) -> Period:
        """A period as functions of users are told of it."""
        return Period(period, self.start_of(period) / SECOND, self.length / SECOND)

    def may_run_until(self, now: Now, period: int) -> int:
        """Until when a function may run in a period, on the steady clock."""
        return min(now.steady + self.deadline, now.until(self.start_of(period + 1)))


_WORD = (1 << 64) - 1


def _mix(number: int) -> int:
    number = (number ^ (number >> 33)) * 0xFF51_AFD7_ED55_8CCD & _WORD
    number = (number ^ (number >> 33)) * 0xC4CE_B9FE_1A85_EC53 & _WORD
    return number ^ (number >> 33)


def hash_with(name: str, number: int) -> int:
    """A hash of a name and a number, the one that the agents of `allot signals` use."""
    result = 0xCBF2_9CE4_8422_2325
    for byte in name.encode():
        result = (result ^ byte) * 0x0000_0100_0000_01B3 & _WORD
    return _mix(result ^ _mix(number & _WORD))
