"""The archive's part of a backfill, before REST is asked for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marketkit.coverage import Span
from marketkit.data.fetch.archive.ingest import Ingest
from marketkit.data.fetch.archive.lookup import Looked, has_width, look_all_up
from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.fetch.walks import FetchRun
from marketkit.net.archive.archive import Archive
from marketkit.net.archive.basket import Basket
from marketkit.settings import archive_dir, budget_dir
from marketkit.timeframe import Timeframe


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
        """Open the archive; whoever does closes it."""
        return Archive(self.addresses, budget_dir=budget_dir(), own=self.own, offline=self.offline)

    @property
    def basket(self) -> Basket:
        """The folder of zips: the caller's, who keeps them, or one for the time until ingest."""
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
    """Take in what the archive has of a job, and say what came of that.

    Known files whose period meets `verify` and that were published again are taken in once more.
    Raises trouble with the lake as a whole, and `InputError` where nobody accepted the terms.
    """
    result = ArchiveRun()
    if not has_width(timeframe) or not names:
        return result
    archive = source.open()
    try:
        found = await look_all_up(
            archive, filler, names, timeframe, span, verify=verify, result=result
        )
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
    """Find the files for what symbols lack; only listings are asked for.

    The second has the symbols that the archive would not list as `failures`.
    """
    result = ArchiveRun()
    if not has_width(timeframe):
        return {}, result
    archive = source.open()
    try:
        found = await look_all_up(
            archive, filler, names, timeframe, span, verify=Span(0, 0), result=result
        )
    finally:
        await archive.close()
    return {each.symbol: each for each in found}, result
