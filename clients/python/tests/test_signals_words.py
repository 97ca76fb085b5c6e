"""The same lines, words and codes from generators and strategies in Python and of `allot`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from allot.signals.messages import Problem
from allot.signals.problem_log import ProblemLog

from conftest import BIN

EXAMPLES = Path(__file__).parents[1] / "examples"
ANY = "tcp://127.0.0.1:*"
NOBODY = "ipc:///nowhere/at/all"


def both(kind: str, *words: str) -> Iterator[List[str]]:
    """The command lines of the two."""
    yield [BIN, "signals", kind, *words]
    yield [sys.executable, str(EXAMPLES / f"{kind}.py"), *words]


STRATEGY = {"--name": "X", "--trader": "1", "--signals": "2"}
GENERATOR = {"--name": "G", "--port": "0"}


@pytest.mark.parametrize(
    ("kind", "flag", "given", "text"),
    [
        ("strategy", "--trader", "foo", "use a port, HOST:PORT, tcp://HOST:PORT or ipc://PATH"),
        ("strategy", "--trader", "tcp://1010", "use a port, HOST:PORT, tcp://HOST:PORT or ipc"),
        ("strategy", "--trader", "70000", "use a port, HOST:PORT, tcp://HOST:PORT or ipc"),
        ("strategy", "--trader", "0", "that is any free port; use the one that is listened on"),
        ("strategy", "--signals", "1,x", "use a port, HOST:PORT, tcp://HOST:PORT or ipc://PATH"),
        ("strategy", "--signals", "1,1", "--signals names an address twice; name each once"),
        (
            "strategy",
            "--signals",
            ",".join(str(port) for port in range(1, 66)),
            "--signals has 65 addresses; at most 64 are allowed",
        ),
        (
            "strategy",
            "--name",
            "a b",
            'a name must be 1 to 32 of A-Z a-z 0-9 . - _ @; it was "a b"',
        ),
        ("strategy", "--retries", "-1", "--retries"),
        ("strategy", "--retries", "x", "invalid value 'x'"),
        ("strategy", "--period", "50ms", "from 100ms to 7 days, in whole milliseconds"),
        ("strategy", "--period", "8000us", "from 100ms to 7 days, in whole milliseconds"),
        ("strategy", "--period", "1500500us", "from 100ms to 7 days, in whole milliseconds"),
        (
            "strategy",
            "--period",
            "5",
            '"5" is not a duration; write a whole number and a unit: 10s, 250ms, 5m',
        ),
        ("strategy", "--deadline", "60s", "deadline must be more than zero and less than"),
        ("strategy", "--deadline", "0s", "deadline must be more than zero and less than"),
        ("strategy", "--jitter", "30s", "the jitter must be less than the deadline"),
        ("strategy", "--tolerance", "30s", "tolerance must be less than half of the period"),
        ("strategy", "--tolerance", "0s", "the tolerance must be more than zero: no two clocks"),
        ("strategy", "--trader", None, "--trader"),
        ("strategy", "--name", None, "--name"),
        ("generator", "--port", "70000", "invalid value '70000'"),
        ("generator", "--port", None, "--port"),
        ("generator", "--listen", ANY, "--port"),
        ("generator", "--name", "", "a name must be 1 to 32 of A-Z a-z 0-9"),
    ],
)
def test_what_is_refused_is_refused_alike(kind: str, flag: str, given: str, text: str) -> None:
    flags = {**(STRATEGY if kind == "strategy" else GENERATOR), flag: given}
    words = [f"{name}={value}" for name, value in flags.items() if value is not None]
    for command in both(kind, *words):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 2, (command, ended.stderr)
        assert text in ended.stderr and not ended.stdout, command


class Running:
    """A process whose lines are read."""

    def __init__(self, command: List[str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
        # A line that never comes fails the test, and does not hold it for ever.
        limit = threading.Timer(120, self.process.kill)
        limit.daemon = True
        limit.start()
        self.lines: List[str] = []

    def until(self, pattern: str) -> str:
        """The next line that has this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if re.search(pattern, line):
                return self.lines[-1]
        raise AssertionError(f"it ended: {self.lines}")

    def stop(self) -> Tuple[List[str], str]:
        """Stops it; all of its lines, and what it logged."""
        self.process.send_signal(signal.SIGINT)
        rest, log = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, log
        return [*self.lines, *rest.splitlines()], log


def shape(line: str) -> str:
    """A line without its numbers, and without the spaces that do not count."""
    return re.sub(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?", "N", line)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_same_lines_come_from_both(form: List[str]) -> None:
    times = ["--period", "600ms", *form]
    trader = Running([BIN, "signals", "trader", "--listen", ANY, *times])
    at = trader.until("listening")
    at = json.loads(at)["listen"] if form else at.split()[2]
    said = []
    for command in both("generator", "--name", "G", "--listen", ANY, *times):
        generator = Running(command)
        address = generator.until("listening")
        generator.until("signal.*signal|signal [0-9]|value")
        address = json.loads(address)["listen"] if form else address.split()[2]
        for strategy in both("strategy", "--name", "X", "--trader", at, *times):
            running = Running([*strategy, "--signals", address])
            running.until("submitted")
            lines, log = running.stop()
            # How many periods it saw, and what it noticed of a generator, differs each time.
            lines = [line for line in lines if "problems" not in line]
            kinds = list(dict.fromkeys(shape(line) for line in lines))
            said.append(kinds)
            assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z +INFO ", log.splitlines()[-1])
            assert "INFO stopping; a second signal ends this process at once" in log
        lines, _ = generator.stop()
        lines = [line for line in lines if "problems" not in line]
        said.append(list(dict.fromkeys(shape(line) for line in lines)))
    trader.stop()
    x, x_of_python, g, _, _, g_of_python = said
    assert x == x_of_python
    assert g == g_of_python
    if not form:
        assert x == ["ready strategy X", "registered X", "X submitted N", "deregistered X"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_changed_reason_is_told_and_logged_by_both(tmp_path: Path, form: List[str]) -> None:
    (tmp_path / "why").write_text("one")
    program = tmp_path / "generator.py"
    program.write_text(
        "from allot import signals\n"
        "def make(period):\n"
        f"    why = open({str(tmp_path / 'why')!r}).read()\n"
        "    if why != 'well':\n"
        "        raise LookupError(why)\n"
        "    return 1\n"
        "raise SystemExit(signals.generator_main(make))\n"
    )
    words = ["--name", "G", "--listen", ANY, "--period", "300ms", *form]
    running = Running([sys.executable, str(program), *words])
    if form:
        running.until('"problems":.*LookupError: one')
        (tmp_path / "why").write_text("two")
        running.until('"problems":.*"component":"G","kind":"no_data","since":.*LookupError: two')
    (tmp_path / "why").write_text("well")
    running.until(r"signal")
    if form:
        running.until(r'"problems":\[\]')
    _, log = running.stop()
    if form:
        for text in (
            "WARN LookupError: one component=G kind=no_data",
            "WARN LookupError: two component=G kind=no_data",
            "INFO no_data is over, after ",
            "INFO all is well again",
        ):
            assert log.count(text) == 1, log


def test_a_problem_that_flaps_is_logged_a_bounded_number_of_times(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = ProblemLog()
    for at in range(100):
        reason = f"why {chr(97 + at % 20)}, in period {at}"
        log.change(at, [("G", Problem("no_data", 0, reason))])
    assert len(caplog.records) == 8
    with caplog.at_level("INFO"):
        log.change(3_500_000_000, [])
    assert "no_data is over, after 3s" in caplog.text
