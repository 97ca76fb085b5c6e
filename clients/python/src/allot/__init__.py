"""Client of Allot: send fills and splits, trade at a desk, subscribe to positions."""

from .bodies import (
    Accepted,
    AccountPositions,
    Allocated,
    Body,
    Busted,
    DeskReply,
    Heartbeat,
    Held,
    Listed,
    ListedSplit,
    Median,
    Outcome,
    Positions,
    Rejection,
    Replayed,
    Reply,
    Reported,
    Side,
    Trader,
)
from .connection import ProtocolError
from .desk import Desk, Refused
from .export import Export
from .frames import to_arrow, to_pandas, to_polars
from .latest import latest
from .messages import Bust, Command, Fill, Message, Replay, ReportRequest, Split, SplitsRequest
from .replies import Rejected, Replies
from .sender import FRONT, NoReply, Sender, send
from .source import Source
from .subscription import PUBLISH, Subscription, subscribe
from .update import Gap, Reconnection, Update

__all__ = [
    "FRONT",
    "PUBLISH",
    "Accepted",
    "AccountPositions",
    "Allocated",
    "Body",
    "Bust",
    "Busted",
    "Command",
    "Desk",
    "DeskReply",
    "Export",
    "Fill",
    "Gap",
    "Heartbeat",
    "Held",
    "Listed",
    "ListedSplit",
    "Median",
    "Message",
    "NoReply",
    "Outcome",
    "Positions",
    "ProtocolError",
    "Reconnection",
    "Refused",
    "Rejected",
    "Rejection",
    "Replay",
    "Replayed",
    "Replies",
    "Reply",
    "ReportRequest",
    "Reported",
    "Sender",
    "Side",
    "Source",
    "Split",
    "SplitsRequest",
    "Subscription",
    "Trader",
    "Update",
    "latest",
    "send",
    "subscribe",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
