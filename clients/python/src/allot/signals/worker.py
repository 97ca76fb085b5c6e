"""Worker: runs a function of the user on a thread, so that it never keeps an agent waiting.

A thread cannot be killed. A function that does not return in time gives no data in that period; in
the next ones neither, until it returns.
"""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from typing import Callable, NamedTuple, Optional, Tuple

from .messages import value
from .schedule import SECOND
from .wakeup import Wakeup

_LOG = logging.getLogger("allot.signals")


class Made(NamedTuple):
    """What a function has made of a period: a value, or why there is none."""

    period: int
    value: Optional[float]
    reason: str


Task = Callable[[], object]


class Worker:
    """A thread with one task at a time."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._tasks: SimpleQueue[Optional[Tuple[int, Task]]] = SimpleQueue()
        self._done: SimpleQueue[Made] = SimpleQueue()
        self._runs: Optional[int] = None
        """The period of the task that runs."""
        self._awaited: Optional[int] = None
        """The same, as long as somebody waits for it."""
        self._late_at = 0
        self._seconds = 0.0
        threading.Thread(target=self._run, daemon=True, name="allot-signals").start()

    def start(self, period: int, task: Task, now: int, until: int) -> Optional[Made]:
        """Starts a task; something comes back if it cannot."""
        self._collect()
        if self._runs is not None:
            why = f"the function still runs since period {self._runs}"
            return Made(period, None, why)
        self._runs = self._awaited = period
        self._late_at, self._seconds = until, max(0, until - now) / SECOND
        self._tasks.put((period, task))
        return None

    def poll(self, now: int) -> Optional[Made]:
        """What was made, once that is there or too late."""
        made = self._collect()
        if made is not None:
            return made
        if self._awaited is None or now < self._late_at:
            return None
        made = Made(self._awaited, None, f"the function did not return within {self._seconds:g} s")
        self._awaited = None
        return made

    def wake_at(self) -> Optional[int]:
        """When the task that runs is too late."""
        return None if self._awaited is None else self._late_at

    def close(self) -> None:
        """Ends the thread, as soon as its task returns."""
        self._tasks.put(None)

    def _collect(self) -> Optional[Made]:
        if self._done.empty():
            return None
        made, awaited = self._done.get(), self._awaited
        self._runs = self._awaited = None
        return made if made.period == awaited else None

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            self._done.put(_make(*task))
            self._wakeup.wake()


def _make(period: int, task: Task) -> Made:
    try:
        return Made(period, value(task()), "")
    except BaseException as error:  # Whatever it is, the thread goes on.
        _LOG.debug("the function failed", exc_info=True)
        return Made(period, None, f"{type(error).__name__}: {error}" if str(error) else repr(error))
