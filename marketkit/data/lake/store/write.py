"""How candles enter the lake: one writer at a time for each series, each chunk all or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import polars as pl

from marketkit.coverage import ONE_ANSWER, Span, Spans
from marketkit.data.lake.format.chunk import (
    Entry,
    Footer,
    Version,
    describe,
    read_chunk,
    read_footer,
)
from marketkit.data.lake.format.journal import Mark, Record
from marketkit.data.lake.format.layout import SUFFIX, Series, chunk_of, chunk_span, cut, is_chunk
from marketkit.data.lake.format.objects import Conflict, Removing
from marketkit.data.lake.format.seal import Broken
from marketkit.data.lake.format.strangers import sweep
from marketkit.data.lake.places.locks import held
from marketkit.data.lake.store.aside import Aside
from marketkit.data.lake.store.away import bring, reading
from marketkit.data.lake.store.away_care import set_aside, set_broken_aside
from marketkit.data.lake.store.knowledge import Knowledge, beginning
from marketkit.data.lake.store.merge import merge
from marketkit.data.lake.store.mirror import Away
from marketkit.data.lake.store.newest import keep
from marketkit.data.lake.store.pending import covered_with, revised, told
from marketkit.data.lake.store.place import Place
from marketkit.data.lake.store.revisions import record_pages
from marketkit.data.lake.store.rows import CandlePage, inside, times_of, within
from marketkit.disk import make_folder
from marketkit.errors import CorruptFile, LakeError
from marketkit.schema import ROW, empty

_WAIT = 60.0  # seconds to wait for another writer of the same series
_AT_ONCE = 3  # new chunks written side by side: more wait for each other
NO_PAGE = CandlePage(empty(ROW), Spans())

_T = TypeVar("_T")


class Locked(Protocol):
    """A series of rows that one writer at a time changes."""

    @property
    def lock(self) -> str:
        """The file whose lock a writer holds, below the root."""


class Written(NamedTuple):
    """How many rows of a page were new or different, and how many stored numbers were revised."""

    rows: int
    revisions: int


class Overtaken(LakeError):
    """Another writer of a bucket came first: look and merge again. `written` is what is done.

    `left` are the seconds until a deletion without an answer is over, where one is in the way.
    """

    def __init__(self, written: Written, conflicts: Sequence[Conflict]) -> None:
        removing = [each for each in conflicts if isinstance(each, Removing)]
        super().__init__(str([*removing, *conflicts][0]))
        self.written = written
        self.left = max((each.left for each in removing), default=0.0)


@contextmanager
def writing(place: Place, series: Series) -> Iterator[None]:
    """Be the only writer of a series, as far as this machine goes. Raises `NotWritable`."""
    with place.writable(), only_writer(place.root, series):
        yield


def only_writer(root: Path, series: Locked) -> AbstractContextManager[None]:
    """Be the only writer of a series. Raises `LakeError` after a minute of waiting for another."""
    return held(_lock_of(root, series.lock), _WAIT)


@lru_cache(maxsize=4096)  # as paths of journals
def _lock_of(root: Path, lock: str) -> Path:
    return root / lock


def merge_parts(
    place: Place,
    series: Series,
    parts: Mapping[str, CandlePage],
    seen_at: int,
    *,
    here: Mapping[str, Entry],
    waiting: Mapping[str, tuple[Record, ...]],
) -> Written:
    """Merge the parts of a page into the chunks that are `here`, each all or nothing.

    Pages that wait for one of these chunks go first. Only the holder of the series' lock may.
    Raises `Overtaken` where another writer of a bucket came first.
    """
    make_folder(place.root / series.folder)
    if place.mirror is None:  # into a mirror readers put files, too
        sweep(place.root / series.folder)

    def one(chunk: str) -> tuple[Entry | None, Written] | Conflict:
        pages = waiting.get(chunk, ())
        taken = Mark(pages[-1].journal, pages[-1].number) if pages else None
        merged = _ChunkMerge(parts[chunk], seen_at, pages, taken)
        try:
            return _merge_chunk(place, series, chunk, merged, here=here.get(chunk))
        except Conflict as conflict:
            return conflict

    in_turn = bool(waiting) or any(map(here.get, parts))
    told = _of_each(one, list(parts), in_turn=in_turn)
    done = [each for each in told if not isinstance(each, Conflict)]
    place.index.put(series, [entry for entry, _ in done if entry is not None])
    counts = zip(Written(0, 0), *[count for _, count in done], strict=True)
    written = Written(*[sum(each) for each in counts])
    if conflicts := [each for each in told if isinstance(each, Conflict)]:
        raise Overtaken(written, conflicts)
    return written


def _of_each(one: Callable[[str], _T], chunks: list[str], *, in_turn: bool) -> list[_T]:
    """Write chunks in turn, for a log has an order; many new ones side by side.

    While one waits for the disk another is made: that is a third of the time of a year of minutes.
    """
    if in_turn or len(chunks) <= _AT_ONCE:
        return list(map(one, chunks))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, chunks))


def unknown_part(page: CandlePage, known: Knowledge) -> CandlePage:
    """Give the part of a page of which nothing is known."""
    unknown = page.covering - known.proved
    if unknown == page.covering:
        return page
    return replace(
        page, rows=page.rows.filter(within(page.rows["time"], unknown)), covering=unknown
    )


def parts_of(
    series: Series, page: CandlePage, entries: Mapping[str, Entry]
) -> dict[str, CandlePage]:
    """Cut a page into a part for each chunk."""
    parts = {
        chunk: _part(page, chunk_span(series.timeframe, chunk), covering)
        for chunk, covering in cut(series.timeframe, page.covering).items()
    }
    for chunk in _claiming(series, page, entries):
        parts[chunk] = replace(
            parts.get(chunk, NO_PAGE),
            nothing_before=page.nothing_before,
            rests_on=page.rests_on,
        )
    return parts


def _part(page: CandlePage, span: Span, covering: Spans) -> CandlePage:
    rows, archive = inside(page.rows, *span), page.archive.within(span)
    return CandlePage(rows, covering, archive=archive)


def _claiming(series: Series, page: CandlePage, entries: Mapping[str, Entry]) -> set[str]:
    """Name the chunks to tell from now on of the beginning as a page does.

    A later moment goes into the chunk that holds it. Where a single answer said the same, or
    something that candles contradict, better evidence takes the place of that.
    """
    moment, footers = page.nothing_before, [entry.footer for entry in entries.values()]
    if moment is None:
        return set()
    known, _ = beginning(footers)
    if known is None or known < moment:
        return {chunk_of(series.timeframe, moment)}
    if page.rests_on == ONE_ANSWER:
        return set()
    firsts = [each.first for each in footers if each.first is not None]
    oldest = min([*times_of(page.rows)[:1], *firsts], default=known)
    return {
        chunk
        for chunk, entry in entries.items()
        if (said := entry.footer).nothing_before is not None
        and said.rests_on == ONE_ANSWER
        and (said.nothing_before == moment or said.nothing_before > max(moment, oldest))
    }


class _ChunkMerge(NamedTuple):
    """The news for a chunk: a part of a page, and before that the pages that waited."""

    part: CandlePage
    seen_at: int
    pages: tuple[Record, ...]
    taken: Mark | None


def _merge_chunk(
    place: Place,
    series: Series,
    chunk: str,
    news: _ChunkMerge,
    *,
    here: Entry | None,
) -> tuple[Entry | None, Written]:
    """Merge the news into a chunk; without anything new the file stays untouched."""
    path, part = place.root / series.path(chunk), news.part
    if here is None and place.mirror is None and os.path.lexists(path):
        Aside(place.root).move(path)  # the stand-in of a file: kept, never written over
    old, said = (NO_PAGE.rows, None) if here is None else read_sound(place.root, series, here)
    before = told(news.pages, series.symbol, old)
    covered = covered_with(news.pages, Spans() if said is None else said.covered)
    claim = part if said is None or part.nothing_before is not None else said
    rows, changed, revisions = merge(before, part.rows, part.covering, covered)
    footer = describe(rows, covered | part.covering, claim.nothing_before, claim.rests_on)
    archive = part.archive if said is None else said.archive.then(part.archive)
    if not news.pages and said == footer and rows is old and said.archive == archive:
        return None, Written(0, 0)
    # What is about to be lost must be on record first.
    if news.pages:
        own = ((each, news.seen_at) for each in revisions)
        record_pages(place.root, series, [*revised(news.pages), *own])
    else:
        place.record(series, revisions, news.seen_at)
    taken = said.taken if said is not None and news.taken is None else news.taken
    whole = replace(footer, archive=archive, taken=taken)
    stamp, sha256 = place.put(series, chunk, rows, whole, here)
    entry = Entry(chunk, stamp, footer, sha256)
    keep(place.index, series, entry, rows)
    return entry, Written(changed, len(revisions))


def read_sound(root: Path, series: Series, entry: Entry) -> tuple[pl.DataFrame, Footer]:
    """Read a chunk before a merge; a rotten one is set aside, and the slots become unknown.

    New hashes over old damage would make it true for ever. Only the holder of the series' lock may.
    Raises `CorruptFile` naming both places.
    """
    path = root / series.path(entry.chunk)
    ((_, here),) = bring([(series, entry)])
    known = None if here.sha256 is None else Version(here.stamp, here.sha256)
    try:
        return reading(here, lambda: read_chunk(path, series, known))
    except FileNotFoundError:
        if not isinstance(entry, Away):
            raise
        raise Conflict(f"{series.path(entry.chunk)} is gone") from None
    except CorruptFile as error:
        if isinstance(entry, Away) and entry.mirror is not None:
            key = series.path(entry.chunk)
            raise set_aside(entry.mirror, key, entry.version, error) from error
        raise _set_aside(root, path, error) from error


def entries_of(place: Place, series: Series) -> list[Entry]:
    """List the chunks of a series; of several, one whose footer rotted is set aside."""
    root = place.root
    try:
        return place.index.entries(series)
    except CorruptFile:
        if place.mirror is not None:
            set_broken_aside(place.mirror, series)
            raise
        for path in sorted((root / series.folder).glob(f"*{SUFFIX}")):
            if not is_chunk(series.timeframe, path.name.removesuffix(SUFFIX)):
                continue
            try:
                read_footer(path, series)
            except CorruptFile as error:
                if isinstance(error.__cause__, Broken):  # ours once; others are for a person
                    raise _set_aside(root, path, error) from error
        raise


def _set_aside(root: Path, path: Path, error: CorruptFile) -> CorruptFile:
    """Take a damaged chunk out of the lake, and give the error that says so."""
    kept = Aside(root).move(path)
    return CorruptFile(
        f"{error};\nthe bytes are kept as {kept}, the slots are unknown: backfill them again"
    )
