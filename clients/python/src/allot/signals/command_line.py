"""Command line: a generator or a strategy as a program, with the flags of `allot signals`."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from typing import Any, Callable, Dict, List, Optional, Union

import zmq

from .generator import Generator, Make
from .messages import Json
from .printer import Printer
from .schedule import Schedule
from .strategy import Decide, NameTaken, NotConfirmed, Strategy

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def generator_main(make: Make, name: Optional[str] = None) -> int:
    """Runs a generator as the command line says; returns the code to exit with."""
    parser = _parser("Make a signal every period", name)
    listen = parser.add_mutually_exclusive_group(required=True)
    listen.add_argument("--listen", metavar="ADDR", help="tcp://HOST:PORT or ipc://PATH")
    listen.add_argument("-p", "--port", metavar="PORT", help="a port of this machine")
    options = parser.parse_args()
    printer = Printer(options.json)

    def start() -> Generator:
        generator = Generator(
            make,
            name=options.name,
            listen=options.listen or options.port,
            schedule=_schedule(options),
            on_event=printer.tell,
        )
        printer.tell(
            {"type": "listening", "name": generator.name, "listen": generator.endpoint}
        )
        return generator

    return _run(parser, printer, start)


def strategy_main(decide: Decide, name: Optional[str] = None) -> int:
    """Runs a strategy as the command line says; returns the code to exit with."""
    parser = _parser("Ask generators, decide, and submit to the trader", name)
    parser.add_argument("--trader", metavar="ADDR", required=True, help="where the trader is")
    what = "where the generators are, separated by commas"
    parser.add_argument("--signals", metavar="ADDR,ADDR", required=True, help=what)
    what = "how often a request is sent again within a period"
    parser.add_argument("--retries", metavar="COUNT", type=int, default=5, help=what)
    options = parser.parse_args()
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
            signals=options.signals.split(","),
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
        agent = start()
        printer.on_closed = agent.stop
        if not printer.is_closed:
            agent.run()
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


def _parser(what: str, name: Optional[str]) -> argparse.ArgumentParser:
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--name", default=name, required=name is None, help="its name")
    parser.add_argument("--period", default="60s", metavar="DURATION", help="length of a period")
    for flag, what in [
        ("--deadline", "when in a period what is missing counts as missing"),
        ("--jitter", "spread the start of work over this time"),
        ("--tolerance", "by how much a clock may differ"),
    ]:
        parser.add_argument(flag, metavar="DURATION", help=what)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    return parser


def _schedule(options: argparse.Namespace) -> Schedule:
    given: Dict[str, Any] = vars(options)
    flags = [given[flag] for flag in ("deadline", "jitter", "tolerance")]
    seconds: List[Optional[float]] = [_seconds(flag) if flag else None for flag in flags]
    return Schedule.of(_seconds(options.period), *seconds)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError(f"use a duration such as 250ms, 10s or 1m; it was {text!r}")
    return float(match[1]) * _UNITS[match[2]]
