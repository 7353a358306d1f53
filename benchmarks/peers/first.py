"""The first answer of a process: `python -m benchmarks.peers.first STORE FOLDER QUESTION`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.lake import milliseconds
from benchmarks.peers.known import STORES


def main() -> None:
    """Open a store that another process filled, with all imports, and time one answer."""
    name, folder, question = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    store = next(kind for kind in STORES if kind.name == name)(folder)
    print(json.dumps(milliseconds(lambda: store.read(*question))))


if __name__ == "__main__":
    main()
