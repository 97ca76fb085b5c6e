"""Source: a sender that numbers its messages, and keeps its numbers in a file.

A name is for ever, so a number must never be used twice. The file holds the number that comes after
all that may have been used: it is written, and on disk, before a number below it is sent, a block
of numbers at a time. A program that ends well gives the rest of its block back; one that is killed
leaves them out, which a source may.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from types import TracebackType
from typing import IO, Iterable, List, Mapping, Optional, Sequence, Type, Union, cast

from . import names, timeouts
from .bodies import Accepted, Allocated, Busted, Held, Listed, Reply, Reported, Side
from .messages import Bust, Fill, Message, Number, ReportRequest, Split, SplitsRequest, whole
from .replies import Replies
from .sender import FRONT, Sender

_BLOCK = 1000
"""Numbers that are reserved with one write to the disk."""


class Source:
    """A source of fills and splits; use it as a context manager.

    `file` keeps its numbers over restarts; one process has it at a time. Without a file the source
    needs a name that nobody used before: without `name` it has one.
    """

    def __init__(
        self,
        name: Optional[str] = None,
        file: Union[str, "os.PathLike[str]", None] = None,
        endpoint: str = FRONT,
        timeout: float = 30.0,
        *,
        key: Optional[str] = None,
        seq: int = 1,
    ) -> None:
        if file is not None and name is None:
            raise ValueError("a source that keeps its numbers needs a name, the same each time")
        self.name = names.source(name if name is not None else f"py-{uuid.uuid4().hex[:16]}")
        """What its messages are sent under."""
        self.timeout = timeouts.timeout(timeout)
        """How long a message may be without a reply, in seconds."""
        self._seq = whole("seq", seq, 1)
        self._numbers = None if file is None else _Numbers(Path(file), self.name, self._seq)
        try:
            self._sender = Sender(endpoint, key=key)
        except BaseException:
            if self._numbers is not None:
                self._numbers.close(None)
            raise
        if self._numbers is not None:
            self._seq = self._numbers.reserved

    def __repr__(self) -> str:
        return f"<Source {self.name}, next {self._seq}>"

    @property
    def seq(self) -> int:
        """The number of the next message."""
        return self._seq

    @property
    def late(self) -> List[Reply]:
        """Replies that followed `held`; see `Sender.late`."""
        return self._sender.late

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection, and writes the next number."""
        self._sender.close()
        if self._numbers is not None:
            self._numbers.close(self._seq)
            self._numbers = None

    def fill(
        self,
        ticker: str,
        price: Number,
        quantity: int,
        side: Side = "buy",
        id: Optional[str] = None,
    ) -> Union[Allocated, Held]:
        """Sends a fill; raises `Rejected` if it changed nothing."""
        message = self.new_fill(ticker, price, quantity, side, id)
        return cast(Union[Allocated, Held], self._one(message))

    def bust(self, ticker: str, of: Union[int, str], id: Optional[str] = None) -> Busted:
        """Takes the fill of this source back whose id, or number, is `of`."""
        return cast(Busted, self._one(Bust(self.name, self._next(), ticker, of, id)))

    def split(self, weights: Mapping[str, Number], closes: Sequence[str] = ()) -> Accepted:
        """Puts weights in force; raises `Rejected` if they are not."""
        return cast(Accepted, self._one(Split(self.name, self._next(), weights, closes)))

    def report(self) -> Reported:
        """Asks for a report now, and returns its number."""
        return cast(Reported, self._one(ReportRequest(self.name, self._next())))

    def splits(self, first: int = 1) -> Listed:
        """The splits so far with their weights, from number `first` on: up to 256 of them."""
        return cast(Listed, self._one(SplitsRequest(self.name, self._next(), first)))

    def new_fill(
        self,
        ticker: str,
        price: Number,
        quantity: int,
        side: Side = "buy",
        id: Optional[str] = None,
    ) -> Fill:
        """A fill with the next number, for `send`."""
        return Fill(self.name, self._next(), ticker, price, quantity, side, id)

    def send(self, messages: Iterable[Message]) -> Replies:
        """Sends messages and returns one reply to each, in their order. After `NoReply` the same
        messages may be sent again."""
        return self._sender.send(messages, self.timeout)

    def _one(self, message: Message) -> Reply:
        return self.send([message]).raise_rejected()[0]

    def _next(self) -> int:
        # A closed source has given its numbers back, and another one may use them.
        self._sender.check_open()
        if self._numbers is not None:
            self._numbers.reserve(self._seq)
        seq, self._seq = self._seq, self._seq + 1
        return seq


class _Numbers:
    """The file with the first number that was not reserved."""

    def __init__(self, path: Path, source: str, first: int) -> None:
        self._path = path
        self._source = source
        self._lock = _lock(path)
        try:
            self.reserved = self._read(first)
        except BaseException:
            self._lock.close()
            raise

    def reserve(self, seq: int) -> None:
        """Makes sure that this number is used by nobody else."""
        if self.reserved <= seq:
            self._write(seq + _BLOCK)

    def close(self, seq: Optional[int]) -> None:
        """Gives back what was not used, and lets others have the file."""
        if seq is not None and seq != self.reserved:
            self._write(seq)
        self._lock.close()

    def _read(self, first: int) -> int:
        try:
            kept = json.loads(self._path.read_text())
            owner, seq = kept["source"], whole("seq", kept["next_seq"], 1)
        except FileNotFoundError:
            return first
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self._path} does not hold the numbers of a source") from error
        if owner != self._source:
            raise ValueError(
                f"{self._path} holds the numbers of the source {owner}, not of {self._source}"
            )
        return max(seq, first)

    def _write(self, seq: int) -> None:
        """Whole or not at all: written aside, on disk, then renamed."""
        aside = self._path.with_name(self._path.name + ".new")
        with open(aside, "w", encoding="ascii") as file:
            file.write(json.dumps({"source": self._source, "next_seq": seq}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, self._path)
        if sys.platform != "win32":
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self.reserved = seq


def _lock(path: Path) -> IO[str]:
    """A lock beside the file, which ends with the process."""
    file = open(path.with_name(path.name + ".lock"), "w", encoding="ascii")
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise BlockingIOError(
                f"another process, or another Source, uses the numbers in {path}"
            ) from None
    return file
