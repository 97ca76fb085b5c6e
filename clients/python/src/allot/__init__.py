"""Client of Allot: send fills and splits, subscribe to positions."""

from .feed import Update, subscribe
from .messages import Answer, Bust, Fill, Message, ReportRequest, Split
from .sender import Sender, Unanswered, send

__all__ = [
    "Answer",
    "Bust",
    "Fill",
    "Message",
    "ReportRequest",
    "Sender",
    "Split",
    "Unanswered",
    "Update",
    "send",
    "subscribe",
]
