"""Days of trades from the archive, and of REST for the last ones, into the trades of the lake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.beside import beside
from marketkit.data.fetch.archive.member import refused
from marketkit.data.fetch.archive.rows import read_trades
from marketkit.data.fetch.archive.run import ArchiveRun, LeftFile
from marketkit.data.fetch.trades import fill
from marketkit.data.fetch.walks import FetchRun, stops_all
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.trades.layout import day_span, days_of
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.trades.write import TradesWritten
from marketkit.errors import BadResponse, Banned, InputError, LakeError, MarketkitError
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf, file_of
from marketkit.exchange.upbit.bodies import decode_candles
from marketkit.exchange.upbit.rest import candle_request
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Download, Fetched
from marketkit.net.walk import Send
from marketkit.settings import largest_archived
from marketkit.timeframe import TIMEFRAMES

_MOST = 400_000  # trades that are read and written at a time, of more than one file: 40 MB
_PACKED = 12  # bytes of a trade in a zip


def take_trades(store: TradeStore, fetched: Fetched, rows: pl.DataFrame) -> TradesWritten:
    """Keep the trades of a verified zip, and that the period of the name has no others.

    What the lake knows of the same trades beyond, such as REST's number, stays. Raises
    `NotWritable`.
    """
    file = fetched.published.file
    said = (fetched.sha256, fetched.size, fetched.published.modified, fetched.at)
    archive = Provenance((Source(file.key, *said, *file.span),))
    spans = Spans([file.span])
    return store.append(file.shelf.market, rows, spans, archive=archive, seen_at=fetched.at)


def is_traded(lake: Lake, symbol: str, span: Span) -> bool | None:
    """Say whether candles of a lake, of days or of minutes, have trades; None without proof."""
    for width in ("1d", "1m"):
        tally = lake.select(symbol, width).tally(symbol, span)
        if tally.traded or not tally.unknown:
            return bool(tally.traded)
    return None


@dataclass(frozen=True, slots=True)
class TradeFill:
    """One fill of the trades of a lake; `send` is for REST, whose yield goes into `run`.

    What came of the archive goes into `taken`; files of `verify` that were published again since
    are taken again. A file that is not had, or not taken, leaves its day unknown: the same call
    tries again.
    """

    lake: Lake
    run: FetchRun
    send: Send
    verify: Span
    taken: ArchiveRun = field(default_factory=ArchiveRun)

    async def from_archive(
        self, archive: Archive, basket: Basket, symbols: Sequence[str], span: Span, now: int
    ) -> None:
        """Take the days of which the lake lacks something, and files that were published again.

        Raises trouble with the lake.
        """
        found = [await self._found(archive, name, span, now) for name in symbols]
        files = [each for several in found for each in several]
        if not files and not any(basket.lying()):
            return
        download = Download(archive, files, basket, say=self.run.say)
        try:
            async with download:
                await self.take(download, download.done)
                for key in await asyncio.to_thread(self.left_over, basket):
                    basket.done(key)
        except Banned as banned:
            for each in files[:1]:
                self._leave(each, str(banned))
        for trouble in download.troubles:
            self._leave(trouble.published, trouble.said)

    async def from_rest(
        self, symbols: Sequence[str], span: Span, now: int
    ) -> dict[str, MarketkitError]:
        """Ask REST for the trades that the lake lacks; give the last symbols that failed.

        Those before one that did not are failures of the run: REST was there. So is a symbol whose
        own files are at fault. Raises trouble with the whole lake.
        """
        failed: dict[str, MarketkitError] = {}
        for name in symbols:
            try:
                filled = await fill(self.lake.trades, name, span, self.send, now)
            except LakeError as failure:
                if stops_all(failure) or self.lake.is_away(failure):
                    raise
                self.run.failures[name] = failure
            except MarketkitError as failure:
                failed[name] = failure
            else:
                self.run.rows += filled.rows
                self.run.failures.update(failed)
                failed = {}
        return failed

    def left_over(self, basket: Basket) -> list[str]:
        """Name the zips of a run that was killed after the lake had their trades."""
        found = []
        for key in [] if basket.keeps else basket.lying():
            file = file_of(key)
            if file is None or file.shelf.timeframe is not None:
                continue
            with suppress(LakeError):  # a damaged market's zips stay until that is mended
                if self.lake.trades.covered(file.shelf.market, *file.span).holds(*file.span):
                    found.append(key)
        return found

    async def _found(
        self, archive: Archive, symbol: str, span: Span, now: int
    ) -> Sequence[Published]:
        """Find the files of the days of which the lake lacks something."""
        missing = await asyncio.to_thread(self.lake.trades.missing, symbol, *span)
        known = await asyncio.to_thread(self.lake.trades.sources, symbol, self.verify)
        wanted = missing | Spans([self.verify]).clip(*span)
        days, shelf = Spans(day_span(day) for day, _ in days_of(wanted)), Shelf(symbol)
        if not days or not shelf.can_be:
            return ()
        try:
            found = await archive.find(shelf, days, now)
        except MarketkitError as failure:
            self.taken.failures[symbol] = self.run.failures[symbol] = failure
            return ()
        self.taken.notes += [
            f"{key} has no checksum beside: it is not taken" for key in found.unproved
        ]
        return [each for each in found.files if _is_news(each, missing, known)]

    async def take(
        self, files: AsyncIterable[Fetched], done: Callable[[Fetched], object] = lambda _: None
    ) -> None:
        """Take verified zips in one by one, and tell `done` of each that is not needed any more.

        One is written while the next is read. Raises trouble with the lake.
        """
        reading, writing = asyncio.Lock(), asyncio.Lock()  # a disk and a market have one writer

        async def one(fetched: Fetched) -> None:
            async with reading:
                rows = await self._read(fetched)
            if rows is not None:
                async with writing:
                    await self._keep(fetched, rows)
            done(fetched)

        async with beside(_MOST) as others:
            async for fetched in files:
                await self.run.going.wait()
                await others.begin(fetched.size // _PACKED, partial(one, fetched))

    async def _read(self, fetched: Fetched) -> pl.DataFrame | None:
        """Read a file; None for one that is refused, or that nothing else believes."""
        file = fetched.published.file
        try:
            rows = await asyncio.to_thread(read_trades, fetched.path, file, largest_archived())
            if rows.is_empty():
                await self._check_silent(file)
        except BadResponse as refusal:
            self._leave(fetched.published, str(refusal))
            return None
        return rows

    async def _keep(self, fetched: Fetched, rows: pl.DataFrame) -> None:
        """Write a file's trades; a wrong file, or a damaged market, is no other's failure."""
        try:
            written = await asyncio.to_thread(take_trades, self.lake.trades, fetched, rows)
        except InputError as refusal:
            self._leave(fetched.published, f"{fetched.published.key}: {refusal}")
            return
        except LakeError as failure:
            if stops_all(failure):
                raise
            self.run.failures[fetched.published.file.shelf.market] = failure
            return
        self.taken.files += 1
        self.taken.reused += fetched.reused
        self.run.rows += written.rows
        self.run.revisions += written.revisions
        self.run.reporter.progress.rows += written.rows
        self.run.reporter.update()

    async def _check_silent(self, file: ArchiveFile) -> None:
        """Believe a file without trades where candles say the same: of the lake, or else of REST.

        Raises `BadResponse` that names the file.
        """
        symbol, whose = file.shelf.market, "the lake"
        traded = await asyncio.to_thread(is_traded, self.lake, symbol, file.span)
        if traded is None:
            traded, whose = await self._asked(symbol, file.span), "REST"
        if traded is None:
            raise refused(file, "has no trades, and no candles prove that there were none")
        if traded:
            raise refused(file, f"has no trades, and candles of {whose} say that there were some")

    async def _asked(self, symbol: str, span: Span) -> bool | None:
        """Ask REST for the last day before the end of a span that has a candle; None if none has.

        A day without a trade has no candle.
        """
        request = candle_request(symbol, TIMEFRAMES["1d"], span.end, 1)
        try:
            rows = decode_candles((await self.send(request)).body, symbol)
        except MarketkitError:
            return None
        if rows.is_empty():
            return None
        return int(rows["time"].dt.epoch("ms").max()) >= span.start  # type: ignore[arg-type]

    def _leave(self, published: Published, said: str) -> None:
        file = published.file
        self.taken.troubles.append(LeftFile(file.shelf.market, file.key, said))
        if file.key in self.lake.trades.sources(file.shelf.market, file.span):
            self.taken.stale.append(file.key)  # the lake goes on with what it had


def _is_news(published: Published, missing: Spans, known: Mapping[str, Source]) -> bool:
    """Say whether a file has times that are missing, or was published again since."""
    if missing.clip(*published.file.span):
        return True
    was = known.get(published.key)
    return was is not None and (was.size, was.modified) != (published.size, published.modified)
