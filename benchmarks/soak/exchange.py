"""The exchange of a soak, and a witness: a listener that no fault of a connection reaches.

`python -m benchmarks.soak.exchange '{"now": ..., "seed": ..., "speed": ..., "streams": ...,
"witness": ...}'` serves a sandbox and writes each message of some streams, as published, to a file:
the sandbox's time (ms), a tab, the JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from marketkit.sandbox import Sandbox
from marketkit.sandbox.books import DEPTH
from marketkit.sandbox.stream.framing import Message
from marketkit.sandbox.stream.grammar import Key
from marketkit.sandbox.stream.hub import Hub

_LONG = False  # whether names are those of the SIMPLE format


class Witness:
    """Writes down what is published."""

    def __init__(self, hub: Hub, path: Path) -> None:
        self._hub = hub
        self._file = path.open("w", buffering=1 << 16)

    def publish(self, message: Message) -> None:
        self._file.write(f"{self._hub.moment}\t{message._spell(_LONG)}\n")

    def close(self) -> None:
        self._file.close()


def main(told: dict[str, Any]) -> None:
    """Serve until SIGTERM."""
    exchange = Sandbox(seed=told["seed"], now=told["now"], speed=told["speed"])
    hub = exchange._app.hub
    witness = Witness(hub, Path(told["witness"]))
    for channel, symbol in told["streams"]:
        key = Key(channel, symbol, DEPTH if channel == "orderbook" else 0)
        hub._broadcast.open(key, witness, exchange.now())
    try:
        exchange.serve(lambda endpoint: print(json.dumps({"endpoint": endpoint}), flush=True))
    finally:
        witness.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
