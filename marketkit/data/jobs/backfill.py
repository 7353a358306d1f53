"""A backfill as one piece of work: close gaps of many symbols, count every slot by state."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from marketkit.coverage import ONE_ANSWER, Evidence, Span, Spans
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.archived import ArchiveSource, take_from_archive
from marketkit.data.jobs.executor import Cancelled, Executor
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import LedgerReset
from marketkit.data.jobs.outage import Outage
from marketkit.data.jobs.presence import present
from marketkit.data.jobs.report import Report, refuse_if_all_broken
from marketkit.data.jobs.tasks import BackfillRequest, Grid, Order, Task, in_order, tasks
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.store import Tally
from marketkit.data.lake.tier import tier
from marketkit.errors import LakeError, MarketkitError
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES, Timeframe

_MONTHS = TIMEFRAMES["1M"]
_PREPARING = 600.0  # seconds; all that there is room for takes a tenth of that


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """How a backfill is done: in which order, how long to wait for an exchange that is away.

    The last `verify` milliseconds that can be final are asked even where they are known; `recheck`
    asks all that the lake holds for older than the market. `patience` is in seconds. Somebody who
    waits for the oldest `chunk` slots of all symbols gets them first. With `archive` whole days
    come from there, and REST is asked for the rest.
    """

    order: Order = "newest"
    verify: int = 0
    patience: float = math.inf
    chunk: int = 0
    recheck: bool = False
    archive: ArchiveSource | None = None


async def backfill(
    filler: GapFiller,
    names: Sequence[str],
    wanted: BackfillRequest,
    run: FetchRun,
    options: BackfillOptions,
    *,
    markets: Sequence[str],
    crew: Callable[..., Executor] = Executor,
) -> Report:
    """Do a job for the symbols `names`, together with all processes at work; give the report.

    `markets` are what the exchange lists: whether it gives candles of another one tells a symbol
    that fails from an exchange that is away. `crew` makes the executor: of this process, or of
    workers elsewhere.
    A series whose own files are at fault is a failure of the report, and the others go on. Raises
    what ends it early: `CancelledError`, trouble with the lake, the ledger or all series
    (`LakeError`), and the exchange's failure when patience ended.
    """
    timeframe = TIMEFRAMES[wanted.timeframe]
    span = Span(wanted.start, filler.until(timeframe, wanted.end))
    again = _again(filler, timeframe, span, options.verify)
    sound = await asyncio.to_thread(_sound, filler.lake, names, timeframe, run)
    verify = again if options.verify else Span(0, 0)
    archived = await _archived(filler, sound, wanted, span, verify, run=run, options=options)
    skip = {} if archived is None else archived.skip
    if options.order == "oldest":
        await find_listings(filler, sound, timeframe, span, run)

    chunk = options.chunk
    grid = Grid.of_chunks(timeframe.ceil(span.start), chunk) if chunk else Grid()

    def gaps(name: str) -> Spans:
        gaps = filler.gaps(name, timeframe, span, again, absent=options.recheck)
        return gaps - skip.get(name, Spans())

    def plan() -> list[Task]:
        with filler.lake.one_look(sound, timeframe):
            found = [task for name in sound for task in tasks(name, timeframe, gaps(name), grid)]
        return in_order(found, options.order)

    with Ledger(filler.lake.root) as ledger:
        while (planned := await asyncio.to_thread(plan)) or ledger.knows(wanted.id):
            await asyncio.to_thread(filler.lake.require_writable)
            await asyncio.to_thread(ledger.open, wanted, planned)
            outage = Outage(options.patience, run.say, filler.transport.now, run.interruptions)
            executor = crew(
                filler,
                ledger,
                timeframe,
                run,
                again=again,
                recheck=options.recheck,
                outage=outage,
                markets=markets,
                skip=skip,
            )
            with suppress(LedgerReset):  # then it is planned again: what is true is in the lake
                return await _together(executor, ledger, wanted, names, span, archived=archived)
    return await _report(filler.lake, names, timeframe, span, run, archived=archived)


async def prepare_reads(lake: Lake, names: Sequence[str], timeframe: Timeframe, span: Span) -> None:
    """Have what a job brought read as memory from now on; the newest first, up to the bound.

    Not chunks that change within the hour.
    """
    with suppress(LakeError):  # who reads is told
        files = (await asyncio.to_thread(lake.select, names, timeframe)).files(span)
        await asyncio.to_thread(tier.later, files.newest_first, files.known)
        await asyncio.to_thread(tier.wait, _PREPARING)


async def _archived(
    filler: GapFiller,
    names: Sequence[str],
    wanted: BackfillRequest,
    span: Span,
    verify: Span,
    *,
    run: FetchRun,
    options: BackfillOptions,
) -> ArchiveRun | None:
    """Take in what the archive has, if that is asked; what it would not list has failed."""
    source, timeframe = options.archive, TIMEFRAMES[wanted.timeframe]
    if source is None:
        return None
    await asyncio.to_thread(filler.lake.require_writable)
    with Ledger(filler.lake.root) as ledger:
        async with present(ledger, wanted, run):
            found = await take_from_archive(
                source, filler, names, timeframe, span, run=run, verify=verify, order=options.order
            )
    run.failures.update(found.failures)
    return found


async def _together(
    executor: Executor,
    ledger: Ledger,
    wanted: BackfillRequest,
    names: Sequence[str],
    span: Span,
    *,
    archived: ArchiveRun | None,
) -> Report:
    """Do the tasks as one of the processes at the job; however that ends, leave the ledger."""
    run, state, note = executor.run, "failed", ""
    me = await asyncio.to_thread(ledger.register, wanted.id)
    try:
        await executor.work(me)
        progress, totals = run.reporter.progress, await asyncio.to_thread(ledger.totals, wanted.id)
        progress.total, progress.done = totals.slots, totals.done
        for symbol, message in (await asyncio.to_thread(ledger.failures, wanted.id)).items():
            run.failures.setdefault(symbol, MarketkitError(message))
        report = await _report(
            executor.lake, names, executor.timeframe, span, run, archived=archived
        )
        state = "done" if report.complete else "incomplete"
    except Cancelled:
        state = run.ending = "cancelled"
        raise asyncio.CancelledError from None
    except asyncio.CancelledError:
        state = run.ending
        raise
    except BaseException as failure:
        note = str(failure)
        raise
    finally:
        with suppress(LakeError, LedgerReset):  # a full disk is no reason to hide the first reason
            if state == "cancelled":
                ledger.command(wanted.id, "cancel")
            ledger.leave(me, state, note)
    return report


def _sound(lake: Lake, names: Sequence[str], timeframe: Timeframe, run: FetchRun) -> list[str]:
    """Give the symbols whose series can be read, and note why the others cannot."""
    with lake.one_look(names, timeframe):
        for name in names:
            try:
                lake.covered(name, timeframe)
            except LakeError as failure:
                if lake.is_away(failure):
                    raise
                run.failures[name] = failure
    sound = [name for name in names if name not in run.failures]
    if names and not sound:
        raise run.failures[names[0]]
    return sound


async def find_listings(
    filler: GapFiller, names: Sequence[str], timeframe: Timeframe, span: Span, run: FetchRun
) -> None:
    """Learn each symbol's listing from a page of months, so that nobody asks for earlier slots.

    Worth its two requests where the oldest candles are asked first; the others meet the listing on
    their way down.
    """
    if timeframe.width >= _MONTHS.width or timeframe.name == "1s":
        return
    lake = filler.lake
    unknown = [name for name in names if filler.gaps(name, timeframe, (span.start, span.start + 1))]
    early = [name for name in unknown if lake.nothing_before(name, timeframe) is None]
    end = filler.until(_MONTHS, None)
    if span.start >= end:
        return
    quiet = FetchRun(run.priority, run.reporter)
    spans = dict.fromkeys(early, (0, end))
    await filler.fill(await asyncio.to_thread(filler.plan, _MONTHS, spans), quiet)
    run.requests += quiet.requests
    await asyncio.to_thread(_learn, lake, early, timeframe)


def _learn(lake: Lake, names: Sequence[str], timeframe: Timeframe) -> None:
    """Take over that nothing is older than the first month of a symbol."""
    for name in names:
        known, months = lake.select(name, _MONTHS).known(name), lake.read(name, _MONTHS)
        if known.nothing_before is not None and months.height:
            first = int(months["time"].dt.epoch("ms")[0])
            # Of a lake that is older than confirmed answers, months prove no more than theirs.
            proof: Evidence = ONE_ANSWER if known.rests_on == ONE_ANSWER else "months"
            lake.append(name, timeframe, empty(ROW), Spans(), nothing_before=first, rests_on=proof)


def _again(filler: GapFiller, timeframe: Timeframe, span: Span, verify: int) -> Span:
    last = timeframe.ceil(min(span.end, filler.until(timeframe, None)))
    return Span(timeframe.floor(max(0, last - verify)), last)


async def _report(
    lake: Lake,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
    run: FetchRun,
    *,
    archived: ArchiveRun | None,
) -> Report:
    tally, unconfirmed = await asyncio.to_thread(_tally, lake, names, timeframe, span, run)
    refuse_if_all_broken(names, run.failures)
    return Report(
        symbols=tuple(names),
        timeframe=timeframe,
        start=span.start,
        end=span.end,
        **tally._asdict(),
        requests=run.requests,
        rows=run.rows,
        revisions=run.revisions,
        seconds=run.reporter.progress.seconds,
        failures=run.failures,
        unconfirmed=tuple(unconfirmed),
        archive=archived,
    )


def _tally(
    lake: Lake, names: Sequence[str], timeframe: Timeframe, span: Span, run: FetchRun
) -> tuple[Tally, list[str]]:
    """Count the slots of all symbols by state, and name those whose absence rests on one answer.

    Of a series that cannot be read all are unknown.
    """
    counts, unconfirmed = [Tally(0, 0, 0, 0)], []
    for name in names:
        try:
            found = lake.select([name], timeframe)
            counts.append(found.tally(name, span))
            if counts[-1].absent and found.known(name).rests_on == ONE_ANSWER:
                unconfirmed.append(name)
        except LakeError as failure:
            run.failures.setdefault(name, failure)
            counts.append(Tally(0, 0, 0, timeframe.count(*span)))
    return Tally(*[sum(each) for each in zip(*counts, strict=True)]), unconfirmed
