"""Client of Allot: send fills and splits, subscribe to positions."""

from .messages import Bust, Fill, Message, Reply, ReportRequest, Split
from .sender import NoReply, Sender, send
from .subscription import Update, subscribe

__all__ = [
    "Bust",
    "Fill",
    "Message",
    "NoReply",
    "Reply",
    "ReportRequest",
    "Sender",
    "Split",
    "Update",
    "send",
    "subscribe",
]
