"""Signals: generators and strategies of your own, beside those of `allot signals`.

A generator makes one value a period. A strategy asks its generators for the values of a period,
decides, and tells the trader. Messages are those of docs/WIRE-SIGNALS.md.
"""

from .command_line import generator_main, strategy_main
from .generator import Generator
from .messages import Problem, Signal
from .schedule import Period, Schedule
from .strategy import NameTaken, NotConfirmed, Strategy

__all__ = [
    "Generator",
    "NameTaken",
    "NotConfirmed",
    "Period",
    "Problem",
    "Schedule",
    "Signal",
    "Strategy",
    "generator_main",
    "strategy_main",
]
