"""A client of libzmq in Python; `interop.py` says what it has to do."""

import json
import sys

import zmq

ROLE, FRONT, PUBLISH, KEY = sys.argv[1:]
TIMEOUT_MS = 60_000
SOURCE = f"py-{ROLE}"
context = zmq.Context()


def open_socket(kind, endpoint, key="-"):
    one = context.socket(kind)
    one.linger = 0
    one.rcvtimeo = TIMEOUT_MS
    one.heartbeat_ivl, one.heartbeat_timeout, one.heartbeat_ttl = 200, 30_000, 60_000
    if key != "-":
        one.curve_serverkey = key.encode()
        one.curve_publickey, one.curve_secretkey = zmq.curve_keypair()
    one.connect(endpoint)
    return one


def fill(seq):
    return json.dumps(
        {
            "type": "fill",
            "source": SOURCE,
            "seq": seq,
            "ticker": "AAPL",
            "price": "187.23",
            "quantity": 100,
        }
    )


def replies(client, count):
    """Reads until there are so many replies."""
    seen = []
    while len(seen) < count:
        seen += [json.loads(line) for line in client.recv().splitlines() if line]
    assert len(seen) == count, (len(seen), count)
    return seen


def dealer():
    client = open_socket(zmq.DEALER, FRONT, KEY)
    for first in range(1, 4):
        client.send_string(fill(first))
    client.send_string("\n".join(fill(seq) for seq in range(4, 5_004)))
    seen = replies(client, 5_003)
    assert {one["seq"] for one in seen} == set(range(1, 5_004))
    client.send_multipart([b"x"] * 1_000)
    assert replies(client, 1)[0]["type"] == "rejected"
    pause()
    # What is sent while there is no connection waits for the next one.
    client.send_string(fill(1))
    assert replies(client, 1)[0]["seq"] == 1


def req():
    for begin in [1, 101]:
        # A REQ whose reply is lost is done with.
        client = open_socket(zmq.REQ, FRONT, KEY)
        for seq in range(begin, begin + 20):
            client.send_string(fill(seq))
            assert replies(client, 1)[0]["seq"] == seq
        if begin == 1:
            pause()


def hear(feed, client, seq):
    """Waits for all three families; fills are sent until one is heard."""
    families = set()
    while families != {"positions", "fills", "heartbeat"}:
        if "fills" not in families:
            client.send_string(fill(seq))
            seq += 1
        if feed.poll(100) == 0:
            continue
        topic, number, body = feed.recv_multipart()
        assert len(number) == 8
        json.loads(body)
        families.add(topic.decode().split(":")[0])


def sub(kind):
    feed = open_socket(kind, PUBLISH)
    for topic in [b"positions:json", b"fills:json:AAPL:", b"heartbeat:"]:
        if kind == zmq.SUB:
            feed.subscribe(topic)
        else:
            feed.send(b"\x01" + topic)
    client = open_socket(zmq.DEALER, FRONT, KEY)
    hear(feed, client, 1)
    pause()
    hear(feed, client, 1_000_000)


def pause():
    """The server is restarted."""
    print("ready", flush=True)
    sys.stdin.readline()


if ROLE == "dealer":
    dealer()
elif ROLE == "req":
    req()
else:
    sub(zmq.XSUB if ROLE == "xsub" else zmq.SUB)
