"""Locks of files, by which writers of one machine wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from marketkit.disk import make_folder
from marketkit.errors import LakeError


@contextmanager
def held(path: Path, wait: float) -> Iterator[None]:
    """Hold the lock of a file. Raises `LakeError` after `wait` seconds of another's holding it."""
    make_folder(path.parent)
    lock = FileLock(path, poll_interval=0.005)
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise LakeError(
            f"another writer has held {path} for {wait:.0f}s; nothing was written"
        ) from error
    try:
        yield
    finally:
        lock.release()
