"""Requests: what a generator is asked, in both encodings, and how it replies.

A reply goes out in the encoding of its request; what is refused has a code of the page.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import Iterator, List, Optional, Tuple, Union

from . import messages
from .messages import Json

_HEADER = struct.Struct("<4sBBHII")
_MAGIC = b"ALOT"
_VERSION = 2
_KIND_ASK = 33
_KIND_REPLIES = 128
_TAGS = {"signal": 32, "held": 33, "rejected": 6}
_SOURCE = re.compile(r"[A-Za-z0-9.\-_@]{1,64}")
_FIELDS = {"type", "source", "seq", "period", "length_ms"}
_TAKES = "a generator takes ask"
REQUESTS_MAX = 256
"""Requests of one message: the replies to all of them must find room at its client."""

REFUSED_MAX = 100
"""Requests of one message that are refused before the rest of it is not read."""


@dataclass(frozen=True)
class Client:
    """Where a reply goes, and how it is written."""

    identity: bytes
    is_req: bool
    is_binary: bool


@dataclass(frozen=True)
class Ask:
    """A request for the signal of a period."""

    source: str
    seq: int
    period: int
    length_ms: int


class Refused(Exception):
    """A request that changes nothing: its code and its reason, and who sent it where that can be
    read."""

    def __init__(self, code: str, reason: str, source: str = "", seq: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.source = source if _SOURCE.fullmatch(source) else ""
        self.seq = seq


def read(frames: List[bytes]) -> Tuple[Client, List[Union[Ask, Refused]]]:
    """The requests of a message from a ROUTER, and whom to reply to."""
    identity, rest = frames[0], frames[1:]
    is_req = len(rest) == 2 and not rest[0]
    body = rest[-1] if rest else b""
    client = Client(identity, is_req, body.startswith(_MAGIC))
    if len(rest) != 1 and not is_req:
        what = "a message must be one frame, or an empty frame and one more"
        return client, [Refused("malformed_message", what)]
    if messages.MESSAGE_MAX < len(body):
        what = f"the message has {len(body)} bytes; at most {messages.MESSAGE_MAX} are allowed"
        return client, [Refused("oversized_message", what)]
    try:
        found = _records(body) if client.is_binary else _lines(body)
        return client, _until_too_many(found)
    except Refused as refused:
        return client, [refused]


def _until_too_many(found: Iterator[Union[Ask, Refused]]) -> List[Union[Ask, Refused]]:
    requests: List[Union[Ask, Refused]] = []
    refused = 0
    for one in found:
        refused += isinstance(one, Refused)
        if refused == REFUSED_MAX:
            what = f"{REFUSED_MAX} requests were refused; the rest was not read"
            return [*requests, Refused("malformed_message", what)]
        requests.append(one)
        if REQUESTS_MAX < len(requests):
            what = f"a message must have at most {REQUESTS_MAX} requests, and none was read"
            return [Refused("malformed_message", what)]
    return requests


def _lines(body: bytes) -> Iterator[Union[Ask, Refused]]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise Refused("malformed_message", "the message is empty")
    return (_line(line) for line in lines)


def _line(line: bytes) -> Union[Ask, Refused]:
    try:
        fields = messages.decode(line)
    except (ValueError, RecursionError) as error:
        return Refused("malformed_message", f"it is no JSON object: {error}"[:240])
    found, seq = fields.get("source"), fields.get("seq")
    source = found if isinstance(found, str) else ""
    seq = seq if isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq < 1 << 64 else 0
    try:
        return _ask(fields)
    except Refused as refused:
        return Refused(refused.code, refused.reason, source, seq)


def _ask(fields: Json) -> Ask:
    kind = fields.get("type")
    if kind != "ask":
        raise Refused("unknown_type", f"{_TAKES}; this was {json.dumps(kind)[:80]}")
    unknown = sorted(fields.keys() - _FIELDS)
    if unknown:
        raise Refused("unknown_field", f"ask has no field {json.dumps(unknown[0])[:80]}")
    for name in ("source", "seq", "period", "length_ms"):
        if name not in fields:
            raise Refused("missing_field", f'the field "{name}" is missing')
    try:
        source = messages.text(fields, "source")
        seq, period, length_ms = (
            messages.whole(fields, name) for name in ("seq", "period", "length_ms")
        )
    except ValueError as error:
        raise Refused("malformed_field", str(error)) from None
    return _checked(Ask(source, seq, period, length_ms))


def _checked(ask: Ask) -> Ask:
    if not _SOURCE.fullmatch(ask.source):
        what = "a source must be 1 to 64 of A-Z a-z 0-9 . - _ @"
        raise Refused("bad_source", what, seq=ask.seq)
    if ask.seq < 1:
        raise Refused("sequence_must_be_positive", "seq counts from 1", ask.source)
    return ask


def _records(body: bytes) -> Iterator[Union[Ask, Refused]]:
    """All or nothing, if the batch is damaged."""
    damaged = Refused("malformed_message", "a damaged batch")
    if len(body) < _HEADER.size:
        raise damaged
    _, version, kind, reserved, count, length = _HEADER.unpack_from(body)
    if version != _VERSION or reserved or length != len(body) - _HEADER.size:
        raise damaged
    records, at = [], _HEADER.size
    while at < len(body):
        end = at + 4
        if len(body) < end:
            raise damaged
        end += int.from_bytes(body[at:end], "little")
        if len(body) < end:
            raise damaged
        records.append(body[at + 4 : end])
        at = end
    if len(records) != count or not records:
        raise damaged
    if kind != _KIND_ASK:
        raise Refused("unknown_type", f"{_TAKES}; this was {kind}")
    return (_record(record) for record in records)


def _record(record: bytes) -> Union[Ask, Refused]:
    try:
        seq, length = struct.unpack_from("<QQ", record)
        if len(record) != 16 + length + 16:
            raise ValueError("a damaged record")
        source = record[16 : 16 + length].decode()
        period, length_ms = struct.unpack_from("<QQ", record, 16 + length)
    except (struct.error, ValueError) as error:
        return Refused("malformed_message", f"a damaged record: {error}")
    try:
        return _checked(Ask(source, seq, period, length_ms))
    except Refused as refused:
        return refused


@dataclass(frozen=True)
class Reply:
    """A reply of a generator; times are nanoseconds of Unix time."""

    kind: str
    source: str
    seq: int
    time: int
    sent: int
    generator: str = ""
    period: int = 0
    value: Optional[float] = None
    code: str = ""
    reason: str = ""

    def encode(self, is_binary: bool) -> bytes:
        """The message of this reply alone."""
        return self._binary() if is_binary else messages.encode(self._fields())

    def _fields(self) -> Json:
        fields: Json = {"type": self.kind, "source": self.source, "seq": self.seq}
        fields["time"] = messages.time_text(self.time)
        if self.kind == "rejected":
            return {**fields, "code": self.code, "reason": self.reason}
        fields["sent"] = messages.time_text(self.sent)
        fields.update(generator=self.generator, period=self.period)
        return fields if self.value is None else {**fields, "value": self.value}

    def _binary(self) -> bytes:
        record = bytes([_TAGS[self.kind]]) + struct.pack("<Q", self.seq)
        record += _text(self.source) + _text("") + struct.pack("<QB", self.time, 0)
        if self.kind == "rejected":
            record += _text(self.code) + _text(self.reason)
        else:
            record += struct.pack("<Q", self.sent) + _text(self.generator)
            record += struct.pack("<Q", self.period)
        if self.value is not None:
            record += struct.pack("<d", self.value)
        length = 4 + len(record)
        header = _HEADER.pack(_MAGIC, _VERSION, _KIND_REPLIES, 0, 1, length)
        return header + struct.pack("<I", len(record)) + record


def _text(content: str) -> bytes:
    encoded = content.encode()
    return struct.pack("<Q", len(encoded)) + encoded
