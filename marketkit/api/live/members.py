"""The series of a live handle: going on, or ended and not all in the lake yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from marketkit.api.live.rows import candle_frame
from marketkit.api.live.slots import SlotTracker
from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake

_WORTH = 20  # proved slots of a series that are worth a write of its whole chunk
Make = Callable[[str, int], SlotTracker]


class Members:
    """Trackers by symbol, each made by `make` of a symbol and a start (ms UTC)."""

    def __init__(self, make: Make, starts: Mapping[str, int]) -> None:
        self.trackers = {symbol: make(symbol, start) for symbol, start in starts.items()}
        self._make = make
        self._left: list[SlotTracker] = []
        self._watermark = min(starts.values(), default=0)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols whose candles are kept up with."""
        return tuple(self.trackers)

    @property
    def watermark(self) -> int:
        """The moment before which every candle of every symbol is final; ms UTC."""
        final = (each.watermark for each in list(self.trackers.values()))
        self._watermark = min(final, default=self._watermark)
        return self._watermark

    @property
    def worth_a_write(self) -> bool:
        """Whether enough is proved of a series, or all that ever will be."""
        slots = (each.timeframe.count_all(each.proved) for each in self.trackers.values())
        return bool(self._left) or any(count >= _WORTH for count in slots)

    def join(self, symbols: Iterable[str]) -> None:
        """Take in markets that are new, from the watermark on, which so never goes back."""
        joined = {symbol: self._make(symbol, self.watermark) for symbol in symbols}
        # A new dict, for another thread may be reading the old one.
        self.trackers = dict(sorted({**self.trackers, **joined}.items()))

    def leave(self, symbol: str) -> None:
        """Let a series go that has ended."""
        self._left.append(self.trackers[symbol])
        self.trackers = {name: each for name, each in self.trackers.items() if name != symbol}

    def proved(self) -> list[SlotTracker]:
        """Give the series with proved slots, ended ones too."""
        return [each for each in (*self.trackers.values(), *self._left) if each.proved]

    async def write(self, lake: Lake, now: int) -> bool:
        """Put proved candles into the lake, and say whether there were any."""
        batch = self.proved()
        for tracker in batch:
            timeframe, spans = tracker.timeframe, tracker.proved
            rows = [item for span in spans for item in tracker.inside(span)]
            frame = candle_frame((tracker.symbol, time, row) for time, row in rows)
            await asyncio.to_thread(
                lake.append, tracker.symbol, timeframe, frame, spans, seen_at=now
            )
            corrected = {time for time, row in rows if tracker.rows.get(time) != row}
            tracker.keep(spans - Spans((time, timeframe.next(time)) for time in corrected))
        self._left = [each for each in self._left if each.proved]
        return bool(batch)
