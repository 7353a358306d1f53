"""The place of a lake: a folder of this machine, or a bucket with a mirror on this machine."""

from __future__ import annotations

from pathlib import Path

from marketkit.data.lake.format import marker
from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.objects import Objects
from marketkit.data.lake.places.address import Address
from marketkit.data.lake.places.disk import Disk
from marketkit.data.lake.store.away import AwayIndex
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.journals import Journals
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.mirror import Mirror
from marketkit.data.lake.store.pages import compact_all
from marketkit.data.lake.store.place import Place
from marketkit.data.lake.store.seen import Seen
from marketkit.errors import CorruptFile, LakeError, NewerFormat
from marketkit.settings import given_place, mirror_dir


class Located:
    """A lake by its place; `root` is the folder of this machine, `mirror` None without a bucket."""

    def __init__(self, place: str | Path | Mirror) -> None:
        self.mirror, self.root = _opened(place)
        self.index = Index(self.root) if self.mirror is None else AwayIndex(self.mirror)
        worked_out: dict[str, tuple[list[Entry], Knowledge]] = {}
        self._worked_out = worked_out
        self.journals = Journals(self.root, lambda folder: worked_out.pop(folder, None))

    @property
    def local(self) -> Path:
        """The folder of this machine: the lake itself, or the mirror of one in a bucket.

        Ledgers of jobs and locks lie there in any case.
        """
        return self.root

    @property
    def url(self) -> str | None:
        """The URL of a lake in a bucket."""
        return None if self.mirror is None else self.mirror.url

    @property
    def where(self) -> str:
        """The place of the lake in words: a folder, or a URL."""
        return self.url or str(self.root)

    @property
    def objects(self) -> Objects:
        """The lake as objects by key."""
        return Disk(self.root) if self.mirror is None else self.mirror.objects

    def require_writable(self) -> None:
        """Make the lake if there is none, or say why writes are refused.

        Raises `NotWritable`, before anything is asked of an exchange that could not be kept.
        """
        with self._place.writable():
            return

    def compact(self) -> None:
        """Put the pages that wait in the journal into the files, for other programs to see.

        Our readers see them anyway. `freeze` and `audit` do it first, a job at its end, and
        `close`. What cannot be put there, as in a lake that may only be read, goes on waiting.
        """
        compact_all(self._place)

    def close(self) -> None:
        """Put the pages that came through this object into the files; the object stays usable."""
        compact_all(self._place, self.journals.written())

    @property
    def seen(self) -> Seen:
        """The chunks with the pages that wait in journals."""
        return Seen(self.index, self.journals)

    @property
    def _place(self) -> Place:
        return Place(self.root, self.index, self.journals, self.mirror)

    def is_there(self) -> bool:
        """Say whether there is a lake. Raises `NewerFormat` and `CorruptFile`."""
        return marker.check(self.root) if self.mirror is None else self.mirror.check()

    def is_away(self, failure: LakeError) -> bool:
        """Say whether a failure is of the whole bucket, rather than of the objects of a series."""
        return self.mirror is not None and not isinstance(failure, CorruptFile | NewerFormat)


def _opened(given: str | Path | Mirror) -> tuple[Mirror | None, Path]:
    """Give the mirror of a lake in a bucket, None for a folder, and the folder of this machine."""
    place = given if isinstance(given, Mirror) else given_place(given, "lake")
    if isinstance(place, str):
        url = Address.of(place).url
        place = Mirror(mirror_dir(url), url)
    return (place, place.root) if isinstance(place, Mirror) else (None, place)
