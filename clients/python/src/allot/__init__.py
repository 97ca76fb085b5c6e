"""Client of Allot: send fills and splits, trade at a desk, subscribe to positions."""

from .desk import Desk, Refused
from .messages import Bust, Command, Fill, Message, Replay, Reply, ReportRequest, Split
from .sender import FRONT, NoReply, Sender, send
from .subscription import PUBLISH, Gap, Update, subscribe

__all__ = [
    "FRONT",
    "PUBLISH",
    "Bust",
    "Command",
    "Desk",
    "Fill",
    "Gap",
    "Message",
    "NoReply",
    "Refused",
    "Replay",
    "Reply",
    "ReportRequest",
    "Sender",
    "Split",
    "Update",
    "send",
    "subscribe",
]
