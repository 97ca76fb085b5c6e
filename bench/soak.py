#!/usr/bin/env python3
"""Soak: every attack on the bounds of a server together, beside a client that behaves.

    bench/soak.py --allot target/release/allot --seconds 600

It starts a server of its own, and a client that sends 20,000 fills a second. After a quiet phase,
which says what the machine gives, all attacks begin, each a process of its own. It fails if the
server takes more than 512 MiB, if the worst answer to the client is more than 100 ms worse than in
the quiet phase, or if a fill is lost or counted twice. It needs pyzmq.
"""

import argparse
import json
import multiprocessing
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import zmq

RATE = 20_000
BATCH = 100
RSS_MAX_MIB = 512
WORSE_MAX_S = 0.1
ACCOUNTS = 1_000
# The version of a binary batch (docs/WIRE.md).
VERSION = 2
# After `busy` a client waits before it sends again.
BACK_OFF_S = 0.02
REFUSED_FOR_NOW = ("busy", "shard_away")
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)


def frame(body, more=False, command=False):
    flags = (1 if more else 0) | (4 if command else 0)
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body


def connect(endpoint, kind):
    """A connection by hand, after its handshake."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    stream = socket.create_connection((host, int(port)), timeout=10)
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    stream.sendall(GREETING + frame(ready, command=True))
    received = b""
    while len(received) < 66:
        part = stream.recv(4096)
        if not part:
            raise OSError("closed")
        received += part
    return stream


def fill(source, seq, ticker="GOOD", quantity=1):
    record = ticker.encode().ljust(32, b"\0") + struct.pack("<QQ", seq, len(source))
    # No id of its own: an empty text.
    record += source.encode() + struct.pack("<QqQB", 0, 10**9, quantity, 0)
    return struct.pack("<I", len(record)) + record


def batch(kind, records):
    body = b"".join(records)
    return b"ALOT" + struct.pack("<BBHII", VERSION, kind, 0, len(records), len(body)) + body


def lines(source, seq, count, quantity):
    text = '{"type":"fill","source":"%s","seq":%d,"ticker":"BAD","price":"1","quantity":%d}'
    return [text % (source, seq + index, quantity) for index in range(count)]


def endless(front, publish):
    """A message that never ends, at either port."""
    for endpoint, kind in ((front, b"DEALER"), (publish, b"SUB")):
        size = 65_536 if kind == b"DEALER" else 400
        stream = connect(endpoint, kind)
        data = frame(b"x" * size, more=True) * (65_536 // size)
        try:
            while True:
                stream.sendall(data)
        except OSError:
            stream.close()


def tiny(front, publish):
    """A message of empty frames that never ends, at either port."""
    for endpoint, kind in ((front, b"DEALER"), (publish, b"SUB")):
        stream = connect(endpoint, kind)
        stream.settimeout(1)
        try:
            while True:
                stream.sendall(frame(b"", more=True) * 32_768)
        except OSError:
            stream.close()


def topics(_, publish):
    """One endless topic, then as many short ones as are taken."""
    stream = connect(publish, b"SUB")
    try:
        stream.sendall(frame(b"\x01" + os.urandom(10 << 20)))
    except OSError:
        stream.close()
    stream = connect(publish, b"SUB")
    try:
        while True:
            prefixes = [b"\x01" + os.urandom(100).hex().encode() for _ in range(99)]
            stream.sendall(b"".join(frame(prefix) for prefix in prefixes))
    except OSError:
        stream.close()


def unread(front, _):
    """A client that asks for large replies and reads none."""
    stream = connect(front, b"DEALER")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    source = f"unread-{os.getpid()}"
    for turn in range(20):
        stream.sendall(frame("\n".join(lines(source, turn * 500 + 1, 500, ACCOUNTS)).encode()))
        time.sleep(0.1)
    time.sleep(2)
    stream.close()


def large(front, _):
    """Messages of 1 MiB of reports, as fast as they are taken."""
    line = '{"type":"report","source":"large","seq":1}\n'
    data = frame((line * ((1 << 20) // len(line))).encode())
    stream = connect(front, b"DEALER")
    while True:
        stream.sendall(data)


def reports(front, _):
    """A fill and a report, a thousand times in one message."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(front)
    source, seq = f"reports-{os.getpid()}", 1
    while True:
        pairs = [
            line + '\n{"type":"report","source":"reports","seq":1}'
            for line in lines(source, seq, 1_000, 1)
        ]
        dealer.send_string("\n".join(pairs))
        seq += 1_000
        while dealer.poll(1_000):
            dealer.recv()


def garbage(front, _):
    """A message of empty records, and one of empty objects."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(front)
    head = struct.pack("<BBHII", VERSION, 1, 0, 250_000, 1_000_000)
    empty = b"ALOT" + head + bytes(1_000_000)
    while True:
        for message in (empty, b"{}\n" * 300_000):
            dealer.send(message)
            while dealer.poll(300):
                dealer.recv()


def stuck(_, publish):
    """A subscriber to everything that takes nothing, then one that takes a little."""
    stream = connect(publish, b"SUB")
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.sendall(frame(b"\x01"))
    time.sleep(20)
    try:
        while stream.recv(1_000):
            time.sleep(0.01)
    except OSError:
        pass
    stream.close()


def silent(front, publish):
    """Connections that never say anything."""
    streams = []
    for endpoint in (front, publish):
        host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
        streams += [socket.create_connection((host, int(port)), timeout=5) for _ in range(200)]
    time.sleep(5)


ATTACKS = [
    *(endless, tiny, topics, unread, unread, large, large, reports, garbage, stuck, stuck, silent),
]


def step_back():
    """Attackers stand for other machines: they get the cores that nobody else wants.

    The kernel shares the cores between sessions before it does between processes.
    """
    os.setsid()
    os.nice(19)
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as autogroup:
            autogroup.write("19")
    except OSError:
        pass


def code(record):
    """Why a request was refused: a record of a reply, after its tag."""
    at = 8
    for _ in range(2):
        at += 8 + struct.unpack_from("<Q", record, at)[0]
    at += 9
    (size,) = struct.unpack_from("<Q", record, at)
    return record[at + 8 : at + 8 + size].decode()


def for_ever(attack, begin, front, publish):
    """An attack that is cut off begins again after a second."""
    step_back()
    begin.wait()
    while True:
        try:
            attack(front, publish)
        except (OSError, zmq.ZMQError):
            pass
        time.sleep(1)


class Server:
    def __init__(self, allot):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        loopback = "tcp://127.0.0.1:*"
        command = [allot, "serve", "--front", loopback, "--publish", loopback]
        command += ["--report-every", "1s"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True
        )
        line = self.process.stdout.readline()
        self.front, self.publish = re.search(r"front=(\S+) publish=(\S+)", line).groups()

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) // 1024


class Client:
    """The client that behaves: it sends on schedule, and again what was refused as busy."""

    def __init__(self, front):
        self.socket = zmq.Context().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(front)
        self.next_seq, self.sent, self.replied, self.again = 1, {}, 0, []
        self.busy = self.doubled = 0

    def send(self, seqs):
        now = time.monotonic()
        for seq in seqs:
            self.sent.setdefault(seq, now)
        self.socket.send(batch(1, [fill("good", seq) for seq in seqs]))

    def receive(self, worst):
        while self.socket.poll(0):
            body = self.socket.recv()
            count, at = struct.unpack("<I", body[8:12])[0], 16
            now = time.monotonic()
            for _ in range(count):
                (size,) = struct.unpack_from("<I", body, at)
                tag, seq = struct.unpack_from("<BQ", body, at + 4)
                record, at = body[at + 5 : at + 4 + size], at + 4 + size
                if tag == 6:
                    if code(record) not in REFUSED_FOR_NOW:
                        raise SystemExit(f"fill {seq} was refused: {code(record)}")
                    self.busy += 1
                    self.again.append((now + BACK_OFF_S, seq))
                    continue
                began = self.sent.pop(seq, None)
                if began is None:
                    self.doubled += 1
                    continue
                self.replied += 1
                worst = max(worst, now - began)
        return worst

    def run(self, seconds, server):
        """Sends for so long; returns the worst answer and the largest memory."""
        worst, rss, begin, due, look_at = 0.0, 0, time.monotonic(), 0, 0.0
        while True:
            elapsed = time.monotonic() - begin
            if seconds <= elapsed and (not self.sent or seconds + 30 <= elapsed):
                return worst, rss
            if elapsed < seconds:
                while due < elapsed * RATE and len(self.sent) < 4_000:
                    self.send(range(self.next_seq, self.next_seq + BATCH))
                    self.next_seq += BATCH
                    due += BATCH
            due_again = [seq for at, seq in self.again[:BATCH] if at <= time.monotonic()]
            if due_again:
                self.send(due_again)
                del self.again[: len(due_again)]
            worst = self.receive(worst)
            if look_at <= elapsed:
                rss, look_at = max(rss, server.rss_mib()), elapsed + 0.1
            time.sleep(0.001)


def positions(server, client):
    """How many shares of the good client's ticker the accounts hold, in a new report."""
    subscriber = zmq.Context().socket(zmq.SUB)
    subscriber.connect(server.publish)
    subscriber.subscribe(b"positions:json")
    client.socket.send_json({"type": "report", "source": "good", "seq": 1})
    reply = b""
    while not reply.startswith(b"{"):
        reply = client.socket.recv()
    report = {"report": 0}
    while report["report"] < json.loads(reply)["report"]:
        report = json.loads(subscriber.recv_multipart()[2])
    accounts = report["accounts"].values()
    return sum(one["positions"].get("GOOD", {"quantity": 0})["quantity"] for one in accounts)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--allot", default="target/release/allot")
    arguments.add_argument("--seconds", type=int, default=600, help="how long the attacks last")
    arguments.add_argument("--quiet-seconds", type=int, default=30)
    arguments.add_argument("--attacks", help="some of them alone, separated by commas")
    options = arguments.parse_args()
    server = Server(options.allot)
    client = Client(server.front)
    weights = {f"account-{index:05}": str(100 / ACCOUNTS) for index in range(ACCOUNTS)}
    client.socket.send_json({"type": "split", "source": "aum", "seq": 1, "weights": weights})
    assert client.socket.recv_json()["type"] == "accepted"
    # They are there from the start: to make a process stops the client for a while.
    begin = multiprocessing.Event()
    attacks = [
        multiprocessing.Process(target=for_ever, args=args, daemon=True)
        for args in (
            (one, begin, server.front, server.publish)
            for one in ATTACKS
            if options.attacks is None or one.__name__ in options.attacks.split(",")
        )
    ]
    for attack in attacks:
        attack.start()
    quiet, quiet_rss = client.run(options.quiet_seconds, server)
    print(f"quiet: worst answer {quiet * 1e3:.0f} ms, {quiet_rss} MiB", flush=True)
    begin.set()
    worst, rss = client.run(options.seconds, server)
    for attack in attacks:
        attack.kill()
    print(f"attacked: worst answer {worst * 1e3:.0f} ms, {rss} MiB", flush=True)
    held = positions(server, client)
    sent = client.next_seq - 1
    print(
        f"{sent} fills sent, {client.replied} answered, {len(client.sent)} lost, "
        f"{client.doubled} answered twice, {client.busy} busy, {held} shares held"
    )
    server.process.terminate()
    server.process.wait(30)
    server.log.seek(0)
    totals = {}
    for name, total in re.findall(r"WARN (\w+): .* total=(\d+)", server.log.read()):
        totals[name] = max(int(total), totals.get(name, 0))
    print("counted:", ", ".join(f"{name} {total}" for name, total in sorted(totals.items())))
    faults = [
        fault
        for fault, holds in (
            (f"more than {RSS_MAX_MIB} MiB", RSS_MAX_MIB < rss),
            ("the worst answer is more than 100 ms worse", quiet + WORSE_MAX_S < worst),
            ("a fill was lost", bool(client.sent)),
            ("the positions are not those of the fills", held != sent),
        )
        if holds
    ]
    print("; ".join(faults) or "everything held")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
