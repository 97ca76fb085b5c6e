#!/usr/bin/env python3
"""Console load: what open pages and a flood of log-ins cost the front door.

    bench/console_load.py --allot target/release/allot --turns 4 --out bench/runs/DIR

It starts a server with the console in its process, and measures the front door with
`allot bench tcp` at 100,000 fills a second, by turns without and with the load: 200 open pages,
each of which has a live stream and asks for itself again whenever that says so, and 50 clients
that try to log in without a pause, under names and from 16 addresses that are new in each turn.
The server reports at its default interval; it, the harness and the load are in one session, so
that a kernel that groups threads by session weighs them against each other.
It prints the p50 and p99 of each turn, and fails if the median p99 under load is more than 5 %
over the one without. Python alone is needed.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

RATE = 1_000
BATCH = 100
PAGES = 200
PATHS = ["/", "/?sort=value&down=1", "/tracking", "/health"]
LOG_INS = 50
LOG_IN_ADDRESSES = 16
WORSE_MAX = 1.05


def step_back():
    """Browsers stand for other machines: they get the cores that nobody else wants.

    A thread with this policy makes way at once for every other of its session. A low weight is not
    enough: what runs keeps its core for a slice, of a millisecond, whatever its weight.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


async def read_answer(reader):
    """The status and the length of an answer, which is read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if length:
        await reader.readexactly(int(length.group(1)))
    elif b"chunked" in head.lower():
        while (size := int(await reader.readline(), 16)) or await reader.readline() != b"\r\n":
            await reader.readexactly(size + 2)
    return int(head.split(b" ", 2)[1])


async def page(host, port, path, counts):
    """An open page: its live stream, and itself on a connection that stays.

    As in a browser, it asks for itself once for all messages that come while it does, and opens
    the connection anew that was closed while nothing was asked.
    """
    stream, ask = await asyncio.open_connection(host, port)
    ask.write(f"GET /events?of=report,health HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nHX-Request: true\r\n\r\n".encode()
    wanted = (b"event: report\n", b"event: health\n")
    connection, renewal = None, None

    async def renew():
        nonlocal connection
        while True:
            is_new = connection is None
            connection = connection or await asyncio.open_connection(host, port)
            connection[1].write(request)
            try:
                status = await read_answer(connection[0])
                break
            except (OSError, asyncio.IncompleteReadError):
                connection[1].close()
                connection = None
                if is_new:
                    raise
        counts[f"page {status}"] = counts.get(f"page {status}", 0) + 1

    while line := await stream.readline():
        counts["events"] += line.startswith(b"event:")
        if line in wanted and (renewal is None or renewal.done()):
            if renewal:
                renewal.result()
            renewal = asyncio.ensure_future(renew())


async def log_ins(host, port, address, name, counts):
    """Somebody who tries passwords as fast as they are refused."""
    body = f"name={name}&password=wrong+wrong+wrong"
    head = f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    while True:
        reader, writer = await asyncio.open_connection(host, port, local_addr=(address, 0))
        try:
            while True:
                writer.write((head + body).encode())
                status = await read_answer(reader)
                counts[f"log-in {status}"] = counts.get(f"log-in {status}", 0) + 1
        except (OSError, asyncio.IncompleteReadError):
            writer.close()


async def load(host, port, turn):
    """All of it, until standard input ends; then it prints what it did."""
    counts = {"events": 0}
    tasks = [page(host, port, PATHS[n % len(PATHS)], counts) for n in range(PAGES)]
    for n in range(LOG_INS):
        address, name = f"127.0.{1 + turn}.{1 + n % LOG_IN_ADDRESSES}", f"name-{turn}-{n}"
        tasks.append(log_ins(host, port, address, name, counts))
    tasks = [asyncio.ensure_future(task) for task in tasks]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    ended = [task for task in tasks if task.done()]
    if ended:
        raise SystemExit(f"{len(ended)} of the load ended early: {ended[0]}")
    print(json.dumps(counts), flush=True)
    os._exit(0)


class Server:
    """A server with the console inside, in a directory of its own."""

    def __init__(self, allot, folder):
        users = pathlib.Path(folder) / "users.toml"
        make = [allot, "console", "user", "add", "anna", "--role", "viewer", "--users", users]
        subprocess.run(make, input="correct horse battery\n", text=True, check=True)
        loopback = "tcp://127.0.0.1:*"
        command = [allot, "serve", "--front", loopback, "--publish", loopback, "--console"]
        command += ["127.0.0.1:0", "--console-users", users, "--console-open"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, text=True)
        line = self.process.stdout.readline()
        self.front, self.publish = re.search(r"front=(\S+) publish=(\S+)", line).groups()
        line = self.process.stdout.readline()
        self.console = re.search(r"console=http://([^/]+)/", line).group(1)


def measure(allot, server, seconds, folder):
    """One turn of the harness: what it has counted."""
    command = [allot, "bench", "tcp", "--front", server.front, "--publish", server.publish]
    command += ["--rate", str(RATE), "--batch", str(BATCH), "--warm-up", "1s"]
    command += ["--measure", f"{seconds}s", "--out", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the harness failed:\n{done.stdout}{done.stderr}")
    (run,) = [json.loads(path.read_text()) for path in pathlib.Path(folder).rglob("*.json")]
    (point,) = run["points"]
    return point


def turn(arguments, server, number, is_loaded):
    """Measures once, under load or not."""
    browsers = None
    if is_loaded:
        command = [sys.executable, __file__, "--load", f"{server.console}:{number}"]
        pipe = subprocess.PIPE
        browsers = subprocess.Popen(command, stdin=pipe, stdout=pipe, preexec_fn=step_back)
    with tempfile.TemporaryDirectory() as folder:
        point = measure(arguments.allot, server, arguments.seconds, folder)
    counts = {}
    if browsers:
        said, _ = browsers.communicate(b"")
        counts = json.loads(said)
    response = point["response"]
    figures = {"fills_per_s": point["fills_per_s"], "late_sends": point["late_sends"]}
    figures |= {name: response[name] / 1e3 for name in ("p50", "p90", "p99")}
    return {"turn": number, "is_loaded": is_loaded} | figures | {"load": counts}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--allot", default="target/release/allot")
    arguments.add_argument("--turns", type=int, default=4, help="turns of each kind")
    arguments.add_argument("--seconds", type=int, default=10, help="measured in each turn")
    arguments.add_argument("--out", help="directory for console-load.json")
    arguments.add_argument("--load", metavar="HOST:PORT:TURN", help=argparse.SUPPRESS)
    arguments = arguments.parse_args()
    if arguments.load:
        host, port, number = arguments.load.rsplit(":", 2)
        asyncio.run(load(host, int(port), int(number)))
    arguments.allot = os.path.abspath(arguments.allot)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(arguments.allot, folder)
        try:
            turns = []
            for number in range(2 * arguments.turns):
                turns.append(turn(arguments, server, number, number % 2 == 1))
                print(json.dumps(turns[-1]), flush=True)
        finally:
            server.process.terminate()
            server.process.wait()
    without, loaded = (
        statistics.median(turn["p99"] for turn in turns if turn["is_loaded"] == is_loaded)
        for is_loaded in (False, True)
    )
    ratio = loaded / without
    print(f"p99 {without:.0f} us without the load, {loaded:.0f} us with it: {ratio:.3f} times")
    if arguments.out:
        out = pathlib.Path(arguments.out)
        out.mkdir(parents=True, exist_ok=True)
        result = {"p99_without_us": without, "p99_with_us": loaded, "turns": turns}
        (out / "console-load.json").write_text(json.dumps(result, indent=1) + "\n")
    if WORSE_MAX < ratio:
        raise SystemExit(f"the front door is slower by more than {WORSE_MAX - 1:.0%}")


if __name__ == "__main__":
    main()
