"""Backfills: how each is checked, planned, begun and read while running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from marketkit import symbols as naming
from marketkit.api.address import Address, part_of
from marketkit.api.crews import crew_of
from marketkit.api.markets import MarketList
from marketkit.api.query import Symbols
from marketkit.api.relative import hear
from marketkit.clock import age_clock
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.lookup import Looked
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.kept import GONE, KEPT, lost
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.archived import ArchiveSource, look_into
from marketkit.data.jobs.backfill import BackfillOptions, backfill, prepare_reads
from marketkit.data.jobs.chunks import Chunks, chunks
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.outage import Outage, patiently
from marketkit.data.jobs.plan import Plan, estimate
from marketkit.data.jobs.report import Report
from marketkit.data.jobs.tasks import BackfillRequest, Order
from marketkit.data.lake.store.left_out import of_the_sound
from marketkit.data.lake.trades.day import KIND
from marketkit.errors import Incomplete, InputError, LakeError, MarketkitError, UnknownSymbol, warn
from marketkit.exchange.dialect import Priority
from marketkit.frames import Frame, Precision, one_of
from marketkit.net.archive.terms import consent
from marketkit.notebook import job as notebook
from marketkit.progress import Progress, Reporter
from marketkit.settings import given_path, resolve_archive
from marketkit.timeframe import TIMEFRAMES, is_relative, parse_duration, parse_timeframe
from marketkit.window import Time, read_window

_log = logging.getLogger("marketkit.jobs")
_T = TypeVar("_T")


class BackfillEndpoints:
    """Plans and begins backfills of one lake."""

    def __init__(self, filler: GapFiller, markets: MarketList, address: Address) -> None:
        self.filler = filler
        self.lake = filler.lake
        self._markets = markets
        self._address = address

    def __reduce__(self) -> tuple[Any, ...]:
        return part_of, (self._address, "endpoints.backfills")

    def archive(self, wanted: bool, keep: str | Path | None = None) -> ArchiveSource | None:  # noqa: FBT001 - as the caller said it
        """Give the archive, if that is wanted, and the folder in which zips are kept.

        Raises `InputError` for an endpoint without an archive, and for a folder without one.
        """
        if not isinstance(wanted, bool):
            raise InputError(f"archive={wanted!r} is neither True nor False")
        if not wanted:
            if keep is not None:
                raise InputError(
                    f"keep={str(keep)!r} is for zips of the archive: pass archive=True"
                )
            return None
        folder = None if keep is None else given_path(keep, "keep")
        addresses = resolve_archive(self._address.endpoint)
        own = self.filler.transport.address
        return ArchiveSource(addresses, folder, self._address.offline, own)

    async def hear(self, symbols: Symbols, start: Time, end: Time | None) -> None:
        """Hear the exchange's time, or the names of markets, where a request has need of one."""
        await hear(self.filler.transport, start, end)
        if any(map(naming.is_name, naming.several(symbols))):
            with contextlib.suppress(MarketkitError):  # a job waits for an exchange that is away
                await self._markets.frame("normal")

    def wanted(
        self, symbols: Symbols, timeframe: str, start: Time, end: Time | None = None
    ) -> BackfillRequest:
        """Check the request of a backfill; a start that counts back begins with a whole slot."""
        # Trades are cut nowhere but in time, as finely as candles can be.
        width = parse_timeframe("1s" if timeframe == KIND else timeframe)
        now = self.filler.transport.now()
        window = read_window(width, start, end, None, now=now)
        first = window.start or 0
        first = window.timeframe.floor(first) if is_relative(start) else first
        given = self._markets.codes(naming.several(symbols))
        names = tuple(sorted(naming.typed(given, self._markets.known())))
        source = self.filler.lake.source
        name = KIND if timeframe == KIND else window.timeframe.name
        return BackfillRequest(source, names, name, first, window.end)

    def begin(
        self,
        wanted: BackfillRequest,
        manner: BackfillOptions,
        priority: Priority,
        *,
        show: bool,
        on: Executor | None = None,
    ) -> Job:
        """Begin a backfill in the background, here or on an executor.

        The first use of the archive asks for consent to the terms, in the thread of the caller.
        """
        one_of("priority", priority, Priority)
        crew = crew_of(wanted, self._address, on)
        if manner.archive is not None:
            consent()
        in_cell = show and notebook.is_here()
        run = FetchRun(priority, Reporter(Progress(wanted.label), show=show and not in_cell))

        async def work() -> Report:
            clock = self.filler.transport.now
            outage = Outage(manner.patience, run.say, clock, run.interruptions)
            began = age_clock()
            resolving = partial(self._resolve, wanted, manner, priority)
            names, unknown = await patiently(resolving, outage)
            run.failures.update(unknown)
            lost = {} if manner.archive else self._lost(names, wanted, KEPT)  # it may have them
            for symbol, failure in lost.items():
                _log.warning("%s: %s", symbol, failure)
            markets = (await self._markets.frame(priority))["symbol"].to_list()
            filling = partial(backfill, self.filler, names, wanted, run, manner)
            report = await filling(markets=markets, crew=crew)
            if run.rows or manner.archive is not None:
                sound = [name for name in names if name not in run.failures]
                width = TIMEFRAMES[wanted.timeframe]
                await prepare_reads(self.lake, sound, width, self._span(wanted))
            doubtful = [name for name in names if isinstance(run.failures.get(name), UnknownSymbol)]
            if doubtful:
                run.failures.update(await self._markets.gone(doubtful, priority, began))
            return report

        doing = work if wanted.timeframe != KIND else partial(self._trades, wanted, manner, run)
        job = Job(wanted, self.filler.lake.root, run, doing)
        if in_cell:
            notebook.watch(job)
        return job

    async def _trades(
        self, wanted: BackfillRequest, manner: BackfillOptions, run: FetchRun
    ) -> Report:
        """Fill trades; a choice for candles alone is refused."""
        from marketkit.data.jobs.trades import backfill_trades  # noqa: PLC0415 - most want none

        if manner.recheck or manner.order != "newest":
            raise InputError("order= and recheck= are for candles, not for trades")
        lake, transport = self.filler.lake, self.filler.transport
        outage = Outage(manner.patience, run.say, transport.now, run.interruptions)
        resolving = partial(self._resolve, wanted, manner, run.priority)
        names, unknown = await patiently(resolving, outage)
        run.failures.update(unknown)
        return await backfill_trades(lake, transport, names, wanted, run=run, options=manner)

    async def plan(
        self, wanted: BackfillRequest, manner: BackfillOptions, priority: Priority
    ) -> Plan:
        """Estimate a backfill."""
        one_of("priority", priority, Priority)
        names, unknown = await self._resolve(wanted, manner, priority)
        for failure in unknown.values():
            warn(f"not in the plan: {failure}")
        if wanted.timeframe == KIND:
            return await self._trade_plan(wanted, manner, names, priority)
        timeframe = TIMEFRAMES[wanted.timeframe]
        names = list(await _readable(names, lambda name: self.lake.covered(name, timeframe)))
        span, archived = self._span(wanted), dict[str, Looked]()
        if manner.archive is not None:
            archived, told = await look_into(manner.archive, self.filler, names, timeframe, span)
            for name, failure in told.failures.items():
                warn(f"{name} is planned without the archive: {failure}")
        costs = await asyncio.to_thread(estimate, self.filler, names, timeframe, span, archived)
        limit = self.filler.transport.limit("candles")
        pace = limit.requests / limit.seconds
        return Plan(wanted, tuple(costs), pace, manner, partial(self._run, priority))

    async def _trade_plan(
        self,
        wanted: BackfillRequest,
        manner: BackfillOptions,
        names: Sequence[str],
        priority: Priority,
    ) -> Plan:
        """Estimate a backfill of trades."""
        from marketkit.data.jobs import trade_plan  # noqa: PLC0415 - as above

        store, transport = self.lake.trades, self.filler.transport
        now = await transport.ask_time()
        lacks = await _readable(names, partial(trade_plan.lacking, store, wanted=wanted, now=now))
        found = None
        if manner.archive is not None:
            found = await trade_plan.look_for_trades(manner.archive, lacks, now)
        costs = await asyncio.to_thread(trade_plan.trade_costs, store, lacks, found)
        limit = transport.limit("crix-trades")
        pace = limit.requests / limit.seconds
        run = partial(self._run, priority)
        return trade_plan.TradePlan(wanted, tuple(costs), pace, manner, run)

    def stream(
        self,
        wanted: BackfillRequest,
        manner: BackfillOptions,
        priority: Priority,
        *,
        rows: int,
        show: bool,
        precision: Precision,
        finish: Callable[[pl.DataFrame], Frame],
    ) -> Chunks[Frame]:
        """Give candles chunk by chunk from a backfill at work, the oldest first."""
        parse_timeframe(wanted.timeframe)  # of trades there are no chunks

        async def begin() -> AsyncGenerator[Frame, None]:
            names, unknown = await self._resolve(wanted, manner, priority)
            if unknown:  # a chunk has all symbols, or there is none
                raise next(iter(unknown.values()))
            for failure in (await asyncio.to_thread(self._lost, names, wanted, GONE)).values():
                raise failure
            if rows < len(names):
                raise InputError(f"rows={rows}: a chunk has room for one candle of {len(names)}")
            slots = rows // len(names)
            job = self.begin(wanted, replace(manner, chunk=slots), priority, show=show)
            timeframe, span = TIMEFRAMES[wanted.timeframe], self._span(wanted)
            cut = partial(chunks, slots=slots, precision=precision)
            brought = cut(self.filler, names, timeframe, span, job=job)
            async with contextlib.aclosing(brought) as found:
                async for chunk in found:
                    yield finish(chunk)

        return Chunks(begin)

    def _run(self, priority: Priority, plan: Plan, on: Executor | None) -> Job:
        return self.begin(plan.wanted, plan.options, priority, show=True, on=on)

    def _span(self, wanted: BackfillRequest) -> Span:
        return Span(wanted.start, self.filler.until(TIMEFRAMES[wanted.timeframe], wanted.end))

    def _lost(
        self, names: Sequence[str], wanted: BackfillRequest, age: int
    ) -> dict[str, MarketkitError]:
        """Name the seconds older than an age in ms that can no longer be fetched, by symbol."""
        timeframe, now = TIMEFRAMES[wanted.timeframe], self.filler.transport.now()
        if timeframe.name != "1s" or not self.filler.transport.clock.is_heard:
            return {}
        covered: dict[str, Spans] = {}
        for name in names:
            with contextlib.suppress(LakeError):  # the backfill will say so
                covered[name] = self.lake.covered(name, timeframe)
        return lost(timeframe, covered, self._span(wanted), now - age)

    async def _resolve(
        self, wanted: BackfillRequest, manner: BackfillOptions, priority: Priority
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        """Resolve the symbols, and ask the exchange's time where the end depends on the time.

        Gives the listed ones and the errors of others. Raises the first of these if there are none.
        """
        names, unknown = await self._markets.resolve(wanted.symbols, priority)
        if unknown and not names:
            raise next(iter(unknown.values()))
        if wanted.end is None or manner.verify:
            await self.filler.transport.ask_time()
        return names, unknown


async def _readable(names: Sequence[str], look: Callable[[str], _T]) -> dict[str, _T]:
    """Give what a look at the series of each symbol finds, and warn of those that cannot be read.

    Raises the failure of the first where none can.
    """
    found, broken = await asyncio.to_thread(
        of_the_sound, names, lambda some: {name: look(name) for name in some}, str
    )
    for name, failure in broken.items():
        warn(f"not in the plan: {name}: {failure}", Incomplete)
    return found


def manner(
    order: Order,
    verify: str | None,
    patience: str,
    *,
    recheck: bool = False,
    archive: ArchiveSource | None = None,
) -> BackfillOptions:
    """Check how a backfill is to be done."""
    one_of("order", order, Order)
    again = 0 if verify is None else parse_duration(verify)
    seconds = parse_duration(patience) / 1000
    return BackfillOptions(order, again, seconds, recheck=recheck, archive=archive)
