"""A plain controller: one share at a time, over HTTP, in JSON.

It stands for what is written in an afternoon, so that `allot bench peers` has something to be
compared with. Python's standard library alone, and nothing in it is slow on purpose: connections
stay open, and an answer leaves in one piece. But it does what such controllers do: for each share
it asks every account how far below its target it is, and gives the share to the neediest.

    POST /split      {"account1": 60, "account2": 40}
    POST /fills      a line for each fill: {"seq": 1, "ticker": "AAPL", "price": "187.23", ...}
                     is answered {"fills": [{"seq": 1, "shares": {"account1": 60, ...}}, ...]}
    GET  /positions  {"account1": {"AAPL": 60, ...}, ...}
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Book:
    """Who has what. Fills that were divided are never rearranged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accounts = []
        self.weights = []
        self.values = []
        self.positions = {}

    def split(self, percentages):
        """Says how the value of all fills is meant to be spread from now on."""
        total = sum(percentages.values())
        if total <= 0 or min(percentages.values()) < 0:
            raise ValueError("percentages are positive")
        with self.lock:
            known = dict(zip(self.accounts, self.values))
            gone = {name: 0 for name in known if name not in percentages}
            percentages = {**percentages, **gone}
            self.accounts = list(percentages)
            self.weights = [share / total for share in percentages.values()]
            self.values = [known.get(name, 0.0) for name in self.accounts]
            for name in self.accounts:
                self.positions.setdefault(name, {})

    def divide(self, fill):
        """Gives each share to the account that is furthest below its target."""
        ticker, price, quantity = fill["ticker"], float(fill["price"]), int(fill["quantity"])
        if fill.get("side", "buy") != "buy" or price <= 0 or quantity <= 0:
            raise ValueError("only purchases of some shares at some price")
        with self.lock:
            if not self.accounts:
                raise ValueError("no split yet")
            total = sum(self.values) + price * quantity
            shares = [0] * len(self.accounts)
            for _ in range(quantity):
                neediest = self.neediest(total)
                self.values[neediest] += price
                shares[neediest] += 1
            for place, count in enumerate(shares):
                held = self.positions[self.accounts[place]]
                held[ticker] = held.get(ticker, 0) + count
            return {"seq": fill["seq"], "shares": dict(zip(self.accounts, shares))}

    def neediest(self, total):
        """The place of the account that is furthest below its target."""
        places = range(len(self.accounts))
        return max(places, key=lambda place: self.weights[place] * total - self.values[place])


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open as long as the other side wants."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered: head and body leave together.
    wbufsize = -1

    def do_POST(self):
        """A split, or fills."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            if self.path == "/split":
                self.server.book.split(json.loads(body))
                self.answer(200, {})
            elif self.path == "/fills":
                fills = [json.loads(line) for line in body.splitlines()]
                self.answer(200, {"fills": [self.server.book.divide(fill) for fill in fills]})
            else:
                self.answer(404, {"error": "no such path"})
        except (KeyError, TypeError, ValueError) as error:
            self.answer(400, {"error": str(error)})

    def do_GET(self):
        """What every account has."""
        if self.path == "/positions":
            with self.server.book.lock:
                self.answer(200, self.server.book.positions)
        else:
            self.answer(404, {"error": "no such path"})

    def answer(self, code, content):
        """Sends one object."""
        body = json.dumps(content).encode()
        self.send_response_only(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    """Serves until it is stopped; says on stdout where."""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 0), Handler)
    server.daemon_threads = True
    server.book = Book()
    print(f"listening front={server.server_address[0]}:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
