"""The footers of all chunks without opening any file: a cache in SQLite.

The files are the truth. A row counts only while size, time and inode of its file are what they
were when the footer was read; whatever differs is read again. So the database can be deleted, lag
behind a killed writer or be missing in a lake that may only be read: that costs time, no more.

Nor are the files asked one by one while their folder is as it was: a file is only ever replaced by
`os.replace`, which changes the times of the folder. Such a listing is trusted only if the folder
had been left alone for so long before it that a later change cannot have got the same time.
What some other program changes inside of a file is noticed where the file is read or audited.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from marketkit.coverage import Span
from marketkit.data.lake.format.chunk import Entry, read_footer
from marketkit.data.lake.format.layout import (
    SUFFIX,
    Series,
    is_chunk,
    series_in,
    timeframe_folder,
)
from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.refusal import REPAIR, unreadable
from marketkit.data.lake.format.strangers import is_pointer
from marketkit.data.lake.store.database import (
    NAME,
    UNREAD,
    Database,
    FileStamp,
    Listing,
    is_damage,
    remove,
)
from marketkit.data.lake.store.listing import stamps_in
from marketkit.disk import file_time
from marketkit.errors import CorruptFile, LakeError
from marketkit.timeframe import Timeframe

_T = TypeVar("_T")
_log = logging.getLogger("marketkit.lake")

_QUIET = 2_500_000_000  # ns; the coarsest clock of a file system (FAT) ticks every two seconds


class _Look(NamedTuple):
    """A folder changed since the last look; `quiet` says that the present names can be trusted."""

    series: Series
    folder: str
    at: FileStamp
    quiet: bool
    seen: Listing


_NOTHING = Listing(None, [])


class Index:
    """The chunks of every series below `root`; opened on first use, shared by all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._database: Database | None = None
        self._seen: dict[str, Listing] = {}
        # Of the series last asked for together: a loop asks for the same ones again.
        self.held_ends: Mapping[str, tuple[str, bytes]] = {}

    def entries(self, series: Series) -> list[Entry]:
        """List the chunks of a series in the order of time.

        The list is the same object for as long as nothing changed, and not the caller's to change.
        Raises `CorruptFile` for a file with a chunk's name that is none, or may not be read.
        """
        return self.look([series])[0]

    def look(self, wanted: Sequence[Series]) -> list[list[Entry]]:
        """List the chunks of each series, as `entries`, with one question for all."""
        found, failures = self._look(wanted)
        for failure in failures.values():
            raise failure
        return [found[series.folder] for series in wanted]

    def survey(
        self, wanted: Sequence[Series]
    ) -> tuple[dict[Series, list[Entry]], dict[Series, LakeError]]:
        """List the chunks of each series that can be looked at, and say why others cannot."""
        found, failures = self._look(wanted)
        sound = {each: found[each.folder] for each in wanted if each.folder not in failures}
        return sound, {each: failures[each.folder] for each in wanted if each.folder in failures}

    def _look(
        self, wanted: Sequence[Series]
    ) -> tuple[dict[str, list[Entry]], dict[str, LakeError]]:
        """List chunks by folder, with one question for all; failures come second."""
        root = os.fspath(self._root)
        found: dict[str, list[Entry]] = {}
        failures: dict[str, LakeError] = {}
        changed: list[tuple[Series, FileStamp, Listing]] = []
        for series in wanted:
            folder = series.folder
            try:
                at, seen = FileStamp.of(f"{root}/{folder}"), self._seen.get(folder, _NOTHING)
            except OSError as error:
                failures[folder] = unreadable(f"{root}/{folder}", error)
                continue
            found[folder] = [] if at is None else seen.entries
            if at is not None and at != seen.at:
                changed.append((series, at, seen))
        if changed:
            found |= self._list(self._looks(changed), failures)
        return found, failures

    def one_look(self, wanted: Sequence[Series]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Answer questions about series by one look, where each look is a request."""
        return nullcontext()

    def reading(self, window: Span) -> AbstractContextManager[None]:  # noqa: ARG002
        """Say that this thread reads the candles of a range next, where files have to come."""
        return nullcontext()

    def stored(self, source: str, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe that has a folder, sorted by symbol.

        Raises `CorruptFile` for a folder that may not be read.
        """
        folder = self._root / timeframe_folder(source, timeframe)
        try:
            names = os.listdir(folder)  # noqa: PTH208 (hundreds)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(folder, error) from error
        return series_in(source, timeframe, names)

    def put(self, series: Series, entries: Iterable[Entry]) -> None:
        """Remember entries that were just written; failing to is no failure."""
        rows = list(entries)
        if rows:
            self._try(lambda database: database.put(series.folder, rows))
            self._seen.pop(series.folder, None)

    def forget(self, series: Series) -> None:
        """Forget a series whose files were removed."""
        self._try(lambda database: database.remember({series.folder: _NOTHING}))
        self._seen.pop(series.folder, None)

    def ends(self, folders: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Give the kept ends of series; whether each still holds is not looked at."""
        return self._try(lambda database: database.ends(folders)) or {}

    def put_ends(self, ends: Mapping[str, tuple[str, bytes]]) -> None:
        """Keep ends of series; failing to is no failure."""
        self._try(lambda database: database.put_ends(ends))

    def _looks(self, changed: Sequence[tuple[Series, FileStamp, Listing]]) -> list[_Look]:
        quiet = self._quiet_until()
        return [
            _Look(series, series.folder, at, max(at.mtime_ns, at.ctime_ns) < quiet, seen)
            for series, at, seen in changed
        ]

    def _list(
        self, looks: Sequence[_Look], failures: dict[str, LakeError]
    ) -> dict[str, list[Entry]]:
        """List folders that changed since the last look, and keep the news; note failures."""
        changed = [look for look in looks if look.quiet or not self._is_as_seen(look)]
        recalled = self._recall([look.series for look in changed]) if changed else {}
        found: dict[str, Listing] = {}
        for look in changed:
            known = recalled[look.folder]
            try:
                found[look.folder] = known if known.at == look.at else self._compare(look, known)
            except LakeError as failure:
                failures[look.folder] = failure
        self._seen |= found
        self._remember(
            {
                folder: listing
                for folder, listing in found.items()
                if listing.entries != recalled[folder].entries
                or listing.at not in (None, recalled[folder].at)
            }
        )
        return {folder: listing.entries for folder, listing in found.items()}

    def _quiet_until(self) -> int:
        """Give the time of a last change after which a folder's listing can be trusted.

        Taken before the listing: whatever comes after that comes later. No folder is quiet where
        the file system cannot be asked what time it is.
        """
        try:
            return file_time(self._root) - _QUIET
        except OSError:
            return 0

    def _is_as_seen(self, look: _Look) -> bool:
        with suppress(LakeError):  # whoever lists the folder will say why
            now = look.seen.entries and stamps_in(self._root / look.folder, look.series.timeframe)
            return bool(now) and look.seen.stamps == now
        return False

    def _compare(self, look: _Look, known: Listing) -> Listing:
        """List a folder and read the footers of the files that changed."""
        folder = self._root / look.folder
        stamps = stamps_in(folder, look.series.timeframe)
        seen = look.seen.entries
        found = {
            entry.chunk: entry
            for entry in (*seen, *known.entries)
            if stamps.get(entry.chunk) == entry.stamp
        }
        unread = {chunk: each for chunk, each in found.items() if each.footer.rests_on == UNREAD}
        wanted = sorted((stamps.keys() - found.keys()) | unread.keys())
        read = (_read(folder, chunk, look.series, unread.get(chunk)) for chunk in wanted)
        found.update({entry.chunk: entry for entry in read if entry is not None})
        entries = [entry for _, entry in sorted(found.items())]
        # What stands for a file may give way to that file while the folder stays as it is.
        trusted = look.quiet and len(found) == len(stamps)
        return Listing(look.at if trusted else None, seen if seen == entries else entries)

    def _recall(self, several: Sequence[Series]) -> dict[str, Listing]:
        def recall(database: Database) -> dict[str, Listing]:
            found = database.recall([series.folder for series in several])
            for series in several:
                _check_names(series, found[series.folder].entries)
            return found

        return self._try(recall) or {series.folder: _NOTHING for series in several}

    def _remember(self, learned: Mapping[str, Listing]) -> None:
        if learned:
            self._try(lambda database: database.remember(learned))

    def _try(self, use: Callable[[Database], _T]) -> _T | None:
        """Use the database; one that is busy is passed by, one that is damaged is made anew."""
        with self._lock:
            try:
                return use(self._opened())
            except (sqlite3.Error, *NONSENSE) as error:
                if is_damage(error):
                    _log.warning("index of %s is damaged and is made anew: %s", self._root, error)
                    self._discard()
                else:
                    _log.debug("index of %s not used: %s", self._root, error)
            except OSError as error:
                _log.debug("index of %s not used: %s", self._root, error)
        return None

    def _opened(self) -> Database:
        path = self._root / NAME
        if self._database is None or not self._database.still_at(path):
            self._database = Database(path)
        return self._database

    def _discard(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        remove(self._root)


class UnkeptIndex(Index):
    """An index that is written nowhere, for a look at a lake that is not to be touched."""

    def _try(self, _use: object) -> None:
        """Remember nothing but in this object."""


def _check_names(series: Series, entries: Iterable[Entry]) -> None:
    """Raise `ValueError` for an impossible name of a chunk, for names become paths."""
    for entry in entries:
        if not is_chunk(series.timeframe, entry.chunk):
            raise ValueError(f"{entry.chunk!r} is no chunk of {series.folder}")


def _read(folder: Path, chunk: str, series: Series, known: Entry | None) -> Entry | None:
    """Read the footer of a chunk; of the version that is `known` the hash stays."""
    path = folder / f"{chunk}{SUFFIX}"
    try:
        footer, stamp = read_footer(path, series)
    except FileNotFoundError:  # deleted since it was listed
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    except CorruptFile as error:
        if is_pointer(path):
            return None
        raise CorruptFile(f"{error};\n{REPAIR}") from error
    sha256 = known.sha256 if known is not None and known.stamp == stamp else None
    return Entry(chunk, stamp, footer, sha256)
