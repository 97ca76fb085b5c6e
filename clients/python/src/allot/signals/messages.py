"""Messages of signals: values, times, problems, requests and replies (docs/WIRE-SIGNALS.md)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Tuple

from .schedule import MILLISECOND, SECOND, Schedule

NAME_LEN_MAX = 32
GENERATORS_MAX = 64
ADDRESS_LEN_MAX = 128
REASON_LEN_MAX = 240
MESSAGE_MAX = 1 << 20

Json = Dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9.\-_@]{1,32}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_DIGITS = re.compile("[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class Signal(NamedTuple):
    """The signal of a generator, as a function that decides is given it."""

    name: str
    """What the generator calls itself."""
    address: str
    """Where it was asked."""
    value: float


@dataclass(frozen=True)
class Problem:
    """What is wrong with a component, and since when (nanoseconds of Unix time)."""

    kind: str
    since: int
    reason: str

    def fields(self) -> Json:
        """As a JSON object."""
        return {"kind": self.kind, "since": time_text(self.since), "reason": self.reason}

    @property
    def gist(self) -> str:
        """The reason without its digits: the number of a period changes with each, and is no
        news."""
        return _DIGITS.sub("", self.reason)


def problem(before: Optional[Problem], kind: str, now: int, reason: str) -> Problem:
    """A problem; one of the same kind as before is as old as that."""
    since = before.since if before is not None and before.kind == kind else now
    # One line that no terminal obeys: it stands in logs.
    line = "".join(letter if letter.isprintable() else " " for letter in reason)
    return Problem(kind, since, cut(line, REASON_LEN_MAX))


@dataclass
class Report:
    """What a strategy knows of one of its generators."""

    address: str
    name: str = ""
    period: Optional[int] = None
    value: Optional[float] = None
    problem: Optional[Problem] = field(default=None)

    def fields(self) -> Json:
        """As a JSON object."""
        fields: Json = {"name": self.name} if self.name else {}
        fields["address"] = cut(self.address, ADDRESS_LEN_MAX)
        if self.period is not None and self.value is not None:
            fields.update(period=self.period, value=self.value)
        if self.problem is not None:
            fields["problem"] = self.problem.fields()
        return fields


def problems(named: List[Tuple[str, Problem]]) -> Json:
    """The event that tells what is wrong with whom; an empty list is well."""
    shown = [{"component": component, **found.fields()} for component, found in named]
    return {"type": "problems", "problems": shown}


def check_name(name: str) -> str:
    """The name of a component."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = json.dumps(name, default=repr)
        raise ValueError(f"a name must be 1 to 32 of A-Z a-z 0-9 . - _ @; it was {shown}")
    return name


def endpoint(address: str) -> str:
    """An endpoint of ZeroMQ: `1001` and `:1001` are ports of this machine, `host:1001` is TCP."""
    text = address.strip()
    if _is_port(text[1:] if text.startswith(":") else text):
        return f"tcp://127.0.0.1:{text.lstrip(':')}"
    if text.startswith("ipc://") and text != "ipc://":
        return text
    bare = text[len("tcp://") :] if text.startswith("tcp://") else text
    host, _, port = bare.rpartition(":")
    if host and "/" not in host and (_is_port(port) or (port == "*" and bare != text)):
        return f"tcp://{bare}"
    raise ValueError("use a port, HOST:PORT, tcp://HOST:PORT or ipc://PATH")


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,9}", text) is not None and int(text) < 1 << 16


def endpoint_of_another(address: str) -> str:
    """The endpoint of somebody else, who listens on one port."""
    found = endpoint(address)
    if found.endswith((":*", ":0")):
        raise ValueError("that is any free port; use the one that is listened on")
    return found


def value(number: Any) -> float:
    """A value: a finite number, of whatever numeric type. Minus zero becomes zero."""
    if isinstance(number, (bool, str, bytes)) or not hasattr(type(number), "__float__"):
        raise TypeError(f"a value must be a number, not {type(number).__name__}: {number!r}")
    try:
        result = float(number)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(
            "a value must be finite: no NaN, no infinity, nothing beyond 1.8e308; it was "
            + cut(str(result), 40)
        )
    return result + 0.0


def wire_value(found: Any) -> float:
    """A value of a message: a number, or a string with one."""
    if isinstance(found, str):
        if not _NUMBER.fullmatch(found):
            raise ValueError("a value must be a decimal number")
        found = float(found)
    return value(found)


def time_text(unix: int) -> str:
    """A time as messages have it."""
    seconds, nanoseconds = divmod(unix, SECOND)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def read_time(text: Any) -> int:
    """The time of a message, in nanoseconds of Unix time."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a time is malformed")
    moment = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return round(moment.timestamp()) * SECOND + int((match[2] or "").ljust(9, "0"))


def whole(fields: Json, name: str) -> int:
    """A whole number of a message."""
    number = fields.get(name)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 64:
        raise ValueError(f'the field "{name}" must be a whole number')
    return number


def text(fields: Json, name: str) -> str:
    """A text of a message."""
    found = fields.get(name)
    if not isinstance(found, str):
        raise ValueError(f'the field "{name}" must be a string')
    return found


def cut(long: str, len_max: int) -> str:
    """A text of at most so many bytes, cut between two characters."""
    return long.encode(errors="replace")[:len_max].decode(errors="ignore")


def encode(fields: Json) -> bytes:
    """One line of JSON."""
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"a value must be finite; it was {constant}")


def decode(line: bytes) -> Json:
    """The fields of a line of JSON."""
    fields = json.loads(line.decode(), parse_constant=_refuse)
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    return fields


def decode_all(message: bytes) -> List[Json]:
    """The objects of a message."""
    return [decode(line) for line in message.split(b"\n") if line.strip()]


def request(kind: str, source: str, seq: int, schedule: Schedule) -> Json:
    """What every request begins with that is about periods."""
    return {"type": kind, "source": source, "seq": seq, "length_ms": schedule.length_ms}


def clock_off(sent: int, received: int, replied: int, taken: int, tolerance: int) -> Optional[str]:
    """What the four times of a request and its reply tell of the other clock: how far it is off at
    least, where that is more than is tolerated (RFC 5905, section 8)."""
    twice = (received - sent) + (replied - taken)
    on_the_way = (taken - sent) - (replied - received)
    least = max(abs(twice) - max(on_the_way, 0), 0) // 2
    if least <= tolerance:
        return None
    lead = "behind" if twice < 0 else "ahead"
    tolerated = tolerance // MILLISECOND
    return f"its clock is {least // MILLISECOND} ms {lead}; {tolerated} ms are tolerated"
