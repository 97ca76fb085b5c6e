"""A source counts its messages, and its numbers outlast the process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Callable

import allot
import pytest

from conftest import Server

NOWHERE = "ipc:///nowhere/at/all"


def test_a_source_counts_and_raises_what_is_rejected(server: Server) -> None:
    with allot.Source("desk-1", endpoint=server["front"]) as source:
        assert source.split({"a": "60", "b": "40"})["split"] == 1
        reply = source.fill("AAPL", "187.23", 100)
        assert reply["type"] == "allocated" and reply["shares"] == {"a": 60, "b": 40}
        assert source.fill("AAPL", "188", 50, "sell", id="X-1")["type"] == "allocated"
        assert source.bust("AAPL", "X-1")["shares"] == {"a": 30, "b": 20}
        assert source.report()["report"] > 0
        with pytest.raises(allot.Rejected) as rejected:
            source.fill("AAPL", "188", 500, "sell")
        assert rejected.value.code == "exceeds_holdings"
        fills = [source.new_fill("MSFT", "10", 7) for _ in range(20)]
        assert [reply["seq"] for reply in source.send(fills)] == list(range(7, 27))
        assert source.seq == 27


def test_the_splits_so_far_are_told_with_their_weights(server: Server) -> None:
    with allot.Source("desk-1", endpoint=server["front"]) as source:
        none = source.splits()
        assert (none["from"], none["last"], none["oldest"], none["splits"]) == (1, 0, 1, [])
        source.split({"b": "39.5", "a": "60.5"})
        source.split({"a": "100"}, closes=["b"])
        told = source.splits()
        assert (told["from"], told["last"], told["oldest"]) == (1, 2, 1)
        first, second = told["splits"]
        assert (first["split"], first["source"], first["seq"]) == (1, "desk-1", 2)
        assert first["weights"] == {"a": "60.5", "b": "39.5"}
        assert (second["split"], second["weights"]) == (2, {"a": "100"})
        assert source.splits(2)["splits"] == [second]
        with pytest.raises(ValueError, match="a listed holds neither"):
            allot.to_arrow([told])


def test_numbers_go_on_after_a_restart(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    for first in (1, 4, 7):
        with allot.Source("desk-1", file, server["front"]) as source:
            assert source.seq == first
            for _ in range(3):
                source.split({"a": "100"})
    assert json.loads(file.read_text()) == {"source": "desk-1", "next_seq": 10}


def test_a_killed_process_uses_no_number_twice(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    program = (
        "import allot, os, sys\n"
        f"source = allot.Source('desk-1', {str(file)!r}, {server['front']!r})\n"
        "print(source.split({'a': '100'})['seq'], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    used = [
        int(subprocess.run([sys.executable, "-c", program], capture_output=True).stdout)
        for _ in range(3)
    ]
    assert used == [1, 1001, 2001]
    with allot.Source("desk-1", file, server["front"]) as source:
        assert source.seq == 3001


def test_one_process_has_the_numbers_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    with allot.Source("desk-1", file, NOWHERE):
        with pytest.raises(BlockingIOError, match="another process, or another Source"):
            allot.Source("desk-1", file, NOWHERE)
    allot.Source("desk-1", file, NOWHERE).close()


def test_a_closed_source_says_so_and_takes_no_number(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    source = allot.Source("desk-1", file, NOWHERE)
    message = source.new_fill("AAPL", "1", 1)
    source.close()
    desk = allot.Desk(NOWHERE)
    desk.close()
    # A number of a closed source might be one that the next one uses too.
    for use in (
        lambda: source.fill("AAPL", "1", 1),
        lambda: source.new_fill("AAPL", "1", 1),
        lambda: source.send([message]),
        source.report,
        lambda: desk.add("ann", "1"),
        desk.next_trigger,
    ):
        with pytest.raises(RuntimeError, match=f"the connection to {NOWHERE} is closed"):
            use()
    assert source.seq == 2 and json.loads(file.read_text())["next_seq"] == 2
    source.close()


def test_a_file_of_another_source_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_text('{"source": "desk-2", "next_seq": 7}')
    with pytest.raises(ValueError, match="numbers of the source desk-2, not of desk-1"):
        allot.Source("desk-1", file, NOWHERE)
    for damage in ("", "7", '{"source": "desk-1"}', '{"source": "desk-1", "next_seq": 0}'):
        file.write_text(damage)
        with pytest.raises(ValueError, match="does not hold the numbers of a source"):
            allot.Source("desk-1", file, NOWHERE)
    with pytest.raises(ValueError, match="needs a name"):
        allot.Source(file=file, endpoint=NOWHERE)


def test_a_source_without_a_name_has_one_of_its_own(server: Server) -> None:
    names = set()
    for _ in range(2):
        with allot.Source(endpoint=server["front"]) as source:
            names.add(source.name)
            assert "duplicate" not in source.split({"a": "100"})
    assert len(names) == 2


def test_an_encrypted_front_door_takes_its_key(serve: Callable[..., Server]) -> None:
    locked = serve("--front-secret", "keys")
    with allot.Source(endpoint=locked["front"], key=locked["front-key"]) as source:
        source.split({"a": "100"})
        source.fill("AAPL", "10", 3)
    update = allot.latest(
        endpoint=locked["publish"], timeout=60, front=locked["front"], key=locked["front-key"]
    )
    assert update.body["type"] == "positions" and update.body["fills"] == 1
    start = allot.subscribe(
        ["fills:json:AAPL:"],
        locked["publish"],
        60,
        front=locked["front"],
        key=locked["front-key"],
        start={"AAPL": 1},
    )
    assert next(start).replayed


def test_an_encrypted_feed_takes_its_key(serve: Callable[..., Server]) -> None:
    locked = serve("--publish-secret", "feed-keys")
    with allot.Source(endpoint=locked["front"]) as source:
        source.split({"a": "100"})
        source.fill("AAPL", "10", 3)
    ends = {"endpoint": locked["publish"], "publish_key": locked["publish-key"]}
    update = allot.latest(timeout=60, front=locked["front"], **ends)
    assert update.body["type"] == "positions" and update.body["fills"] == 1
    beats = allot.subscribe(["heartbeat:"], timeout=60, **ends)
    assert next(beats).body["type"] == "heartbeat"
