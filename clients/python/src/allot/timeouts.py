"""Timeouts: how long something is waited for, checked before it is.

A wait for NaN seconds never ends, because no time is after it.
"""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any, Optional


def timeout(given: Any, name: str = "timeout") -> float:
    """Seconds to wait: none, some, or without an end where they are infinite."""
    seconds = _number(given, name)
    if not 0 <= seconds:
        raise ValueError(f"{name} must be a number of seconds from 0 on; it was {given!r}")
    return seconds


def timeout_or_none(given: Any) -> Optional[float]:
    """The same; with None the wait has no end."""
    return None if given is None else timeout(given)


def heartbeat_timeout(given: Any) -> float:
    """Seconds without a heartbeat. After none at all a connection would be made anew for ever."""
    seconds = _number(given, "heartbeat_timeout")
    if not 0 < seconds:
        raise ValueError(f"heartbeat_timeout must be more than 0 seconds; it was {given!r}")
    return seconds


def _number(given: Any, name: str) -> float:
    """A number of whatever type (numpy's too); a text is none."""
    if isinstance(given, bool) or not isinstance(given, (Real, Decimal)):
        kind = type(given).__name__
        raise TypeError(f"{name} must be a number of seconds, not {kind}: {given!r}")
    # An int stays one: an error says the time as it was given.
    return given if isinstance(given, (int, float)) else float(given)
