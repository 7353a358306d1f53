"""Files for the gaps of a lake are taken in, group by group, and checked with REST.

While one group waits for REST and for the disk, the next is read; writes are in turn.

A file that is not had, or not taken, leaves its slots as they were, and REST is not asked for them:
the same call tries again. A killed run loses the files in hand from memory only: they lie verified
on disk, and the next run reads them there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.beside import beside
from marketkit.data.fetch.archive.crosscheck import MonthChecks
from marketkit.data.fetch.archive.lookup import Group, Looked, groups
from marketkit.data.fetch.archive.pieces import (
    Piece,
    broken,
    read_piece,
    rows_of,
    write_pieces,
)
from marketkit.data.fetch.archive.run import ArchiveRun, LeftFile, MonthCheck
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun, stops_all
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import Check
from marketkit.data.lake.store.write import Written
from marketkit.errors import (
    BadResponse,
    Banned,
    InputError,
    LakeError,
)
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import file_of
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Download, Fetched
from marketkit.settings import largest_archived
from marketkit.timeframe import Timeframe

T = TypeVar("T")
_MOST = 400_000  # rows that are checked and written while others are read: 25 MB


class Ingest:
    """Takes files in for one job, once."""

    def __init__(
        self,
        filler: GapFiller,
        archive: Archive,
        basket: Basket,
        timeframe: Timeframe,
        run: FetchRun,
        *,
        result: ArchiveRun,
    ) -> None:
        self._filler = filler
        self._archive = archive
        self._basket = basket
        self._timeframe = timeframe
        self._run = run
        self._result = result
        self._largest = largest_archived()
        self._again: frozenset[str] = frozenset()
        self._checks = MonthChecks(filler.transport, timeframe, run, result)
        self._writing = asyncio.Lock()

    async def take(self, several: Sequence[Looked], order: str) -> None:
        """Download and write all files; troubles go into the result.

        Raises trouble with the lake as a whole, and errors of this machine.
        """
        todo = groups(self._timeframe, several, order)
        self._tell(several, todo)
        of = {each.key: group for group in todo for each in group.files}
        if not of and not self._left_over():
            return
        try:
            async with Download(
                self._archive, self._missing(todo), self._basket, say=self._run.say
            ) as download:
                await self._each(download, of)
                for key in self._left_over():
                    self._basket.done(key)
        except Banned as banned:
            for key, group in of.items():
                self._leave(group.symbol, key, str(banned), of)
        else:
            for trouble in download.troubles:
                key = trouble.published.key
                self._leave(of[key].symbol, key, trouble.said, of)

    def _tell(self, several: Sequence[Looked], todo: Sequence[Group]) -> None:
        """Note the files to come, and the times left to REST from the beginning."""
        self._again = frozenset(each.key for looked in several for each in looked.again)
        for looked in several:
            self._result.leave(looked.symbol, looked.same)
            self._result.notes += [
                f"{key} has no checksum beside: REST is asked instead" for key in looked.unproved
            ]
        self._run.reporter.progress.total += sum(
            self._timeframe.count_all(each.file.span for each in group.files) for group in todo
        )

    def _left_over(self) -> list[str]:
        """Name the zips of a run that was killed after the lake had their rows."""
        lake, found = self._filler.lake, []
        for key in [] if self._basket.keeps else self._basket.lying():
            file = file_of(key)
            if file is None or file.shelf.timeframe != self._timeframe:
                continue
            with suppress(LakeError):  # a damaged series' zips stay until that is mended
                if lake.covered(file.shelf.market, self._timeframe).holds(*file.span):
                    found.append(key)
        return found

    def _missing(self, todo: Sequence[Group]) -> Iterator[Published]:
        """Give the files that still say anything new: another process may have been faster."""
        for group in todo:
            known = self._filler.lake.covered(group.symbol, self._timeframe)
            for each in group.files:
                if each.key in self._again or not known.holds(*each.file.span):
                    yield each

    async def _each(self, download: Download, of: Mapping[str, Group]) -> None:
        """Read files in their order; each whole group is checked and written beside the reading."""
        async with beside(_MOST) as others:
            async for group, hand in self._groups(download, of):
                rows = sum(each.rows.height for each in hand)
                await others.begin(rows, partial(self._keep, download, group, hand))

    async def _groups(
        self, download: Download, of: Mapping[str, Group]
    ) -> AsyncIterator[tuple[Group, list[Piece]]]:
        """Read files, and give each group with all rows once no more can come."""
        hand: list[Piece] = []
        group: Group | None = None
        async for fetched in download:
            await self._run.going.wait()
            mine = of[fetched.published.key]
            if group is not None and mine is not group:
                yield group, hand
                hand = []
            group = mine
            hand += await self._read(download, group, fetched, of)
        if group is not None:
            yield group, hand

    async def _read(
        self, download: Download, group: Group, fetched: Fetched, of: Mapping[str, Group]
    ) -> list[Piece]:
        """Read one file; one that is refused, or has no rows, is nothing."""
        key = fetched.published.key
        try:
            piece = await _finished(read_piece, fetched, self._largest)
        except BadResponse as refusal:
            self._leave(group.symbol, key, str(refusal), of)
            download.done(fetched)
            return []
        if piece.rows.is_empty():
            # That nothing traded for so long rests on one answer: REST has the second.
            self._result.notes.append(f"{key} has no rows: REST is asked whether nothing traded")
            download.done(fetched)
            return []
        return [piece]

    async def _keep(self, download: Download, group: Group, hand: Sequence[Piece]) -> None:
        """Check a group's months with REST and write the files, without the broken ones."""
        if not hand:
            return
        series = Series(self._filler.lake.source, group.symbol, self._timeframe)
        spans = Spans(span for each in hand for span in each.spans)
        checks = await self._checks.of(group.symbol, spans, rows_of(hand))
        try:
            async with self._writing:  # a series has one writer at a time, and so has a disk
                written = await _finished(write_pieces, self._filler.lake, series, hand, checks)
        except InputError:
            await self._keep_sound(download, group, series, hand)
            return
        except LakeError as failure:
            if stops_all(failure):
                raise
            self._run.failures[group.symbol] = failure
            self._result.leave(group.symbol, spans)
            return
        self._count(group.symbol, hand, written, checks)
        for each in hand:
            download.done(each.fetched)

    async def _keep_sound(
        self, download: Download, group: Group, series: Series, hand: Sequence[Piece]
    ) -> None:
        """Leave files with impossible candles out, and write the others."""
        found = await _finished(broken, series, hand)
        for each in hand:
            if (said := found.get(each.source.key)) is not None:
                self._trouble(group.symbol, each.source.key, f"{each.source.key}: {said}")
                self._result.leave(group.symbol, each.spans)
                download.done(each.fetched)
        sound = [each for each in hand if each.source.key not in found]
        if not found:
            raise LakeError(
                f"files of {group.symbol} {series.timeframe} cannot be written together"
            )
        await self._keep(download, group, sound)

    def _count(
        self, symbol: str, hand: Sequence[Piece], written: Written, checks: Sequence[Check]
    ) -> None:
        result, run, progress = self._result, self._run, self._run.reporter.progress
        result.files += len(hand)
        result.reused += sum(each.fetched.reused for each in hand)
        result.again += sum(each.source.key in self._again for each in hand)
        result.checks += [MonthCheck(symbol, check) for check in checks]
        run.rows += written.rows
        run.revisions += written.revisions
        progress.rows += sum(each.rows.height for each in hand)
        progress.done += self._timeframe.count_all(s for each in hand for s in each.spans)
        run.reporter.update()
        for each in hand:
            if each.source.key in self._again:  # asked again, as the caller wanted
                result.leave(symbol, each.spans)

    def _leave(self, symbol: str, key: str, said: str, of: Mapping[str, Group]) -> None:
        """Note a file that is not taken, for whose times REST is not asked."""
        self._trouble(symbol, key, said)
        files = (each.file.span for each in of[key].files if each.key == key)
        self._result.leave(symbol, Spans(files))

    def _trouble(self, symbol: str, key: str, said: str) -> None:
        self._result.troubles.append(LeftFile(symbol, key, said))
        self._result.stale += [key] if key in self._again else []


async def _finished(work: Callable[..., T], *values: object) -> T:
    """Do work in a thread, and wait for the end even where the caller is cancelled meanwhile."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *values))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait((doing,))
        raise
