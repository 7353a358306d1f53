"""Answers that change by announcement: asked for once in a life, kept beyond the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from marketkit.cache.store import ResponseStore
from marketkit.clock import age_clock
from marketkit.errors import (
    BadResponse,
    Banned,
    MarketkitError,
    NetworkError,
    RateLimited,
    ServerFailed,
    warn,
)
from marketkit.exchange.dialect import Priority, Request, Response
from marketkit.net.transport import Transport

_log = logging.getLogger("marketkit.cache")

_PAUSE = 60_000  # ms to leave an exchange alone that did not answer, while something else will do
# The exchange is down, or out of reach; any other refusal means that the question is wrong.
_DOWN = (NetworkError, ServerFailed, RateLimited, Banned, BadResponse)


class CachedValue(NamedTuple):
    """An answer, when the exchange made the body (ms UTC), and that moment on the steady clock."""

    frame: pl.DataFrame
    made_at: int
    made: int


class CachedRequest:
    """One request whose answer holds for `life` ms. Use an object on the engine's loop only.

    Where the exchange does not answer, an older answer is given with a warning that says its age.
    """

    def __init__(
        self,
        transport: Transport,
        store: ResponseStore | None,
        request: Request,
        decode: Callable[[bytes], pl.DataFrame],
        life: int,
    ) -> None:
        self._transport = transport
        self._store = store
        self._request = request
        self._decode = decode
        self._life = life
        self._held: CachedValue | None = None
        self._leave_alone = 0
        self._asking = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None

    async def get(self, priority: Priority, life: int | None = None) -> CachedValue:
        """Give the answer, at most `life` ms old; concurrent callers share one request."""
        most = self._life if life is None else life
        async with self._asking:
            if self._younger(most) is None:
                await self._recall()
            return self._younger(most) or await self._ask(priority)

    async def newest(self) -> CachedValue | None:
        """Give the newest answer at hand, however old, without a request."""
        if self._held is None:
            await self._recall()
        return self._held

    async def settled(self) -> None:
        """Wait until the last answer is kept."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping])

    def _younger(self, life: int) -> CachedValue | None:
        held = self._held
        return None if held is None or age_clock() - held.made > life else held

    async def _recall(self) -> None:
        """Take the answer kept by this or another process, if newer than the one at hand."""
        if self._store is None:
            return
        # The machine's clock if the exchange was not heard yet. One that is ahead makes the answer
        # too old, one that is behind gets none, for it was made after that: it is asked for again.
        now = self._transport.now()
        kept = await self._store.get(self._key, now=now)
        if kept is None or (self._held is not None and kept.made_at <= self._held.made_at):
            return
        try:
            frame = self._decode(kept.body)
        except BadResponse as error:  # kept by a marketkit that read it otherwise
            _log.warning("what is kept of %s cannot be read: %s", self._request.path, error)
            return
        self._held = CachedValue(frame, kept.made_at, age_clock() - (now - kept.made_at))

    async def _ask(self, priority: Priority) -> CachedValue:
        held, sent = self._held, age_clock()
        if held is not None and sent < self._leave_alone:
            return held
        try:
            response = await self._transport.send(self._request, priority)
            self._held = CachedValue(self._decode(response.body), response.at, sent)
        except _DOWN as failure:
            if held is None:
                raise
            self._leave_alone = age_clock() + _PAUSE
            self._warn(held, failure)
            return held
        self._keep(response)
        return self._held

    def _keep(self, response: Response) -> None:
        if self._store is not None:
            made, expires = response.at, response.at + self._life
            put = self._store.put(self._key, response.body, made_at=made, expires_at=expires)
            self._keeping = asyncio.create_task(put)  # nobody need wait for a disk

    def _warn(self, held: CachedValue, failure: MarketkitError) -> None:
        age = age_clock() - held.made
        if age > self._life:
            said = f"{self._request.path} is answered as of {_spelled(age)} ago: {failure}"
            warn(said)

    @property
    def _key(self) -> str:
        params = "&".join(f"{name}={value}" for name, value in self._request.params)
        return f"{self._transport.endpoint}{self._request.path}?{params}"


def _spelled(age: int) -> str:
    """Say how long ago in one unit.

    >>> _spelled(5_400_000), _spelled(200_000_000)
    ('90m', '2.3d')
    """
    if age < 7_200_000:
        return f"{age / 60_000:.0f}m"
    return f"{age / 3_600_000:.1f}h" if age < 172_800_000 else f"{age / 86_400_000:.1f}d"
