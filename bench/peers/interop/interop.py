"""Every client that is here, against every transport: do they understand each other?

    interop.py --bin target/debug/allot [--node-modules DIR] [--rust PROGRAM]

`--node-modules` is where npm has put `zeromq`, and `--rust` is what cargo makes of `zeromq-rs`;
what is not there is skipped, and said.

Each client plays every role, with NULL and with CURVE, and outlasts a restart of the server.
A client is a program that is called with a role, the two endpoints, and the public key of the front
door or `-`. It prints `ready` before the restart, reads a line after it, and ends with status 0.

| role | what it does |
|---|---|
| `dealer` | fills in short and in long messages, a message of 1,000 frames, and a fill more |
| `req` | one fill after the other |
| `sub` | the last value of the positions, fills as they happen, and heartbeats |
| `xsub` | the same, with subscriptions as messages |
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import zmq

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 120
WITHOUT_CURVE = ["zeromq.rs"]
SPLIT = b'{"type":"split","source":"aum","seq":1,"weights":{"a":"60","b":"40"}}'


class Server:
    """A server without a journal, at the same endpoints after each start."""

    def __init__(self, binary, transport, keys):
        fronts = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        front, publish = [f"tcp://127.0.0.1:{one.getsockname()[1]}" for one in fronts]
        for one in fronts:
            one.close()
        self.command = [binary, "serve", "--transport", transport, "--report-every", "200ms"]
        self.command += ["--front", front, "--publish", publish, "--stages", "none"]
        if keys:
            self.command += ["--front-secret", keys]
        self.front, self.publish, self.key = front, publish, "-"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if "front-key=" in line:
            self.key = line.split("front-key=")[1].split()[0]
        with zmq.Context() as context, context.socket(zmq.REQ) as client:
            if self.key != "-":
                client.curve_serverkey = self.key.encode()
                client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
            client.rcvtimeo = TIMEOUT * 1000
            client.connect(self.front)
            client.send(SPLIT)
            reply = client.recv()
            assert b'"accepted"' in reply, reply

    def stop(self):
        self.process.kill()
        self.process.communicate()


def clients(args):
    """The commands of the clients that are here, and the names of those that are not."""
    here = {"pyzmq": [sys.executable, os.path.join(HERE, "peer.py")]}
    away = {}
    node = shutil.which("node")
    if node and args.node_modules:
        # A module is looked for beside the file that wants it.
        script = os.path.join(os.path.dirname(os.path.abspath(args.node_modules)), "peer.mjs")
        shutil.copy(os.path.join(HERE, "peer.mjs"), script)
        here["zeromq.js"] = [node, script]
    else:
        away["zeromq.js"] = "no --node-modules with zeromq in it"
    if args.rust:
        here["zeromq.rs"] = [os.path.abspath(args.rust)]
    else:
        away["zeromq.rs"] = "no --rust"
    return here, away


def play(command, role, server):
    """Lets a client play a role; returns none, or what went wrong."""
    call = [*command, role, server.front, server.publish, server.key]
    client = subprocess.Popen(
        call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        line = client.stdout.readline()
        if line.strip() != "ready":
            client.kill()
            return line + client.communicate()[0]
        server.stop()
        server.start()
        said, _ = client.communicate("go\n", timeout=TIMEOUT)
        return None if client.returncode == 0 else said or "no word"
    except subprocess.TimeoutExpired:
        client.kill()
        return f"nothing after {TIMEOUT} s; it said: {client.communicate()[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--node-modules")
    parser.add_argument("--rust")
    args = parser.parse_args()
    here, away = clients(args)
    for name, why in away.items():
        print(f"{name}: skipped, {why}")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for transport in ["native", "libzmq"]:
            for keys in [None, os.path.join(folder, f"{transport}.keys")]:
                for name, command in here.items():
                    if keys and name in WITHOUT_CURVE:
                        continue
                    for role in ["dealer", "req", "sub", "xsub"]:
                        server = Server(args.bin, transport, keys)
                        wrong = play(command, role, server)
                        server.stop()
                        how = "CURVE" if keys else "NULL"
                        end = "passed" if wrong is None else f"FAILED: {wrong.strip()}"
                        print(f"{transport:7} {how:5} {name:10} {role:7} {end}", flush=True)
                        passed += wrong is None
                        failed += wrong is not None
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
