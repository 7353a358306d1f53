"""Lanes: the requests that may be under way at a time. A refusal ends one, and slows the others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from marketkit.errors import InputError, Refused

USUAL, MOST = 4, 8  # the archive's terms forbid whatever strains it
BACK_OFF = 2.0  # seconds after a first refusal; each further one doubles them
_LONGEST = 60.0  # seconds of backing off


class LanesEnded(Exception):
    """No lane is left: the archive refused as many times as there were lanes, or was away."""


class Lanes:
    """At most `many` requests at a time; nobody begins one before the end of a hold."""

    def __init__(self, many: int = USUAL, *, back_off: float = BACK_OFF) -> None:
        self._left = self._given = checked_lanes(many)
        self._free = asyncio.Semaphore(many)
        self._until = 0.0
        self._over = asyncio.Event()
        self._back_off = back_off
        self.reason = ""

    @property
    def left(self) -> int:
        """The lanes that are not ended."""
        return self._left

    def hold(self, seconds: float) -> None:
        """Have no request begin for so long."""
        self._until = max(self._until, time.monotonic() + seconds)

    def slow_down(self) -> None:
        """Have no request begin for a while, and for twice as long the next time."""
        self.hold(self._back_off)
        self._back_off = min(_LONGEST, 2 * self._back_off)

    def end(self, reason: str) -> None:
        """End all lanes; requests that wait for one get the reason."""
        self.reason = self.reason or reason
        self._left = 0
        self._over.set()
        self._free.release()  # wakes one, who wakes the next

    def refused(self, refusal: Refused) -> None:
        """End one lane, and have the others wait."""
        if self._left <= 1:
            self.end(str(refusal))
            return
        self._left -= 1
        self.reason = self.reason or str(refusal)
        self.slow_down()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a lane for one request. A `Refused` inside ends that lane.

        Raises `LanesEnded` once none is left.
        """
        await self._free.acquire()
        try:
            await self._hold_over()
            yield
        except Refused as refusal:
            self.refused(refusal)
            raise
        finally:
            if self._left and self._given > self._left:
                self._given -= 1  # the place of a lane that ended
            else:
                self._free.release()

    async def _hold_over(self) -> None:
        """Wait until requests may begin, if there is a lane for any."""
        while self._left:
            wait = self._until - time.monotonic()
            if wait <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._over.wait()
        raise LanesEnded(self.reason)


def checked_lanes(many: int) -> int:
    """Give a number of connections back. Raises `InputError` for less than 1 and more than 8."""
    if isinstance(many, bool) or not isinstance(many, int) or not 1 <= many <= MOST:
        raise InputError(f"connections={many!r}: give a number from 1 to {MOST} (usually {USUAL})")
    return many
