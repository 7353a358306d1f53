"""Looks at a process from within: memory, files, threads, the lateness of its event loop."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from marketkit.net.engine import engine

EVERY = 2.0  # seconds between two looks
_NAP = 0.02  # seconds that the loop is asked to sleep: what is more than that is its lateness
# Pages that are clean are those of files, such as images of the lake: the system may drop them.
_KB = {"Rss:": "rss", "Private_Clean:": "clean", "Private_Dirty:": "dirty", "Swap:": "swap"}


class Sampler:
    """Writes a line of JSON for each look."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)
        self._late = 0.0
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._look_on, name="samples", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        engine().submit(self._nap_on())
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()
        self._file.close()

    async def _nap_on(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._ended.is_set():
            before = loop.time()
            await asyncio.sleep(_NAP)
            self._late = max(self._late, loop.time() - before - _NAP)

    def _look_on(self) -> None:
        while not self._ended.wait(EVERY):
            late, self._late = self._late, 0.0
            look = {"at": round(time.monotonic() - self._began, 1), "late": round(late, 4)}
            self._file.write(json.dumps(look | counts()) + "\n")


def counts() -> dict[str, float]:
    """Count this process's memory, files, threads."""
    memory, files = memory_of("self"), _open_files()
    images = sum(name.endswith(".arrow") for name in files)  # an older Python keeps maps open
    return memory | {
        "files": len(files) - images,
        "images": images,
        "threads": sum(1 for _ in Path("/proc/self/task").iterdir()),
        "cpu": round(time.process_time(), 1),
    }


def _open_files() -> list[str]:
    """Name what this process has open."""
    found = []
    folder = "/proc/self/fd"  # texts: `pathlib` would make Python's table of strings grow
    for link in os.listdir(folder):  # noqa: PTH208
        with suppress(OSError):  # closed meanwhile, as is the folder's own
            found.append(os.readlink(f"{folder}/{link}").removesuffix(" (deleted)"))  # noqa: PTH115
    return found


def memory_of(process: int | str) -> dict[str, float]:
    """Read what memory a process has, in MB; `private` is what only it has and must keep."""
    found = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        name, *value = line.split()
        if name in _KB:
            found[_KB[name]] = int(value[0]) / 1024
    private = found.pop("dirty") + found.pop("swap")
    return {name: round(value, 2) for name, value in (found | {"private": private}).items()}
