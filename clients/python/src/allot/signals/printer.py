"""Printer: events on standard output, one line each, without keeping an agent waiting."""

from __future__ import annotations

import json
import logging
import queue
import threading
from typing import Callable, Optional

from .messages import Json

_LOG = logging.getLogger("allot.signals")

_EVENTS_MAX = 4_096
"""Events that wait for standard output; when its reader is slow the next ones are dropped."""

_END_WITHIN = 5.0
"""Seconds that the last lines have to be read in."""

_LINES = {
    "signal": "{name} signal {value}",
    "registered": "registered {name}",
    "deregistered": "deregistered {name}",
    "submitted": "{name} submitted {value}",
    "listening": "listening {name} {listen}",
    "ready": "ready strategy {name}",
}


class Printer:
    """A thread that prints; `on_closed` is called when standard output is closed."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._events: queue.Queue[Optional[Json]] = queue.Queue(_EVENTS_MAX)
        self.on_closed: Callable[[], None] = lambda: None
        self.is_closed = False
        """Whether standard output is closed."""
        self._thread = threading.Thread(target=self._run, daemon=True, name="allot-printer")
        self._thread.start()

    def tell(self, event: Json) -> None:
        """Prints an event, as soon as standard output takes it."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            _LOG.warning("standard output is not read; dropped %s", event)

    def end(self) -> None:
        """Waits a bounded time until everything is printed."""
        try:
            self._events.put(None, timeout=_END_WITHIN)
        except queue.Full:
            return
        self._thread.join(_END_WITHIN)

    def _run(self) -> None:
        for event in iter(self._events.get, None):
            line = self._line(event)
            if line is None or self.is_closed:
                continue
            try:
                print(line, flush=True)
            except OSError:
                self.is_closed = True
                self.on_closed()

    def _line(self, event: Json) -> Optional[str]:
        if self._as_json:
            return json.dumps(event, separators=(",", ":"))
        template = _LINES.get(event["type"])
        return None if template is None else template.format(**event)
