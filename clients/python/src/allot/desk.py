"""Desk: trades for the users of a desk, a method for each command of docs/DESK.md.

Each command has a name for ever, so that it is resent until it has its reply, and applied once. A
command that waits for a quote is waited for.
"""

from __future__ import annotations

import time
import uuid
from types import TracebackType
from typing import Iterable, List, Optional, Type, cast

from . import timeouts
from .bodies import DeskReply
from .messages import Command, Number
from .replies import Rejected
from .sender import FRONT, Sender


Refused = Rejected
"""What a command raises that changed nothing."""


class Desk:
    """A connection to a desk; use it as a context manager.

    Without `source` it has one that nobody else has. With one of your own, `seq` is the number of
    the next command: never one that was used for another command before. `key` is the public key
    of a front door that encrypts.
    """

    def __init__(
        self,
        endpoint: str = FRONT,
        source: Optional[str] = None,
        seq: int = 1,
        timeout: float = 60.0,
        *,
        key: Optional[str] = None,
    ) -> None:
        self._timeout = timeouts.timeout(timeout)
        self._sender = Sender(endpoint, key=key)
        self.source = source if source is not None else f"py-{uuid.uuid4().hex[:16]}"
        """The source of all commands."""
        self.seq = seq
        """The number of the next command."""

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._sender.close()

    def add(self, user: str, amount: Number, transaction: Optional[int] = None) -> DeskReply:
        """Adds money to the user."""
        return self._run("ADD", user, amount=amount, transaction=transaction)

    def quote(self, user: str, symbol: str, transaction: Optional[int] = None) -> DeskReply:
        """Shows the price of a stock."""
        return self._run("QUOTE", user, symbol, transaction=transaction)

    def buy(
        self, user: str, symbol: str, amount: Number, transaction: Optional[int] = None
    ) -> DeskReply:
        """Makes a purchase that is pending for 60 seconds."""
        return self._run("BUY", user, symbol, amount, transaction=transaction)

    def commit_buy(self, user: str, transaction: Optional[int] = None) -> DeskReply:
        """Executes the last pending purchase."""
        return self._run("COMMIT_BUY", user, transaction=transaction)

    def cancel_buy(self, user: str, transaction: Optional[int] = None) -> DeskReply:
        """Drops the last pending purchase."""
        return self._run("CANCEL_BUY", user, transaction=transaction)

    def sell(
        self, user: str, symbol: str, amount: Number, transaction: Optional[int] = None
    ) -> DeskReply:
        """Makes a sale that is pending for 60 seconds."""
        return self._run("SELL", user, symbol, amount, transaction=transaction)

    def commit_sell(self, user: str, transaction: Optional[int] = None) -> DeskReply:
        """Executes the last pending sale."""
        return self._run("COMMIT_SELL", user, transaction=transaction)

    def cancel_sell(self, user: str, transaction: Optional[int] = None) -> DeskReply:
        """Drops the last pending sale."""
        return self._run("CANCEL_SELL", user, transaction=transaction)

    def set_buy_amount(
        self, user: str, symbol: str, amount: Number, transaction: Optional[int] = None
    ) -> DeskReply:
        """Reserves money for an automatic purchase."""
        return self._run("SET_BUY_AMOUNT", user, symbol, amount, transaction=transaction)

    def set_buy_trigger(
        self, user: str, symbol: str, price: Number, transaction: Optional[int] = None
    ) -> DeskReply:
        """Arms the automatic purchase at this price or below; see `next_trigger`."""
        return self._run("SET_BUY_TRIGGER", user, symbol, price, transaction=transaction)

    def cancel_set_buy(
        self, user: str, symbol: str, transaction: Optional[int] = None
    ) -> DeskReply:
        """Takes the automatic purchase back."""
        return self._run("CANCEL_SET_BUY", user, symbol, transaction=transaction)

    def set_sell_amount(
        self, user: str, symbol: str, amount: Number, transaction: Optional[int] = None
    ) -> DeskReply:
        """Says how much an automatic sale is to bring."""
        return self._run("SET_SELL_AMOUNT", user, symbol, amount, transaction=transaction)

    def set_sell_trigger(
        self, user: str, symbol: str, price: Number, transaction: Optional[int] = None
    ) -> DeskReply:
        """Arms the automatic sale at this price or above; see `next_trigger`."""
        return self._run("SET_SELL_TRIGGER", user, symbol, price, transaction=transaction)

    def cancel_set_sell(
        self, user: str, symbol: str, transaction: Optional[int] = None
    ) -> DeskReply:
        """Takes the automatic sale back."""
        return self._run("CANCEL_SET_SELL", user, symbol, transaction=transaction)

    def dumplog(
        self, file: str, user: Optional[str] = None, transaction: Optional[int] = None
    ) -> DeskReply:
        """Asks for the log of the user, or of all."""
        return self._run("DUMPLOG", user, file=file, transaction=transaction)

    def display_summary(self, user: str, transaction: Optional[int] = None) -> DeskReply:
        """Shows cash, stocks, pending orders, triggers, and the last transactions."""
        return self._run("DISPLAY_SUMMARY", user, transaction=transaction)

    def command(
        self,
        command: str,
        user: Optional[str] = None,
        symbol: Optional[str] = None,
        amount: Optional[Number] = None,
        file: Optional[str] = None,
        transaction: Optional[int] = None,
    ) -> Command:
        """A command with the next number, for `send`."""
        seq, self.seq = self.seq, self.seq + 1
        return Command(self.source, seq, command, user, symbol, amount, file, transaction)

    def send(self, commands: Iterable[Command]) -> List[DeskReply]:
        """Sends commands and returns one reply to each, in the same order; a refusal is a reply.

        Commands of a user keep their order; those of others do not wait for them. Raises
        `NoReply` if some have no reply in time: they may be sent again as they are.
        """
        return cast(List[DeskReply], self._sender.deliver(commands, self._timeout))

    def next_trigger(self, timeout: float = 0.0) -> Optional[DeskReply]:
        """What became of a trigger that was armed here, `fired` or `disarmed`; none if nothing is
        heard of one in this time.

        Whoever was not connected then is not told; the summary has it.
        """
        deadline = time.monotonic() + timeouts.timeout(timeout)
        while True:
            while self._sender.late:
                reply = cast(DeskReply, self._sender.late.pop(0))
                # The owed reply of a command that was given up is not asked for any more.
                if reply.get("type") in ("fired", "disarmed"):
                    return reply
            if not self._sender.listen(deadline):
                return None

    def _run(
        self,
        name: str,
        user: Optional[str],
        symbol: Optional[str] = None,
        amount: Optional[Number] = None,
        file: Optional[str] = None,
        transaction: Optional[int] = None,
    ) -> DeskReply:
        reply = self.send([self.command(name, user, symbol, amount, file, transaction)])[0]
        if reply.get("type") == "rejected":
            raise Rejected([reply])
        return reply
