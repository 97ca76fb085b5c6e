"""The containers of compose.yaml: their files checked, and the same commands as processes of one
machine, on free ports."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sysconfig
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List

import allot
import pytest

from conftest import BIN

yaml = pytest.importorskip("yaml", reason="compose.yaml is read with PyYAML")

REPOSITORY = Path(__file__).parents[3]
COMPOSE = REPOSITORY / "compose.yaml"
HOSTS = "router|publisher|0\\.0\\.0\\.0|127\\.0\\.0\\.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Containers:
    """Services of compose.yaml, with one folder for each volume and one port for each port."""

    def __init__(self, folder: Path) -> None:
        self.services: Dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
        self._folder = folder
        self._ports: Dict[str, int] = {}
        self._processes: List[subprocess.Popen[str]] = []
        (folder / "ledger").mkdir()

    def port(self, port: str) -> int:
        return self._ports.setdefault(port, free_port())

    def local(self, word: str) -> str:
        """A word of a command, or of the environment, as it is on one machine."""
        word = re.sub(rf"({HOSTS}):(\d+)", lambda m: f"127.0.0.1:{self.port(m[2])}", word)
        word = word.replace("/usr/local/bin/allot", BIN)
        return re.sub(r"/data\b", str(self._folder / "ledger"), word)

    def start(self, name: str) -> "subprocess.Popen[str]":
        service = self.services[name]
        entry = service.get("entrypoint", [BIN])
        words = [self.local(word) for word in [*entry, *service["command"]]]
        kept = {"PATH": os.environ["PATH"], "ALLOT_RUN_DIR": str(self._folder)}
        given = {key: self.local(value) for key, value in service["environment"].items()}
        with (self._folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, env={**kept, **given}
            )
        self._processes.append(process)
        return process

    def line(self, process: "subprocess.Popen[str]", text: str) -> str:
        assert process.stdout is not None
        return next(line for line in process.stdout if text in line)

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture()
def containers(tmp_path: Path) -> Iterator[Containers]:
    containers = Containers(tmp_path)
    try:
        yield containers
    finally:
        containers.stop()


def tool(name: str) -> str:
    """A program that a package of this environment brought."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: pip install 'clients/python[test]'")
    return str(path)


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "deploy/docker/Dockerfile"],
        # The schema of the Compose specification.
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ],
)
def test_the_files_of_the_containers_are_sound(command: List[str]) -> None:
    name, *arguments = command
    found = subprocess.run(
        [tool(name), *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, ""), found.stdout


def test_the_containers_make_a_system(containers: Containers) -> None:
    # The second start finds the ledger of the first.
    assert [containers.start("ledger").wait() for _ in range(2)] == [0, 0]
    boxes = ["router", "publisher", "shard-0", "shard-1"]
    for box in boxes:
        containers.line(containers.start(box), "ready")
    feeds = [containers.start(feed) for feed in ["aum", "fills"]]
    publish = f"tcp://127.0.0.1:{containers.port('9999')}"
    for message in allot.subscribe(["positions:json"], publish, timeout=120):
        if 0 < message.body["fills"]:
            break
    assert not message.body.get("degraded")
    assert containers.line(containers.start("positions"), "account")
    assert all(feed.poll() is None for feed in feeds)
    url = containers.line(containers.start("console"), "console=").strip().split("=", 1)[1]
    with urllib.request.urlopen(url, timeout=60) as page:
        assert b"<html" in page.read().lower()
    started = {"ledger", *boxes, "aum", "fills", "positions", "console"}
    assert set(containers.services) == started
