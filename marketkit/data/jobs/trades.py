"""A backfill of trades: days of the archive where that is wanted, and REST for the last ones."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.archive.trades import TradeFill
from marketkit.data.fetch.trades import SETTLED
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.archived import ArchiveSource
from marketkit.data.jobs.backfill import BackfillOptions
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.outage import Outage, patiently
from marketkit.data.jobs.presence import present
from marketkit.data.jobs.report import Report, refuse_if_all_broken
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.left_out import of_the_sound
from marketkit.data.lake.trades.layout import days_of
from marketkit.errors import LakeError
from marketkit.exchange.dialect import Request, Response
from marketkit.net.transport import Transport
from marketkit.net.walk import Send
from marketkit.progress import clock
from marketkit.timeframe import TIMEFRAMES, iso

_DAYS = TIMEFRAMES["1d"]


@dataclass(frozen=True, slots=True, repr=False)
class TradeReport(Report):
    """The result of a backfill of trades; the slots that are counted are UTC days.

    `traded` are days that are known whole and have trades, `empty` such without, `unknown` those of
    which trades may be missing. `rows` are trades that are new or of which more is known,
    `revisions` those that came or went though their time was proved (`lake.trades.revisions()`).
    """

    def __repr__(self) -> str:
        many = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        end = "complete" if self.complete else "INCOMPLETE"
        lines = [
            f"backfill of trades of {many}, {iso(self.start)} to {iso(self.end)}: {end}",
            self._days(),
            f"  {self.requests:,} requests, {self.rows:,} trades written in {clock(self.seconds)}",
        ]
        lines += [] if self.archive is None else self.archive.lines()
        if self.revisions:
            lines.append(f"  {self.revisions:,} trades REVISED: see lake.trades.revisions()")
        lines += [f"  {symbol}: {failure}" for symbol, failure in self.failures.items()]
        return "\n".join(lines)

    def _days(self) -> str:
        return (
            f"  {self.slots:,} days = {self.traded:,} with trades + {self.empty:,} proved empty"
            f" + {self.unknown:,} not known whole"
        )


async def backfill_trades(
    lake: Lake,
    transport: Transport,
    names: Sequence[str],
    wanted: BackfillRequest,
    *,
    run: FetchRun,
    options: BackfillOptions,
) -> TradeReport:
    """Fill the trades of the symbols `names`, and give the report.

    A day that could not be had stays unknown; a symbol whose own files are at fault is a failure of
    the report, and the others go on. Files of the last `verify` ms that were published again are
    taken again. Other processes see the job in the lake's ledger, and may pause or cancel it.
    Raises trouble with the lake, that of the first symbol where all have it, and the exchange's
    failure when patience ended.
    """
    outage = Outage(options.patience, run.say, transport.now, run.interruptions)
    await patiently(transport.ask_time, outage)
    now = transport.now()
    end = max(wanted.start, min(now - SETTLED if wanted.end is None else wanted.end, now - SETTLED))
    span = Span(wanted.start, end)
    await asyncio.to_thread(lake.require_writable)
    verify = Span(max(span.start, span.end - options.verify), span.end)
    _, broken = await asyncio.to_thread(
        of_the_sound, names, lambda some: [lake.trades.missing(name, *span) for name in some], str
    )
    run.failures.update(broken)
    sound = [name for name in names if name not in broken]
    fill, source = TradeFill(lake, run, _sender(transport, run), verify), options.archive
    with Ledger(lake.root) as ledger:
        async with present(ledger, wanted, run) as job:
            if source is not None:
                await _archived(fill, source, sound, span, now)
            await _rest(fill, sound, span, now, outage)
            taken = None if source is None else fill.taken
            asked = Span(span.start, span.end if wanted.end is None else wanted.end)
            report = await asyncio.to_thread(_report, fill, names, asked, taken)
            job.state = "done" if report.complete else "incomplete"
    return report


def _sender(transport: Transport, run: FetchRun) -> Send:
    async def send(request: Request) -> Response:
        await run.going.wait()
        response = await transport.send(request, run.priority)
        run.requests += 1
        run.reporter.progress.requests += 1
        run.reporter.update()
        return response

    return send


async def _rest(
    fill: TradeFill, names: Sequence[str], span: Span, now: int, outage: Outage
) -> None:
    """Ask REST; while REST answers nothing any more, wait."""
    answered, left = -math.inf, list(names)
    while left:
        failed = await fill.from_rest(left, span, now)
        if len(failed) < len(left):
            answered = time.monotonic()
            outage.over(answered)
        away = {name: each for name, each in failed.items() if outage.is_one(each, -math.inf)}
        fill.run.failures.update({k: v for k, v in failed.items() if k not in away})
        if away:
            await outage.wait(next(iter(away.values())))
        left = list(away)
    outage.over(math.inf)  # what fails by now has an answer


async def _archived(
    fill: TradeFill, source: ArchiveSource, names: Sequence[str], span: Span, now: int
) -> None:
    archive = source.open()
    try:
        await fill.from_archive(archive, source.basket, names, span, now)
    finally:
        fill.taken.requests, fill.taken.bytes = archive.requests, archive.bytes
        await archive.close()


def _report(
    fill: TradeFill, names: Sequence[str], span: Span, archive: ArchiveRun | None
) -> TradeReport:
    """Count the days of each symbol by state."""
    run, store, tallies = fill.run, fill.lake.trades, list[tuple[int, int, int]]()
    for name in names:
        try:
            tallies.append(store.tally(name, span))
        except LakeError as failure:
            run.failures.setdefault(name, failure)
            tallies.append((0, 0, len(list(days_of(Spans([span]))))))
    refuse_if_all_broken(names, run.failures)
    traded, empty, unknown = (sum(each) for each in zip(*tallies, strict=True))
    return TradeReport(
        symbols=tuple(names),
        timeframe=_DAYS,
        start=span.start,
        end=span.end,
        traded=traded,
        empty=empty,
        absent=0,
        unknown=unknown,
        requests=run.requests,
        rows=run.rows,
        revisions=run.revisions,
        seconds=run.reporter.progress.seconds,
        failures=dict(run.failures),
        archive=archive,
    )
