"""The real server, for all tests; ALLOT_BIN names the binary."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Callable, Dict, Iterator, List

import pytest

BIN = os.environ.get("ALLOT_BIN", str(Path(__file__).parents[3] / "target" / "debug" / "allot"))

Server = Dict[str, str]
"""The words of its start line: the endpoints, and the ledger if it has one."""


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
