"""The weekly rhythm of markets, learnt from the lake beside the calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator

from marketkit.cache.activity import MarketActivity, hourly_rates
from marketkit.coverage import Span
from marketkit.data.lake.store.scan import read_times
from marketkit.data.lake.store.store import Store
from marketkit.errors import MarketkitError
from marketkit.timeframe import DAY

_log = logging.getLogger("marketkit.cache")

_BACK = 56 * DAY
Week = tuple[str, list[float]]


class LakeActivity:
    """Looks each market up once, in a thread; used on the engine's loop."""

    def __init__(self, lake: Store, activity: MarketActivity) -> None:
        self._lake = lake
        self._activity = activity
        self._met: set[str] = set()
        self._learning: set[asyncio.Task[None]] = set()

    def learn(self, symbols: Iterable[str], now: int) -> None:
        """Look up, later, the markets not looked up before."""
        new = set(symbols) - self._met
        if new:
            self._met |= new
            task = asyncio.create_task(self._learn(new, now))
            self._learning.add(task)
            task.add_done_callback(self._learning.discard)

    async def _learn(self, symbols: set[str], now: int) -> None:
        try:
            for symbol, week in await asyncio.to_thread(lambda: list(self._weeks(symbols, now))):
                self._activity.expect(symbol, week, now)
        except (MarketkitError, OSError) as error:  # what a lake cannot tell is no loss to the call
            _log.info("no rhythms from the lake: %s", error)

    def _weeks(self, symbols: set[str], now: int) -> Iterator[Week]:
        stored = self._lake.select(None, "1m")
        span = Span(now - _BACK, now)
        for symbol in symbols.intersection(stored.symbols):
            covered = stored.known(symbol).covered.clip(*span)
            week = hourly_rates(read_times(stored.of([symbol]).files(span)), covered)
            if week is not None:
                yield symbol, week
