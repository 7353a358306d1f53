"""The files of the archive for the gaps of a lake, and the gaps left for the exchange's REST."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.lake.format.layout import Series, chunk_of
from marketkit.data.lake.format.provenance import Source
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.report.provenance import provenance_in
from marketkit.errors import LakeError, MarketkitError
from marketkit.exchange.upbit.archive.finding import CUTS, Published, published
from marketkit.exchange.upbit.archive.keys import INTERVALS, Shelf
from marketkit.timeframe import DAY, Timeframe

if TYPE_CHECKING:
    from marketkit.net.archive.archive import Archive


@dataclass(frozen=True, slots=True)
class Looked:
    """The files to take in for one symbol, ascending.

    `again` are known ones that were published again. `same` are the times of known files that were
    not: nobody need ask for them. `unproved` are keys of zips without a checksum.
    """

    symbol: str
    files: tuple[Published, ...] = ()
    again: tuple[Published, ...] = ()
    same: Spans = field(default_factory=Spans)
    unproved: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all zips."""
        return sum(each.size for each in (*self.files, *self.again))

    @property
    def spans(self) -> Spans:
        """The times that the files tell of."""
        return Spans(each.file.span for each in (*self.files, *self.again))


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are written together: of one symbol, with rows that begin in one chunk."""

    symbol: str
    chunk: str
    files: tuple[Published, ...]

    @property
    def start(self) -> int:
        """The first moment of the files, ms UTC."""
        return self.files[0].file.start

    @property
    def end(self) -> int:
        """The end of the last file's period."""
        return self.files[-1].file.period.end


def has_width(timeframe: Timeframe) -> bool:
    """Say whether the archive has candles of a width."""
    return timeframe.name in INTERVALS


def lacking(lake: Lake, symbol: str, timeframe: Timeframe, span: Span) -> Spans:
    """Give the slots that nobody knows, also where REST has none any more but the archive may."""
    return lake.select([symbol], timeframe).known(symbol).unproved(*span)


async def look_up(
    archive: Archive,
    lake: Lake,
    symbol: str,
    timeframe: Timeframe,
    span: Span,
    *,
    verify: Span = Span(0, 0),  # noqa: B008 - a constant
    now: int,
) -> Looked:
    """Find the files of missing times, and files of the span `verify` that are others by now.

    `now` is the exchange's time. Raises what `Archive.find` raises.
    """
    shelf = Shelf(symbol, timeframe)
    wanted = await asyncio.to_thread(lacking, lake, symbol, timeframe, span)
    found = await archive.find(shelf, wanted, now)
    again, same = await _again(archive, lake, shelf, timeframe, verify)
    taken = {each.key for each in found.files}
    return Looked(
        symbol,
        found.files,
        tuple(each for each in again if each.key not in taken),
        same,
        found.unproved,
    )


async def look_all_up(
    archive: Archive,
    filler: GapFiller,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
    *,
    verify: Span,
    result: ArchiveRun,
    said: Callable[[int], None],
) -> list[Looked]:
    """Find the files for all symbols; one that cannot be listed is a failure of the run.

    `said` is told how many symbols are done.
    """
    now = await filler.transport.ask_time()

    async def one(name: str) -> Looked:
        try:
            return await look_up(
                archive, filler.lake, name, timeframe, span, verify=verify, now=now
            )
        except LakeError:
            raise
        except MarketkitError as failure:
            result.failures[name] = failure
            spans = await asyncio.to_thread(lacking, filler.lake, name, timeframe, span)
            result.leave(name, spans.clip(0, unpublished(now)))
            return Looked(name)

    async def counted(name: str) -> Looked:
        looked = await one(name)
        said(next(done))
        return looked

    done = itertools.count(1)
    return list(await asyncio.gather(*map(counted, names)))


async def _again(
    archive: Archive, lake: Lake, shelf: Shelf, timeframe: Timeframe, verify: Span
) -> tuple[list[Published], Spans]:
    """Compare the listing with the lake's record of files; nothing else is asked for."""
    if verify.start >= verify.end:
        return [], Spans()
    series = Series(lake.source, shelf.market, timeframe)
    kept = await asyncio.to_thread(provenance_in, lake, series, verify)
    if not kept.sources:
        return [], Spans()
    known = {each.key: each for each in kept.sources}
    times = Spans((each.start, each.end) for each in kept.sources)
    others: list[Published] = []
    for cut in CUTS:
        listed, _ = await archive.walk(published(shelf, cut, times))
        others += [each for each in listed if _differs(each, known.get(each.key))]
    return others, times - Spans(each.file.span for each in others)


def _differs(now: Published, kept: Source | None) -> bool:
    return kept is not None and (now.size, now.modified) != (kept.size, kept.modified)


def unpublished(now: int) -> int:
    """Give the moment from which on the archive cannot have anything yet: today's midnight."""
    return now // DAY * DAY


def groups(timeframe: Timeframe, several: Iterable[Looked], order: str) -> list[Group]:
    """Put files together that share a chunk, and the groups in the order of the work."""
    parts: dict[tuple[str, str], list[Published]] = {}
    for looked in several:
        for each in sorted((*looked.files, *looked.again), key=lambda one: one.file.start):
            chunk = chunk_of(timeframe, each.file.span.start)
            parts.setdefault((looked.symbol, chunk), []).append(each)
    found = [Group(*key, tuple(files)) for key, files in parts.items()]
    if order == "symbols":
        return sorted(found, key=lambda each: (each.symbol, -each.end))
    if order == "oldest":
        return sorted(found, key=lambda each: (each.start, each.symbol))
    return sorted(found, key=lambda each: (-each.end, each.symbol))
