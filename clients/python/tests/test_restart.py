"""The client while a process of the server is killed and restarted."""

from __future__ import annotations

import subprocess
import threading
from decimal import Decimal
from pathlib import Path
from typing import Dict, Iterator, List

import allot
import pytest

from conftest import BIN

SHARDS = "2"
BATCH = 50
BATCHES = 60


class Boxes:
    """A process for each box of the server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: Dict[str, subprocess.Popen[str]] = {}
        self._front = "tcp://127.0.0.1:*"
        self._backplane = f"ipc://{folder}/backplane"
        self._parts = f"ipc://{folder}/parts"
        self.start_router()
        publish = ["--publish", "tcp://127.0.0.1:*", *self._inside()]
        self.publish = self._start("publisher", ["publisher", *publish])["publish"]
        for shard in range(int(SHARDS)):
            self._start(f"shard-{shard}", ["shard", "--shard", str(shard), *self._inside()])

    def _inside(self) -> List[str]:
        return ["--backplane", self._backplane, "--parts", self._parts]

    @property
    def front(self) -> str:
        return self._front

    def start_router(self) -> None:
        """Starts it, each time at the same endpoint."""
        ends = ["--front", self._front, "--backplane", self._backplane]
        self._front = self._start("router", ["router", *ends])["front"]

    def kill_router(self) -> None:
        """Kills it with SIGKILL: what was in transit is lost."""
        router = self._processes.pop("router")
        router.kill()
        router.wait()

    def _start(self, name: str, arguments: List[str]) -> Dict[str, str]:
        command = [BIN, *arguments, "--shards", SHARDS]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=self._folder
        )
        self._processes[name] = process
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("ready"))
        return dict(word.split("=", 1) for word in line.split() if "=" in word)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@pytest.fixture()
def boxes(tmp_path: Path) -> Iterator[Boxes]:
    boxes = Boxes(tmp_path)
    try:
        yield boxes
    finally:
        boxes.stop()


def test_every_fill_has_one_reply_while_the_router_is_killed_and_restarted(
    boxes: Boxes,
) -> None:
    tickers = ["AAPL", "MSFT", "NVDA", "BRK/B"]
    fills = [
        allot.Fill("py", seq, tickers[seq % 4], Decimal(10) + seq, seq % 300 + 1)
        for seq in range(1, BATCH * BATCHES + 1)
    ]
    allot.send([allot.Split("aum", 1, {"a": "60", "b": "40"})], boxes.front)
    replies: List[allot.Reply] = []
    progress = threading.Condition()

    def send_all() -> None:
        with allot.Sender(boxes.front) as sender:
            for begin in range(0, len(fills), BATCH):
                received = sender.send(fills[begin : begin + BATCH], timeout=120)
                with progress:
                    replies.extend(received)
                    progress.notify()

    sending = threading.Thread(target=send_all)
    sending.start()
    for wanted in (500, 1_500):
        with progress:
            assert progress.wait_for(lambda: len(replies) >= wanted, timeout=120)
        boxes.kill_router()
        boxes.start_router()
    sending.join()

    assert [reply["seq"] for reply in replies] == [fill.seq for fill in fills]
    for fill, reply in zip(fills, replies):
        assert sum(reply["shares"].values()) == fill.quantity, reply
    again = allot.send(fills, boxes.front)
    assert all(reply["duplicate"] for reply in again)
    assert [reply["shares"] for reply in again] == [reply["shares"] for reply in replies]
    allot.send([allot.ReportRequest("ops", 1)], boxes.front)
    reports = allot.subscribe(["positions:json"], boxes.publish, timeout=60)
    report = next(update.body for update in reports if update.body["fills"] >= len(fills))
    assert report["fills"] == len(fills)
    total = sum((Decimal(str(fill.price)) * fill.quantity for fill in fills), Decimal(0))
    assert Decimal(report["total_value"]) == total
