"""History and stream joined: every slot of some series known, and final ones put into the lake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import polars as pl

from marketkit.api.live.slots import Row, SlotTracker
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.errors import LakeError, MarketkitError
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.channels import candle_channel
from marketkit.exchange.upbit.messages import Candle, Message
from marketkit.exchange.upbit.paging import CandleRange
from marketkit.progress import Progress, Reporter
from marketkit.realtime.candles import KEPT
from marketkit.realtime.consumers import Broadcast
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.subscriptions import Stream
from marketkit.schema import ROW, TIME
from marketkit.timeframe import Timeframe

_INCIDENTS_KEPT = 10_000
_FLUSH_SLOTS = 20  # proved slots of a series that are worth a write
_FLUSH_AFTER = 600.0  # seconds that proved slots wait for more
_BEHIND = range(5_000, 600_000)  # ms by which the stream shows that our idea of its clock is old

_log = logging.getLogger("marketkit.live")


@dataclass(frozen=True, slots=True)
class Interruption:
    """A time of which something was missing or wrong: when, why, and when and how it was mended.

    `[start, end)` is ms UTC of the exchange's clock, `end` None while messages have not come again;
    `closed` is None until every slot it touched is final by what `how` says.
    """

    start: int
    end: int | None
    reason: str
    closed: int | None = None
    how: str | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """A candle that is final, or final with other numbers than before."""

    symbol: str
    time: int
    row: Row


class Source(Protocol):
    """Where the seam's answers come from: an exchange, with a lake before it (`Filler`)."""

    lake: Lake
    settle: int

    def plan(
        self, timeframe: Timeframe, spans: Mapping[str, tuple[int, int]]
    ) -> Sequence[CandleRange]:
        """Give the walks that close what the lake lacks; asks nobody."""

    async def fill(self, plan: Sequence[CandleRange], run: FetchRun) -> None:
        """Carry out a plan."""


class Stitcher:
    """Series of one timeframe whose every slot from `start` on is known without a hole.

    Use it on the engine's loop. It asks the exchange for what the stream cannot tell: what was
    before, what happened during an interruption, and whether slots without a message are empty.
    """

    def __init__(
        self,
        session: Dispatcher,
        filler: Source,
        timeframe: Timeframe,
        spans: Mapping[str, int],
        priority: Priority,
    ) -> None:
        self.timeframe = timeframe
        self.edges = {
            symbol: SlotTracker(symbol, timeframe, start, filler.settle)
            for symbol, start in spans.items()
        }
        self.fan = Broadcast()
        self.incidents: deque[Interruption] = deque(maxlen=_INCIDENTS_KEPT)
        self.saved = 0  # how often the lake was changed
        self.failures: dict[str, MarketkitError] = {}
        self._session = session
        self._filler = filler
        self._priority = priority
        channel = candle_channel(timeframe)
        self._streams = [Stream(channel, symbol) for symbol in spans]
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard = 0
        self._flushed = 0.0
        self._ask_after = 0.0

    async def start(self, *, show: bool) -> None:
        """Listen, then fill in what was before; raises only what would hold for every symbol."""
        self._session.subscribe(self, self._streams)
        try:
            self._note_restart()
            await self._joined()
            await self._ask(list(self.edges), recent=KEPT, show=show)
            self._refuse_nothing()
        except BaseException:
            self._session.release(self, self._streams)
            raise
        self._flushed = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def _refuse_nothing(self) -> None:
        """Raise what failed if it failed for every symbol."""
        if len(self.failures) == len(self.edges):
            raise next(iter(self.failures.values()))

    async def _joined(self) -> None:
        """Wait a moment for the streams, so that what is asked then meets what they tell."""
        for stream in self._streams:
            known = self._session.fresh(*stream)
            if known is not None:  # the stream was there before: no snapshot will come
                self.receive(known)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * self._session.timing.look):
                while not all(edge.joined for edge in self.edges.values()):
                    await self._news.wait()
                    self._news.clear()

    def receive(self, message: Message) -> None:
        """Take a candle of the stream."""
        if not isinstance(message, Candle):
            return
        edge, now = self.edges[message.symbol], self._session.clock()
        if not edge.joined:
            self._news.set()
        self._heard = max(self._heard, message.sent)
        change = edge.said(message, now)
        if change == "new":
            self._advance(edge)
        elif change == "late" and message.time < edge.watermark:
            self._correct(edge, message.time, now, "stream")

    def interrupted(self, until: int, reason: str) -> None:
        """Note an incident; what it left open will be asked for."""
        until = min(until, self._heard)
        for edge in self.edges.values():
            edge.interrupted(until)
        self.incidents.append(Interruption(until, None, reason))

    async def close(self) -> None:
        """Let go of the streams and put into the lake what is proved."""
        self._session.release(self, self._streams)
        await self._stop()
        try:
            self._prove()
            await self._flush()
        finally:
            self.fan.close()

    async def finish(self, failure: Exception | None) -> None:
        """Do what is due for the last time and end iterations, for nothing more will come."""
        await self._stop()
        self._ask_after = 0.0
        try:
            await self._step()
        finally:
            self.fan.close(failure)

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            try:
                await self._step()
            except LakeError as failure:
                _log.warning("the lake takes no candles, they are kept until it does: %s", failure)
                await asyncio.sleep(self._session.timing.look)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._session.timing.look):
                    await self._news.wait()
            self._news.clear()

    async def _step(self) -> None:
        """Do what is due."""
        self._prove()
        loop = asyncio.get_running_loop()
        if loop.time() >= self._ask_after and (open_ := self._open()):
            await self._ask(open_)
            # Failures, and series without a stream, must not use the whole budget.
            calm = self._session.connected and not self.failures
            rest = self._session.timing.look * (1 if calm else 30)
            self._ask_after = loop.time() + max(rest, 0.02 * len(open_))
        for edge in self.edges.values():
            self._advance(edge)
        due = loop.time() - self._flushed >= _FLUSH_AFTER
        if due or any(self._slots(each.proved) >= _FLUSH_SLOTS for each in self.edges.values()):
            await self._flush()
        self._close_incidents()

    def _prove(self) -> None:
        # What was sent before something that came has come, however long it was on its way.
        alive = min(self._session.alive, self._heard)
        for edge in self.edges.values():
            edge.prove(alive)

    def _open(self) -> list[str]:
        """Give the symbols about which somebody has to be asked."""
        now = self._session.clock()
        behind = self._heard - now in _BEHIND
        found = [
            symbol for symbol, edge in self.edges.items() if edge.unseen() or edge.unconfirmed(now)
        ]
        # Any answer sets our idea of the exchange's clock right.
        return found or (list(self.edges)[:1] if behind else [])

    async def _ask(
        self, symbols: Sequence[str], *, recent: int | None = None, show: bool = False
    ) -> None:
        """Ask for all that is open of some symbols, from their first open slot to now."""
        now = self._session.clock()
        starts = {symbol: self._first_open(self.edges[symbol], now) for symbol in symbols}
        end = self.timeframe.next(now)
        label = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols"
        run = FetchRun(
            self._priority, Reporter(Progress(f"{label} {self.timeframe}, live"), show=show)
        )
        try:
            spans = {symbol: (start, end) for symbol, start in starts.items()}
            plan = await asyncio.to_thread(self._filler.plan, self.timeframe, spans)
            await self._filler.fill(plan, run)
        finally:
            run.reporter.close()
        self.failures = run.failures
        for symbol, failure in run.failures.items():
            _log.warning("%s cannot be asked for: %s", symbol, failure)
        answered = {s: start for s, start in starts.items() if s not in run.failures}
        reach = 0 if recent is None else self.timeframe.shift(now, -recent)
        found = await asyncio.to_thread(self._read, answered, end, reach)
        for symbol, (rows, covered) in found.items():
            young = [row for frame in run.young.get(symbol, ()) for row in _rows(frame)]
            edge = self.edges[symbol]
            for time in edge.answered([*young, *rows], covered, answered[symbol], now):
                self._correct(edge, time, now, "rest")
            self._advance(edge)
        self.saved += 1

    def _first_open(self, edge: SlotTracker, now: int) -> int:
        opens = [*edge.unseen(), *edge.unconfirmed(now)]
        return min((span.start for span in opens), default=self.timeframe.floor(now))

    def _read(
        self, starts: Mapping[str, int], end: int, reach: int
    ) -> dict[str, tuple[list[tuple[int, Row]], Spans]]:
        """Read of each symbol what the lake knows from its start on, and its candles there."""
        lake, found = self._filler.lake, {}
        selection = lake.select(starts, self.timeframe)
        for symbol, start in starts.items():
            missing = lake.missing(symbol, self.timeframe, start, end)
            covered = Spans([(start, end)]) - missing
            rows = selection.of([symbol]).read(Span(max(start, min(reach, end - 1)), end))
            found[symbol] = _rows(rows), covered
        return found

    async def _flush(self) -> None:
        """Put what is proved into the lake."""
        self._flushed = asyncio.get_running_loop().time()
        now = self._session.clock()
        batch = {symbol: edge.proved for symbol, edge in self.edges.items() if edge.proved}
        for symbol, spans in batch.items():
            edge = self.edges[symbol]
            rows = [item for span in spans for item in edge.inside(span)]
            frame = _frame(symbol, rows)
            await asyncio.to_thread(
                self._filler.lake.append, symbol, self.timeframe, frame, spans, seen_at=now
            )
            corrected = {time for time, row in rows if edge.rows.get(time) != row}
            edge.keep(spans - Spans((time, self.timeframe.next(time)) for time in corrected))
        if batch:
            self.saved += 1

    def _advance(self, edge: SlotTracker) -> None:
        """Tell consumers of what has become final."""
        passed = edge.advance()
        for time, row in edge.inside(passed):
            self.fan.put(Final(edge.symbol, time, row))
        if passed.end > passed.start:
            self._news.set()

    def _correct(self, edge: SlotTracker, time: int, now: int, how: str) -> None:
        """Tell consumers that a final candle has other numbers."""
        self.fan.put(Final(edge.symbol, time, edge.rows[time]))
        end = self.timeframe.next(time)
        reason = f"a late candle of {edge.symbol}"
        self.incidents.append(Interruption(time, end, reason, now, how))
        self._news.set()

    def _note_restart(self) -> None:
        """List the time since the lake was last filled as an incident, if it ends in our window."""
        lake, now = self._filler.lake, self._session.clock()
        ends = []
        for symbol, edge in self.edges.items():
            known = lake.covered(symbol, self.timeframe).clip(edge.start, now).hull
            if known is not None and known.end < self.timeframe.floor(now - edge.settle):
                ends.append(known.end)
        if ends:
            self.incidents.append(Interruption(min(ends), now, "nobody listened before"))

    def _close_incidents(self) -> None:
        """Mark the incidents of which every slot is final now."""
        now = self._session.clock()
        for at, incident in enumerate(self.incidents):
            if incident.closed is not None:
                continue
            resumed = incident.end or self._resumed(incident.start)
            if resumed is None:
                continue
            incident = replace(incident, end=resumed)  # noqa: PLW2901 - a frozen value
            touched = self.timeframe.floor(incident.start), self.timeframe.next(resumed)
            if all(_final(edge, *touched) for edge in self.edges.values()):
                incident = replace(incident, closed=now, how="rest")  # noqa: PLW2901
            self.incidents[at] = incident

    def _resumed(self, start: int) -> int | None:
        return next((hole.end for hole in self._session.holes if hole.start >= start), None)

    def _slots(self, spans: Spans) -> int:
        return self.timeframe.count_all(spans)


def _final(edge: SlotTracker, start: int, end: int) -> bool:
    return not (edge.kept | edge.proved).gaps(max(start, edge.start), end)


def _rows(frame: pl.DataFrame) -> list[tuple[int, Row]]:
    numbers = frame.select(pl.col("time").dt.epoch("ms"), *list(ROW)[2:]).rows()
    return [(time, Row(*values)) for time, *values in numbers]


def _frame(symbol: str, rows: Iterable[tuple[int, Row]]) -> pl.DataFrame:
    """Lay rows out as `schema.ROW`."""
    data = [(symbol, time, *row[:-1]) for time, row in rows]
    raw = {**ROW, "time": pl.Int64()}
    return pl.DataFrame(data, raw, orient="row").with_columns(pl.col("time").cast(TIME))
