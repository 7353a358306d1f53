"""Leases between machines: a small object for each piece of work, held by one at a time.

It is created where there is none, renewed while the work lasts, and taken over when it has not been
written for its time. How long that is ago the store alone says, by its own clock; nobody's else
counts. A disk and a bucket have the same leases: the ledger of a lake is good on one machine only,
and knows nothing of a worker that outlives the process that sent it the work.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from marketkit.data.lake.format.layout import check_source
from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.objects import Conflict, Objects, Version
from marketkit.errors import LakeError
from marketkit.net.parcels import whereabouts
from marketkit.symbols import file_name
from marketkit.timeframe import Timeframe

FOLDER = ".leases"  # below a lake's root
RUNS = f"{FOLDER}/runs/"  # where each run has one that says, in the lake itself, that it goes on
LASTS = 60.0  # seconds; a machine may stall for some
_LONGEST = 3600.0  # seconds that no holder is waited for, whatever a lease says
_FORGOTTEN = 7 * 86_400_000  # ms in which every holder of a lease, though asleep, has renewed it
_RENEWALS = 4  # in the time of a lease: one that is late costs nothing

_log = logging.getLogger("marketkit.jobs")


class Leases:
    """The leases of a place of objects; each `lasts` so many seconds after it was written."""

    def __init__(self, objects: Objects, *, lasts: float = LASTS) -> None:
        self._objects = objects
        self._lasts = lasts

    def take(self, key: str) -> Lease | None:
        """Take a lease that nobody holds; None where somebody does.

        Raises `LakeError` where the place cannot be asked.
        """
        lease = Lease(self._objects, key, self._lasts)
        if lease.write(None):
            return lease
        try:
            content, version = self._objects.read(key)
        except FileNotFoundError:  # let go of meanwhile
            return lease if lease.write(None) else None
        if self._is_over(key, content, version) and lease.write(version):
            _log.warning("the lease %s is taken over: its holder has not been heard of", key)
            return lease
        return None

    def sweep(self, above: str) -> None:
        """Remove leases whose keys begin so and that nobody has written for a week.

        By the clock of the store; one that is written meanwhile stays. A failure is passed over,
        for nothing rests on it.
        """
        with suppress(LakeError, FileNotFoundError):
            found = list(self._objects.list(above))
            now = self._objects.now() if found else 0
            for key, _ in found:
                with suppress(Conflict, FileNotFoundError):
                    version, written = self._objects.written_at(key)
                    if now - written >= _FORGOTTEN:
                        self._objects.delete(key, version)

    def _is_over(self, key: str, content: bytes, version: Version) -> bool:
        """Say whether the holder has let the time pass, by the clock of the store."""
        now = self._objects.now()
        try:
            newest, written = self._objects.written_at(key)
        except FileNotFoundError:
            return False
        return newest == version and now - written >= 1000 * _lasting(content, self._lasts)


class Lease:
    """A lease that was taken, or is about to be."""

    def __init__(self, objects: Objects, key: str, lasts: float) -> None:
        self.key = key
        self.lasts = lasts
        self._objects = objects
        self._holder = f"{whereabouts()}:{secrets.token_hex(6)}"
        self._version: Version | None = None
        self._writing = threading.Lock()  # a renewal on the way must not outlast the release

    def write(self, expected: Version | None) -> bool:
        """Put the lease in the place of a version; say whether that succeeded.

        Where the store did not say whether the put came through, what is there counts.
        """
        told = {"holder": self._holder, "lasts": self.lasts, "put": secrets.token_hex(4)}
        content = json.dumps(told).encode()
        try:
            self._version = self._objects.put(self.key, content, expected)
        except Conflict:
            with suppress(FileNotFoundError):
                found, version = self._objects.read(self.key)
                if found == content:
                    self._version = version
                    return True
            return False
        return True

    def renew(self) -> bool:
        """Write the lease again; False where somebody else has taken the lease."""
        with self._writing:
            return self._version is not None and self.write(self._version)

    def release(self) -> None:
        """Let go, for anybody to take; of a lease that was lost nothing happens."""
        with self._writing:
            version, self._version = self._version, None
        if version is None:
            return
        try:
            self._objects.delete(self.key, version)
        except (FileNotFoundError, Conflict):
            pass
        except LakeError as failure:  # the work is done, and the time of the lease will end it
            _log.warning("the lease %s is left to end by itself: %s", self.key, failure)


@asynccontextmanager
async def kept(lease: Lease, lost: Callable[[], object]) -> AsyncIterator[None]:
    """Renew a lease while a block goes on, and release it; `lost` is called where it is gone."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(lease.lasts / _RENEWALS)
            try:
                held = await asyncio.to_thread(lease.renew)
            except LakeError as failure:  # there are more turns before the time is over
                _log.warning("the lease %s could not be renewed: %s", lease.key, failure)
                continue
            if not held:
                lost()
                return

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait((renewing,))
        await asyncio.to_thread(lease.release)


def key_of(source: str, timeframe: Timeframe, symbol: str, block: int) -> str:
    """Name the lease of a block of a symbol's history, the same for all jobs that ask for it."""
    place = f"{FOLDER}/{check_source(source)}/{timeframe.token}/{file_name(symbol)}"
    return f"{place}/{block}.json"


def _lasting(content: bytes, usual: float) -> float:
    """Give the seconds that a lease lasts, as its holder said."""
    with suppress(*NONSENSE):
        return min(_LONGEST, max(0.0, float(json.loads(content)["lasts"])))
    return usual
