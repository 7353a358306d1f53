"""Which candles a call means, and how they come together from the lake and the exchange."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import polars as pl

from marketkit import naming, schema
from marketkit.coverage import Span
from marketkit.errors import InvalidRange, MarketkitError, NotCovered
from marketkit.exchange.paging import CandleRange, walk_candles
from marketkit.jobs.backfill import Filler
from marketkit.jobs.runner import Run
from marketkit.lake.store import Selection
from marketkit.schema import CANDLE, ROW, STATE, empty
from marketkit.timeframe import Timeframe, iso, parse_time, parse_timeframe

Source = Literal["auto", "lake", "exchange"]
Time = str | date | datetime

DEFAULT_COUNT = 200
_BRIEF = 50_000  # slots that are read in a millisecond or two


@dataclass(frozen=True, slots=True)
class Window:
    """The candles a call means: `[start, end)` in ms UTC, or the newest `count` before `end`.

    `end=None` is the live edge (in the lake: the end of what is proved), `start=None` with no
    `count` the beginning of what the lake has. `forming` asks for the candle that is not
    finished, too.
    """

    timeframe: Timeframe
    start: int | None
    end: int | None
    count: int | None
    forming: bool = False


def read_window(
    timeframe: str | Timeframe,
    start: Time | None,
    end: Time | None,
    count: int | None,
    *,
    forming: bool = False,
) -> Window:
    """Check the range a caller gives, before anything is asked.

    Raises `UnknownTimeframe`, or `InvalidRange` for a start at or after the end, a count below 1, a
    naive datetime, and a start together with a count.
    """
    width = parse_timeframe(timeframe)
    first = None if start is None else parse_time(start)
    last = None if end is None else parse_time(end)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise InvalidRange(f"count={count!r}: ask for at least one candle")
    if count is not None and first is not None:
        raise InvalidRange("give start and end, or count with or without end: not start and count")
    if first is not None and last is not None and first >= last:
        raise InvalidRange(f"start {iso(first)} is not before end {iso(last)}")
    return Window(width, first, last, count, forming)


@dataclass(slots=True)
class Candles:
    """Frames of `schema.CANDLE` for many symbols, and the failures by symbol."""

    frame: pl.DataFrame
    failures: dict[str, MarketkitError]


class CandleReader:
    """Answers candle calls from a lake, an exchange, or the one completed by the other."""

    def __init__(self, filler: Filler) -> None:
        self._filler = filler
        self._lake = filler.lake
        self._transport = filler.transport

    def from_lake(self, symbols: Sequence[str], window: Window) -> Candles:
        """Answer from what the lake proves; a slot nobody asked about is `NotCovered`, no hole."""
        found = self._lake.select(self._stored(symbols, window.timeframe), window.timeframe)
        spans, failures = dict[str, Span](), dict[str, MarketkitError]()
        for symbol in found.symbols:
            try:
                spans[symbol] = _proved(found, symbol, window)
            except NotCovered as failure:
                failures[symbol] = failure
        rows = [found.of(same).read(span) for span, same in _by_span(spans).items()]
        joined = (
            rows[0] if len(rows) == 1 else pl.concat([empty(ROW), *rows]).sort("symbol", "time")
        )
        return Candles(_newest(_closed(joined), window.count), failures)

    async def from_lake_beside(self, symbols: Sequence[str], window: Window) -> Candles:
        """Do the same in a thread, unless the read is shorter than the change of threads."""
        if window.start is not None and window.end is not None:
            slots = window.timeframe.count(window.start, window.end) * len(symbols)
            if slots <= _BRIEF and not any(map(naming.is_glob, symbols)):
                return self.from_lake(symbols, window)
        return await asyncio.to_thread(self.from_lake, symbols, window)

    async def from_both(self, symbols: Sequence[str], window: Window, run: Run) -> Candles:
        """Answer from the lake after fetching its gaps once, and at the edge what is young."""
        end = self.edge(window)
        run.at = self._transport.now()
        first = await self._cover(symbols, window, end, run)
        if window.end is None and window.timeframe.count(end, self.edge(window)) > 2:
            # Our idea of the exchange's clock was old; its answers have set it right.
            end = self.edge(window)
            run.young.clear()
            run.reached.clear()
            first = await self._cover(symbols, window, end, run)
        known = [symbol for symbol in symbols if symbol not in run.failures]
        rows = await asyncio.to_thread(self._lake.read, known, window.timeframe, first, end)
        return Candles(_joined(rows, window, run, end), run.failures)

    async def from_exchange(
        self, symbols: Sequence[str], window: Window, run: Run, *, exact: bool
    ) -> Candles:
        """Answer from the exchange alone; nothing is read from or written to the lake."""
        end = self.edge(window)

        async def one(symbol: str) -> None:
            try:
                await self._collect(symbol, window, end, run, exact=exact)
            except MarketkitError as failure:
                run.failures[symbol] = failure

        async with asyncio.TaskGroup() as group:
            for symbol in symbols:
                group.create_task(one(symbol))
        rows = empty(schema.exact(ROW) if exact else ROW)
        return Candles(_joined(rows, window, run, end), run.failures)

    def edge(self, window: Window) -> int:
        """Give the end of a window: the caller's, but never past the slot that is forming now."""
        live = window.timeframe.next(self._transport.now())
        end = live if window.end is None else min(window.end, live)
        if window.start is not None and window.start >= end:
            raise InvalidRange(f"start {iso(window.start)} lies ahead of the exchange's clock")
        return end

    def _stored(self, symbols: Sequence[str], timeframe: Timeframe) -> list[str]:
        """Spell globs out with what the lake has; other symbols stay, known or not."""
        if not any(map(naming.is_glob, symbols)):
            return sorted(symbols)
        here = (
            self._lake.catalog().filter(pl.col("timeframe") == timeframe.name)["symbol"].to_list()
        )
        found = {
            name
            for symbol in symbols
            for name in (naming.matches(symbol, here) if naming.is_glob(symbol) else [symbol])
        }
        return sorted(found)

    async def _close(self, spans: Mapping[str, tuple[int, int]], window: Window, run: Run) -> None:
        plan = await asyncio.to_thread(self._filler.plan, window.timeframe, spans)
        await self._filler.close(plan, run)

    async def _cover(self, symbols: Sequence[str], window: Window, end: int, run: Run) -> int:
        """Close the gaps of a window that ends at `end`; give where it starts."""
        if window.start is None:
            return await self._reach_back(symbols, window, end, run)
        await self._close(dict.fromkeys(symbols, (window.start, end)), window, run)
        return window.start

    async def _reach_back(self, symbols: Sequence[str], window: Window, end: int, run: Run) -> int:
        """Close gaps ever further back until each symbol has its count; give the earliest start."""
        starts = dict.fromkeys(symbols, end)
        reach = _enough(window)
        while short := await asyncio.to_thread(self._short, window, starts, run):
            start = max(0, window.timeframe.shift(end, -reach))
            spans = {symbol: (start, max(start, starts[symbol])) for symbol in short}
            await self._close(spans, window, run)
            # An answer may hold more than was asked for; what it held is not asked again.
            starts.update({symbol: min(start, run.reached.get(symbol, start)) for symbol in short})
            reach *= 2
        return min(starts.values(), default=end)

    def _short(self, window: Window, starts: Mapping[str, int], run: Run) -> list[str]:
        """Give the symbols that have fewer candles than asked for, and may have older ones."""
        return [
            symbol
            for symbol, start in starts.items()
            if symbol not in run.failures
            and start > (self._lake.nothing_before(symbol, window.timeframe) or 0)
            and self._rows_from(symbol, window, start, run) < _enough(window)
        ]

    def _rows_from(self, symbol: str, window: Window, start: int, run: Run) -> int:
        kept = self._lake.read(symbol, window.timeframe, start, window.end).height
        return kept + sum(each.height for each in run.young.get(symbol, ()))

    async def _collect(
        self, symbol: str, window: Window, end: int, run: Run, *, exact: bool
    ) -> None:
        """Walk the exchange for one symbol until its window is full."""
        start = 0 if window.start is None else window.start
        walk = CandleRange(symbol, window.timeframe, start, end)
        run.planned([walk] if window.count is None else [])
        steps = walk_candles(walk, exact=exact)
        step = next(steps)
        rows = 0
        while step.request is not None and rows < _enough(window):
            response = await self._transport.send(step.request, run.priority)
            step = steps.send(response)
            if step.page is not None:
                run.answered(walk, step.page, step.page.rows, response.at)
                rows += step.page.rows.height


def _proved(found: Selection, symbol: str, window: Window) -> Span:
    """Give the range that the lake answers for completely, or raise `NotCovered`."""
    known, timeframe = found.known(symbol), window.timeframe
    hull = known.covered.hull
    if hull is None:
        raise NotCovered(f"the lake has no {timeframe} candles of {symbol}")
    start = hull.start if window.start is None else window.start
    end = hull.end if window.end is None else window.end
    if window.count is not None:
        newest = found.of([symbol]).read(Span(start, end)).tail(window.count)
        start = newest["time"].dt.epoch("ms")[0] if newest.height else start
    missing = known.missing(start, end)
    if missing:
        gap = next(iter(missing))
        raise NotCovered(
            f"the lake does not know {symbol} {timeframe} from {iso(gap.start)} to {iso(gap.end)}"
            f" ({len(missing)} gaps in all); backfill it, or use source='auto'"
        )
    return Span(start, end)


def _by_span(spans: Mapping[str, Span]) -> dict[Span, list[str]]:
    """Put the symbols together that have the same range: one read each."""
    same: dict[Span, list[str]] = {}
    for symbol, span in spans.items():
        same.setdefault(span, []).append(symbol)
    return same


def _enough(window: Window) -> int:
    """Say how many rows are surely enough: one of those asked for may turn out to be forming."""
    return sys.maxsize if window.count is None else window.count + (not window.forming)


def _joined(rows: pl.DataFrame, window: Window, run: Run, end: int) -> pl.DataFrame:
    """Put the lake's rows and the young ones together, each with its state."""
    both = _closed(rows)
    if run.young:
        time = pl.col("time").dt.epoch("ms")
        forming = time >= window.timeframe.floor(run.at)
        state = pl.when(forming).then(pl.lit("forming")).otherwise(pl.lit("closed")).cast(STATE)
        young = pl.concat(frame for frames in run.young.values() for frame in frames)
        fresh = young.filter(time >= (window.start or 0), time < end).with_columns(state=state)
        kept = fresh if window.forming else fresh.filter(pl.col("state") != "forming")
        # Another process may have made a young row final in between: the lake's word stands.
        both = pl.concat([both, kept]).unique(["symbol", "time"], keep="first")
        both = both.sort("symbol", "time")
    return _newest(both, window.count)


def _closed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit("closed", dtype=STATE).alias("state"))


def _newest(rows: pl.DataFrame, count: int | None) -> pl.DataFrame:
    if count is None:
        return rows
    return rows.group_by("symbol", maintain_order=True).tail(count).select(*CANDLE)
