"""The chunks of a lake in a bucket, by a listing of each series that is asked about.

The listing is the truth, and every look asks for one: nobody misses a row that was acknowledged
before. Footers are read from the ends of objects, many at once, and kept by version in the same
database as those of files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeVar

from marketkit.coverage import Span
from marketkit.data.lake.format.chunk import Entry, Stamp, footer_of
from marketkit.data.lake.format.layout import (
    Series,
    edge_chunks,
    series_in,
    timeframe_folder,
)
from marketkit.data.lake.format.objects import Conflict, Version
from marketkit.data.lake.format.refusal import REPAIR
from marketkit.data.lake.store.database import Listing
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.mirror import Away, Held, Mirror, stamp_of, together
from marketkit.errors import CorruptFile, LakeError, NewerFormat
from marketkit.settings import largest_mirror
from marketkit.timeframe import Timeframe

_LOOKS = 20  # at a series whose chunks others replace between the listing and the look at an end
_SHARE = 4  # of a mirror's room that one read may fill before it knows which objects it needs
_SPOILT = (CorruptFile, NewerFormat)  # of one object; any other failure is the bucket's
_NAMES = [each.name for each in fields(Entry)]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Here(Entry):
    """A chunk of a bucket whose file is here, for as long as somebody has this."""

    held: Held | None = field(default=None, compare=False, repr=False)


class _Unread(NamedTuple):
    """A version of a chunk that nobody here knows yet."""

    series: Series
    chunk: str
    version: Version


class AwayIndex(Index):
    """The chunks of every series in a bucket."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(mirror.root)
        self._mirror = mirror
        self._held = threading.local()

    @contextmanager
    def one_look(self, wanted: Sequence[Series]) -> Iterator[None]:
        """Answer all questions of this thread about series as of now, by one listing of each."""
        found, failures = self._look(wanted)
        before = self._now
        self._held.now = before | {f: each for f, each in found.items() if f not in failures}
        try:
            yield
        finally:
            self._held.now = before

    @contextmanager
    def reading(self, window: Span) -> Iterator[None]:
        """Fetch objects of a range whole, where otherwise only their ends would be asked for."""
        before, self._held.window = self._window, window
        try:
            yield
        finally:
            self._held.window = before

    @property
    def _window(self) -> Span | None:
        """The range that this thread reads next."""
        window: Span | None = getattr(self._held, "window", None)
        return window

    @property
    def _now(self) -> dict[str, list[Entry]]:
        """The series that are not looked at again, by folder."""
        held: dict[str, list[Entry]] = getattr(self._held, "now", {})
        return held

    def stored(self, source: str, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe that has an object, sorted by symbol."""
        above = f"{timeframe_folder(source, timeframe)}/"
        keys = self._mirror.objects.list(above)
        names = {key.removeprefix(above).partition("/")[0] for key, _ in keys}
        return series_in(source, timeframe, names)

    def _look(
        self, wanted: Sequence[Series]
    ) -> tuple[dict[str, list[Entry]], dict[str, LakeError]]:
        failures: dict[str, LakeError] = {}
        found = {each.folder: self._now[each.folder] for each in wanted if each.folder in self._now}
        left = [each for each in dict.fromkeys(wanted) if each.folder not in found]
        for _ in range(_LOOKS):
            listed = dict(zip(left, together(self._mirror.listed, left), strict=True))
            left = self._learn(listed, found, failures)
            if not left:
                return found, failures
        raise LakeError(f"{left[0].symbol} in {self._mirror.url} changes faster than one can look")

    def _learn(
        self,
        listed: Mapping[Series, dict[str, Version]],
        found: dict[str, list[Entry]],
        failures: dict[str, LakeError],
    ) -> list[Series]:
        """Find the entries of listed chunks; give the series that changed meanwhile."""
        known = self._known(listed, found)
        unread = [
            _Unread(series, chunk, version)
            for series, entries in known.items()
            for chunk, version in listed[series].items()
            if chunk not in entries
        ]
        again: dict[Series, None] = {}
        held = self._fetched(unread)
        ends = together(self._end, unread)
        let_go(held)
        for each, told in zip(unread, ends, strict=True):
            if isinstance(told, Away):
                known[each.series][each.chunk] = told
            elif isinstance(told, CorruptFile | NewerFormat):
                failures[each.series.folder] = told
            else:
                again[each.series] = None
        new = {series.folder: entries for series, entries in known.items() if series not in again}
        self._take(new, {each.series.folder for each in unread}, found)
        return list(again)

    def _known(
        self, listed: Mapping[Series, dict[str, Version]], found: dict[str, list[Entry]]
    ) -> dict[Series, dict[str, Entry]]:
        """Give the known entries of series that changed; others are found as last seen."""
        changed = []
        for series, versions in listed.items():
            seen = self._seen.get(series.folder)
            if seen is not None and versions == {e.chunk: _version(e) for e in seen.entries}:
                found[series.folder] = seen.entries
            else:
                changed.append(series)
        recalled = self._recall(changed) if changed else {}
        return {
            series: self._matching(recalled[series.folder].entries, listed[series])
            for series in changed
        }

    def _matching(
        self, entries: Iterable[Entry], listed: Mapping[str, Version]
    ) -> dict[str, Entry]:
        return {
            each.chunk: self._away(each, listed[each.chunk])
            for each in entries
            if each.chunk in listed and each.stamp == stamp_of(listed[each.chunk])
        }

    def _away(self, entry: Entry, version: Version) -> Away:
        said = {name: getattr(entry, name) for name in _NAMES}
        return Away(**said, version=version, mirror=self._mirror)

    def _fetched(self, unread: Sequence[_Unread]) -> list[Held]:
        """Have those here that this thread is about to read, if they are few for the room."""
        window, wanted = self._window, list[tuple[str, Stamp]]()
        if window is None or not unread:
            return []
        for series, chunk, version in unread:
            first, last = edge_chunks(series.timeframe, window)
            if first <= chunk <= last:
                wanted.append((series.path(chunk), stamp_of(version)))
        size = sum(stamp.size for _, stamp in wanted)
        return self._mirror.bring(wanted) if size <= largest_mirror() // _SHARE else []

    def _end(self, unread: _Unread) -> Away | LakeError:
        """Read the footer of an object; a failure that tells of it alone is an answer, too."""
        series, chunk, version = unread
        key = series.path(chunk)
        try:
            end = BytesIO(self._mirror.end_of(key, version))
            footer = footer_of(end, Path(key), series)
        except (Conflict, FileNotFoundError) as error:
            return error if isinstance(error, Conflict) else Conflict(f"{key} is gone")
        except NewerFormat as error:
            return error
        except CorruptFile as error:
            return CorruptFile(f"{self._mirror.url}/{error};\n{REPAIR}")
        return Away(chunk, stamp_of(version), footer, None, version, self._mirror)

    def _take(
        self,
        new: Mapping[str, Mapping[str, Entry]],
        learned: set[str],
        found: dict[str, list[Entry]],
    ) -> None:
        """Remember the chunks of folders, those of `learned` for other processes, too."""
        for folder, entries in new.items():
            listing = Listing(None, [entry for _, entry in sorted(entries.items())])
            self._seen[folder], found[folder] = listing, listing.entries
        self._remember({folder: self._seen[folder] for folder in new.keys() & learned})


def _version(entry: Entry) -> Version | None:
    return entry.version if isinstance(entry, Away) else None


def bring(chunks: Sequence[tuple[Series, Entry]]) -> Sequence[tuple[Series, Entry]]:
    """Have the files of chunks on this machine, and give the chunks as their files are.

    Of those in a bucket the objects are fetched whole, many at once: parts of one that is replaced
    meanwhile do not fit each other.
    """
    wanted: dict[Mirror, list[tuple[str, Stamp]]] = {}
    for series, each in chunks:
        if isinstance(each, Away) and each.mirror is not None:
            wanted.setdefault(each.mirror, []).append((series.path(each.chunk), each.stamp))
    if not wanted:
        return chunks
    held = {mirror: iter(mirror.bring(files)) for mirror, files in wanted.items()}
    return [
        (series, _as_file(each, next(held[each.mirror])))
        if isinstance(each, Away) and each.mirror is not None
        else (series, each)
        for series, each in chunks
    ]


def _as_file(entry: Entry, held: Held) -> Here:
    """Give a chunk of a bucket with the stamp of its file here, if that is of the version."""
    stamp = entry.stamp
    with suppress(OSError):  # whoever opens it will say why
        found = Stamp.of(Path(held.path).stat())
        stamp = found if found[:2] == stamp[:2] else stamp
    return Here(entry.chunk, stamp, entry.footer, entry.sha256, held)


def reading(entry: Entry, work: Callable[[], _T]) -> _T:
    """Open the file of a chunk by `work`; a copy that another process removed is fetched again."""
    held = entry.held if isinstance(entry, Here) else None
    return work() if held is None else held.read(work)


def held_of(found: Iterable[tuple[Path, Entry]]) -> dict[Path, Held]:
    """Give the files that stay here until they are let go of."""
    return {path: each.held for path, each in found if isinstance(each, Here) and each.held}


def let_go(several: Iterable[Held]) -> None:
    """Let files go that are open by now, and make room where they are too many."""
    rooms = set()
    for held in several:
        held.let_go()
        rooms.add(held.room)
    for room in rooms:
        room.settle()
