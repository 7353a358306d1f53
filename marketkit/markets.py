"""The market list: what the exchange trades, asked once an hour, and which of it a caller means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import polars as pl

from marketkit import naming
from marketkit.errors import MarketkitError, UnknownSymbol
from marketkit.exchange import upbit_bodies, upbit_rest
from marketkit.exchange.dialect import Priority
from marketkit.net.transport import Transport

_LIFE = 3600.0  # seconds; markets are added a few times a week
_RETRY = 60.0  # an unknown symbol may be new: ask again when the list is older than this
_HINTS = 20  # unknown symbols that are worth looking for what was meant


class MarketList:
    """The markets of one exchange. Use it on the engine's loop."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._frame: pl.DataFrame | None = None
        self._symbols: frozenset[str] = frozenset()
        self._asked = 0.0
        self._asking = asyncio.Lock()

    async def frame(self, priority: Priority, *, life: float = _LIFE) -> pl.DataFrame:
        """Give the list, at most `life` seconds old; concurrent callers share one request."""
        async with self._asking:
            if self._frame is None or time.monotonic() - self._asked > life:
                response = await self._transport.send(upbit_rest.market_request(), priority)
                self._frame = upbit_bodies.decode_markets(response.body).sort("symbol")
                self._symbols = frozenset(self._frame["symbol"])
                self._asked = time.monotonic()
            return self._frame

    def known(self) -> frozenset[str]:
        """Give the symbols of the list if it need not be asked for again, else none."""
        fresh = self._frame is not None and time.monotonic() - self._asked <= _LIFE
        return self._symbols if fresh else frozenset()

    async def resolve(
        self, symbols: str | Iterable[str], priority: Priority
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        """Give the listed markets that are meant, sorted, and an error for each unknown one."""
        wanted = naming.listed(symbols)
        names, unknown = await self._match(wanted, priority, _LIFE)
        if unknown:
            names, unknown = await self._match(wanted, priority, _RETRY)
        return names, unknown

    async def _match(
        self, wanted: list[str], priority: Priority, life: float
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        await self.frame(priority, life=life)
        known = self._symbols
        names: set[str] = set()
        unknown: dict[str, MarketkitError] = {}
        for symbol in wanted:
            try:
                names.update(naming.matches(symbol, known, hint=len(unknown) < _HINTS))
            except UnknownSymbol as error:
                unknown[symbol] = error
        return sorted(names), unknown
