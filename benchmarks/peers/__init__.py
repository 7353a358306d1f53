"""The lake against what else stores candles: the same rows, in one process, in a venv of its own.

The venv is made in a temporary folder and thrown away, or kept where MARKETKIT_PEERS says. A peer
that does not install or fails at a question is reported as such. Every answer is compared by its
rows, times and the sums of all numbers. `tier warm` is a lake read again, `tier cold` one whose
images are mapped anew for each question; a new process has imported and opened before it is asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OURS = ("polars>=2.1", "pyarrow>=20", "httpx", "filelock", "msgspec")
PEERS = ("deltalake", "arcticdb", "duckdb", "vortex-data", "pylance", "nautilus_trader")
PANDAS = "pandas<3"  # what arcticdb needs


def measure(*, quick: bool) -> dict[str, Any]:
    with _folder() as folder:
        python = _python(folder)
        command = [str(python), "-m", "benchmarks.peers.run", *(["--quick"] if quick else [])]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    kept = os.environ.get("MARKETKIT_PEERS")
    if kept is not None:
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory(prefix="marketkit-peers-") as folder:
        yield Path(folder)


def _python(folder: Path) -> Path:
    """Make the environment unless it is there, and install what can be installed."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *OURS], check=True, stdout=sys.stderr)
        for peer in PEERS:  # one by one: one that fails must not take the others with it
            subprocess.run([*install, peer, PANDAS], check=False, stdout=sys.stderr)
    return python
