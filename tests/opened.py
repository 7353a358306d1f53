"""Files that this process has open: of some alone, for others may be closed at any moment."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest


def count_open(paths: Iterable[Path]) -> int:
    """Count how often this process has these files open; a test skips where nobody can say."""
    wanted = {path.stat().st_ino for path in paths}
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not list open files")
    found = 0
    for each in folder.iterdir():
        with suppress(OSError):  # closed meanwhile, as is the folder's own
            found += each.stat().st_ino in wanted
    return found
