"""The real server, for all tests; ALLOT_BIN names the binary."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

BIN = os.environ.get("ALLOT_BIN", str(Path(__file__).parents[3] / "target" / "debug" / "allot"))

Server = Dict[str, str]
"""The words of its start line: the endpoints, and the ledger if it has one."""


class DeskPlace:
    """A desk in a folder, and its quote server, each of which a test may end and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: List[subprocess.Popen[str]] = []
        self.front = f"ipc://{folder}/front"
        self.quotes = ""

    def start_quotes(self, prices: str, listen: str = "127.0.0.1:0") -> None:
        """Starts a quote server with scripted prices."""
        (self._folder / "prices").write_text(prices)
        command = ["desk", "quote-server", "--listen", listen, "--prices", "prices"]
        line = self._start(command)[1]
        self.quotes = line.split("quotes=")[1].strip()

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Starts the desk, each time at the same endpoint."""
        ends = ["--front", self.front, "--publish", f"ipc://{self._folder}/publish"]
        ends += ["--quotes", self.quotes, "--report-every", "100ms"]
        return self._start(["desk", "serve", *ends, *more])[0]

    def _start(self, arguments: List[str]) -> Tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [BIN, *arguments], stdout=subprocess.PIPE, text=True, cwd=self._folder
        )
        self._processes.append(process)
        assert process.stdout is not None
        return process, next(line for line in process.stdout if line.startswith("listening"))

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture()
def place(tmp_path: Path) -> Iterator[DeskPlace]:
    """A folder for a desk."""
    place = DeskPlace(tmp_path)
    try:
        yield place
    finally:
        place.stop()


@pytest.fixture()
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of two shards on free ports, with these arguments more; ends them all."""
    processes: List[subprocess.Popen[str]] = []

    def start(*more: str) -> Server:
        command = [BIN, "serve", "--shards", "2", "--report-every", "1h", *more]
        command += ["--front", "tcp://127.0.0.1:*", "--publish", "tcp://127.0.0.1:*"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        processes.append(process)
        assert process.stdout is not None
        words = next(line for line in process.stdout if line.startswith("listening")).split()
        return dict(word.split("=", 1) for word in words[1:])

    try:
        yield start
    finally:
        for process in processes:
            process.terminate()
        assert [process.wait(timeout=30) for process in processes] == [0] * len(processes)


@pytest.fixture()
def server(serve: Callable[..., Server]) -> Server:
    """One of them."""
    return serve()
