"""Running the programs that are measured, and what they have in common; needs nothing installed."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def told(command: list[str]) -> dict[str, Any]:
    """Run a program and give the JSON object it prints last."""
    with tempfile.TemporaryDirectory(prefix="marketkit-bench-") as folder:
        home = {"MARKETKIT_BUDGET_DIR": f"{folder}/budget", "MARKETKIT_LAKE": f"{folder}/lake"}
        environment = {**os.environ, **home, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )
    return json.loads(done.stdout.splitlines()[-1])


class Meter:
    """Processor time of this process, and what the exchange sent meanwhile."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._frames = self._sent()
        self._cpu, self._began = time.process_time(), time.monotonic()

    def read(self) -> dict[str, float]:
        cpu, seconds = time.process_time() - self._cpu, time.monotonic() - self._began
        return {"cpu": cpu, "seconds": seconds, "frames": self._sent() - self._frames}

    def _sent(self) -> int:
        with urllib.request.urlopen(f"{self._endpoint}/sandbox/stats") as answer:
            return json.load(answer)["stream"]["frames"]
