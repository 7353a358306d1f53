"""Days of trades from the archive, and of REST for the last ones, into the trades of the lake."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.member import refused
from marketkit.data.fetch.archive.rows import read_trades
from marketkit.data.fetch.archive.run import ArchiveRun, LeftFile
from marketkit.data.fetch.trades import fill
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.trades.layout import day_span, days_of
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.trades.write import TradesWritten
from marketkit.errors import BadResponse, Banned, LakeError, MarketkitError
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import Shelf
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Download, Fetched
from marketkit.net.walk import Send
from marketkit.settings import largest_archived


def take_trades(
    store: TradeStore, fetched: Fetched, largest: int, *, silent: bool = False
) -> TradesWritten:
    """Keep the trades of a verified zip, and that there are no others in the period of its name.

    What the lake knows of the same trades beyond, such as REST's number, stays. That nothing traded
    is believed where the market's candles say so: `silent`. Raises `BadResponse` that names the
    file for one that is not taken, and `NotWritable`.
    """
    file = fetched.published.file
    rows, span = read_trades(fetched.path, file, largest), file.span
    if rows.is_empty() and not silent:
        raise refused(file, "has no trades, and no candles of the lake prove that there were none")
    said = (fetched.sha256, fetched.size, fetched.published.modified, fetched.at)
    archive = Provenance((Source(file.key, *said, *span),))
    symbol = file.shelf.market
    return store.append(symbol, rows, Spans([span]), archive=archive, seen_at=fetched.at)


def is_silent(lake: Lake, symbol: str, span: Span) -> bool:
    """Say whether candles of a lake, of days or of minutes, prove that nothing traded."""
    for width in ("1d", "1m"):
        tally = lake.select(symbol, width).tally(symbol, span)
        if not tally.unknown:
            return not tally.traded
    return False


@dataclass(frozen=True, slots=True)
class TradeFill:
    """One fill of the trades of a lake; `send` is for REST, and what comes of it goes into `run`.

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
        if not files:
            return
        download = Download(archive, files, basket, say=self.run.say)
        try:
            async with download:
                async for fetched in download:
                    await self.run.going.wait()
                    await self._take(fetched)
                    download.done(fetched)
        except Banned as banned:
            self._leave(files[0], str(banned))
        for trouble in download.troubles:
            self._leave(trouble.published, trouble.said)

    async def from_rest(self, symbols: Sequence[str], span: Span, now: int) -> None:
        """Ask REST for what the lake lacks of the last days. Raises trouble with the lake."""
        for name in symbols:
            try:
                filled = await fill(self.lake.trades, name, span, self.send, now)
            except LakeError:
                raise
            except MarketkitError as failure:
                self.run.failures[name] = failure
            else:
                self.run.rows += filled.rows

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

    async def _take(self, fetched: Fetched) -> None:
        try:
            written = await asyncio.to_thread(self._taken, fetched)
        except BadResponse as refusal:
            self._leave(fetched.published, str(refusal))
            return
        self.taken.files += 1
        self.taken.reused += fetched.reused
        self.run.rows += written.rows
        self.run.revisions += written.revisions
        self.run.reporter.progress.rows += written.rows
        self.run.reporter.update()

    def _taken(self, fetched: Fetched) -> TradesWritten:
        file = fetched.published.file
        silent = is_silent(self.lake, file.shelf.market, file.span)
        return take_trades(self.lake.trades, fetched, largest_archived(), silent=silent)

    def _leave(self, published: Published, said: str) -> None:
        file = published.file
        self.taken.troubles.append(LeftFile(file.shelf.market, file.key, said))


def _is_news(published: Published, missing: Spans, known: Mapping[str, Source]) -> bool:
    """Say whether a file has times that are missing, or is not as it was when it was taken."""
    if missing.clip(*published.file.span):
        return True
    was = known.get(published.key)
    return was is not None and (was.size, was.modified) != (published.size, published.modified)
