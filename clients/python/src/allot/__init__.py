"""Client of Allot: send fills and splits, subscribe to positions."""

from .messages import Bust, Fill, Message, Replay, Reply, ReportRequest, Split
from .sender import FRONT, NoReply, Sender, send
from .subscription import PUBLISH, Gap, Update, subscribe

__all__ = [
    "FRONT",
    "PUBLISH",
    "Bust",
    "Fill",
    "Gap",
    "Message",
    "NoReply",
    "Replay",
    "Reply",
    "ReportRequest",
    "Sender",
    "Split",
    "Update",
    "send",
    "subscribe",
]
