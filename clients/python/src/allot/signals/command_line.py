"""Command line: a generator or a strategy as a program, with the flags of `allot signals`."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from datetime import datetime, timezone
from typing import Any, Callable, List, Optional, TypeVar, Union

import zmq

from . import messages
from .generator import Generator, Make
from .messages import Json
from .printer import Printer
from .schedule import Schedule
from .strategy import Decide, NameTaken, NotConfirmed, Strategy

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_COUNT_MAX = (1 << 32) - 1
_PORT_MAX = (1 << 16) - 1
_INTERRUPTED = 130
"""The code of a process that a second SIGINT has ended, as a shell has it."""

Read = TypeVar("Read")


def generator_main(make: Make, name: Optional[str] = None) -> int:
    """Runs a generator as the command line says; returns the code to exit with."""
    what = "Make one signal a period, and give it to the strategies that ask for it"
    parser = argparse.ArgumentParser(description=what)
    listen = parser.add_mutually_exclusive_group(required=True)
    what = "endpoint to listen on: tcp://127.0.0.1:1000, ipc://PATH"
    listen.add_argument("--listen", metavar="ADDR", type=_typed(messages.endpoint), help=what)
    what = "port to listen on: short for --listen tcp://127.0.0.1:PORT"
    listen.add_argument("-p", "--port", metavar="PORT", type=_typed(_port), help=what)
    name = name or "generator"
    what = f"name of the generator [default: {name}]"
    parser.add_argument("--name", default=name, type=_typed(messages.check_name), help=what)
    options = _parse(parser)
    printer = Printer(options.json)

    def start() -> Generator:
        return Generator(
            make,
            name=options.name,
            listen=options.listen or options.port,
            schedule=_schedule(options),
            on_event=printer.tell,
        )

    return _run(parser, printer, start)


def strategy_main(decide: Decide, name: Optional[str] = None) -> int:
    """Runs a strategy as the command line says; returns the code to exit with."""
    what = "Ask generators for their signals, decide, and submit the decision to the trader"
    parser = argparse.ArgumentParser(description=what)
    what = "name of the strategy" + (f" [default: {name}]" if name else "")
    parser.add_argument(
        "--name", default=name, required=name is None, type=_typed(messages.check_name), help=what
    )
    other = _typed(messages.endpoint_of_another)
    what = "where the trader is: a port of this machine, HOST:PORT, tcp:// or ipc://"
    parser.add_argument("--trader", metavar="ADDR", required=True, type=other, help=what)
    what = "where the generators are, separated by commas"
    addresses = _typed(_addresses)
    parser.add_argument("--signals", metavar="ADDR,ADDR", required=True, type=addresses, help=what)
    what = "how often a request is sent again within a period [default: 5]"
    parser.add_argument("--retries", metavar="COUNT", type=_typed(_count), default=5, help=what)
    options = _parse(parser)
    count, most = len(options.signals), messages.GENERATORS_MAX
    if most < count:
        parser.error(f"--signals has {count} addresses; at most {most} are allowed")
    if len(set(options.signals)) < count:
        parser.error("--signals names an address twice; name each once")
    printer = Printer(options.json)

    def tell(event: Json) -> None:
        if event["type"] == "taken":
            logging.warning("%s; trying until its lease has run out", event["reason"])
        printer.tell(event)

    def start() -> Strategy:
        return Strategy(
            decide,
            name=options.name,
            trader=options.trader,
            signals=options.signals,
            schedule=_schedule(options),
            retries=options.retries,
            on_event=tell,
        )

    return _run(parser, printer, start)


def _run(
    parser: argparse.ArgumentParser,
    printer: Printer,
    start: Callable[[], Union[Generator, Strategy]],
) -> int:
    try:
        try:
            agent = start()
        except ValueError as error:
            parser.error(str(error))
        printer.on_closed = agent.stop
        if not printer.is_closed:
            agent.run()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (ValueError, zmq.ZMQError, NameTaken, NotConfirmed) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    finally:
        printer.end()
    if printer.is_closed:
        # Python would complain of it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"{parser.prog}: standard output is closed", file=sys.stderr)
    return int(printer.is_closed)


class _Lines(logging.Formatter):
    """Lines as those of `allot`: the time in UTC, the level, and the message."""

    def formatTime(self, record: logging.LogRecord, datefmt: Optional[str] = None) -> str:
        return f"{datetime.fromtimestamp(record.created, timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z"


def _parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Adds what every part takes, starts the log, and reads the command line."""
    time = parser.add_argument_group("time")
    for flag, default, what in [
        (
            "--period",
            60.0,
            "length of a period, from 100ms to 7 days; the same for all components [default: 60s]",
        ),
        (
            "--deadline",
            None,
            "when in a period what is missing counts as missing [default: half of the period]",
        ),
        (
            "--jitter",
            None,
            "spread the start of work over this time "
            "[default: a twentieth of the period, at most 1s]",
        ),
        (
            "--tolerance",
            None,
            "by how much a clock may differ, less than half of the period "
            "[default: 1s, at most a quarter of the period]",
        ),
    ]:
        seconds = _typed(_seconds)
        time.add_argument(flag, metavar="DURATION", type=seconds, default=default, help=what)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    logging.addLevelName(logging.WARNING, "WARN")
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(levelname)5s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    return parser.parse_args()


def _schedule(options: argparse.Namespace) -> Schedule:
    return Schedule.of(options.period, options.deadline, options.jitter, options.tolerance)


def _typed(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """Reads the text of a flag; what is wrong with it is said in a sentence."""

    def typed(text: str) -> Read:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"invalid value {text!r}: {error}") from None

    return typed


def _addresses(text: str) -> List[str]:
    return [messages.endpoint_of_another(address) for address in text.split(",")]


def _port(text: str) -> str:
    if not re.fullmatch("[0-9]{1,9}", text) or _PORT_MAX < int(text):
        raise ValueError(f"a port is a whole number from 0 to {_PORT_MAX}")
    return text


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", text) or _COUNT_MAX < int(text):
        raise ValueError(f"a count is a whole number from 0 to {_COUNT_MAX}")
    return int(text)


def _seconds(text: str) -> float:
    match: Any = re.fullmatch(r"([0-9]{1,15})(d|h|m|s|ms|us|µs|ns)", text)
    if match is None:
        raise ValueError(
            f'"{text}" is not a duration; write a whole number and a unit: '
            "10s, 250ms, 5m (or d, h, us, ns)"
        )
    return float(match[1]) * _UNITS[match[2].replace("µ", "u")]
