"""Candles of a lake alone, or of a frozen set; nothing is sent."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from marketkit import symbols as naming
from marketkit.api.ended import EndedMarkets
from marketkit.api.query import CallOptions, Query, Result, Source, Symbols, choose_source
from marketkit.clock import age_clock
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.lake.lake import Lake
from marketkit.net.engine import aside
from marketkit.window import Window


class StoredCandles:
    """Makes queries for the proved candles of a lake; `codes` knows the names of markets."""

    def __init__(
        self,
        lake: Lake,
        reader: CandleReader,
        ended: EndedMarkets,
        codes: Callable[[Iterable[str]], list[str]] = list,
    ) -> None:
        self._lake = lake
        self._reader = reader
        self._ended = ended
        self._codes = codes

    def query(
        self, symbols: Symbols, window: Window, as_of: str | None, options: CallOptions
    ) -> Query:
        """Ask the lake alone, or a frozen set."""
        wanted = naming.typed(self._lake.named(self._codes(naming.several(symbols))), slips=False)

        async def fetch() -> Result:
            lake = self._lake
            if as_of is not None:
                lake = await aside(functools.partial(lake.as_of, as_of))
            exact, reader, ended = options.exact, self._reader, self._ended
            candles = await reader.from_lake(lake, wanted, window, exact=exact)
            candles, notes = await ended.instead(candles, window, lake, exact=exact)
            frame, now = candles.frame, age_clock()
            sources: dict[tuple[Source, int], list[str]] = {}
            for name in sorted(candles.known):
                source = choose_source(lake=True, derived=name in candles.derived)
                sources.setdefault((source, now), []).append(name)
            return Result(frame, sources, candles.failures, derived=candles.derived, notes=notes)

        return Query("candle", symbols, options, fetch, sends=False)
