"""Days of trades from the archive, and of REST for the last ones, into the trades of the lake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.archive.member import refused
from marketkit.data.fetch.archive.rows import read_trades
from marketkit.data.fetch.trades import fill
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.trades.layout import days_of
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.trades.write import TradesWritten
from marketkit.errors import BadResponse, LakeError, MarketkitError
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import Shelf
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.download import Download, Fetched
from marketkit.net.walk import Send
from marketkit.timeframe import DAY

Silent = Callable[[str, Span], bool]  # says whether candles prove that nothing traded


def silent_by(lake: Lake) -> Silent:
    """Give the proof of silence by the candles of a lake: days or minutes that are proved."""

    def silent(symbol: str, span: Span) -> bool:
        for width in ("1d", "1m"):
            found = lake.select(symbol, width).tally(symbol, span)
            if not found.unknown:
                return not found.traded
        return False

    return silent


def _unproved(_symbol: str, _span: Span) -> bool:
    return False


@dataclass(slots=True)
class TradesTaken:
    """The outcome of a fill: what came, what could not be had and why, and what is missing still.

    `files` are those of the archive that were taken; `troubles` say what is wrong with others, and
    the times of these stay unknown, as `missing` by symbol tells: the same call tries again.
    """

    files: int = 0
    rows: int = 0
    revisions: int = 0
    troubles: list[str] = field(default_factory=list)
    failures: dict[str, MarketkitError] = field(default_factory=dict)
    missing: dict[str, Spans] = field(default_factory=dict)

    def add(self, written: TradesWritten) -> None:
        """Count what was written."""
        self.rows += written.rows
        self.revisions += written.revisions


@dataclass(frozen=True, slots=True)
class ArchiveAccess:
    """The archive, the folder of zips, the bytes that one may unpack to, and proof of silence."""

    archive: Archive
    basket: Basket
    largest: int
    silent: Silent = _unproved


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


async def fill_trades(
    store: TradeStore,
    symbols: Sequence[str],
    span: Span,
    now: int,
    *,
    send: Send,
    access: ArchiveAccess | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> TradesTaken:
    """Fill the trades of some symbols: days of the archive, and REST for what it lacks.

    `now` is the exchange's, in ms. A file that is not had, or not taken, leaves its day unknown,
    and REST is asked for that day only if it has it. Raises trouble with the lake, and errors of
    this machine.
    """
    taken = TradesTaken()
    if access is not None:
        files: list[Published] = []
        for name in symbols:
            files += await _found(store, name, span, access, now=now, taken=taken)
        await _take_all(store, files, access, taken, say)
    for name in symbols:
        try:
            filled = await fill(store, name, span, send, now)
        except LakeError:
            raise
        except MarketkitError as failure:
            taken.failures[name] = failure
        else:
            taken.rows += filled.rows
        left = await asyncio.to_thread(store.missing, name, span.start, min(span.end, now))
        if left:
            taken.missing[name] = left
    return taken


async def _found(
    store: TradeStore,
    symbol: str,
    span: Span,
    access: ArchiveAccess,
    *,
    now: int,
    taken: TradesTaken,
) -> Sequence[Published]:
    """Find the files of the days of which the lake lacks something."""
    missing = await asyncio.to_thread(store.missing, symbol, *span)
    days = Spans(
        (at, at + DAY)
        for _, parts in days_of(missing)
        for at in [next(iter(parts)).start // DAY * DAY]
    )
    shelf = Shelf(symbol)
    if not days or not shelf.can_be:
        return ()
    try:
        found = await access.archive.find(shelf, days, now)
    except MarketkitError as failure:
        taken.failures[symbol] = failure
        return ()
    taken.troubles += [f"{key} has no checksum beside: it is not taken" for key in found.unproved]
    return found.files


async def _take_all(
    store: TradeStore,
    files: Sequence[Published],
    access: ArchiveAccess,
    taken: TradesTaken,
    say: Callable[[str], None],
) -> None:
    """Download files and write each as it comes."""
    if not files:
        return
    async with Download(
        access.archive, files, access.basket, largest=access.largest, say=say
    ) as download:
        async for fetched in download:
            file = fetched.published.file
            silent = access.silent(file.shelf.market, file.span)
            work = partial(take_trades, store, fetched, access.largest, silent=silent)
            try:
                written = await asyncio.to_thread(work)
            except BadResponse as refusal:
                taken.troubles.append(str(refusal))
            else:
                taken.files += 1
                taken.add(written)
            download.done(fetched)
    taken.troubles += [trouble.said for trouble in download.troubles]
