"""Markets that end or begin while streams are open: the market list looked at again and again."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from marketkit import symbols as naming
from marketkit.api.markets import MarketList
from marketkit.errors import MarketkitError, UnknownSymbol, plain
from marketkit.net.engine import end_task

if TYPE_CHECKING:
    from marketkit.realtime.handle import StreamHandle

_LOOK = 30.0  # seconds between two market lists: a new market is worth a hundred kilobytes
_AGAIN = 2.0  # seconds after which a market that is missing is looked for once more

_log = logging.getLogger("marketkit.realtime")


class Wish(NamedTuple):
    """The markets that a caller named, and the globs whose new markets are taken in."""

    names: frozenset[str]
    globs: tuple[str, ...]

    def among(self, listed: frozenset[str]) -> set[str]:
        """Give the listed markets that are meant."""
        new = (name for glob in self.globs for name in fnmatch.filter(listed, glob))
        return {*(self.names & listed), *new}


def wish(given: Sequence[str], names: Iterable[str], *, new_listings: bool | None) -> Wish:
    """Put together a caller's symbols, natively spelt, and the markets of today.

    `new_listings` of None takes new markets in where there are globs.
    """
    globs = tuple(each for each in given if naming.is_glob(each))
    return Wish(frozenset(names), () if new_listings is False else globs)


class Roster:
    """Open handles, and a task that lets ended markets leave and new ones join.

    Use it on the engine's loop. It looks every half minute while a handle is open. A market has
    ended when two lists in a row do not have it: one list may be odd.
    """

    def __init__(self, markets: MarketList, look: float = _LOOK) -> None:
        self._markets = markets
        self._look = look
        self._wishes: weakref.WeakKeyDictionary[StreamHandle, Wish] = weakref.WeakKeyDictionary()
        self._missing: frozenset[str] = frozenset()
        self._told: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, handle: StreamHandle, wish: Wish) -> None:
        """Keep the markets of a handle up to date until the handle is closed."""
        self._wishes[handle] = wish
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        await end_task(task)

    async def _run(self) -> None:
        while self._open():
            try:
                frame = await self._markets.frame("low", life=0)
                await self._call(frozenset(naming.shared(frame["symbol"])))
            except MarketkitError as failure:
                _log.info("the market list cannot be looked at for open streams: %s", failure)
            await asyncio.sleep(min(_AGAIN, self._look) if self._missing else self._look)

    def _open(self) -> list[tuple[StreamHandle, Wish]]:
        return [(each, wish) for each, wish in list(self._wishes.items()) if not each.closed]

    async def _call(self, listed: frozenset[str]) -> None:
        """Have markets leave and join, as a list says."""
        if not listed:
            return
        missing = frozenset(name for each, _ in self._open() for name in each.symbols) - listed
        ended, self._missing = missing & self._missing, missing - self._missing
        for symbol in sorted(ended - self._told):
            _log.warning("%s", _word(symbol))
        self._told = (self._told | ended) - listed
        for handle, wish in self._open():
            for symbol in sorted(ended.intersection(handle.symbols)):
                handle.leave(symbol, _word(symbol))
            if new := sorted(wish.among(listed) - {*handle.symbols}):
                _log.info("%s: new on the exchange, and taken in: %s", handle, plain(" ".join(new)))
                handle.join(new)
            if not handle.symbols and not wish.globs:
                await handle.give_up(UnknownSymbol(", ".join(sorted(wish.names))))


def _word(symbol: str) -> str:
    return f"{plain(symbol)} has ended: the exchange lists it no more; streams go on without it"
