"""The journals of a lake: read for as long as nothing is added, written, and removed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from marketkit.data.lake.format.chunk import Entry, Footer, Stamp, read_footer
from marketkit.data.lake.format.journal import (
    FOLDER,
    NAME,
    SUFFIX,
    Journal,
    Record,
    encode,
    folder_of,
    parse,
    path_of,
)
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.marker import begin_journals
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.store.aside import Aside
from marketkit.data.lake.store.pending import Patched, patched, revised
from marketkit.data.lake.store.revisions import Logged
from marketkit.disk import append_synced, make_folder, sync_folder
from marketkit.errors import InputError, LakeError
from marketkit.symbols import file_name, symbol_of
from marketkit.timeframe import timeframe_of_token

Found = dict[Series, Journal]
_KEPT = 4 << 20  # bytes of pages: small ones of all markets; large ones are read again


class Journals:
    """The journals of a lake, each read once for as long as nothing is added.

    Of those that were looked at last; all pages of a large backfill would fill the memory. Whoever
    keeps something made of pages is told of a folder that is `forgotten`.
    """

    def __init__(self, root: Path, forgotten: Callable[[str], object] = str) -> None:
        self._root = root
        self._forgotten = forgotten
        self._read: dict[str, tuple[tuple[int, int], Journal]] = {}  # by folder: size and time
        self._footers: dict[str, tuple[Stamp, Footer]] = {}
        self._patched: dict[str, tuple[list[Entry], bytes, int, list[Entry]]] = {}
        self.met: set[str] = set()  # folders of series that this object has written: see `pages`
        self._added: dict[Series, None] = {}

    def of(self, wanted: Sequence[Series], failures: dict[Series, LakeError]) -> Found:
        """Read the journals of some series; most have none, and one look at a folder says so.

        Of those that may not be read the reasons go into `failures`.
        """
        if len(wanted) > 1:
            kinds = {(each.source, each.timeframe): each for each in wanted}
            names = {kind: self._names(folder_of(each)) for kind, each in kinds.items()}
            wanted = [
                each
                for each in wanted
                if any(names.values())
                if f"{file_name(each.symbol)}{SUFFIX}" in names[each.source, each.timeframe]
            ]
        found: Found = {}
        for series in wanted:
            try:
                journal = self.read(series)
            except LakeError as failure:
                failures[series] = failure
            else:
                found |= {} if journal is None else {series: journal}
        return found

    def read(self, series: Series) -> Journal | None:
        """Read the journal of a series; None where none is, or only the beginning of one.

        Raises `CorruptFile` for one that may not be read.
        """
        path = path_of(self._root, series)
        try:
            with path.open("rb", buffering=0) as file:
                version, name = _version(os.fstat(file.fileno())), file.read(NAME)
                known = self._read.get(series.folder)
                if known is not None and known[0] == version and known[1].name == name:
                    self._keep(series, *known)
                    return known[1]
                content = name + file.read()
        except (FileNotFoundError, NotADirectoryError):
            self._forget(series.folder)
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        if len(name) < NAME:
            return None
        journal = parse(content, series)
        if not journal.tail:  # else a writer is at it, or will write over that
            self._keep(series, version, journal)
        return journal

    def _keep(self, series: Series, version: tuple[int, int], journal: Journal) -> None:
        """Keep what a journal has, and let those go that nobody looked at for longest."""
        self._read.pop(series.folder, None)
        self._read[series.folder] = version, journal
        size = sum(each.end for _, each in list(self._read.values()))
        for folder in list(self._read)[:-1]:
            if size <= _KEPT:
                break
            size -= self._forget(folder)

    def _forget(self, folder: str) -> int:
        """Keep a journal no longer; give the bytes that it had."""
        self._patched.pop(folder, None)
        self._forgotten(folder)
        known = self._read.pop(folder, None)
        return 0 if known is None else known[1].end

    def add(self, series: Series, journal: Journal, records: Sequence[Record]) -> Journal:
        """Write records at the end of a journal, which the first record makes; give the journal.

        They are down when the call returns. Only the holder of the series' lock may.
        """
        path = path_of(self._root, series)
        records = [replace(each, down=journal.last) for each in records]
        content = b"".join(encode(series, each) for each in records)
        if journal.records:
            status = append_synced(path, content, journal.end)
        else:
            begin_journals(self._root)
            make_folder(path.parent)
            path.unlink(missing_ok=True)  # the beginning of one, of a writer that died
            status = append_synced(path, journal.name + content, 0)
        end = journal.end + len(content)
        added = Journal(journal.name, (*journal.records, *records), end)
        self._keep(series, _version(status), added)
        self._added[series] = None
        return added

    def written(self) -> list[Series]:
        """Name the series with records that this object added and nobody has taken in."""
        return [each for each in self._added if self.read(each) is not None]

    def remove(self, series: Series, journal: Journal | None) -> None:
        """Remove a journal after all records went into chunks; a damaged one is kept aside."""
        path = path_of(self._root, series)
        if journal is not None and (journal.rotten or (journal.tail and not journal.torn)):
            Aside(self._root).move(path)
        with suppress(PermissionError):  # open elsewhere, on Windows: the chunks say what they have
            path.unlink(missing_ok=True)
            # Come back, its pages would count as newer than files made since by somebody else.
            sync_folder(path.parent)
        self._forget(series.folder)
        self._added.pop(series, None)

    def waiting(
        self, series: Series, entries: list[Entry], journal: Journal
    ) -> dict[str, tuple[Record, ...]]:
        """Give the waiting pages by chunk, of chunks without a file too."""
        seen = {each.chunk: each for each in self.over(series, entries, journal)}
        found: dict[str, tuple[Record, ...]] = {}
        for chunk in sorted({each.chunk for each in journal.records}):
            entry = seen.get(chunk)
            pages = tuple(journal.after(None, chunk)) if entry is None else _pages_of(entry)
            found |= {chunk: pages} if pages else {}
        return found

    def revised(self, source: str) -> dict[Series, list[Logged]]:
        """Give the revisions of all pages of a source that wait, by series."""
        found: dict[Series, list[Logged]] = {}
        for series in self.all():
            journal = self.read(series) if series.source == source else None
            if journal is None:
                continue
            pages = list(journal.records)
            with suppress(FileNotFoundError, LakeError):
                pages = [each for each in pages if not self._has_taken(series, journal, each)]
            found |= {series: told} if (told := revised(pages)) else {}
        return found

    def _has_taken(self, series: Series, journal: Journal, page: Record) -> bool:
        """Say whether the chunk of a page has taken the page in."""
        footer, _ = read_footer(self._root / series.path(page.chunk), series)
        return page not in journal.after(footer.taken, page.chunk)

    def all(self) -> Iterator[Series]:
        """Name the series with a journal, of all sources."""
        try:
            found = sorted((self._root / FOLDER).glob(f"source=*/timeframe=*/*{SUFFIX}"))
        except OSError:  # not ours to look into: whoever asks for candles is told
            return
        for path in found:
            if (series := series_of(self._root, path)) is not None:
                yield series

    def over(self, series: Series, entries: list[Entry], journal: Journal) -> list[Entry]:
        """Put pages over the chunks of a series; the same list for as long as nothing changes."""
        known = self._patched.get(series.folder)
        state = journal.name, journal.end
        if known is not None and known[0] is entries and known[1:3] == state:
            return known[3]
        chunks = {each.chunk for each in journal.records}
        found = [
            self._over(series, each, journal) if each.chunk in chunks else each for each in entries
        ]
        self._patched[series.folder] = entries, *state, found
        return found

    def _over(self, series: Series, entry: Entry, journal: Journal) -> Entry:
        with suppress(LakeError, OSError):  # whoever reads the file says why
            footer, stamp = self._footer(series, entry)
            if stamp != entry.stamp:
                entry = Entry(entry.chunk, stamp, footer)
            pages = journal.after(footer.taken, entry.chunk)
            return patched(entry, footer, series.symbol, pages)
        return entry

    def _footer(self, series: Series, entry: Entry) -> tuple[Footer, Stamp]:
        """Read a footer with all that only the file tells, once for each version."""
        below = series.path(entry.chunk)
        known = self._footers.get(below)
        if known is None or known[0] != entry.stamp:
            footer, stamp = read_footer(self._root / below, series)
            known = self._footers[below] = stamp, footer
        return known[1], known[0]

    def _names(self, folder: str) -> set[str]:
        try:
            return set(os.listdir(f"{self._root}/{folder}"))  # noqa: PTH208 (asked at every look)
        except (FileNotFoundError, NotADirectoryError):
            return set()
        except OSError as error:
            raise unreadable(f"{self._root}/{folder}", error) from error


def _pages_of(entry: Entry) -> tuple[Record, ...]:
    return entry.pages if isinstance(entry, Patched) else ()


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def new_journal() -> Journal:
    """Give a journal that is not written yet, with a name that no other has."""
    return Journal(secrets.token_bytes(NAME), (), NAME)


def series_of(root: Path, path: Path) -> Series | None:
    """Give the series with the journal at a path, None for the file of somebody else."""
    source = path.parent.parent.name.removeprefix("source=")
    timeframe = timeframe_of_token(path.parent.name.removeprefix("timeframe="))
    symbol = symbol_of(path.name.removesuffix(SUFFIX))
    if timeframe is not None and symbol is not None:
        with suppress(InputError):
            series = Series(source, symbol, timeframe)
            return series if path == path_of(root, series) else None
    return None
