"""A process whose disk is full, or may only be read: what an operation says, and what it leaves.

`full_disk.py OPERATION FOLDER HOW NUMBER` prints one JSON object. HOW is `limit` (no file may grow
beyond NUMBER bytes), `space` (FOLDER lies on a small disk of its own, of which NUMBER bytes are
left) or `read-only`; the last two mount, so they need a mount namespace that nobody else is in.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marketkit.errors import MarketkitError

MATRIX = runpy.run_path(str(Path(__file__).with_name("matrix.py")))
OPERATIONS, state, findings, mixed = (
    MATRIX[name] for name in ("OPERATIONS", "state", "findings", "mixed")
)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextmanager
def trouble(folder: Path, how: str, number: int) -> Iterator[None]:
    """Let nothing be written, or little."""
    ballast = folder / "ballast"
    if how == "limit":
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    elif how == "space":
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        ballast.write_bytes(bytes(free - number))
        yield
        ballast.unlink()
    else:
        mount("--bind", str(folder), str(folder))
        mount("-o", "remount,bind,ro", str(folder))
        yield
        subprocess.run(["umount", str(folder)], check=True)


def attempt(operation: Any, root: Path) -> str:
    """Give the kind of error an operation ends with, if it does."""
    try:
        operation.act(root)
    except MarketkitError as error:
        return type(error).__name__
    return ""


def main() -> None:
    name, folder, how, number = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    operation, root = OPERATIONS[name], folder / "lake"
    if how == "space":
        mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    operation.prepare(root)
    before, wrong = state(folder), findings(root)
    with trouble(folder, how, number):
        error = attempt(operation, root)
    then = state(folder)
    left = [each for each in findings(root) if each not in wrong]
    again = attempt(operation, root)
    why = [*mixed(then, before, state(folder)), *(f"found {each}" for each in left)]
    print(json.dumps({"error": error, "why": why, "again": again}))  # noqa: T201


if __name__ == "__main__":
    main()
