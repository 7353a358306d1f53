"""Every writing operation killed in every state of the disk: what was left, as a table.

The kills are those of `tests/crash/matrix.py`: a child that dies before a line of the library as by
`kill -9`, or in the middle of a file; another process then compares what is left with what was
there before and what was to be, audits, repairs, and does the operation again.
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
MATRIX = ROOT / "tests" / "crash" / "matrix.py"
OPERATIONS = ["append", "import", "export", "freeze", "thaw", "delete", "publish", "repair"]


def measure(*, quick: bool) -> dict[str, Any]:
    """Kill each operation in every state of the disk; in three if `quick`."""
    rows = [_row(_killed(name, 3 if quick else 0)) for name in OPERATIONS]
    kills, consistent = (sum(row[name] for row in rows) for name in ("kills", "consistent"))
    return {"rows": rows, "ratios": {"consistent after a kill": round(consistent / kills, 4)}}


def _killed(operation: str, count: int) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="marketkit-crashes-") as folder:
        command = [sys.executable, str(MATRIX), operation, folder, str(count)]
        ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def _row(told: dict[str, Any]) -> dict[str, Any]:
    """Count what became of those that were killed; a limit that was never reached kills nobody."""
    kills = [each for each in told["kills"] if each["killed"]]
    return {
        "operation": told["operation"],
        "steps": told["steps"],
        "states of the disk": told["states"],
        "kills": len(kills),
        "consistent": sum(not each["why"] for each in kills),
        "with litter": sum(each["litter"] > 0 for each in kills),
        "with litter after repair": sum(
            any(why.startswith("not repaired") for why in each["why"]) for each in kills
        ),
    }
