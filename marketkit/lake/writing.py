"""How candles enter the lake: one writer at a time for each series, each chunk all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from marketkit.coverage import Spans
from marketkit.errors import LakeError, NotWritable
from marketkit.lake import marker
from marketkit.lake.files import describe, make_folder, read_chunk, sweep, write_chunk
from marketkit.lake.index import Entry, Index
from marketkit.lake.layout import Series, chunk_of, chunk_span, cut
from marketkit.lake.report import Knowledge
from marketkit.lake.rows import Page, checked, inside, merge
from marketkit.schema import ROW, empty

_WAIT = 60.0  # seconds to wait for another writer of the same series
_NO_PAGE = Page(empty(ROW), Spans())


def write_page(root: Path, index: Index, series: Series, page: Page) -> int:
    """Keep a page and give how many of its rows are new or different.

    The order protects data: everything is checked before anything is written; under the lock each
    chunk is read, merged and replaced with its coverage in one step; only then the index is told,
    so that it never claims what the files do not.
    """
    page = checked(series, page)
    if page.rows.is_empty() and not page.covering and page.nothing_before is None:
        return 0
    try:
        marker.prepare(root)
        with _only_writer(root, series):
            return _merge_page(root, index, series, page)
    except LakeError:
        raise
    except OSError as error:
        raise NotWritable(f"the lake {root} cannot be written: {error}") from error


@contextmanager
def _only_writer(root: Path, series: Series) -> Iterator[None]:
    path = root / series.lock
    make_folder(path.parent)
    lock = FileLock(path, poll_interval=0.005)
    try:
        lock.acquire(timeout=_WAIT)
    except Timeout as error:
        raise LakeError(
            f"another writer has held {path} for {_WAIT:.0f} s; nothing was written"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _merge_page(root: Path, index: Index, series: Series, page: Page) -> int:
    entries = {entry.chunk: entry for entry in index.entries(series)}
    known = Knowledge.of(series.timeframe, entries.values())
    make_folder(root / series.folder)
    sweep(root / series.folder)
    changed, written = 0, []
    for chunk, part in _parts(series, page, known.nothing_before).items():
        entry, count = _merge_chunk(root, series, chunk, part, exists=chunk in entries)
        changed += count
        written += [entry] if entry is not None else []
    index.put(series, written)
    return changed


def _parts(series: Series, page: Page, nothing_before: int | None) -> dict[str, Page]:
    """Cut a page into what each chunk gets of it."""
    parts = {
        chunk: Page(inside(page.rows, *chunk_span(series.timeframe, chunk)), covering)
        for chunk, covering in cut(series.timeframe, page.covering).items()
    }
    moment = page.nothing_before
    if moment is not None and (nothing_before is None or moment > nothing_before):
        chunk = chunk_of(series.timeframe, moment)
        parts[chunk] = replace(parts.get(chunk, _NO_PAGE), nothing_before=moment)
    return parts


def _merge_chunk(
    root: Path, series: Series, chunk: str, part: Page, *, exists: bool
) -> tuple[Entry | None, int]:
    """Merge a part into its chunk; without anything new the file stays as it is."""
    path = root / series.path(chunk)
    old, said = read_chunk(path, series) if exists else (_NO_PAGE.rows, None)
    rows, changed = merge(old, part.rows)
    covered, moment = part.covering, part.nothing_before
    if said is not None:
        covered |= said.covered
        moment = said.nothing_before if moment is None else moment
    footer = describe(rows, covered, moment)
    if footer == said and not changed:
        return None, 0
    return Entry(chunk, write_chunk(path, rows, footer, series), footer), changed
