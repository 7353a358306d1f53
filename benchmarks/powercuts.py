"""Every writer traced at the system-call level, and all that a power cut may leave of its work.

The states are those of `tests/power`: all that was synced, and any part of the rest, first as a
disk leaves it that keeps the order of names (ext4, XFS), then as any disk may that promises no more
than POSIX does. Each is rebuilt in a folder, read, audited, repaired and appended to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of an own name in there
FEW, MANY = 3, 40  # states of each point of a trace, on either kind of disk


def measure(*, quick: bool) -> dict[str, Any]:
    """Judge up to `MANY` states of each point of each writer's trace; up to `FEW` if `quick`."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(dir=place, prefix="marketkit-power-") as folder:
        command = [sys.executable, "-m", "tests.power.table", folder, str(FEW if quick else MANY)]
        ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    rows = json.loads(ran.stdout)
    states, faults = sum(row["states"] for row in rows), [f for row in rows for f in row["faults"]]
    told = {"states": states, "without a fault": round(1 - len(faults) / states, 4)}
    return {"rows": list(map(_row, rows)), "ratios": told, "named": {"faults": faults}}


def _row(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "writer": told["writer"],
        "system calls": told["calls"],
        "points": told["points"],
        "states tried": told["states"],
        "consistent": told["consistent"],
        "repaired": told["repaired"],
        "faults": len(told["faults"]),
    }
