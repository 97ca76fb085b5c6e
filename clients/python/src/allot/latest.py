"""Latest: one report, and no subscription to keep."""

from __future__ import annotations

import time
import uuid
from typing import Optional

from . import timeouts
from .messages import ReportRequest
from .sender import Sender
from .subscription import PUBLISH, Subscription
from .update import Update


def latest(
    topic: str = "positions:json",
    endpoint: str = PUBLISH,
    timeout: float = 15.0,
    *,
    front: Optional[str] = None,
    key: Optional[str] = None,
    publish_key: Optional[str] = None,
) -> Update:
    """The latest report: of the firm, or of one account with `account:json:<id>:`.

    It is at most as old as the time between two reports, 10 seconds unless the server was told
    otherwise. With `front`, the endpoint of the front door, a report is made now, which contains
    everything that has had its reply. `key` and `publish_key` are the public keys of front door and
    feed, where they encrypt. Raises `TimeoutError` if there is none in time.
    """
    if not topic.startswith(("positions:json", "account:json:")):
        raise ValueError(f"the topic must be one of reports, as positions:json; it was {topic!r}")
    timeout = timeouts.timeout(timeout)
    deadline = time.monotonic() + timeout
    with Subscription([topic], endpoint, timeout, publish_key=publish_key) as subscription:
        least = 0
        if front is not None:
            message = ReportRequest(f"py-latest-{uuid.uuid4().hex[:16]}", 1)
            with Sender(front, key=key) as sender:
                reply = sender.send([message], timeout).raise_rejected()[0]
            least = reply["report"] if reply["type"] == "reported" else 0
            subscription.within(deadline - time.monotonic())
        for update in subscription:
            body = update.body
            if body["type"] in ("positions", "account") and body["report"] >= least:
                return update
            if deadline <= time.monotonic():
                break
            subscription.within(deadline - time.monotonic())
    raise TimeoutError(f"report {least} did not come within {timeout} s")
