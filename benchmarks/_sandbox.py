"""A sandbox exchange in a process of its own, so that it does not share the client's core."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def sandbox(*flags: str) -> Iterator[str]:
    """Start `marketkit sandbox` with these flags; give its endpoint."""
    command = [sys.executable, "-m", "marketkit.sandbox", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())["endpoint"]
        finally:
            process.terminate()


def stats(endpoint: str, group: str) -> dict[str, int]:
    """Ask the exchange what it counted in a rate group."""
    return asked(endpoint, "stats")["groups"][group]


def asked(endpoint: str, what: str) -> Any:
    """Ask the exchange for `stats`, for the latest `requests` and so on."""
    with urllib.request.urlopen(f"{endpoint}/sandbox/{what}") as answer:
        return json.load(answer)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for lakes and budgets that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="marketkit-bench-") as folder:
        yield Path(folder)


def run(code: str, *arguments: object, env: dict[str, str]) -> dict[str, Any]:
    """Run Python code in a new process and give the JSON object it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    return json.loads(done.stdout.splitlines()[-1])
