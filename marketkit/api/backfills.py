"""What the calls about backfills do: check what is asked, plan it, begin it, stream it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from functools import partial

import polars as pl

from marketkit import symbols as naming
from marketkit.api.arguments import Symbols
from marketkit.api.markets import MarketList
from marketkit.coverage import Span
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.backfill import BackfillOptions, backfill
from marketkit.data.jobs.chunks import Chunks, chunks
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.outage import Outage, patiently
from marketkit.data.jobs.plan import Plan, estimate
from marketkit.data.jobs.report import Report
from marketkit.data.jobs.tasks import BackfillRequest, Order
from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority
from marketkit.frames import Frame, one_of
from marketkit.notebook import job as notebook
from marketkit.progress import Progress, Reporter
from marketkit.timeframe import TIMEFRAMES, parse_duration, parse_time
from marketkit.window import Time, read_window


class BackfillEndpoints:
    """Plans and begins backfills of one lake."""

    def __init__(self, filler: GapFiller, markets: MarketList) -> None:
        self._filler = filler
        self._markets = markets

    def wanted(
        self, symbols: Symbols, timeframe: str, start: Time, end: Time | None = None
    ) -> BackfillRequest:
        """Check what a backfill is to bring."""
        window = read_window(timeframe, start, end, None)
        names = tuple(sorted(naming.listed(symbols)))
        source = self._filler.lake.source
        return BackfillRequest(source, names, window.timeframe.name, parse_time(start), window.end)

    def begin(
        self, wanted: BackfillRequest, manner: BackfillOptions, priority: Priority, *, show: bool
    ) -> Job:
        """Begin a backfill in the background."""
        one_of("priority", priority, Priority)
        in_cell = show and notebook.is_here()
        run = FetchRun(priority, Reporter(Progress(wanted.label), show=show and not in_cell))

        async def work() -> Report:
            outage = Outage(manner.patience, run.say)
            names = await patiently(lambda: self._resolve(wanted, manner, priority), outage)
            run.say("")
            markets = (await self._markets.frame(priority))["symbol"].to_list()
            return await backfill(self._filler, names, wanted, run, manner, markets=markets)

        job = Job(wanted, self._filler.lake.root, run, work)
        if in_cell:
            notebook.watch(job)
        return job

    async def plan(
        self, wanted: BackfillRequest, manner: BackfillOptions, priority: Priority
    ) -> Plan:
        """Say what a backfill will take."""
        one_of("priority", priority, Priority)
        names = await self._resolve(wanted, manner, priority)
        timeframe = TIMEFRAMES[wanted.timeframe]
        costs = await asyncio.to_thread(
            estimate, self._filler, names, timeframe, self._span(wanted)
        )
        limit = self._filler.transport.limit("candles")
        pace = limit.requests / limit.seconds
        return Plan(wanted, tuple(costs), pace, manner, partial(self._run, priority))

    def stream(
        self,
        wanted: BackfillRequest,
        manner: BackfillOptions,
        priority: Priority,
        *,
        rows: int,
        show: bool,
        finish: Callable[[pl.DataFrame], Frame],
    ) -> Chunks[Frame]:
        """Give candles chunk by chunk while a backfill, the oldest first, brings them."""

        async def begin() -> AsyncGenerator[Frame, None]:
            names = await self._resolve(wanted, manner, priority)
            if rows < len(names):
                raise InputError(f"rows={rows}: a chunk has room for one candle of {len(names)}")
            slots = rows // len(names)
            job = self.begin(wanted, replace(manner, chunk=slots), priority, show=show)
            timeframe, span = TIMEFRAMES[wanted.timeframe], self._span(wanted)
            brought = chunks(self._filler, names, timeframe, span, job=job, slots=slots)
            async with contextlib.aclosing(brought) as found:
                async for chunk in found:
                    yield finish(chunk)

        return Chunks(begin)

    def _run(self, priority: Priority, plan: Plan) -> Job:
        return self.begin(plan.wanted, plan.manner, priority, show=True)

    def _span(self, wanted: BackfillRequest) -> Span:
        return Span(wanted.start, self._filler.until(TIMEFRAMES[wanted.timeframe], wanted.end))

    async def _resolve(
        self, wanted: BackfillRequest, manner: BackfillOptions, priority: Priority
    ) -> list[str]:
        """Find the markets that are meant, and hear what time it is where the end depends on it."""
        names, unknown = await self._markets.resolve(wanted.symbols, priority)
        if unknown:
            raise next(iter(unknown.values()))
        if wanted.end is None or manner.verify:
            await self._filler.transport.ask_time()
        return names


def manner(order: Order, verify: str | None, patience: str) -> BackfillOptions:
    """Check how a backfill is to be done."""
    one_of("order", order, Order)
    again = 0 if verify is None else parse_duration(verify)
    return BackfillOptions(order, again, parse_duration(patience) / 1000)
