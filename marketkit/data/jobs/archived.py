"""The archive's part of a backfill, before REST is asked for the rest."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.coverage import Span
from marketkit.data.fetch.archive.lookup import Looked, has_width, look_all_up
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun
from marketkit.progress import Progress, Reporter
from marketkit.settings import archive_dir, budget_dir
from marketkit.timeframe import Timeframe

if TYPE_CHECKING:
    from marketkit.net.archive.archive import Archive
    from marketkit.net.archive.basket import Basket


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """The addresses of the listing and of the files, and the folder in which zips are kept, if any.

    Requests leave from `own`, an address of this machine, if there is one. With `offline` nothing
    is sent.
    """

    addresses: tuple[str, str]
    keep: Path | None = None
    offline: bool = False
    own: str | None = None

    def open(self) -> Archive:
        """Open the archive, for the caller to close."""
        from marketkit.net.archive.archive import Archive  # noqa: PLC0415 - most never use it

        return Archive(self.addresses, budget_dir=budget_dir(), own=self.own, offline=self.offline)

    @property
    def basket(self) -> Basket:
        """The folder of zips: the caller's own, or one for the time until ingest."""
        from marketkit.net.archive.basket import Basket  # noqa: PLC0415 - as above

        if self.keep is not None:
            return Basket(self.keep, keeps=True)
        return Basket(archive_dir(self.addresses[1]))


async def take_from_archive(
    source: ArchiveSource,
    filler: GapFiller,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
    *,
    run: FetchRun,
    verify: Span,
    order: str,
) -> ArchiveRun:
    """Take in the archive's files for a job, and give the outcome.

    Known files whose period meets `verify` and that were published again are taken in once more.
    Raises trouble with the lake as a whole, and `InputError` where nobody accepted the terms.
    """
    from marketkit.data.fetch.archive.ingest import Ingest  # noqa: PLC0415 - as above

    result = ArchiveRun()
    if not has_width(timeframe) or not names:
        return result

    def said(done: int) -> None:
        run.say(f"lists of the archive, {done} of {len(names)} symbols")

    archive = source.open()
    try:
        found = await look_all_up(
            archive, filler, names, timeframe, span, verify=verify, result=result, said=said
        )
        run.say("")
        ingest = Ingest(filler, archive, source.basket, timeframe, run, result=result)
        await ingest.take(found, order)
    finally:
        result.requests, result.bytes = archive.requests, archive.bytes
        await archive.close()
    return result


async def look_into(
    source: ArchiveSource,
    filler: GapFiller,
    names: Sequence[str],
    timeframe: Timeframe,
    span: Span,
) -> tuple[dict[str, Looked], ArchiveRun]:
    """Find the files for the gaps of symbols; only listings are asked for.

    The second has the symbols that the archive would not list as `failures`.
    """
    result = ArchiveRun()
    if not has_width(timeframe):
        return {}, result
    async with lists(source, len(names)) as (archive, said):
        found = await look_all_up(
            archive,
            filler,
            names,
            timeframe,
            span,
            verify=Span(0, 0),
            result=result,
            said=said,
        )
    return {each.symbol: each for each in found}, result


@contextlib.asynccontextmanager
async def lists(
    source: ArchiveSource, symbols: int
) -> AsyncIterator[tuple[Archive, Callable[[int], None]]]:
    """Open the archive for its lists alone, with a progress bar that is told of symbols done."""
    progress = Progress("lists of the archive", symbols, unit="symbols")
    reporter = Reporter(progress)
    archive = source.open()

    def said(done: int) -> None:
        progress.done = progress.rows = done
        progress.requests = archive.requests
        reporter.update()

    try:
        yield archive, said
        progress.state = "done"
    finally:
        reporter.close()
        await archive.close()
