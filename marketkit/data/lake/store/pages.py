"""A page enters the lake: small ones through the journal, others straight into chunks.

To rewrite a month for a minute costs fifty times what it costs to write the minute down. So a small
page for large chunks becomes a record of the series' journal, which is down when the call returns,
and the chunks take in a number of them at once: after `_AT_MOST` of them, when a chunk is whole, in
front of the next page that is not small, and where somebody wants the files as they are.

A journal that this object has not met before may be that of a process which died: whoever writes
the series next takes it in first.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.journal import Journal, Record, columns_of
from marketkit.data.lake.format.layout import Series, chunk_span
from marketkit.data.lake.store.journals import new_journal
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.merge import Merged, merge
from marketkit.data.lake.store.pending import Patched, newest_of
from marketkit.data.lake.store.place import Place
from marketkit.data.lake.store.rows import CandlePage, checked, only, times_of
from marketkit.data.lake.store.scan import Files, read
from marketkit.data.lake.store.verified import known_of
from marketkit.data.lake.store.write import (
    NO_PAGE,
    Overtaken,
    Written,
    entries_of,
    merge_parts,
    parts_of,
    unknown_part,
    writing,
)
from marketkit.errors import CorruptFile, LakeError, NotWritable

_log = logging.getLogger("marketkit.lake")

_SMALL = 2_048  # rows of a page, up to which it goes into the journal: ten pages of the exchange
_LARGE = 4_096  # rows of a chunk, from which on: to rewrite fewer takes no longer than to sync them
_AT_MOST = 16  # pages that wait for a chunk
_MOST_ROWS = 32_768  # of these pages, so that readers have little to put together
_TRIES = 200  # to be the first of the writers of a bucket
_SHORTEST, _LONGEST = 0.01, 1.0  # seconds; pauses are drawn, so that two do not meet again
_STEP = 10.0  # seconds between looks at a deletion of which nobody knows what came


class _Now(NamedTuple):
    """A series as found by the writer: chunks as filed, the same with pages, and the journal."""

    entries: dict[str, Entry]
    seen: dict[str, Entry]
    journal: Journal | None
    waiting: Mapping[str, tuple[Record, ...]]


def write_page(
    place: Place, series: Series, page: CandlePage, seen_at: int, *, only_unknown: bool = False
) -> Written:
    """Keep a page that was answered at `seen_at`; with `only_unknown` the part not known before.

    The order protects data: everything is checked before anything is written; under the lock each
    chunk is compared with its proof, read and merged, what changed of it is logged, and it is
    replaced with its coverage in one step; only then the index is told, so that it never claims
    what the files do not. A record of the journal has rows, coverage and revisions in one.
    """
    page = checked(series, page)
    if page.rows.is_empty() and not page.covering and page.nothing_before is None:
        return Written(0, 0)
    done, last = [Written(0, 0)], None
    with writing(place, series):
        for tries in range(_TRIES):
            try:
                done.append(_write(place, series, page, seen_at, only_unknown=only_unknown))
                return Written(*[sum(each) for each in zip(*done, strict=True)])
            except Overtaken as other:  # what is in the bucket by now is no news any more
                done.append(other.written)
                if other.left and not (last is not None and last.left):
                    _log.warning("waiting, for at most %.0f s: %s", other.left, other)
                last = other
                _wait(other, tries)
    if last is not None and last.left:
        raise NotWritable(str(last))
    raise NotWritable(
        f"{place.where}: others write {series.symbol} {series.timeframe} all the time;"
        " what was written is safe, ask again later"
    )


def _wait(other: Overtaken, tries: int) -> None:
    """Let another writer go first, or a deletion that got no answer come through or not."""
    if other.left:
        time.sleep(min(other.left, _STEP))
    else:
        time.sleep(random.random() * min(_LONGEST, _SHORTEST * 2**tries))


def _write(
    place: Place, series: Series, page: CandlePage, seen_at: int, *, only_unknown: bool
) -> Written:
    """Look at a series and write the news of a page. Raises `Overtaken`."""
    now = _met(place, series)
    if only_unknown:  # asked here, under the lock: a job may have learned more a moment ago
        page = unknown_part(page, Knowledge.of(series.timeframe, now.seen.values()))
    written = _enter(place, series, now, page, seen_at)
    return _merge(place, series, now, page, seen_at) if written is None else written


def compact(place: Place, series: Series) -> None:
    """Take waiting pages into the chunks of a series; a second time changes nothing.

    Raises `NotWritable`, and `CorruptFile` for a chunk that is set aside: its pages stay.
    """
    if place.journals.read(series) is not None:
        with writing(place, series):
            _compact(place, series, _look(place, series))


def compact_all(
    place: Place, several: Iterable[Series] | None = None, *, damaged: bool = True
) -> None:
    """Take all waiting pages into chunks; pages of a series with a failure go on waiting.

    So they do in a journal that is `damaged`, if that is for somebody to see first.
    """
    for series in place.journals.all() if several is None else several:
        try:
            journal = place.journals.read(series)
            if journal is not None and (damaged or _is_sound(journal)):
                compact(place, series)
        except LakeError as failure:
            _log.warning("pages of %s wait in the journal: %s", series.symbol, failure)


def _look(place: Place, series: Series) -> _Now:
    """Look at a series. Only the holder of the lock sees nothing change."""
    entries, journal = entries_of(place, series), place.journals.read(series)
    files = {each.chunk: each for each in entries}
    if journal is None:
        return _Now(files, files, None, {})
    seen = {each.chunk: each for each in place.journals.over(series, entries, journal)}
    return _Now(files, seen, journal, place.journals.waiting(series, entries, journal))


def _met(place: Place, series: Series) -> _Now:
    """Look at a series, after taking in a journal of another, or one that is damaged."""
    now = _look(place, series)
    known = series.folder in place.journals.met
    place.journals.met.add(series.folder)
    if now.journal is None or (known and _is_sound(now.journal)):
        return now
    _compact(place, series, now)
    return _look(place, series)


def _is_sound(journal: Journal) -> bool:
    return not journal.rotten and (journal.torn or not journal.tail)


def _compact(place: Place, series: Series, now: _Now) -> None:
    if now.journal is not None:
        _merge_into(place, series, now, dict.fromkeys(now.waiting, NO_PAGE), 0)


def _merge(place: Place, series: Series, now: _Now, page: CandlePage, seen_at: int) -> Written:
    return _merge_into(place, series, now, parts_of(series, page, now.seen), seen_at)


def _merge_into(
    place: Place, series: Series, now: _Now, parts: Mapping[str, CandlePage], seen_at: int
) -> Written:
    """Merge parts into chunks; a journal of which nothing waits any more goes."""
    written = merge_parts(
        place,
        series,
        parts,
        seen_at,
        here=now.entries,
        waiting=now.waiting,
    )
    if now.journal is not None and now.waiting.keys() <= parts.keys():
        place.journals.remove(series, now.journal)
    return written


def _enter(
    place: Place, series: Series, now: _Now, page: CandlePage, seen_at: int
) -> Written | None:
    """Enter a small page into the journal; None for one that has to go into chunks."""
    if place.mirror is not None:  # where only this machine would see it
        return None
    if page.nothing_before is not None or page.archive or page.rows.height > _SMALL:
        return None
    parts = parts_of(series, page, now.seen)
    if not all(chunk in now.entries and now.seen[chunk].footer.rows >= _LARGE for chunk in parts):
        return None
    journal = now.journal if now.journal is not None and now.journal.records else new_journal()
    records, counts = list[Record](), [Written(0, 0)]
    for chunk, part in parts.items():
        news = _news(place.root, series, now.seen[chunk], part)
        if news is None:
            return None
        if news.changes:
            records.append(news.record(journal, len(records) + 1, chunk, part, seen_at))
            counts.append(Written(news.merged.changed, len(news.merged.revisions)))
    if records:
        place.journals.add(series, journal, records)
        if any(_is_ripe(series, now, each) for each in records):
            _ripen(place, series)
    return Written(*[sum(each) for each in zip(*counts, strict=True)])


class _News(NamedTuple):
    """A part of a page beside the known rows of the slots, and the new ends of the chunk.

    `changes` says whether it tells anything new.
    """

    merged: Merged
    changes: bool
    total: int
    ends: tuple[int | None, int | None]

    def record(
        self, journal: Journal, number: int, chunk: str, part: CandlePage, seen_at: int
    ) -> Record:
        """Give the record for a journal."""
        revised, columns = tuple(self.merged.revisions), columns_of(self.merged.rows)
        place = (journal.name.hex(), journal.last + number, chunk)
        said = (*place, part.covering, seen_at, self.total, *self.ends)
        return Record(*said, revised, columns)


def _news(root: Path, series: Series, here: Entry, part: CandlePage) -> _News | None:
    """Compare a part with the known rows of the slots; None where more rows are needed."""
    footer = here.footer
    try:
        stored = _stored(root, series, here, footer.covered & part.covering)
    except CorruptFile:  # the long way sets it aside
        return None
    merged = merge(stored, part.rows, part.covering, footer.covered)
    gone = set(times_of(stored)) - set(times_of(merged.rows))
    if footer.first in gone or footer.last in gone:
        return None
    times = [
        *times_of(merged.rows),
        *(each for each in (footer.first, footer.last) if each is not None),
    ]
    changes = merged.rows is not stored or not part.covering <= footer.covered
    total = footer.rows + merged.rows.height - stored.height
    return _News(merged, changes, total, (min(times, default=None), max(times, default=None)))


def _stored(root: Path, series: Series, here: Entry, slots: Spans) -> pl.DataFrame:
    """Read the rows of some slots of a chunk, after the bytes were compared with the proof."""
    pages = here.pages if isinstance(here, Patched) else ()
    rows, slots = newest_of(pages, slots, series.symbol)
    if slots.hull is None:
        return rows
    path = root / series.path(here.chunk)
    older = only(read(Files([path], slots.hull, known=known_of([(path, here)]))), slots)
    return older if rows.is_empty() else pl.concat([older, rows]).sort("time")


def _is_ripe(series: Series, now: _Now, record: Record) -> bool:
    """Say whether a chunk is to take all pages in, with one record more."""
    pages = (*now.waiting.get(record.chunk, ()), record)
    if len(pages) >= _AT_MOST or sum(each.height for each in pages) >= _MOST_ROWS:
        return True
    known, span = now.seen[record.chunk].footer.covered, chunk_span(series.timeframe, record.chunk)
    return not known.holds(*span) and (known | record.covered).holds(*span)


def _ripen(place: Place, series: Series) -> None:
    """Compact a series after a page; no failure here loses the page."""
    try:
        _compact(place, series, _look(place, series))
    except OSError as failure:  # a full disk: tried again with the next page
        _log.warning("pages of %s wait in the journal: %s", series.symbol, failure)
