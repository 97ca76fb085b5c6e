"""Pump: reads a subscription on a thread of its own, for a loop of asyncio that must not wait.

What was read and not taken yet is bounded; beyond that the thread waits. A wait that is cancelled
loses no update.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Deque, Iterator, Optional, Union

from .update import Update

_AHEAD_MAX = 64


class Pump:
    """The thread, and what it has read."""

    def __init__(self, updates: Iterator[Update]) -> None:
        self._updates = updates
        self._ready: Deque[Union[Update, BaseException]] = deque()
        self._changed = threading.Condition()
        self._waiter: Optional[asyncio.Future[None]] = None
        self.is_over = False
        """Whether its end was taken."""
        threading.Thread(target=self._run, name="allot-pump", daemon=True).start()

    async def next(self) -> Update:
        """The next update; raises what ended the reading."""
        while True:
            with self._changed:
                if self._ready:
                    taken = self._ready.popleft()
                    self._changed.notify()
                    break
                waiter = asyncio.get_running_loop().create_future()
                self._waiter = waiter
            await waiter
        if isinstance(taken, Update):
            return taken
        self.is_over = True
        raise taken

    def _run(self) -> None:
        while True:
            read: Union[Update, BaseException]
            try:
                read = next(self._updates)
            except StopIteration:
                read = StopAsyncIteration()
            except BaseException as failure:
                read = failure
            with self._changed:
                while len(self._ready) >= _AHEAD_MAX:
                    self._changed.wait()
                self._ready.append(read)
                waiter, self._waiter = self._waiter, None
            if waiter is not None:
                _wake(waiter)
            if not isinstance(read, Update):
                return


def _wake(waiter: asyncio.Future[None]) -> None:
    try:
        waiter.get_loop().call_soon_threadsafe(_finish, waiter)
    except RuntimeError:
        # Its loop is closed: the next wait finds what was read.
        pass


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
