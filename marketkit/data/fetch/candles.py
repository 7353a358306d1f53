"""How candles come together from the lake and the exchange."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import Span, Spans
from marketkit.data.fetch import pages as answered
from marketkit.data.fetch.enough import is_enough, is_full, reach
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.kept import GONE, lost, lost_to
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.read.candles import (
    CandleResult,
    from_lake,
    halves,
    known_of,
    named,
    newest,
    row,
    without,
)
from marketkit.data.lake.read.decimals import with_decimals
from marketkit.data.lake.read.fill import closed, read_dense
from marketkit.data.lake.read.resample import fold
from marketkit.data.lake.read.view import View, look
from marketkit.errors import CorruptFile, InvalidRange, MarketkitError
from marketkit.exchange.dialect import Page
from marketkit.exchange.upbit.paging import walk_candles
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.net.engine import aside
from marketkit.net.walk import Pages
from marketkit.schema import STATE, empty
from marketkit.timeframe import MINUTE, iso
from marketkit.window import Window

_BRIEF = 50_000 * MINUTE  # minutes that are read in a millisecond or two


class CandleReader:
    """Answers candle calls from a lake, an exchange, or the one completed by the other."""

    def __init__(self, filler: GapFiller) -> None:
        self._filler = filler
        self._lake = filler.lake
        self._transport = filler.transport

    async def from_lake(
        self, lake: Lake, symbols: Sequence[str], window: Window, *, exact: bool = False
    ) -> CandleResult:
        """Answer from the proved slots of a lake; in a thread, unless that takes longer."""
        # Unless the exchange was heard this is the machine's clock: it decides of the slots that a
        # session's days are made of, and of nothing that is read.
        narrow = window.narrow(self._transport.now())

        def read() -> CandleResult:
            return fold(from_lake(lake, symbols, narrow, exact=exact), narrow)

        if narrow.start is not None and narrow.end is not None:
            brief = (narrow.end - narrow.start) * len(symbols) <= _BRIEF
            if brief and not any(map(naming.is_glob, symbols)):
                return read()
        return await aside(read)

    async def answer(
        self, symbols: Sequence[str], window: Window, run: FetchRun, *, lake: bool, exact: bool
    ) -> CandleResult:
        """Answer from the exchange, with the lake's help or without.

        A symbol whose file is corrupt fails alone.
        """
        try:
            return await self._answer(symbols, window, run, lake=lake, exact=exact)
        except CorruptFile as broken:
            answer = functools.partial(self.answer, lake=lake, exact=exact)
            parts = [await answer(half, window, run) for half in halves(symbols)]
            return without(broken, symbols, parts, row(exact=exact))

    async def _answer(
        self, symbols: Sequence[str], window: Window, run: FetchRun, *, lake: bool, exact: bool
    ) -> CandleResult:
        await self._hear(symbols, window, lake=lake)
        narrow = window.narrow(self._transport.now())
        if narrow.start is not None and narrow.start >= self.edge(window):
            return CandleResult(closed(empty(row(exact=exact))), {})
        if narrow.timeframe.name == "1s":
            run.failures |= await asyncio.to_thread(self._gone, symbols, narrow, lake=lake)
        names = [symbol for symbol in symbols if symbol not in run.failures]
        ask = self.from_both if lake else self.from_exchange
        candles = await ask(names, narrow, run, exact=exact)
        return await asyncio.to_thread(fold, candles, narrow)

    async def from_both(
        self, symbols: Sequence[str], window: Window, run: FetchRun, *, exact: bool
    ) -> CandleResult:
        """Answer from the lake after fetching the gaps once, and the young rows at the edge."""
        end = self.edge(window)
        if self._transport.clock.is_heard:  # else the answers say which slot is forming
            run.at = self._transport.now()
        first = await self._cover(symbols, window, end, run)
        if window.end is None and window.timeframe.count(end, self.edge(window)) > 2:
            # Our idea of the exchange's clock was old; its answers have set it right.
            end = self.edge(window)
            run.young.clear()
            run.reached.clear()
            first = await self._cover(symbols, window, end, run)
        span = Span(min(first, end), end)
        run.at = run.at or self._transport.now()
        got = [symbol for symbol in symbols if symbol not in run.failures]
        view = await asyncio.to_thread(self._look, got, window, span)
        proof, now = {symbol: view.known(symbol) for symbol in got}, self._transport.now()
        run.failures |= lost_to(window, proof, span, now, lambda name: view.height(name, span))
        view = view.of([symbol for symbol in view.symbols if symbol not in run.failures])
        rows = await asyncio.to_thread(read_dense, view, span, window.fill, exact=exact)
        known = {symbol: known_of(view, symbol) for symbol in view.symbols}
        derived = named({symbol: view.made_of(symbol, span) for symbol in view.symbols})
        return CandleResult(_joined(rows, window, run, end), run.failures, known, run.at, derived)

    async def from_exchange(
        self, symbols: Sequence[str], window: Window, run: FetchRun, *, exact: bool
    ) -> CandleResult:
        """Answer from the exchange alone; nothing is read from or written to the lake."""
        end = self.edge(window)
        pages: dict[str, list[Page]] = {symbol: [] for symbol in symbols}

        async def one(symbol: str) -> None:
            try:
                await self._collect(symbol, window, end, run, pages[symbol], exact=exact)
            except MarketkitError as failure:
                run.failures[symbol] = failure

        async with asyncio.TaskGroup() as group:
            for symbol in symbols:
                group.create_task(one(symbol))
        got = [symbol for symbol in pages if symbol not in run.failures]
        proof = {symbol: answered.knowledge(window.timeframe, pages[symbol]) for symbol in got}
        span, now = Span(window.start or 0, end), self._transport.now()
        run.failures |= lost_to(window, proof, span, now, lambda name: answered.height(pages[name]))
        shape = row(exact=exact)
        frames = [
            answered.settled(symbol, pages[symbol], window, end, shape)
            for symbol in sorted(pages)
            if symbol not in run.failures
        ]
        known = {symbol: answered.known(pages[symbol]) for symbol in pages}
        rows = pl.concat([closed(empty(shape)), *frames])
        return CandleResult(_joined(rows, window, run, end), run.failures, known, run.at)

    async def _hear(self, symbols: Sequence[str], window: Window, *, lake: bool) -> None:
        """Hear the exchange's time, unless the lake has every slot asked for."""
        if self._transport.clock.is_heard or (
            lake and await aside(functools.partial(self._has, symbols, window))
        ):
            return
        try:
            await self._transport.ask_time()
        except MarketkitError:
            if window.end is None:
                raise
            # What the lake has is worth reading; if it lacks something, the requests fail as well.

    def _has(self, symbols: Sequence[str], window: Window) -> bool:
        """Say whether the lake proves all of a window that has both ends."""
        if window.start is None or window.end is None:
            return False
        narrow = window.narrow(window.end)
        span = Span(narrow.start or 0, narrow.end or 0)
        known = (self._look([symbol], narrow, span).known(symbol) for symbol in symbols)
        return not any(each.unproved(*span) for each in known)

    def _gone(
        self, symbols: Sequence[str], window: Window, *, lake: bool
    ) -> dict[str, MarketkitError]:
        """Give an error for each symbol that has no hope of an answer, before anything is sent."""
        if not self._transport.clock.is_heard:
            return {}
        end, oldest = self.edge(window), self._transport.now() - GONE
        if window.start is None and end > oldest:
            return {}  # of counted candles there may be enough that are younger
        start = window.back(end, window.count or 1) if window.start is None else window.start
        covered = dict.fromkeys(symbols, Spans())
        if lake:
            covered = {name: self._lake.covered(name, window.timeframe) for name in symbols}
        return lost(window.timeframe, covered, Span(start, end), oldest)

    def edge(self, window: Window) -> int:
        """Give the end of a window: the caller's, but never past the slot that is forming now."""
        if window.end is not None and not self._transport.clock.is_heard:
            return window.end  # nobody knows yet which slot that is
        live = window.timeframe.next(self._transport.now())
        end = live if window.end is None else min(window.end, live)
        if window.start is not None and window.start >= end:
            raise InvalidRange(f"start {iso(window.start)} lies ahead of the exchange's clock")
        return end

    def _look(self, symbols: Iterable[str], window: Window, span: Span) -> View:
        return look(self._lake, symbols, window.timeframe, span, derive=window.derive)

    async def _close(
        self, spans: Mapping[str, tuple[int, int]], window: Window, run: FetchRun
    ) -> None:
        plan = await asyncio.to_thread(self._plan, spans, window)
        await self._filler.fill(plan, run)

    def _plan(self, spans: Mapping[str, tuple[int, int]], window: Window) -> list[CandleRange]:
        """Plan to ask for slots that neither these candles nor narrower ones prove."""
        gaps = {
            symbol: self._look([symbol], window, Span(*span)).known(symbol).missing(*span)
            for symbol, span in spans.items()
        }
        return self._filler.walks(window.timeframe, gaps)

    async def _cover(self, symbols: Sequence[str], window: Window, end: int, run: FetchRun) -> int:
        """Close the gaps of a window that ends at `end`; give the start of the window."""
        if window.start is None:
            return await self._reach_back(symbols, window, end, run)
        await self._close(dict.fromkeys(symbols, (window.start, end)), window, run)
        return window.start

    async def _reach_back(
        self, symbols: Sequence[str], window: Window, end: int, run: FetchRun
    ) -> int:
        """Close gaps ever further back until each symbol has enough; give the earliest start."""
        starts = dict.fromkeys(symbols, end)
        slots = reach(window)
        while short := await asyncio.to_thread(self._short, window, starts, run):
            start = window.back(end, slots)
            spans = {symbol: (start, max(start, starts[symbol])) for symbol in short}
            await self._close(spans, window, run)
            # An answer may hold more than was asked for; what it held is not asked again.
            held = {symbol: run.reached.get(symbol, start) for symbol in short}
            starts.update({symbol: min(start, window.ceil(held[symbol])) for symbol in short})
            slots *= 2
        return min(starts.values(), default=end)

    def _short(self, window: Window, starts: Mapping[str, int], run: FetchRun) -> list[str]:
        """Give the symbols that have fewer candles than asked for, and may have older ones."""
        return [
            symbol
            for symbol, start in starts.items()
            if symbol not in run.failures and self._is_short(symbol, window, start, run)
        ]

    def _is_short(self, symbol: str, window: Window, start: int, run: FetchRun) -> bool:
        span = Span(start, self.edge(window))
        view = self._look([symbol], window, span)
        known = view.known(symbol)
        if start <= (known.nothing_before or 0):
            return False
        rows = [view.read(span), *run.young.get(symbol, ())]
        times = pl.concat(each["time"] for each in rows)
        return not is_enough(window, times, known.covered, span, self._transport.now())

    async def _collect(
        self,
        symbol: str,
        window: Window,
        end: int,
        run: FetchRun,
        pages: list[Page],
        *,
        exact: bool,
    ) -> None:
        """Walk the exchange for one symbol until the window is full."""
        start = 0 if window.start is None else window.start
        walk = CandleRange(symbol, window.timeframe, start, end, self._filler.settle)
        run.planned([walk] if window.start is not None else [])
        send = functools.partial(self._transport.send, priority=run.priority)
        async for page, response, _ in Pages(walk_candles(walk, exact=exact), send):
            run.answered(walk, page, answered.young(page), response.at)
            pages.append(page)
            if window.wanted is not None and is_full(window, pages, end, response.at):
                break


def _joined(rows: pl.DataFrame, window: Window, run: FetchRun, end: int) -> pl.DataFrame:
    """Put the final rows and the young ones together, each row with a state."""
    if run.young:
        forming = _time() >= window.timeframe.floor(run.at)
        state = pl.when(forming).then(pl.lit("forming")).otherwise(pl.lit("closed")).cast(STATE)
        young = pl.concat(frame for frames in run.young.values() for frame in frames)
        if rows.schema["close"] != young.schema["close"]:  # beside rows of the lake
            young = with_decimals(young)
        fresh = young.filter(_time() >= (window.start or 0), _time() < end)
        fresh = fresh.with_columns(state=state)
        kept = fresh if window.forming else fresh.filter(pl.col("state") != "forming")
        # Another process may have made a young row final in between: the lake's word stands.
        both = pl.concat([rows, kept]).unique(["symbol", "time"], keep="first")
        rows = both.sort("symbol", "time")
    return newest(rows, window.count)


def _time() -> pl.Expr:
    return pl.col("time").dt.epoch("ms")
