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
        self._before: Dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for which in (signal.SIGINT, signal.SIGTERM):
                self._before[which] = signal.signal(which, self._handle)

    def _handle(self, _number: int, _frame: Optional[FrameType]) -> None:
        self._stop()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        for which, handler in self._before.items():
            signal.signal(which, handler)
