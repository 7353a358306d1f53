"""The series of a live handle: going on, or ended and not all in the lake yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from marketkit.api.live.rows import candle_frame, rows_of
from marketkit.api.live.slots import Row, SlotTracker
from marketkit.coverage import Span
from marketkit.data.lake.lake import Lake
from marketkit.errors import LakeError

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
        return [each for each in [*self.trackers.values(), *self._left] if each.proved]

    async def compare(self, lake: Lake) -> list[tuple[SlotTracker, int]]:
        """Compare candles that came late with those that the lake alone has.

        Gives the slots that were final and have other numbers now. A lake that cannot be read now
        is asked again the next time.
        """
        # No tuple: CPython 3.11 sets freed ones of twenty aside and takes none of them again.
        series = [*self.trackers.values(), *self._left]
        changed = []
        for tracker, time in [(each, time) for each in series for time in each.doubted]:
            with suppress(LakeError):
                stored = await asyncio.to_thread(_stored, lake, tracker, time)
                if tracker.compared(time, stored) and time < tracker.watermark:
                    changed.append((tracker, time))
        return changed

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
            tracker.wrote(dict(rows), spans)
        self._left = [each for each in self._left if each.proved]
        return bool(batch)


def _stored(lake: Lake, tracker: SlotTracker, time: int) -> Row | None:
    """Read the candle of one slot, if the lake has one."""
    slot = Span(time, tracker.timeframe.next(time))
    rows = rows_of(lake.select([tracker.symbol], tracker.timeframe).read(slot))
    return rows[0][1] if rows else None
