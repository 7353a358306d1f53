"""Our feeds against those of ccxt.pro, and against a bare `recv` of `websockets`.

One after the other on one sandbox, the processor time of a whole process for each message the
sandbox sent it, importing and connecting left out. A bare `recv` decodes nothing: what a program
pays that wakes up for each message.

ccxt lives in a venv of its own, made in a temporary folder, or kept where MARKETKIT_PEERS3 says.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._program import told
from benchmarks._sandbox import sandbox
from benchmarks.realtime.take import NOW

HERE = Path(__file__).parent


def measure(*, quick: bool) -> dict[str, Any]:
    """Ask all the same, in turns; give the least of each."""
    seconds, repeats = (6.0, 1) if quick else (20.0, 3)
    rows, ratios = [], {}
    with _peers() as python, sandbox(*NOW, "--speed", "60") as endpoint:
        for kind in ("tickers", "books"):
            commands = {
                "state": [sys.executable, "-m", "benchmarks.realtime.ours", endpoint, kind],
                "events": [sys.executable, "-m", "benchmarks.realtime.ours", endpoint, f"{kind}!"],
                "ccxt": [str(python), str(HERE / "theirs.py"), endpoint, kind],
                "bare": [sys.executable, "-m", "benchmarks.realtime.bare", endpoint, kind],
            }
            runs: dict[str, list[dict[str, Any]]] = {who: [] for who in commands}
            for _ in range(repeats):
                for who, command in commands.items():
                    runs[who].append(told([*command, str(seconds), str(int(who == "state"))]))
            cost = {who: min(each["cpu"] / each["frames"] for each in runs[who]) for who in runs}
            rows += [
                {
                    "case": f"{kind}, {_WHO[who]}",
                    "frames/s": round(runs[who][0]["frames"] / runs[who][0]["seconds"]),
                    "us a frame": round(cost[who] * 1e6, 1),
                }
                for who in commands
            ]
            for who in ("state", "events"):
                name = f"ccxt.pro by ours, {kind}, {_WHO[who]} (aim 4)"
                ratios[name] = round(cost["ccxt"] / cost[who], 1)
    return {"rows": rows, "ratios": ratios}


_WHO = {
    "state": "kept, `.frame` read ten times a second",
    "events": "a frame for every wake-up",
    "ccxt": "ccxt.pro",
    "bare": "a bare `recv`, nothing decoded",
}


@contextlib.contextmanager
def _peers() -> Iterator[Path]:
    """Give the Python of an environment with ccxt."""
    kept = os.environ.get("MARKETKIT_PEERS3")
    with tempfile.TemporaryDirectory(prefix="marketkit-peers-") as scratch:
        folder = Path(kept or scratch)
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if not python.exists():
            venv.create(folder, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet"]
            install += ["--disable-pip-version-check", "ccxt"]
            subprocess.run(install, check=True, stdout=sys.stderr)
        yield python
