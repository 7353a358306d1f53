"""The files that hold wanted times: months where there are such files, days for the rest.

Each walk yields a request for a listing, is sent the response, and returns what it found. Nothing
here sends. 403 and 404 both occur as "nothing here": they mean that only for a folder that the
listing of the folder above does not show. For one that it shows they are a refusal.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from marketkit.coverage import Spans
from marketkit.errors import Refused
from marketkit.exchange.dialect import Request, Response
from marketkit.exchange.upbit.archive.checksum import checksum_key
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Cut, Shelf, file_of
from marketkit.exchange.upbit.archive.listing import Entry, listing_request, read_listing
from marketkit.timeframe import DAY, TIMEFRAMES

ABSENT = (403, 404)  # statuses that a key which is not there has
CUTS: tuple[Cut, ...] = ("monthly", "daily")
_ENDS = {"monthly": TIMEFRAMES["1M"], "daily": TIMEFRAMES["1d"]}  # whose periods are over


@dataclass(frozen=True, slots=True)
class Published:
    """A file in the listing, with a checksum beside: `size` in bytes, `modified` as written."""

    file: ArchiveFile
    size: int
    modified: str | None = None

    @property
    def key(self) -> str:
        """The key of the zip."""
        return self.file.key


@dataclass(frozen=True, slots=True)
class Found:
    """The files to fetch, ascending and apart, and the wanted times that no file has.

    `unproved` are zips without a checksum beside them: they are not fetched.
    """

    files: tuple[Published, ...] = ()
    missing: Spans = field(default_factory=Spans)
    unproved: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all zips."""
        return sum(each.size for each in self.files)


Looks = Generator[Request, Response, tuple[Entry, ...]]


def look(folder: str) -> Looks:
    """List a folder; one that does not exist has nothing.

    Raises `Refused` where the archive shows the folder, or one above it, and will not list it, and
    `BadResponse` for an answer of another shape.
    """
    response = yield listing_request(folder)
    if response.status not in ABSENT:
        return read_listing(response.body, folder)
    above = folder.rpartition("/")[0]
    shown = (yield from look(above)) if above else ()
    if above and not any(each.key == folder and each.is_folder for each in shown):
        return ()
    why = "which it shows" if above else "with which all begins"
    raise Refused(
        f"the archive refuses ({response.status}) the listing of {folder}, {why}", response.status
    )


def published(
    shelf: Shelf, cut: Cut, wanted: Spans
) -> Generator[Request, Response, tuple[list[Published], list[str]]]:
    """List the files of a shelf whose period meets wanted times, and zips without a checksum."""
    files: list[Published] = []
    unproved: list[str] = []
    if not (shelf.can_be and shelf.has(cut) and wanted):
        return files, unproved
    top = yield from look(shelf.folder(cut))
    there = {each.key for each in top if each.is_folder}
    for year in _years(wanted):
        folder = shelf.folder(cut, year)
        if folder in there:
            entries = yield from look(folder)
            here, bare = _of_year(entries)
            files += [each for each in here if wanted & Spans([each.file.period])]
            unproved += bare
    return sorted(files, key=lambda each: each.file.start), unproved


def find(shelf: Shelf, wanted: Spans, now: int) -> Generator[Request, Response, Found]:
    """Choose the files of `wanted` times: whose period is over at `now` (the exchange's, ms UTC).

    A month's file is taken where there is one, also for a part of it. What is missing then is for
    REST: days that are not published, markets and times that the archive has not.
    """
    chosen: list[Published] = []
    bare: list[str] = []
    missing = wanted
    for cut in CUTS:
        over = missing.clip(0, _ENDS[cut].floor(now))
        files, unproved = yield from published(shelf, cut, over)
        for each in (one for one in files if one.file.period.end <= now):
            if missing & Spans([each.file.span]):
                chosen.append(each)
                missing -= Spans([each.file.span])
        bare += unproved
    return Found(tuple(sorted(chosen, key=lambda each: each.file.start)), missing, tuple(bare))


def _of_year(entries: Iterable[Entry]) -> tuple[list[Published], list[str]]:
    """Give the zips of a year's folder, with and without a checksum; all else means nothing."""
    names = {each.key: each for each in entries if not each.is_folder}
    files: list[Published] = []
    bare: list[str] = []
    for key, entry in names.items():
        file = file_of(key)
        if file is None:
            continue
        if checksum_key(key) in names:
            files.append(Published(file, entry.size, entry.modified))
        else:
            bare.append(key)
    return files, bare


def _years(wanted: Spans) -> list[int]:
    """Give the years of the folders; a week is in the year of the Monday."""
    spans = ((_year(start - 6 * DAY), _year(end - 1)) for start, end in wanted)
    return sorted({year for first, last in spans for year in range(first, last + 1)})


def _year(time: int) -> int:
    return datetime.fromtimestamp(max(0, time) // 1000, UTC).year
