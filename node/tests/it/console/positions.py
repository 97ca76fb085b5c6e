"""Reads the positions of a console with pandas, and prints sums of them as JSON."""

import json
import sys
import urllib.request
from decimal import Decimal

import pyarrow as pa

address, token = sys.argv[1:]


def read(query: str) -> pa.Table:
    request = urllib.request.Request(address + query, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer, pa.ipc.open_stream(answer) as stream:
        return stream.read_all()


table = read("")
frame = table.to_pandas()
exact = read("?money=decimal").to_pandas()
assert abs(frame["value"].sum() - float(exact["value"].sum())) < 1e-6
total = exact["value"].sum().normalize()
print(
    json.dumps(
        {
            "quantity": int(frame["quantity"].sum()),
            "value": format(total if total else Decimal(0), "f"),
            "accounts": sorted(frame["account"].unique()),
            "ledger": table.schema.metadata[b"ledger"].decode(),
        }
    )
)
