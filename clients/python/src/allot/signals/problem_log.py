"""Problem log: what is wrong with whom, in the log, and when that is news."""

from __future__ import annotations

import logging
from typing import Dict, List, Set, Tuple

from .messages import Problem
from .schedule import MILLISECOND, SECOND

_LOG = logging.getLogger("allot.signals")

_REASONS_MAX = 8
"""Reasons of one problem that are logged: what comes and goes with each period is logged once."""

Named = Tuple[str, Problem]
"""A component by its name or address, and its problem."""


class _Logged:
    """A problem that was logged."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.gists: Set[str] = set()


class ProblemLog:
    """Logs each problem when it begins, when its reason is another, and when it is over."""

    def __init__(self) -> None:
        self._logged: Dict[Tuple[str, str], _Logged] = {}

    def change(self, now: int, problems: List[Named]) -> None:
        """Logs what is new and what is over."""
        keys = {(component, problem.kind) for component, problem in problems}
        was_well = not self._logged
        for component, kind in sorted(self._logged.keys() - keys):
            after = _shown(now - self._logged.pop((component, kind)).since)
            _LOG.info("%s is over, after %s component=%s", kind, after, component)
        for component, problem in problems:
            key = (component, problem.kind)
            logged = self._logged.setdefault(key, _Logged(problem.since))
            if len(logged.gists) < _REASONS_MAX and problem.gist not in logged.gists:
                logged.gists.add(problem.gist)
                _LOG.warning("%s component=%s kind=%s", problem.reason, component, problem.kind)
        if not self._logged and not was_well:
            _LOG.info("all is well again")


def _shown(time: int) -> str:
    """A time in seconds, or in milliseconds where it is shorter than one."""
    if time < SECOND:
        return f"{max(0, time) // MILLISECOND}ms"
    seconds = time // SECOND
    for unit, size in (("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
