"""The note that no worker takes a task: an executor without any would be waited for in silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from marketkit.data.fetch.walks import FetchRun
from marketkit.data.fleet.leases import FOLDER
from marketkit.data.lake.format.objects import Objects
from marketkit.errors import LakeError
from marketkit.progress import clock

PATIENCE = 5.0  # seconds between two looks; a new worker takes some to load what it needs


class Lull:
    """Watches whether workers take the units that were sent, and has the progress tell if none do.

    A unit is taken when its future runs, or its lease is in the lake: not every executor says that
    a future runs.
    """

    def __init__(
        self, objects: Objects, run: FetchRun, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._objects = objects
        self._run = run
        self._now = now
        self._sent: dict[str, Future[Any]] = {}
        self._since = now()
        self._note = ""

    @contextmanager
    def waiting(self, lease: str, future: Future[Any]) -> Iterator[None]:
        """Watch a unit by the key of its lease, for as long as a block waits for the future."""
        if not self._sent:
            self._stir()
        self._sent[lease] = future
        try:
            yield
        finally:
            self._sent.pop(lease, None)
            self._stir()

    async def watch(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(PATIENCE)
            await self.look()

    async def look(self) -> None:
        """Look once, and say so where no unit has been taken for long."""
        if not self._sent or not self._run.going.is_set() or await self._is_one_taken():
            self._stir()
        elif (silent := self._now() - self._since) >= PATIENCE:
            self._say(f"no worker has taken a task for {clock(silent)}: has the executor any?")

    async def _is_one_taken(self) -> bool:
        if any(each.running() or each.done() for each in self._sent.values()):
            return True
        try:
            return await asyncio.to_thread(self._is_one_leased, set(self._sent))
        except (LakeError, OSError):  # the job itself tells of that
            return True

    def _is_one_leased(self, leases: set[str]) -> bool:
        return any(key in leases for key, _ in self._objects.list(f"{FOLDER}/"))

    def _stir(self) -> None:
        """Begin to wait anew: something moves."""
        self._since = self._now()
        self._say("")

    def _say(self, note: str) -> None:
        """Change our own note; one of anybody else counts more."""
        if note != self._note and self._run.reporter.progress.note in {"", self._note}:
            self._run.say(note)
        self._note = note
