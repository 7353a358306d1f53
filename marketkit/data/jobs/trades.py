"""A backfill of trades: days of the archive where that is wanted, and REST for the last ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from marketkit.coverage import Span
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.archive.trades import TradeFill
from marketkit.data.fetch.trades import SETTLED
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.archived import ArchiveSource
from marketkit.data.jobs.report import Report
from marketkit.data.jobs.tasks import BackfillRequest
from marketkit.data.lake.lake import Lake
from marketkit.exchange.dialect import Request, Response
from marketkit.net.transport import Transport
from marketkit.progress import clock
from marketkit.timeframe import TIMEFRAMES, iso

_DAYS = TIMEFRAMES["1d"]


@dataclass(frozen=True, slots=True, repr=False)
class TradeReport(Report):
    """The result of a backfill of trades; the slots that it counts are UTC days.

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
    source: ArchiveSource | None,
    verify: int = 0,
) -> TradeReport:
    """Fill the trades of the symbols `names`, and give the report.

    A day that could not be had stays unknown. Files of the last `verify` ms that were published
    again are taken again. Raises trouble with the lake.
    """
    await transport.ask_time()
    now = transport.now()
    end = max(wanted.start, min(now - SETTLED if wanted.end is None else wanted.end, now - SETTLED))
    span = Span(wanted.start, end)

    async def send(request: Request) -> Response:
        await run.going.wait()
        response = await transport.send(request, run.priority)
        run.requests += 1
        run.reporter.progress.requests += 1
        run.reporter.update()
        return response

    await asyncio.to_thread(lake.require_writable)
    fill = TradeFill(lake, run, send, Span(max(span.start, span.end - verify), span.end))
    if source is not None:
        await _archived(fill, source, names, span, now)
    await fill.from_rest(names, span, now)
    taken = None if source is None else fill.taken
    return await asyncio.to_thread(_report, fill, names, span, taken)


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
    """Count the days of each symbol by what is known of each."""
    run, store = fill.run, fill.lake.trades
    tallies = [store.tally(name, span) for name in names]
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
