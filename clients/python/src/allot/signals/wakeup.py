"""Wakeup: ends the sleep of an agent from another thread, or from a handler of a signal."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Callable, Dict, Optional, Type


class Wakeup:
    """A pipe that an agent sleeps on together with its sockets."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        # Reentrant, because a handler of a signal may come at any line.
        self._lock = threading.RLock()
        self._is_closed = False

    def fileno(self) -> int:
        """What is readable when somebody has woken the agent."""
        return self._read

    def wake(self) -> None:
        """Wakes the agent."""
        with self._lock:
            # The number of a closed descriptor may be that of another file already.
            if self._is_closed:
                return
            try:
                os.write(self._write, b"w")
            except BlockingIOError:
                pass  # It is full: the agent wakes anyway.

    def clear(self) -> None:
        """Forgets who has woken it."""
        try:
            while os.read(self._read, 4_096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Closes the pipe."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._read)
                os.close(self._write)


class StopOnSignal:
    """Calls a function on SIGINT and SIGTERM while an agent runs in the main thread. Elsewhere
    Python allows no handlers, and whoever runs the agent stops it."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._came = False
        self._before: Dict[signal.Signals, Any] = {}

    @property
    def notice(self) -> str:
        """What to log when the agent stops."""
        return "stopping" + ("; a second signal ends this process at once" if self._came else "")

    def __enter__(self) -> StopOnSignal:
        if threading.current_thread() is threading.main_thread():
            for which in (signal.SIGINT, signal.SIGTERM):
                self._before[which] = signal.signal(which, self._handle)
        return self

    def _handle(self, _number: int, _frame: Optional[FrameType]) -> None:
        self._came = True
        # A second one ends the process, as if nobody had handled any.
        self._restore()
        self._stop()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
